"""What the schema cannot see: names, references, tags and ARNs, judged against each other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from iam_ra.config import arns, fields
from iam_ra.config.authorities import check_authorities, on_disk
from iam_ra.config.cloudformation import has_reference
from iam_ra.config.cluster_checks import check_clusters, cluster_files
from iam_ra.config.diagnostics import Check
from iam_ra.config.draft import nearest
from iam_ra.config.hosts import age_path, deliveries
from iam_ra.config.model import CLUSTERS
from iam_ra.config.private_cas import check_private_cas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from iam_ra.config.draft import Draft
    from iam_ra.config.schema import HostEntry, RoleEntry
    from iam_ra.config.source import Source

# CloudFormation takes 50 tags a stack; iam-ra keeps ten for its own.
MAX_TAGS = 40

_KINDS = {"certificate_authorities": "authority", "roles": "role", "hosts": "host"}
_NAME = re.compile(fields.NAME_PATTERN.strip("^$"))
_TAG_KEY = re.compile(fields.TAG_KEY_PATTERN.strip("^$"))
_TAG_VALUE = re.compile(fields.TAG_VALUE_PATTERN.strip("^$"))
_POLICY_NAME = re.compile(fields.POLICY_NAME_PATTERN.strip("^$"))
_RESERVED = ("aws:", "iam-ra:")
# The longest name made from a key, by section, and what limits it.
# Sources: botocore models iam (roleNameType) and cloudformation (stack names are at most 128 characters).
_LONGEST = {
    "certificate_authorities": ("iam-ra-{}-rootca-", 128, "CloudFormation stack"),
    "roles": ("iam-ra-{}-", 64, "IAM role"),
    "hosts": ("iam-ra-{}-host-", 128, "CloudFormation stack"),
}


def check_entries(source: Source, draft: Draft) -> None:
    """Report every problem of names, references, identities, tags, paths and ARNs."""
    checks = _Checks(source, draft)
    checks.region()
    checks.host_paths()
    for section in _KINDS:
        checks.names(section)
    for name, authority in draft.entry.certificate_authorities.items():
        checks.tags(authority.tags, ("certificate_authorities", name, "tags"))
    for name, role in draft.entry.roles.items():
        checks.tags(role.tags, ("roles", name, "tags"))
        checks.role(name, role)
    for name, host in draft.entry.hosts.items():
        checks.tags(host.tags, ("hosts", name, "tags"))
        checks.host(name, host)
    for name, cluster in draft.entry.clusters.items():
        checks.tags(cluster.tags, ("clusters", name, "tags"))
    check_clusters(source, draft)
    checks.identities()
    checks.secret_paths()


def sops_path(name: str, host: HostEntry) -> str:
    """Return the path of a host's SOPS file, relative to the file's folder."""
    return host.sops or f"secrets/hosts/{name}/iam-ra.yaml"


@dataclass(frozen=True, slots=True)
class _Checks:
    source: Source
    draft: Draft

    def region(self) -> None:
        region = self.draft.entry.region
        if self.draft.sound("region") and region not in arns.REGIONS:
            near = arns.nearest_region(region)
            self.source.report(
                Check.UNKNOWN_REGION,
                ("region",),
                f"`{region}` is not among the regions that this iam-ra knows",
                why="It may be newer than this iam-ra, or a typo.",
                fix=f"Did you mean `{near}`?" if near else "",
                severity="warning",
            )

    def host_paths(self) -> None:
        paths = self.draft.entry.defaults.host_paths
        if paths.certificate == paths.private_key:
            self.source.report(
                Check.PATH_TAKEN,
                ("defaults", "host_paths", "private_key"),
                "the certificate and the private key have one path",
                why="One would overwrite the other on the host.",
                fix="Give each a path of its own.",
            )

    # Names

    def names(self, section: str) -> None:
        seen: dict[str, str] = {}
        for name in self.draft.names[section]:
            self._name(section, name)
            first = seen.setdefault(name.casefold(), name)
            if first != name:
                self.source.report(
                    Check.NAME_CASE,
                    (section, name),
                    f"`{name}` and `{first}` differ only in the case of letters",
                    why="IAM takes them for the same name.",
                    fix="Rename one of them.",
                    at="key",
                )

    def _name(self, section: str, name: str) -> None:
        kind = _KINDS[section]
        if not _NAME.fullmatch(name):
            self.source.report(
                Check.NAME,
                (section, name),
                f"`{name}` cannot name a{'n' * (kind[0] == 'a')} {kind}",
                why="It becomes part of stack names: letters, digits and `-`, with a letter or digit at both ends.",
                fix=_tidy_name(name),
                at="key",
            )
            return
        form, limit, what = _LONGEST[section]
        room = limit - len(form.format(self.draft.entry.namespace))
        if len(name) > room:
            self.source.report(
                Check.NAME_LENGTH,
                (section, name),
                f"`{name}` has {len(name)} characters, {len(name) - room} too many",
                why=f"With `{form.format(self.draft.entry.namespace)}` before it, the name of its {what} would pass {limit}.",
                fix=f"Shorten it to {room} characters.",
                at="key",
            )

    # Roles

    def role(self, name: str, role: RoleEntry) -> None:
        has_reference(self.source, ("roles", name, "description"), role.description)
        for index, arn in enumerate(role.policies):
            self._policy_arn(arn, ("roles", name, "policies", index))
        if role.permissions_boundary:
            self._policy_arn(role.permissions_boundary, ("roles", name, "permissions_boundary"))
        for index, authority in enumerate(role.ca or ()):
            self._taker(authority, self._item(("roles", name, "ca"), index))
        for policy in role.inline_policies:
            if not _POLICY_NAME.fullmatch(policy):
                self.source.report(
                    Check.POLICY_NAME,
                    ("roles", name, "inline_policies", policy),
                    f"`{policy}` cannot name a policy",
                    why="IAM takes 1 to 128 of letters, digits and _+=,.@-",
                    fix="Rename it.",
                    at="key",
                )

    def _policy_arn(self, text: str, path: tuple[str | int, ...]) -> None:
        if has_reference(self.source, path, text):
            return
        try:
            arn = arns.parse_policy_arn(text)
        except ValueError as error:
            self.source.report(
                Check.ARN,
                path,
                f"`{text}` is not the ARN of an IAM policy",
                why=f"The reason: {error}.",
                fix="Write it as `aws iam list-policies` shows it, for example arn:aws:iam::aws:policy/ReadOnlyAccess.",
            )
            return
        partition, account = arns.partition_of(self.draft.entry.region), self.draft.entry.account_id
        if self.draft.sound("region") and arn.partition != partition:
            self.source.report(
                Check.ARN_PARTITION,
                path,
                f"`{text}` is in the partition {arn.partition}",
                why=f"The region {self.draft.entry.region} is in the partition {partition}; nothing reaches across.",
                fix=f"Write {text.replace(arn.partition, partition, 1)}, if it exists there.",
            )
        if account and self.draft.sound("account_id") and arn.account not in {account, "aws"}:
            self.source.report(
                Check.ARN_ACCOUNT,
                path,
                f"`{text}` is in the account {arn.account}",
                why=f"A role takes managed policies of its own account ({account}) and of AWS only.",
                fix=f"Make the policy in {account}, or write it as an inline policy.",
            )

    # Hosts

    def host(self, name: str, host: HostEntry) -> None:
        path = ("hosts", name)
        known = self._authority(host.ca, (*path, "ca"))
        if self.draft.sound(*path, "roles"):
            for index, role in enumerate(host.roles):
                self._role(role, (*path, "roles", index), host.ca if known else None)
            if self.draft.sound(*path, "default_role"):
                self._default_role(host, path)
        if host.sops and not host.csr and "sops" not in deliveries(self.draft, host):
            self.source.report(
                Check.UNUSED_SETTING,
                (*path, "sops"),
                "this path is not used",
                why="The host's certificate is not delivered by SOPS.",
                fix="Add sops to `delivery`, or remove the path.",
                severity="warning",
            )

    def _role(self, role: str, path: tuple[str | int, ...], authority: str | None) -> None:
        if role not in self.draft.names["roles"]:
            if self.draft.sound("roles"):
                self._unknown(Check.UNKNOWN_ROLE, "roles", role, self.draft.names["roles"], path)
            return
        entry = self.draft.entry.roles.get(role)
        # An unknown name among them is the problem then, and said at its own place.
        takers = {
            *self.draft.names["certificate_authorities"],
            *(f"{CLUSTERS}{each}" for each in self.draft.names["clusters"]),
        }
        settled = entry is not None and set(entry.ca or ()) <= takers
        if authority and settled and entry and entry.ca and authority not in entry.ca:
            self.source.report(
                Check.AUTHORITY_EXCLUDED,
                path,
                f"the role `{role}` takes no certificates of the authority `{authority}`",
                why=f"Its `ca` names only {', '.join(sorted(entry.ca))}, so this host could never take it.",
                fix=f"Add {authority} to roles.{role}.ca, or remove the role here.",
            )

    def _default_role(self, host: HostEntry, path: tuple[str, ...]) -> None:
        if host.default_role is None and len(host.roles) > 1:
            self.source.report(
                Check.NO_DEFAULT_ROLE,
                (*path, "roles"),
                f"{len(host.roles)} roles, and none of them is the default",
                why="The host's configuration names one role.",
                fix=f"Add `default_role: {min(host.roles)}`, or another of them.",
            )
        elif (
            host.default_role is not None
            and host.default_role not in host.roles
            and set(host.roles) <= set(self.draft.names["roles"])
        ):
            near = nearest(host.default_role, host.roles)
            self.source.report(
                Check.DEFAULT_ROLE,
                (*path, "default_role"),
                f"`{host.default_role}` is not among the host's roles",
                why=f"Its roles: {', '.join(sorted(host.roles))}.",
                fix=f"Did you mean `{near}`?" if near else "Write one of them, or add it to `roles`.",
            )

    def identities(self) -> None:
        """Report identities that two hosts of one authority share.

        Case does not count: X.500 names that differ only in case are equal (RFC 5280, 7.1), though IAM's StringEquals
        would tell them apart.
        """
        taken: dict[tuple[str, str], str] = {}
        for name, host in self.draft.entry.hosts.items():
            if not self.draft.sound("hosts", name, "identity"):
                continue
            identity = host.identity or name
            path = ("hosts", name, "identity")
            if host.identity is None and _NAME.fullmatch(name) and not 2 <= len(name) <= 61:  # noqa: PLR2004 - fields.IDENTITY_PATTERN
                self.source.report(
                    Check.IDENTITY,
                    path,
                    f"the key `{name}` cannot serve as the identity: it has {len(name)} character{'s' * (len(name) > 1)}",
                    why="STS takes 2 to 61 characters.",
                    fix="Add an `identity`, or rename the host.",
                    at="key",
                )
            first = taken.setdefault((host.ca, identity.casefold()), name)
            if first != name:
                self.source.report(
                    Check.IDENTITY_TAKEN,
                    path,
                    f"`{identity}` is the identity of the host `{first}` already",
                    why=f"Two hosts of the authority `{host.ca}` could not be told apart.",
                    fix="Give each an identity of its own.",
                )

    def secret_paths(self) -> None:
        """Report files of secrets that two would write, and those that lie where iam-ra reads something else."""
        owners = self._files_read()
        for name, host in self.draft.entry.hosts.items():
            chosen = deliveries(self.draft, host)
            for key, kind, path in (
                ("sops", "SOPS", sops_path(name, host)),
                ("age", "age", age_path(name, host)),
            ):
                if key in chosen and self.draft.sound("hosts", name, key):
                    mine = f"the {kind} file of the host `{name}` already"
                    owner = owners.setdefault(on_disk(path), mine)
                    if owner != mine:
                        self._taken(path, owner, ("hosts", name, key))
        for place, path, mine in cluster_files(self.draft):
            owner = owners.setdefault(on_disk(path), mine)
            if owner != mine:
                self._taken(path, owner, place)
        check_authorities(self.source, self.draft, owners)
        check_private_cas(self.source, self.draft)

    def _taken(self, path: str, owner: str, place: tuple[str, ...]) -> None:
        self.source.report(
            Check.PATH_TAKEN,
            place,
            f"`{path}` is {owner}",
            why="One would overwrite the other; some disks do not tell capital letters apart.",
            fix="Give each a path of its own.",
        )

    def _files_read(self) -> dict[str, str]:
        """Return what the other files of the folder are, by their path."""
        policies = [
            policy
            for role in self.draft.entry.roles.values()
            for policy in (*role.inline_policies.values(), role.session_policy)
            if isinstance(policy, str)
        ]
        return {
            **{on_disk(path): "the file of a policy" for path in policies},
            **{
                on_disk(host.csr): "a signing request" for host in self.draft.entry.hosts.values() if host.csr
            },
            "iam-ra.yaml": "where iam-ra looks for its file",
            on_disk(PurePath(self.source.name).name): "this file",
        }

    # Tags

    def tags(self, tags: Mapping[str, str], path: tuple[str, ...]) -> None:
        if len(tags) > MAX_TAGS:
            self.source.report(
                Check.TAG_COUNT,
                path,
                f"{len(tags)} tags, {len(tags) - MAX_TAGS} too many",
                why="CloudFormation takes 50 tags a stack, and iam-ra needs up to ten for its own.",
                fix=f"Keep {MAX_TAGS} at most.",
                at="key",
            )
        seen: dict[str, str] = {}
        for key, value in tags.items():
            self._tag(key, value, (*path, key))
            first = seen.setdefault(key.casefold(), key)
            if first != key:
                self._bad_tag(
                    (*path, key), f"the tags `{key}` and `{first}` differ only in case", "Remove one.", "key"
                )

    def _tag(self, key: str, value: str, path: tuple[str, ...]) -> None:
        if key.casefold().startswith(_RESERVED):
            self.source.report(
                Check.TAG_RESERVED,
                path,
                f"the tag `{key}` is reserved",
                why="`aws:` belongs to AWS; by `iam-ra:` iam-ra knows what is its own.",
                fix="Give it another name.",
                at="key",
            )
        elif not _TAG_KEY.fullmatch(key) or key != key.strip():
            fix = "Use 1 to 128 of letters, digits, inner spaces and _.:/=+@-"
            self._bad_tag(path, f"`{key}` cannot be the key of a tag", fix, "key")
        if not _TAG_VALUE.fullmatch(value) or value != value.strip():
            fix = "Use 1 to 256 of letters, digits, inner spaces and _.:/=+@-"
            self._bad_tag(path, f"`{value}` cannot be the value of a tag", fix, "value")

    def _bad_tag(self, path: tuple[str, ...], what: str, fix: str, at: str) -> None:
        why = "Tags reach IAM, CloudFormation, Secrets Manager and Roles Anywhere; the narrowest of them decides."
        self.source.report(Check.TAG, path, what, why=why, fix=fix, at="key" if at == "key" else "value")

    # References

    def _taker(self, name: str, path: tuple[str | int, ...]) -> None:
        """Report an authority, or a cluster, that is not there."""
        if not name.startswith(CLUSTERS):
            self._authority(name, path)
        elif name.removeprefix(CLUSTERS) not in self.draft.names["clusters"] and self.draft.sound("clusters"):
            known = [f"{CLUSTERS}{each}" for each in self.draft.names["clusters"]]
            self._unknown(Check.UNKNOWN_AUTHORITY, "clusters", name, known, path)

    def _authority(self, name: str, path: tuple[str | int, ...]) -> bool:
        known = self.draft.names["certificate_authorities"]
        if name not in known and self.draft.sound("certificate_authorities"):
            self._unknown(Check.UNKNOWN_AUTHORITY, "certificate_authorities", name, known, path)
        return name in known

    def _unknown(
        self, check: Check, section: str, name: str, known: Iterable[str], path: tuple[str | int, ...]
    ) -> None:
        there, kind = sorted(known), _KINDS.get(section, "cluster")
        near = nearest(name, there)
        listed = ", ".join(there[:10]) + (f" and {len(there) - 10} more" if len(there) > 10 else "")  # noqa: PLR2004 - what fits a line
        self.source.report(
            check,
            path,
            f"there is no {kind} `{name}`",
            why=f"`{section}` has {listed}." if there else f"`{section}` is empty.",
            fix=f"Did you mean `{near}`?" if near else f"Add `{name}` to `{section}`, or name another one.",
        )

    def _item(self, path: tuple[str | int, ...], index: int) -> tuple[str | int, ...]:
        """Return the path of a list's item, or of the value itself where one text stands for a list of one."""
        return (*path, index) if self.source.has((*path, index)) else path


def _tidy_name(name: str) -> str:
    tidy = re.sub("[^A-Za-z0-9]+", "-", name).strip("-")
    return f"Write `{tidy}`, for example." if tidy else "Write a name such as webserver or db-1."
