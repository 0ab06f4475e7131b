"""Who holds a certificate and its key, and keeps both, whatever becomes of the host in the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.e2e.world import REGION

from iam_ra.anywhere.request import SessionRequest
from iam_ra.aws.session import Aws
from iam_ra.aws.sessions import Sessions
from iam_ra.engine.errors import PermissionDeniedError
from iam_ra.pki.certificate import load_certificate
from iam_ra.pki.keys import PrivateKey
from iam_ra.pki.secret import Secret

if TYPE_CHECKING:
    from cryptography import x509
    from tests.e2e.world import World


@dataclass(frozen=True, slots=True)
class Holder:
    """Asks the world's Roles Anywhere for sessions."""

    world: World
    certificate: x509.Certificate
    key: PrivateKey

    @classmethod
    def of(cls, world: World, host: str) -> Holder:
        """Take what Secrets Manager holds for a host now."""
        return cls.having(world, world.secret(host, "certificate"), world.secret(host, "private-key"))

    @classmethod
    def having(cls, world: World, certificate: str, key: str) -> Holder:
        return cls(world, load_certificate(certificate), PrivateKey.from_pem(Secret(key)))

    def refusal(self, role: str, scope: str = "") -> str:
        """Return why the role is refused; nothing when it is given."""
        arns = self.world.stack_outputs(f"iam-ra-default-role-{role}")
        anchor = self.world.stack_outputs(f"iam-ra-default-rootca{scope and f'-{scope}'}")["TrustAnchorArn"]
        request = SessionRequest(anchor, arns["ProfileArn"], arns["RoleArn"], 3600)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.world.environ.items():
                if name.startswith("AWS_"):
                    patch.setenv(name, value)
            try:
                Sessions(Aws(REGION), per_second=1000).open(request, self.certificate, self.key)
            except PermissionDeniedError as error:
                return error.what
        return ""

    def opens(self, *roles: str) -> set[str]:
        """Return those of the roles that it opens."""
        return {role for role in roles if not self.refusal(role)}
