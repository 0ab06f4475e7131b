"""CloudFormation for templates with rendered values, in place of moto's.

Stacks with all their statuses, events, rollbacks and replacements; no parameters, conditions, mappings, change sets or
custom resources. A package in the shape of a moto service.
"""

from __future__ import annotations

from iam_ra.sandbox.cloudformation.models import cloudformation_backends

__all__ = ["cloudformation_backends"]
