"""`ca/x:stack`: the trust anchor by which Roles Anywhere knows an authority."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.config.model import CLUSTERS, entity_of
from iam_ra.engine.address import Address
from iam_ra.engine.part import Part, Ref
from iam_ra.kinds.authority import ENTITIES, authority_certificate
from iam_ra.kinds.base import register
from iam_ra.kinds.run import PRIVATE_CA
from iam_ra.kinds.stack import STACK, StackKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.aws.naming import Names
    from iam_ra.config.model import Authority, Namespace
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run


def trust_anchor_arn(scope: str) -> Ref:
    """Return a reference to the ARN of an authority's trust anchor."""
    return Ref(Address(entity_of(scope), STACK), "TrustAnchorArn")


@register
class TrustAnchorStack(StackKind):
    """One trust anchor that holds the certificates of one authority: its own, and while it changes, the one before."""

    name = "trust-anchor-stack"
    summary = "the trust anchor of an authority, with its expiry notifications"
    template = "cloudformation/authority.json"
    entities = (ENTITIES, CLUSTERS)
    pool = "rolesanywhere"
    stable_outputs: ClassVar[frozenset[str]] = frozenset({"TrustAnchorArn", "TrustAnchorId"})

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part an authority."""
        template = self.template_input()
        for authority in namespace.authorities.values():
            inputs = {
                "template": template,
                **_source(authority),
                "enabled": not authority.disabled,
                "notifications": [
                    {"event": each.event, "enabled": each.enabled, "threshold": each.threshold}
                    for each in authority.notifications
                ],
                "tags": dict(authority.tags),
            }
            address = Address(authority.entity, STACK)
            yield Part(address, self.name, inputs, because=authority.turnover)

    def stack_name(self, names: Names, entity: str) -> str:
        """Return the name that users of the system before know."""
        return names.authority_stack(entity.removeprefix(ENTITIES))

    def entity_named(self, stack_name: str, names: Names) -> str | None:
        """Recognise `rootca`, `rootca-…` and `cluster-…`."""
        scope = names.authority_of_stack(stack_name)
        return None if scope is None else entity_of(scope)

    def own_name(self, entity: str) -> str:
        """Return the authority's scope."""
        return entity.removeprefix(ENTITIES)

    def values(self, name: str, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Return the anchor's name, certificate and notifications."""
        return {
            "entity": entity_of(name),
            "resource_name": run.names.trust_anchor(name),
            "certificate": "".join(inputs.get("certificates", ())),
            "private_ca": inputs.get(PRIVATE_CA),
            "enabled": inputs["enabled"],
            "notifications": inputs["notifications"],
        }


def _source(authority: Authority) -> Mapping[str, Any]:
    """Return the input that says by what an authority is known: its certificates, or the private CA that it is."""
    if authority.mode != "self-signed":
        return {PRIVATE_CA: Ref(authority_certificate(authority.name, authority.current.number), PRIVATE_CA)}
    return {
        "certificates": [
            Ref(authority_certificate(authority.name, each.number), "certificate")
            for each in authority.generations
        ]
    }
