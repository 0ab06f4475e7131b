"""`host/x:secrets`: the values in a host's two secrets, written by API under version ids that tell the serial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.aws.snapshot import Doubt
from iam_ra.engine.address import Address
from iam_ra.engine.part import Observed, Part, Presence, Recorded, Ref
from iam_ra.kinds.base import Kind, register
from iam_ra.kinds.host_certificate import host_certificate, releasing
from iam_ra.kinds.host_keys import (
    ENTITIES,
    SECRET_CERTIFICATE,
    SECRET_PRIVATE_KEY,
    unreadable_key,
    version_token,
)
from iam_ra.kinds.host_stack import secret_arn, secret_names
from iam_ra.pki.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.aws.naming import Names
    from iam_ra.aws.secrets import SecretInfo
    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Namespace
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run

_CHANGED = "its secret's value was changed or deleted outside iam-ra"
_SCHEDULED = "scheduled for deletion"


@register
class HostSecrets(Kind):
    """Certificate and private key of a host in Secrets Manager."""

    name = "host-secrets"
    summary = "a host's certificate and private key as values in Secrets Manager"
    drift_notes: ClassVar[Mapping[str, str]] = {
        "certificate_version": _CHANGED,
        "private_key_version": _CHANGED,
    }

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part a host that Secrets Manager delivers to."""
        for host in namespace.hosts.values():
            if "secretsmanager" in host.delivery:
                inputs = {
                    "serial": Ref(host_certificate(host.name), "serial"),
                    "certificate_secret": secret_arn(host.name, "CertificateSecretArn"),
                    "private_key_secret": secret_arn(host.name, "PrivateKeySecretArn"),
                }
                address = Address(f"{ENTITIES}{host.name}", "secrets")
                yield Part(address, self.name, inputs, released_by=releasing(host))

    def observed(self, snapshot: Snapshot) -> Mapping[Address, Observed]:
        """Return the hosts whose private key's secret is there, with the current version of both."""
        found = {}
        prefix = f"{snapshot.names.secret_prefix}hosts/"
        for name, private_key in snapshot.secrets.items():
            host = name.removeprefix(prefix).removesuffix(f"/{SECRET_PRIVATE_KEY}")
            # Without its stack a secret is somebody else's, or on its way out.
            is_ours = snapshot.names.stack(f"host-{host}") in snapshot.stacks
            if is_ours and name == snapshot.names.secret(host, SECRET_PRIVATE_KEY):
                certificate = snapshot.secrets.get(snapshot.names.secret(host, SECRET_CERTIFICATE))
                facts = {
                    "certificate_version": _version(certificate),
                    "private_key_version": _version(private_key),
                    "kind": self.name,
                }
                found[Address(f"{ENTITIES}{host}", "secrets")] = Observed(Presence.PRESENT, facts)
        return found

    def doubts(self, change: Change, names: Names) -> Iterator[Doubt]:
        """Ask for values that seem changed."""
        yield from map(Doubt, secret_names(names, change.address.entity.removeprefix(ENTITIES)))

    def closer_look(self, change: Change, run: Run) -> Iterator[tuple[Address, Mapping[str, Any]]]:
        """See whether the key that must be written again can be read anywhere."""
        yield from unreadable_key(change, run)

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Write both values; the key goes from memory, or from the host's SOPS file, into the secret."""
        host, serial = change.address.entity.removeprefix(ENTITIES), inputs["serial"]
        held = run.host_keys.obtain(host, serial)
        token = version_token(serial)

        def put(name: str, arn: str, value: Secret) -> str:
            seen = run.secrets_seen.get(run.names.secret(host, name))
            return run.secrets.put(arn, value, token, former=None if seen is None else seen.version)

        return {
            "certificate_version": put(
                SECRET_CERTIFICATE, inputs["certificate_secret"], Secret(held.certificate)
            ),
            "private_key_version": put(SECRET_PRIVATE_KEY, inputs["private_key_secret"], held.key.pem()),
        }

    def recover(
        self, address: Address, seen: Observed, inputs: Mapping[str, Any] | None, run: Run
    ) -> Recorded | None:
        """Take up the values, if they are those of the present certificate: their version is its serial."""
        version = None if inputs is None else version_token(inputs["serial"])
        return (
            super().recover(address, seen, inputs, run)
            if seen.facts["private_key_version"] == version
            else None
        )

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Do nothing: the values go with the secrets, and those with their stack."""


def _version(secret: SecretInfo | None) -> str | None:
    if secret is None:
        return None
    return _SCHEDULED if secret.is_deleted else secret.version
