"""`host/x:stack`: the two secrets that a host's certificate and key are delivered in, still empty."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.aws.naming import NAMESPACE_TAG
from iam_ra.aws.snapshot import Doubt
from iam_ra.engine.action import Action
from iam_ra.engine.address import Address
from iam_ra.engine.errors import ConflictError
from iam_ra.engine.part import Observed, Part, Presence, Ref
from iam_ra.kinds.base import register
from iam_ra.kinds.host_certificate import releasing
from iam_ra.kinds.host_keys import ENTITIES, SECRET_CERTIFICATE, SECRET_PRIVATE_KEY
from iam_ra.kinds.init import KMS_KEY_ARN
from iam_ra.kinds.stack import STACK, StackKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.aws.naming import Names
    from iam_ra.aws.secrets import SecretInfo
    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.aws.stacks import Stack
    from iam_ra.config.model import Namespace
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run


def secret_arn(host: str, output: str) -> Ref:
    """Return a reference to the ARN of one of a host's secrets (`CertificateSecretArn`, `PrivateKeySecretArn`)."""
    return Ref(Address(f"{ENTITIES}{host}", STACK), output)


def secret_names(names: Names, host: str) -> tuple[str, str]:
    """Return the names of a host's two secrets."""
    return names.secret(host, SECRET_CERTIFICATE), names.secret(host, SECRET_PRIVATE_KEY)


@register
class HostStack(StackKind):
    """Two KMS-encrypted secrets. Their values never pass through CloudFormation."""

    name = "host-stack"
    summary = "the two secrets of a host, for its certificate and its private key"
    template = "cloudformation/host.json"
    entities = ENTITIES
    stable_outputs: ClassVar[frozenset[str]] = frozenset({"CertificateSecretArn", "PrivateKeySecretArn"})

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part a host that Secrets Manager delivers to."""
        template = self.template_input()
        for host in namespace.hosts.values():
            if "secretsmanager" in host.delivery:
                inputs = {"template": template, "kms_key": KMS_KEY_ARN, "tags": dict(host.tags)}
                yield Part(
                    Address(f"{ENTITIES}{host.name}", STACK), self.name, inputs, released_by=releasing(host)
                )

    def stack_name(self, names: Names, entity: str) -> str:
        """Return `iam-ra-{namespace}-host-{host}`."""
        return names.stack(f"host-{entity.removeprefix(ENTITIES)}")

    def entity_named(self, stack_name: str, names: Names) -> str | None:
        """Recognise `host-…`."""
        host = stack_name.removeprefix(names.stack("host-"))
        return None if host == stack_name else f"{ENTITIES}{host}"

    def look(self, entity: str, stack: Stack, snapshot: Snapshot) -> Observed:
        """See also whether its secrets are still there: a stack does not notice."""
        seen = super().look(entity, stack, snapshot)
        wanted = secret_names(snapshot.names, entity.removeprefix(ENTITIES))
        gone = [name for name in wanted if name not in snapshot.secrets]
        if seen.presence is Presence.PRESENT and not stack.in_progress and gone:
            return replace(
                seen, presence=Presence.BROKEN, note=f"secret {gone[0]} was deleted outside iam-ra"
            )
        return seen

    def doubts(self, change: Change, names: Names) -> Iterator[Doubt]:
        """Ask for secrets that seem gone before a stack is replaced for them."""
        yield from map(Doubt, secret_names(names, change.address.entity.removeprefix(ENTITIES)))

    def values(self, name: str, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Return the names of the secrets and their key."""
        certificate, private_key = secret_names(run.names, name)
        return {
            "host": name,
            "certificate_name": certificate,
            "private_key_name": private_key,
            "kms_key": inputs["kms_key"],
        }

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Create or update the stack, once the names of secrets that somebody scheduled for deletion are free."""
        host = change.address.entity.removeprefix(ENTITIES)
        if change.action is Action.REPLACE:
            run.host_keys.rescue(host)
        if change.action in {Action.CREATE, Action.REPLACE}:
            for name in secret_names(run.names, host):
                seen = run.secrets_seen.get(name)
                if seen is not None and seen.is_deleted:
                    self._free(seen, run)
        return super().apply(change, inputs, run)

    def _free(self, secret: SecretInfo, run: Run) -> None:
        if secret.tags.get(NAMESPACE_TAG) != run.names.namespace:
            raise ConflictError(
                f"a secret named {secret.name} is scheduled for deletion and not ours",
                why="its name is taken until it is gone",
                fix=f"aws secretsmanager delete-secret --secret-id {secret.name} --force-delete-without-recovery",
            )
        run.secrets.purge(secret.name)
