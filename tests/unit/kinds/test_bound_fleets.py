"""Laws 8 and 9 over any history of a fleet whose roles are bound by name or by certificate, now this way and now that."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.kinds.samples import NOW, parts
from tests.unit.kinds.test_transitions import World, loaded

from iam_ra.engine.action import Action
from iam_ra.engine.diff import make_plan
from iam_ra.kinds import host_certificate
from iam_ra.kinds.base import all_kinds
from iam_ra.kinds.binding import with_named, with_withdrawn
from iam_ra.kinds.host_certificate import with_former
from iam_ra.kinds.revoked import with_revoked

if TYPE_CHECKING:
    from iam_ra.config.model import Namespace
    from iam_ra.engine.plan import Change, Plan

ROLES = ("a", "ab", "b")
HOSTS = ("db", "web")
MONTH = 31
BINDINGS = ("", "bind: identity", "bind: certificate")


@st.composite
def fleets(draw: st.DrawFn) -> str:
    lines = [f"certificate_authorities: {{default: {{{draw(st.sampled_from(BINDINGS))}}}}}", "roles:"]
    present = sorted(draw(st.sets(st.sampled_from(ROLES), min_size=1)))
    lines += [f"  {role}: {{{draw(st.sampled_from(BINDINGS))}}}" for role in present]
    hosts = []
    for host in sorted(draw(st.sets(st.sampled_from(HOSTS)))):
        taken = draw(st.lists(st.sampled_from(present), unique=True, min_size=1))
        hosts.append(f"{host}: {{roles: [{', '.join(taken)}], default_role: {taken[0]}}}")
    return "\n".join([*lines, f"defaults: {{delivery: [sops]}}\nhosts: {{{', '.join(hosts)}}}\n"])


@dataclass
class Fleet(World):
    """A simulated account whose clock can be turned, and the certificates that were ever issued in it."""

    now: datetime = NOW
    said: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)

    def plan(self, wanted: Namespace | None) -> Plan:
        desired = () if wanted is None else parts(self.remember(wanted)).values()
        return make_plan(desired, self.recorded, self.observed, all_kinds(), self.now)

    def remember(self, wanted: Namespace) -> Namespace:
        former = with_former(wanted, self.recorded, self.now)
        revoked = with_revoked(with_withdrawn(former, self.recorded), self.recorded, self.issued, self.now)
        return with_named(revoked, self.recorded, self.now)

    def carry_out(self, plan: Plan) -> None:
        super().carry_out(plan)
        for host, each in self.certificates().items():
            units = frozenset(each.inputs.get("units", ()))
            self.said.setdefault(each.outputs["serial"], (host, units))

    def certificates(self) -> dict[str, Any]:
        return {
            address.entity.removeprefix("host/"): part
            for address, part in self.recorded.items()
            if part.kind == "host-certificate"
        }

    def _earlier(self, change: Change, inputs: Any) -> list[Any]:  # type: ignore[override]
        if change.kind != "host-certificate" or change.recorded is None:
            return []
        if all_kinds()[change.kind].kept_outputs(change):
            return list(change.recorded.outputs["earlier"])
        return host_certificate._earlier(change, inputs, self.now)

    def opens(self, serial: str) -> set[str]:
        """Return the roles that a certificate opens: it is not revoked, and their policies let it in."""
        host, units = self.said[serial]
        if serial in self.listed():
            return set()
        return {
            address.entity.removeprefix("role/")
            for address, part in self.recorded.items()
            for each in part.inputs.get("trust", ())
            if (each["unit"] in units if "unit" in each else host in each["identities"])
        }

    def overlapping(self) -> set[str]:
        return {
            each["serial"]
            for part in self.certificates().values()
            for each in part.outputs["earlier"]
            if self.now < datetime.fromisoformat(each["until"])
        }


def written(bind: str, **hosts: str) -> str:
    entries = ", ".join(f"{name}: {{roles: [{roles}], default_role: b}}" for name, roles in hosts.items())
    return (
        f"certificate_authorities: {{default: {{bind: certificate}}}}\nroles: {{a: {{bind: {bind}}}, b: {{}}}}\n"
        f"defaults: {{delivery: [sops]}}\nhosts: {{{entries}}}\n"
    )


# A certificate that says a role is in its overlap while the role goes by names, is taken, and is bound again.
_THERE_AND_BACK = [
    (written("certificate", web="a, b"), 0),
    (written("identity", web="a, b"), 0),
    (written("identity", web="b"), 0),
    (written("certificate", web="b", db="a, b"), 0),
]
# A fleet changes over, before and after the overlap.
_OVER = [
    (written("identity", web="a, b", db="b"), 0),
    (written("certificate", web="a, b", db="b"), 0),
    (written("certificate", web="a, b", db="a, b"), MONTH),
]


@settings(deadline=None, max_examples=100)
@example(_THERE_AND_BACK)
@example(_OVER)
@given(st.lists(st.tuples(fleets(), st.sampled_from([0, 0, MONTH])), min_size=2, max_size=5))
def test_every_certificate_opens_what_the_file_gives_and_keeps_it_through_its_overlap(
    steps: list[tuple[str, int]],
) -> None:
    fleet = Fleet()
    for text, days in steps:
        fleet.now += timedelta(days=days)
        wanted = loaded(text)
        opened = {serial: fleet.opens(serial) for serial in fleet.said}
        plan = fleet.plan(wanted)
        fleet.carry_out(plan)
        assert not fleet.plan(wanted).changes
        given_now = {host: set(each.roles) for host, each in wanted.hosts.items()}
        for host, part in fleet.certificates().items():
            assert fleet.opens(part.outputs["serial"]) == given_now[host]
        for serial, (host, units) in fleet.said.items():
            roles = given_now.get(host, set())
            assert fleet.opens(serial) <= roles, (serial, host)
            # What it opened, and its host keeps, it goes on opening; unless it says a role that was taken.
            if serial in fleet.overlapping() and serial in opened and units <= roles:
                assert fleet.opens(serial) >= opened[serial] & roles, (serial, host)


@settings(deadline=None, max_examples=60)
@given(fleets(), fleets())
def test_who_loses_a_role_is_refused_by_its_list_only_after_the_new_certificate_is_there(
    first: str, second: str
) -> None:
    fleet = Fleet()
    fleet.carry_out(fleet.plan(loaded(first)))
    wanted = loaded(second)
    plan = fleet.plan(wanted)
    place = {change.address: index for index, change in enumerate(plan.changes)}
    lists = [change for change in plan.changes if change.kind == "revocation-list"]
    for host, each in fleet.remember(wanted).hosts.items():
        if each.withdrawn:
            (revoking,) = lists
            delivered = [
                change.address
                for change in plan.changes
                if change.address.entity == f"host/{host}"
                and change.address.part == "sops"
                and change.action is not Action.DELETE
            ]
            assert delivered
            assert all(place[address] < place[revoking.address] for address in delivered)
