"""The control plane of IAM Roles Anywhere, shaped like a service package of moto.

Source: botocore model rolesanywhere 2018-05-10, AWS IAM Roles Anywhere user guide.
"""

from __future__ import annotations

from iam_ra.sandbox.rolesanywhere.models import rolesanywhere_backends

__all__ = ["rolesanywhere_backends"]
