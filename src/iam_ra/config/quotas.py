"""What AWS counts: policies of a role, sizes of policies, roles and authorities of a file.

Sources: AWS IAM User Guide, "IAM and AWS STS quotas"; IAM Roles Anywhere User Guide, "Quotas".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from iam_ra.anywhere.trust_policy import Unit, policy_size, trust_policy
from iam_ra.config import arns
from iam_ra.config.clusters import identity_of, roles_of
from iam_ra.config.diagnostics import Check
from iam_ra.config.entitlement import Holder, Rule, entitled
from iam_ra.config.model import CLUSTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from iam_ra.config.draft import Draft
    from iam_ra.config.model import Binding, Json
    from iam_ra.config.source import Source

MAX_INLINE_SIZE = 10_240
MAX_SESSION_POLICY = 2_048
MAX_TRUST_POLICY = 8_192


def check_counts(source: Source, draft: Draft) -> None:
    """Report more roles, authorities or managed policies than the account's quotas allow."""
    limits = draft.entry.limits
    _check_count(source, Check.ROLES, "roles", "profiles", len(draft.names["roles"]), limits.profiles)
    authorities, clusters = len(draft.names["certificate_authorities"]), len(draft.names["clusters"])
    _check_count(
        source,
        Check.AUTHORITIES,
        "certificate_authorities" if authorities >= clusters else "clusters",
        "trust anchors",
        authorities + clusters,
        limits.trust_anchors,
        "certificate authorities and clusters" if clusters else "certificate authorities",
    )
    for name, role in draft.entry.roles.items():
        if len(role.policies) > limits.managed_policies:
            source.report(
                Check.MANAGED_POLICIES,
                ("roles", name, "policies"),
                f"{len(role.policies)} managed policies, {limits.managed_policies} are allowed",
                why="IAM's quota of managed policies for each role is 10 unless AWS has raised it for the account.",
                fix="Merge some into one policy, or have the quota raised and raise `limits.managed_policies`.",
            )


def _check_count(
    source: Source, check: Check, section: str, what: str, count: int, limit: int, counted: str = ""
) -> None:
    if count > limit:
        source.report(
            check,
            (section,),
            f"{count} {counted or section}, {limit} are allowed",
            why=f"Each needs one of the {what} of Roles Anywhere; {limit} is the quota of the region.",
            fix=f"Split the file over regions or accounts, or have the quota raised and raise `limits.{what.replace(' ', '_')}`.",
            at="key",
        )


def check_inline_size(source: Source, role: str, documents: Iterable[Json]) -> None:
    """Report inline policies that together are larger than IAM takes."""
    size = sum(policy_size(document) for document in documents if isinstance(document, dict))
    if size > MAX_INLINE_SIZE:
        source.report(
            Check.INLINE_POLICIES,
            ("roles", role, "inline_policies"),
            f"the inline policies have {size:,} characters, {MAX_INLINE_SIZE:,} are allowed",
            why="IAM's quota counts all inline policies of a role together, white space apart; it cannot be raised.",
            fix="Move some of it into a managed policy, or split the role.",
            at="key",
        )


def check_session_policy(source: Source, role: str, document: Json) -> None:
    """Report a session policy that is larger than STS takes."""
    size = len(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
    if size > MAX_SESSION_POLICY:
        source.report(
            Check.SESSION_POLICY,
            ("roles", role, "session_policy"),
            f"the session policy has {size:,} characters, {MAX_SESSION_POLICY:,} are allowed",
            why="STS takes no more for a session; it cannot be raised.",
            fix="Shorten it with wildcards, or put the limits into the role's own policies.",
            at="key",
        )


def check_trust_policies(source: Source, draft: Draft) -> None:
    """Report roles whose trust policy would pass `limits.trust_policy_size`."""
    limit, anchors = draft.entry.limits.trust_policy_size, _anchors(draft)
    for role, takers in _entitled(draft).items():
        size = policy_size(trust_policy({anchors[authority]: who for authority, who in takers.items()}))
        if size > limit:
            names = [each for who in takers.values() if not isinstance(who, Unit) for each in who]
            _report_trust(source, role, size, limit, names)


def _entitled(draft: Draft) -> Mapping[str, Mapping[str, list[str] | Unit]]:
    """Return who may take which role. An entry that could not be read stands for one without settings."""
    entry = draft.entry
    hosts = (
        Holder(set(host.roles), ((host.ca, host.identity or name),)) for name, host in entry.hosts.items()
    )
    workloads = (
        Holder(set(roles_of(each)), ((f"{CLUSTERS}{name}", identity_of(name, key, each)),))
        for name, cluster in entry.clusters.items()
        for key, each in cluster.workloads.items()
    )
    rules = {name: Rule((), role.bind) for name, role in entry.roles.items()}
    known = entry.certificate_authorities
    bind: dict[str, Binding | None] = {
        name: known[name].bind if name in known else "identity"
        for name in draft.names["certificate_authorities"]
    }
    return entitled(
        (*hosts, *workloads), rules, bind | {f"{CLUSTERS}{name}": None for name in entry.clusters}
    )


def _anchors(draft: Draft) -> Mapping[str, str]:
    """Return an ARN of the length that a trust anchor's will have, for each authority."""
    region, account = draft.entry.region, draft.entry.account_id or "0" * 12
    prefix = f"arn:{arns.partition_of(region)}:rolesanywhere:{region}:{account}:trust-anchor/"
    names = (*draft.names["certificate_authorities"], *(f"{CLUSTERS}{name}" for name in draft.entry.clusters))
    return {name: f"{prefix}{index:036d}" for index, name in enumerate(names)}


def _report_trust(source: Source, role: str, size: int, limit: int, names: list[str]) -> None:
    average = sum(map(len, names)) // len(names)
    raised = next((step for step in (4_096, MAX_TRUST_POLICY) if limit < step and size <= step), None)
    fix = (
        f"Let the hosts' certificates say it (`bind: certificate` in roles.{role}), or have IAM's quota `Role trust policy "
        f"length` raised to {raised:,} and set `limits.trust_policy_size: {raised}`."
        if raised
        else f"Let the hosts' certificates say it: `bind: certificate` in roles.{role}. IAM cannot be raised beyond "
        f"{MAX_TRUST_POLICY:,}."
    )
    source.report(
        Check.TRUST_POLICY,
        ("roles", role),
        f"the trust policy of `{role}` would have {size:,} characters, {limit:,} are allowed",
        why=f"It names the {len(names)} identities that may take the role, {average} characters each on average.",
        fix=fix,
        at="key",
    )
