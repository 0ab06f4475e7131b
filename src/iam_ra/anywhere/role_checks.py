"""The checks of profile and role: whether this certificate, once trusted, may take this role in this way."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from iam_ra.anywhere.arn import parse_arn
from iam_ra.anywhere.conditions import ABSENT_KEYS, RequestContext
from iam_ra.anywhere.policy import evaluate_policy
from iam_ra.anywhere.session import (
    MAX_POLICY_CHARACTERS,
    MAX_SESSION_POLICIES,
    policy_characters,
    session_duration,
    sts_takes,
)
from iam_ra.anywhere.session import source_identity as source_identity_of
from iam_ra.anywhere.situation import Finding
from iam_ra.anywhere.trust_policy import ACTIONS, SERVICE_PRINCIPAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from iam_ra.anywhere.policy import Decision, StatementResult
    from iam_ra.anywhere.situation import Profile, Role, Situation

ASSUME_ROLE, TAG_SESSION, SET_SOURCE_IDENTITY = ACTIONS
SESSION_KEYS = frozenset({"sts:rolesessionname", "sts:sourceidentity", "aws:tagkeys"})


def profile_exists(situation: Situation) -> Finding:
    """Demand the profile."""
    arn = situation.request.profile_arn
    there = situation.profile is not None
    return Finding(there, (f"{arn} {'exists' if there else 'does not exist'}",), {"arn": arn})


def profile_enabled(situation: Situation) -> Finding:
    """Demand that the profile is enabled."""
    profile = _profile(situation)
    return Finding(profile.enabled, (f"{profile.arn} is {'enabled' if profile.enabled else 'disabled'}",))


def same_account(situation: Situation) -> Finding:
    """Demand one account for all three, and one Region for trust anchor and profile."""
    request = situation.request
    anchor, profile, role = map(parse_arn, (request.trust_anchor_arn, request.profile_arn, request.role_arn))
    passed = anchor.account == profile.account == role.account and anchor.region == profile.region
    compared = (
        f"accounts: trust anchor {anchor.account}, profile {profile.account}, role {role.account}",
        f"Regions: trust anchor {anchor.region}, profile {profile.region}",
    )
    return Finding(passed, compared)


def role_listed(situation: Situation) -> Finding:
    """Demand that the profile lists the role."""
    role, listed = situation.request.role_arn, _profile(situation).role_arns
    return Finding(
        role in listed, (f"role {role}", f"the profile lists {', '.join(listed) or 'none'}"), {"arn": role}
    )


def session_name(situation: Situation) -> Finding:
    """Let a session name pass only where the profile accepts one."""
    name, accepts = situation.request.role_session_name, _profile(situation).accept_role_session_name
    asked = "no name is asked for" if name is None else f"the name {name!r} is asked for"
    compared = f"{asked}; the profile {'accepts' if accepts else 'does not accept'} names"
    return Finding(name is None or accepts, (compared,))


def role_exists(situation: Situation) -> Finding:
    """Demand the role."""
    there = situation.role is not None
    arn = situation.request.role_arn
    return Finding(there, (f"{arn} {'exists' if there else 'does not exist'}",), {"arn": arn})


def duration(situation: Situation) -> Finding:
    """Hold the session's duration against the role's longest."""
    asked, profile = situation.request.duration_seconds, _profile(situation)
    seconds, most = session_duration(profile.duration_seconds, asked), _role(situation).max_session_seconds
    wish = "no duration" if asked is None else f"{asked} s"
    compared = (
        f"the request asks for {wish}, the profile gives {profile.duration_seconds} s: the least is {seconds} s",
        f"the role allows {most} s",
    )
    return Finding(seconds <= most, compared, {"arn": situation.request.role_arn})


def session_policies(situation: Situation) -> Finding:
    """Hold what narrows the profile's sessions against what STS takes."""
    profile = _profile(situation)
    count = len(profile.managed_policy_arns)
    size = policy_characters(profile.session_policy, profile.managed_policy_arns)
    problems = []
    if count > MAX_SESSION_POLICIES:
        problems.append(f"{count} managed session policies, at most {MAX_SESSION_POLICIES} are allowed")
    if size > MAX_POLICY_CHARACTERS:
        problems.append(f"session policies of {size} characters, at most {MAX_POLICY_CHARACTERS} are allowed")
    compared = (
        f"the profile has {count} managed policies; STS takes {MAX_SESSION_POLICIES}",
        f"its session policy and their ARNs have {size} characters; STS takes {MAX_POLICY_CHARACTERS}",
    )
    # UNCERTAIN: sts-reason: the words are our own.
    words = {"arn": situation.request.role_arn, "reason": "; ".join(problems)}
    return Finding(not problems, compared, words)


def source_identity(situation: Situation) -> Finding:
    """Hold the source identity against what STS takes."""
    identity = source_identity_of(situation.leaf)
    # UNCERTAIN: source-identity-pattern: one that STS does not take fails the session.
    compared = f"source identity {identity!r}; STS takes 2 to 64 of letters, digits and _+=,.@-"
    return Finding(sts_takes(identity), (compared,), {"arn": situation.request.role_arn})


def tags(situation: Situation) -> Finding:
    """Show the session tags, and those that are dropped; nothing is refused for that alone."""
    found = situation.session().tags
    kept = (f"{tag} = {value}" for tag, value in found.kept.items())
    dropped = (f"{tag} is dropped: {why}" for tag, why in found.dropped.items())
    return Finding(True, (*kept, *dropped) or ("no session tags",))


def trusts(action: str) -> Callable[[Situation], Finding]:
    """Return the check that the role's trust policy allows an action to Roles Anywhere."""

    def check(situation: Situation) -> Finding:
        decision = evaluate_policy(_role(situation).trust_policy, trust_context(situation, action))
        return Finding(decision.allowed, tuple(_told(decision)), {"arn": situation.request.role_arn})

    return check


def trust_context(situation: Situation, action: str) -> RequestContext:
    """Return the condition keys of an action as Roles Anywhere calls it on behalf of a certificate.

    Source: AWS IAM Roles Anywhere User Guide, "Trust model", and the Service Authorization Reference, "AWS STS".
    """
    session = situation.session()
    anchor = situation.request.trust_anchor_arn
    keys = {
        "aws:currenttime": (f"{situation.now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",),
        "aws:epochtime": (str(int(situation.now.timestamp())),),
        "aws:principalisawsservice": ("true",),
        "aws:principalservicename": (SERVICE_PRINCIPAL,),
        "aws:securetransport": ("true",),
        "aws:sourceaccount": (parse_arn(anchor).account,),
        "aws:sourcearn": (anchor,),
        **_tag_keys("aws:principaltag/", session.tags.kept),
    }
    # UNCERTAIN: action-keys: which of these keys an action has.
    if action in {ASSUME_ROLE, TAG_SESSION}:
        keys |= {"aws:tagkeys": tuple(session.tags.kept)} | _tag_keys("aws:requesttag/", session.tags.kept)
    if action in {ASSUME_ROLE, SET_SOURCE_IDENTITY}:
        keys["sts:sourceidentity"] = (session.source_identity,)
    if action == ASSUME_ROLE:
        keys["sts:rolesessionname"] = (session.name,)
    return RequestContext(action, SERVICE_PRINCIPAL, keys, ABSENT_KEYS | SESSION_KEYS)


def _tag_keys(prefix: str, kept: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    return {f"{prefix}{tag}".lower(): (value,) for tag, value in kept.items()}


def _told(decision: Decision) -> Iterator[str]:
    if decision.problem:
        yield decision.problem
    for statement in decision.statements:
        yield f"{statement.label} {_effect(statement)}: {'; '.join(statement.reasons)}"
    if not decision.allowed and not decision.problem and decision.denied_by is None:
        yield f"no statement allows {decision.action}"


def _effect(statement: StatementResult) -> str:
    if not statement.effective:
        return "does not apply"
    return "denies" if statement.effect == "Deny" else "allows"


def _profile(situation: Situation) -> Profile:
    if situation.profile is None:
        raise LookupError("there is no profile in this situation")
    return situation.profile


def _role(situation: Situation) -> Role:
    if situation.role is None:
        raise LookupError("there is no role in this situation")
    return situation.role
