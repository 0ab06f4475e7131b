"""What somebody does to an applied namespace by hand, in the account: each thing can be undone."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from iam_ra.pki.certificate import certificate_pem, common_name, load_certificate
from iam_ra.pki.keys import SIGNATURE_HASH, PrivateKey
from iam_ra.pki.leaf import LeafRequest, new_serial
from iam_ra.pki.secret import Secret
from iam_ra.pki.signer import KeySigner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.world import World

    from iam_ra.pki.keys import PublicKey

SECOND = timedelta(seconds=1)


class ByHand:
    """The console and the authorities' keys, in the hands of somebody with rights."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._iam, self._anywhere = world.aws("iam"), world.aws("rolesanywhere")

    def anchor(self, scope: str = "default") -> str:
        stack = "iam-ra-default-rootca" + ("" if scope == "default" else f"-{scope}")
        return self._world.stack_outputs(stack)["TrustAnchorArn"]

    def role(self, name: str) -> str:
        return self._world.stack_outputs(f"iam-ra-default-role-{name}")["RoleArn"]

    def profile(self, name: str) -> str:
        return self._world.stack_outputs(f"iam-ra-default-role-{name}")["ProfileArn"]

    # Roles

    @contextmanager
    def trusted(self, role: str, *, take: str = "", give: str = "") -> Iterator[None]:
        """Take an identity out of a role's trust policy, or put one in."""
        name = f"iam-ra-default-{role}"
        before = self._iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        after = json.loads(json.dumps(before))
        for statement in after["Statement"]:
            names = statement["Condition"]["StringEquals"]["aws:PrincipalTag/x509Subject/CN"]
            names[:] = [each for each in [*names, give] if each and each != take] or ["nobody"]
        with _undone(lambda: self._trust(name, before)):
            self._trust(name, after)
            yield

    def _trust(self, name: str, document: Any) -> None:
        self._iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))

    # Trust anchors and profiles

    @contextmanager
    def disabled(self, arn: str) -> Iterator[None]:
        """Disable a trust anchor or a profile."""
        sort, _, thing = arn.rpartition(":")[2].partition("/")
        name, key = sort.replace("-", "_"), "trustAnchorId" if sort == "trust-anchor" else "profileId"
        with _undone(lambda: getattr(self._anywhere, f"enable_{name}")(**{key: thing})):
            getattr(self._anywhere, f"disable_{name}")(**{key: thing})
            yield

    # Certificates

    def _signer(self, scope: str) -> KeySigner:
        certificate = load_certificate(self._world.objects[f"default/ca/{scope}/certificate.pem"])
        name = "ca-private-key.pem" if scope == "default" else f"ca-private-key-{scope}.pem"
        (path,) = self._world.data.rglob(name)
        return KeySigner(certificate, PrivateKey.from_pem(Secret(path.read_bytes())).signing_key)

    def sign(self, scope: str, identity: str, *, expired: bool = False) -> x509.Certificate:
        """Issue a certificate for a new key."""
        return self._sign(
            scope, identity, PrivateKey.generate("ec-p256").public_key, new_serial(), expired=expired
        )

    def _sign(
        self, scope: str, identity: str, key: PublicKey, serial: int, *, expired: bool
    ) -> x509.Certificate:
        signer = self._signer(scope)
        # Authorities are backdated by minutes: what expired lived in those.
        began = signer.certificate.not_valid_before_utc + SECOND
        now, life = (began, SECOND) if expired else (datetime.now(UTC), timedelta(days=1))
        return signer.sign_leaf(LeafRequest(identity, key, serial, now, life))

    @contextmanager
    def expired(self, scope: str, host: str) -> Iterator[None]:
        """Put a certificate in a host's place that is its own but for its life, which is over."""
        place = f"default/hosts/{host}/certificate.pem"
        before = self._world.objects[place]
        own = load_certificate(before)
        public_key: Any = own.public_key()
        after = self._sign(scope, common_name(own.subject), public_key, own.serial_number, expired=True)
        with _undone(lambda: self._world.put(place, before)):
            self._world.put(place, certificate_pem(after).encode())
            yield

    @contextmanager
    def revoked(self, scope: str, host: str) -> Iterator[None]:
        """Import a list that revokes a host's certificate."""
        signer, now = self._signer(scope), datetime.now(UTC)
        certificate = load_certificate(self._world.objects[f"default/hosts/{host}/certificate.pem"])
        crl = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(signer.certificate.subject)
            .last_update(now - SECOND)
            .next_update(now + timedelta(days=1))
            .add_revoked_certificate(
                x509.RevokedCertificateBuilder(certificate.serial_number, now - SECOND).build()
            )
            .sign(signer._key, SIGNATURE_HASH)
        )
        made = self._anywhere.import_crl(
            name="by-hand",
            crlData=crl.public_bytes(serialization.Encoding.PEM),
            enabled=True,
            trustAnchorArn=self.anchor(scope),
        )
        with _undone(lambda: self._anywhere.delete_crl(crlId=made["crl"]["crlId"])):
            yield


@contextmanager
def _undone(undo: Callable[[], object]) -> Iterator[None]:
    try:
        yield
    finally:
        undo()
