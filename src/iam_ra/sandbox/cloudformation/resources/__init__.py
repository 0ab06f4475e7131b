"""The resource types that the sandbox's stacks can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iam_ra.sandbox.cloudformation.resources.acmpca import (
    Certificate,
    CertificateAuthority,
    CertificateAuthorityActivation,
    Permission,
)
from iam_ra.sandbox.cloudformation.resources.iam import ManagedPolicy, Role
from iam_ra.sandbox.cloudformation.resources.kms import Alias, Key
from iam_ra.sandbox.cloudformation.resources.rolesanywhere import Crl, Profile, TrustAnchor
from iam_ra.sandbox.cloudformation.resources.s3 import Bucket, BucketPolicy
from iam_ra.sandbox.cloudformation.resources.secretsmanager import Secret
from iam_ra.sandbox.cloudformation.resources.ssm import Parameter

if TYPE_CHECKING:
    from iam_ra.sandbox.cloudformation.resources.base import Handler

HANDLERS: dict[str, Handler] = {
    handler.type: handler
    for handler in (
        Alias(),
        Bucket(),
        BucketPolicy(),
        Certificate(),
        CertificateAuthority(),
        CertificateAuthorityActivation(),
        Crl(),
        Key(),
        ManagedPolicy(),
        Parameter(),
        Permission(),
        Profile(),
        Role(),
        Secret(),
        TrustAnchor(),
    )
}
