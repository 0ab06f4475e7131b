"""`ca/x:key`: an authority's key in AWS KMS, a stack of its own a generation. The second generation's is `key-2`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.engine.part import Part, Presence
from iam_ra.kinds.authority import ENTITIES, authority_key, number_of, unneeded
from iam_ra.kinds.base import register
from iam_ra.kinds.init import INIT_STACK
from iam_ra.kinds.run import KEY_ARN
from iam_ra.kinds.stack import StackKind
from iam_ra.pki.kms_store import KEY_SPECS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from iam_ra.aws.naming import Names
    from iam_ra.aws.stacks import Stack
    from iam_ra.config.model import Namespace
    from iam_ra.engine.action import Reason
    from iam_ra.engine.address import Address
    from iam_ra.engine.diff import Finding
    from iam_ra.engine.part import Observed, Recorded
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run


@register
class AuthorityKey(StackKind):
    """A key that signs and never leaves KMS. Who deletes it has 30 days to think better of it."""

    name = "authority-key"
    summary = "an authority's private key in AWS KMS"
    template = "cloudformation/authority-key.json"
    entities = ENTITIES
    is_replaceable = False
    stable_outputs: ClassVar[frozenset[str]] = frozenset({KEY_ARN})

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part a generation whose key is in KMS."""
        template = self.template_input()
        for authority in namespace.authorities.values():
            for each in authority.generations:
                if each.key_store == "kms":
                    inputs = {
                        "template": template,
                        "key_spec": KEY_SPECS[each.key],
                        "tags": dict(authority.tags),
                    }
                    yield Part(
                        authority_key(authority.name, each.number),
                        self.name,
                        inputs,
                        (INIT_STACK,),
                        protect=authority.protect,
                        because=each.because,
                    )

    def review(self, recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:
        """Leave a key alone that is gone: another would not be the same, so the authority gets a new generation."""
        is_gone = seen is None or seen.presence is Presence.BROKEN
        return None if is_gone else super().review(recorded, seen, now)

    def leaving(self, recorded: Recorded, now: datetime) -> Reason | None:
        """Tell a generation that has had its day from an authority that is removed."""
        return unneeded(number_of(recorded.address), now)

    def address_of(self, stack: Stack, names: Names) -> Address | None:
        """Return the part whose name the stack bears, whoever made it."""
        found = names.key_of_stack(stack.name)
        return None if found is None else authority_key(*found)

    def name_at(self, address: Address, names: Names) -> str:
        """Return `iam-ra-{namespace}-key-{generation}-{scope}`."""
        return names.authority_key_stack(address.entity.removeprefix(ENTITIES), number_of(address))

    def stack_name(self, names: Names, entity: str) -> str:
        """Return the name of the first generation's stack."""
        return names.authority_key_stack(entity.removeprefix(ENTITIES), 1)

    def entity_named(self, stack_name: str, names: Names) -> str | None:
        """Recognise `key-…`."""
        found = names.key_of_stack(stack_name)
        return None if found is None else f"{ENTITIES}{found[0]}"

    def values(self, name: str, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Return the key's kind, and whose account it is."""
        caller = run.aws.caller
        return {
            "scope": name,
            "key_spec": inputs["key_spec"],
            "partition": caller.partition,
            "account_id": caller.account_id,
        }
