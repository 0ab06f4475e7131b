"""From any file to any other, with the real kinds: there is an order, it is safe, and its end is the new file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.kinds.samples import NOW, namespace, parts

from iam_ra.engine.action import Action
from iam_ra.engine.diff import make_plan
from iam_ra.engine.part import Observed, Presence, Recorded, resolve
from iam_ra.kinds.base import all_kinds
from iam_ra.kinds.host_certificate import with_former
from iam_ra.kinds.host_keys import mirror_name
from iam_ra.kinds.revoked import with_revoked
from iam_ra.state.ledger import Issued

if TYPE_CHECKING:
    from iam_ra.config.model import Namespace
    from iam_ra.engine.address import Address
    from iam_ra.engine.plan import Change, Plan

FAR = "2036-01-01T00:00:00+00:00"


@st.composite
def files(draw: st.DrawFn) -> str:
    """Draw a small file: a few authorities, roles and hosts under names that come back in the next one."""
    scopes = ["default", *draw(st.sets(st.sampled_from(["factory", "lab"])))]
    roles = draw(st.lists(st.sampled_from(["admin", "reader", "robot"]), unique=True, min_size=1))
    lines = ["certificate_authorities:", *(f"  {scope}: {{}}" for scope in sorted(scopes)), "roles:"]
    lines += [
        f"  {role}: {{session_duration: {draw(st.sampled_from(['1h', '2h']))}}}" for role in sorted(roles)
    ]
    lines.append("hosts:")
    for host in draw(st.lists(st.sampled_from(["arm", "leg", "web"]), unique=True)):
        taken = draw(st.lists(st.sampled_from(roles), unique=True, min_size=1))
        default = f", default_role: {draw(st.sampled_from(taken))}" if len(taken) > 1 else ""
        delivery = draw(st.sampled_from(["secretsmanager", "sops", "secretsmanager, sops"]))
        identity = draw(st.sampled_from([host, f"{host}.example.com"]))
        ca = draw(st.sampled_from(sorted(scopes)))
        lines.append(
            f"  {host}: {{roles: [{', '.join(taken)}]{default}, ca: {ca}, identity: {identity}, delivery: [{delivery}]}}"
        )
    return "\n".join(lines) + ("\n" if len(lines) > 3 and lines[-1] != "hosts:" else " {}\n")


@dataclass
class World:
    """What a simulated apply leaves: outputs as real as the differ needs them."""

    recorded: dict[Address, Recorded] = field(default_factory=dict)
    observed: dict[Address, Observed] = field(default_factory=dict)
    issued: list[Issued] = field(default_factory=list)
    _count: int = 0

    def plan(self, wanted: Namespace | None) -> Plan:
        desired = () if wanted is None else parts(self.remember(wanted)).values()
        return make_plan(desired, self.recorded, self.observed, all_kinds(), NOW)

    def remember(self, wanted: Namespace) -> Namespace:
        return with_revoked(with_former(wanted, self.recorded, NOW), self.recorded, self.issued, NOW)

    def carry_out(self, plan: Plan) -> None:
        self.recorded.update(plan.settled)
        for change in plan.changes:
            if change.action is Action.DELETE or change.desired is None:
                del self.recorded[change.address]
                del self.observed[change.address]
                continue
            part = change.desired
            inputs = resolve(part.inputs, lambda ref: self.recorded[ref.address].outputs[ref.output])
            outputs = self._outputs(change, inputs)
            self.recorded[part.address] = Recorded(
                part.address, part.kind, inputs, outputs, part.upstream, part.released_by, part.protect
            )
            if part.kind == "host-certificate":
                host, end = part.address.entity.removeprefix("host/"), datetime.fromisoformat(FAR)
                leaf = Issued(
                    inputs["ca"],
                    inputs["generation"],
                    host,
                    outputs["serial"],
                    NOW,
                    end,
                    inputs.get("units", ()),
                )
                self.issued += [leaf] if leaf not in self.issued else []
            facts = {**outputs, "kind": part.kind, "key_copies": {outputs["serial"]}}
            facts["mirrors"] = {mirror_name(inputs["serial"] if part.address.part == "sops" else "1"): "m"}
            self.observed[part.address] = Observed(Presence.PRESENT, facts)

    def listed(self) -> set[str]:
        """Return the serials that are revoked."""
        return {
            serial
            for part in self.recorded.values()
            if part.kind == "revocation-list"
            for serial in part.inputs["revoked"]
        }

    def _outputs(self, change: Change, inputs: Any) -> dict[str, Any]:
        self._count += 1
        kept = all_kinds()[change.kind].kept_outputs(change)
        before = {} if change.recorded is None else change.recorded.outputs
        names = (
            "BucketName", "KMSKeyArn", "TrustAnchorArn", "TrustAnchorId", "RoleArn", "ProfileArn",
            "CertificateSecretArn", "PrivateKeySecretArn", "fingerprint", "certificate",
        )  # fmt: skip
        made = {name: f"{name} of {change.address} no. {self._count}" for name in names}
        fixed = {"not_after": FAR, "object": "e", "file": "f", "mirror": "m", "Digest": "d", "updated": "u"}
        earlier = self._earlier(change, inputs)
        new = {
            **made,
            **fixed,
            "serial": str(self._count),
            "generation": 1,
            "earlier": earlier,
            "ends_with_authority": False,
        }
        return {**new, **{name: value for name, value in before.items() if name in kept}}

    @staticmethod
    def _earlier(change: Change, inputs: Any) -> list[dict[str, Any]]:
        if change.recorded is None or change.kind != "host-certificate":
            return []
        known = change.recorded
        before = {name: known.inputs[name] for name in ("ca", "generation", "identity")}
        kept = list(known.outputs["earlier"])
        is_new = not all_kinds()[change.kind].kept_outputs(change)
        replaced = {
            **before,
            "serial": known.outputs["serial"],
            "not_after": FAR,
            "until": FAR,
            "reason": "superseded",
        }
        return [*kept, replaced] if is_new and before != {name: inputs[name] for name in before} else kept


def loaded(text: str) -> Namespace:
    with TemporaryDirectory() as folder:
        return namespace(Path(folder), text)


def assert_safe(plan: Plan) -> None:
    """Check that nothing goes before what must let go of it, nor before what is made with its help."""
    place = {change.address: index for index, change in enumerate(plan.changes)}
    for change in plan.changes:
        assert all(place[each] < place[change.address] for each in change.after)
        if change.action is not Action.DELETE or change.recorded is None:
            continue
        if change.kind == "host-certificate":
            lists = f"ca/{change.recorded.inputs['ca']}"
            revoking = [each.address for each in plan.changes if each.kind == "revocation-list"]
            assert all(each in change.after for each in revoking if each.entity == lists)
        for role in change.recorded.released_by:
            if role in place:
                assert place[role] < place[change.address]
        for other in plan.changes:
            if other.address.entity == change.address.entity and other.action is not Action.DELETE:
                assert place[other.address] < place[change.address]


@settings(deadline=None, max_examples=60)
@given(st.lists(files(), min_size=1, max_size=4))
def test_any_file_can_follow_any_other(texts: list[str]) -> None:
    world = World()
    for text in texts:
        wanted = loaded(text)
        plan = world.plan(wanted)
        assert not plan.conflicts
        assert_safe(plan)
        world.carry_out(plan)
        again = world.plan(wanted)
        left = [(str(change.address), change.fields, change.reasons) for change in again.changes]
        assert not left
        assert world.listed() >= {
            each.serial
            for each in world.issued
            if each.host not in wanted.hosts and each.authority in wanted.authorities
        }
    destroyed = world.plan(None)
    assert_safe(destroyed)
    assert str(destroyed.changes[-1].address) == "init:stack"
    world.carry_out(destroyed)
    assert not world.recorded


@settings(deadline=None, max_examples=60)
@given(files(), files())
def test_a_role_trusts_in_the_end_who_the_file_lists_and_who_is_in_overlap(first: str, second: str) -> None:
    world = World()
    for text in (first, second):
        world.carry_out(world.plan(loaded(text)))
    wanted = loaded(second)
    earlier = {
        (each["ca"], each["identity"])
        for known in world.recorded.values()
        if known.kind == "host-certificate"
        for each in known.outputs["earlier"]
    }
    for role in wanted.roles:
        expected = {(host.authority, host.identity) for host in wanted.hosts.values() if role in host.roles}
        trusted = {
            (part.address.entity.removeprefix("ca/"), identity)
            for known in world.recorded.values()
            if known.address.entity == f"role/{role}"
            for each in known.inputs["trust"]
            for part in world.recorded.values()
            if part.outputs["TrustAnchorArn"] == each["trust_anchor"] and part.kind == "trust-anchor-stack"
            for identity in each["identities"]
        }
        assert expected <= trusted
        assert trusted - expected <= earlier
