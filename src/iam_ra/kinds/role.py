"""`role/x:stack`: an IAM role, the profile that hands it out, and the trust policy that says to whom."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.anywhere.trust_policy import Unit, trust_policy
from iam_ra.aws.live import Key, read
from iam_ra.aws.naming import LINEAGE_TAG
from iam_ra.aws.snapshot import Doubt
from iam_ra.config.entitlement import entitled_in
from iam_ra.engine.address import Address
from iam_ra.engine.due import Due
from iam_ra.engine.errors import StackError
from iam_ra.engine.part import NOTHING, UNKNOWN, Observed, Part, Presence, Ref
from iam_ra.kinds.base import register
from iam_ra.kinds.stack import STACK, StackKind
from iam_ra.kinds.trust_anchor import trust_anchor_arn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from iam_ra.aws.naming import Names
    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.aws.stacks import Stack
    from iam_ra.config.model import Namespace, Role
    from iam_ra.engine.part import Recorded
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run

ENTITIES = "role/"
# The output that says since when sessions must have been opened.
SESSIONS_BEFORE = "SessionsBefore"
_UNKNOWN_ARN = "arn:aws:rolesanywhere:ap-southeast-2:123456789012:trust-anchor/{:036}"
_EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def role_doubt(address: Address, names: Names) -> Doubt:
    """Return the doubt whether a role's IAM role is there."""
    return Doubt(names.role(address.entity.removeprefix(ENTITIES)), is_role=True)


def role_stack(role: str) -> Address:
    """Return the address of a role's stack."""
    return Address(f"{ENTITIES}{role}", STACK)


@register
class RoleStack(StackKind):
    """A role that exactly the file's hosts can take, each vouched for by its own authority."""

    name = "role-stack"
    summary = "an IAM role with its trust policy, and its Roles Anywhere profile"
    template = "cloudformation/role.json"
    entities = ENTITIES
    pool = "rolesanywhere"
    stable_outputs: ClassVar[frozenset[str]] = frozenset({"RoleArn", "ProfileArn"})

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part a role, with who may take it."""
        template = self.template_input()
        entitled = entitled_in(namespace)
        for role in namespace.roles.values():
            inputs: dict[str, Any] = {
                "template": template,
                "policies": sorted(role.policies),
                "inline_policies": dict(role.inline_policies),
                "permissions_boundary": role.permissions_boundary,
                "session_policy": role.session_policy,
                "session_duration": role.session_duration,
                "accept_role_session_name": role.accept_role_session_name,
                "description": role.description,
                "trust": [
                    {"trust_anchor": trust_anchor_arn(scope), **_takers(who)}
                    for scope, who in sorted(entitled.get(role.name, {}).items())
                ],
                "enabled": not role.disabled,
                "tags": dict(role.tags),
            }
            if role.sessions_before is not None:
                inputs["sessions_before"] = role.sessions_before
            yield Part(
                role_stack(role.name),
                self.name,
                inputs,
                protect=role.protect,
                because=role.because,
                undated=_undated(role, inputs["trust"]),
            )

    def observed(self, snapshot: Snapshot) -> dict[Address, Observed]:
        """Return the roles' stacks, and as foreign those IAM roles of our name that no stack of ours made."""
        found = super().observed(snapshot)
        prefix = snapshot.names.role("")
        for role_name in snapshot.role_names:
            address = role_stack(role_name.removeprefix(prefix))
            if role_name.startswith(prefix) and address not in found:
                note = (
                    f"an IAM role named {role_name} exists that this namespace did not make (in this region)"
                )
                found[address] = Observed(Presence.FOREIGN, note=note)
        return found

    def look(self, entity: str, stack: Stack, snapshot: Snapshot) -> Observed:
        """See also whether its IAM role is still there: a stack whose role is gone can no longer be updated."""
        seen = super().look(entity, stack, snapshot)
        role_name = snapshot.names.role(entity.removeprefix(ENTITIES))
        if (
            seen.presence is Presence.PRESENT
            and not stack.in_progress
            and role_name not in snapshot.role_names
        ):
            note = f"IAM role {role_name} was deleted outside iam-ra"
            return replace(seen, presence=Presence.BROKEN, note=note)
        return seen

    def doubts(self, change: Change, names: Names) -> Iterator[Doubt]:
        """Ask for a role that seems gone before its stack is replaced for it."""
        yield role_doubt(change.address, names)

    def stack_name(self, names: Names, entity: str) -> str:
        """Return `iam-ra-{namespace}-role-{role}`."""
        return names.stack(f"role-{entity.removeprefix(ENTITIES)}")

    def entity_named(self, stack_name: str, names: Names) -> str | None:
        """Recognise `role-…`."""
        role = stack_name.removeprefix(names.stack("role-"))
        return None if role == stack_name else f"{ENTITIES}{role}"

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Create or update the stack. Sessions are ended that were opened before this moment, not before the plan."""
        if "sessions_before" in inputs:
            inputs = {**inputs, "sessions_before": _ended_before(change, inputs, run)}
        return super().apply(change, inputs, run)

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Delete the stack, and with its role what others attached to it, for which CloudFormation does not delete a role."""
        try:
            super().delete(recorded, run)
        except StackError:
            if not _strip(recorded, run):
                raise
            super().delete(recorded, run)

    def recover(
        self, address: Address, seen: Observed, inputs: Mapping[str, Any] | None, run: Run
    ) -> Recorded | None:
        """See also since when sessions must have been opened; the stack alone says it."""
        since = seen.facts.get(SESSIONS_BEFORE)
        if inputs is not None and since is not None and "sessions_before" not in inputs:
            inputs = {**inputs, "sessions_before": since}
        return super().recover(address, seen, inputs, run)

    def made_from(self, recorded: Recorded) -> Mapping[str, Any]:
        """Return the inputs with the time before which sessions were really ended."""
        if SESSIONS_BEFORE not in recorded.outputs or "sessions_before" not in recorded.inputs:
            return recorded.inputs
        return {**recorded.inputs, "sessions_before": recorded.outputs[SESSIONS_BEFORE]}

    def due(self, recorded: Recorded, namespace: Namespace, now: datetime) -> Iterator[Due]:  # noqa: ARG002
        """Yield when no session is left that it was to end."""
        over = sessions_over(recorded)
        if over is not None and recorded.address.entity.removeprefix(ENTITIES) in namespace.roles:
            yield Due(over, recorded.address, "sessions need not be denied any more")

    def values(self, name: str, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Return the role's name, path and policies; the session policy as the text that the service takes."""
        return {
            **{key: value for key, value in inputs.items() if key not in {"template", "tags", "trust"}},
            "sessions_before": inputs.get("sessions_before"),
            "role": name,
            "resource_name": run.names.role(name),
            "path": run.names.role_path,
            "session_policy": session_policy_of(inputs),
            "trust_policy": trust_of(inputs),
        }


def _strip(recorded: Recorded, run: Run) -> bool:
    """Take from a role of ours the policies that its stack did not give it, and tell whether there were any."""
    name = run.names.role(recorded.address.entity.removeprefix(ENTITIES))
    there = read(run.aws, Key("role", name)) or {}
    if there.get(f"tags.{LINEAGE_TAG}") != run.lineage:
        return False
    own = {*recorded.inputs.get("policies", ()), *recorded.inputs.get("inline_policies", ())}
    given = [each.partition(".") for each in sorted(there)]
    attached = [arn for sort, _, arn in given if sort == "policies" and arn not in own]
    embedded = [policy for sort, _, policy in given if sort == "inline_policies" and policy not in own]
    for arn in attached:
        run.aws.iam.detach_role_policy(RoleName=name, PolicyArn=arn)
    for policy in embedded:
        run.aws.iam.delete_role_policy(RoleName=name, PolicyName=policy)
    strangers = ", ".join([*attached, *embedded])
    if strangers:
        run.report(recorded.address, f"others gave the role {strangers}; taken from it")
    return bool(strangers)


def _undated(role: Role, trust: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return what would be if no overlap and no session had ended, for edits of the file to show beside that."""
    undated = _trust_undated(role, trust)
    if role.sessions_before != role.sessions_recorded:
        return {**undated, "sessions_before": role.sessions_recorded}
    return undated


def _trust_undated(role: Role, trust: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    lapsed: dict[Ref, set[str]] = {}
    for scope, identity in role.lapsed:
        lapsed.setdefault(trust_anchor_arn(scope), set()).add(identity)
    if not lapsed:
        return NOTHING
    known = {each["trust_anchor"] for each in trust}
    gone = [{"trust_anchor": arn, "identities": []} for arn in lapsed.keys() - known]
    named = [
        {**each, "identities": sorted({*each["identities"], *lapsed.get(each["trust_anchor"], ())})}
        if "identities" in each
        else each
        for each in (*trust, *gone)
    ]
    return {"trust": sorted(named, key=lambda each: each["trust_anchor"].address.entity)}


def sessions_over(recorded: Recorded, seconds: int = 0) -> datetime | None:
    """Return when the longest session is over that a recorded role denies everything; at least `seconds` long."""
    before = recorded.inputs.get("sessions_before")
    if before is None:
        return None
    since = datetime.fromisoformat(recorded.outputs.get(SESSIONS_BEFORE, before))
    return since + timedelta(seconds=max(recorded.inputs["session_duration"], seconds))


def _ended_before(change: Change, inputs: Mapping[str, Any], run: Run) -> str:
    """Return the time before which sessions are ended: now, or when that was done."""
    recorded = change.recorded
    if recorded is not None and recorded.inputs.get("sessions_before") == inputs["sessions_before"]:
        return str(recorded.outputs.get(SESSIONS_BEFORE, inputs["sessions_before"]))
    return run.now.strftime("%Y-%m-%dT%H:%M:%SZ")


def session_policy_of(inputs: Mapping[str, Any]) -> str:
    """Return the session policy of a role's inputs as the text that STS counts, without white space."""
    # A profile's session policy cannot be taken away, so "none" is one that narrows nothing.
    document = _EVERYTHING if inputs["session_policy"] is None else inputs["session_policy"]
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def trust_of(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the trust policy of a role's inputs; an ARN that is not known yet stands in as one of the usual length."""
    return trust_policy(
        {
            _UNKNOWN_ARN.format(number)
            if each["trust_anchor"] is UNKNOWN
            else each["trust_anchor"]: taken_by(each)
            for number, each in enumerate(inputs["trust"])
        }
    )


def taken_by(trust: Mapping[str, Any]) -> list[str] | Unit:
    """Return who may take a role by one authority, from an item of its input `trust`."""
    return Unit(trust["unit"]) if "unit" in trust else trust["identities"]


def _takers(who: list[str] | Unit) -> Mapping[str, Any]:
    return {"unit": who.role} if isinstance(who, Unit) else {"identities": sorted(who)}
