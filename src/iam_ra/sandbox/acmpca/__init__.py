"""AWS Private CA, shaped like a service package of moto, in whose place it stands.

moto's own ignores almost every parameter: its authorities are RSA-2048, its certificates live a year.

Source: botocore model acm-pca 2017-08-22, AWS Private CA user guide and API reference.
"""

from __future__ import annotations

from iam_ra.sandbox.acmpca.models import acmpca_backends

__all__ = ["acmpca_backends"]
