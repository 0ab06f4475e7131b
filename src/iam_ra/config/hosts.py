"""The keys of hosts: requests of those that keep theirs, recipients of age files, and roles that a certificate is to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iam_ra.anywhere.session import MAX_TAG_VALUE
from iam_ra.anywhere.trust_policy import units_of, units_tag
from iam_ra.config.diagnostics import Check
from iam_ra.config.entitlement import is_said
from iam_ra.config.recipients import recipient_problem
from iam_ra.config.source import inside
from iam_ra.engine.errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from iam_ra.config.draft import Draft
    from iam_ra.config.model import Delivery
    from iam_ra.config.schema import AuthorityEntry, HostEntry
    from iam_ra.config.source import Source
    from iam_ra.pki.csr import SigningRequest

# A request is some 500 bytes, one of a long key with many extensions some thousands.
MAX_CSR_BYTES = 65_536
_FORM = "Write a public key as `age-keygen -y KEYFILE` shows it (age1...), or an SSH public key (ssh-ed25519 ... or ssh-rsa ...)."


def age_path(name: str, host: HostEntry) -> str:
    """Return the path of a host's age file, relative to the file's folder."""
    return host.age or f"secrets/hosts/{name}/iam-ra-key.age"


def deliveries(draft: Draft, host: HostEntry) -> tuple[Delivery, ...]:
    """Return how a host gets certificate and key; a host with a request of its own gets none."""
    return () if host.csr else tuple(host.delivery or draft.entry.defaults.delivery)


def check_hosts(source: Source, draft: Draft, root: Path) -> Mapping[str, str]:
    """Report what is wrong with hosts' keys; return the digest of each host's request, by the host's name."""
    checks = _Checks(source, draft, root)
    checks.recipients(draft.entry.defaults.age_recipients, ("defaults", "age_recipients"))
    for name, host in draft.entry.hosts.items():
        checks.units(name, host)
        checks.recipients(host.age_recipients, ("hosts", name, "age_recipients"))
        checks.age(name, host)
    return checks.requests()


class _Checks:
    def __init__(self, source: Source, draft: Draft, root: Path) -> None:
        self._source = source
        self._draft = draft
        self._root = root

    # Roles that certificates say

    def units(self, name: str, host: HostEntry) -> None:
        authority = self._draft.entry.certificate_authorities.get(host.ca)
        if authority is None or not self._draft.sound("hosts", name, "roles"):
            return
        said = self._said(host, authority)
        size = len(units_tag(said))
        if size > MAX_TAG_VALUE:
            self._source.report(
                Check.UNITS,
                ("hosts", name, "roles"),
                f"{len(said)} roles bound by certificate make {size} characters, {MAX_TAG_VALUE} are allowed",
                why="Roles Anywhere joins them to one tag of the session, and drops a longer one in silence: the host "
                "could take none of them.",
                fix="Give it fewer roles or roles with shorter names, or bind some of them by `identity`.",
            )

    def _said(self, host: HostEntry, authority: AuthorityEntry) -> list[str]:
        roles = self._draft.entry.roles
        return [
            role
            for role in dict.fromkeys(host.roles)
            if role in roles and is_said(roles[role].bind, authority.bind)
        ]

    # Age

    def recipients(self, recipients: list[str] | None, path: tuple[str, ...]) -> None:
        if not self._draft.sound(*path):
            return
        for index, recipient in enumerate(recipients or ()):
            why = recipient_problem(recipient)
            if why:
                shown = recipient if len(recipient) <= 24 else f"{recipient[:21]}..."  # noqa: PLR2004 - enough to find it
                self._source.report(
                    Check.RECIPIENT, (*path, index), f"`{shown}` is no recipient of age", why=why, fix=_FORM
                )

    def age(self, name: str, host: HostEntry) -> None:
        if "age" in deliveries(self._draft, host):
            own = self._draft.sound("hosts", name, "age_recipients")
            if own and not (host.age_recipients or self._draft.entry.defaults.age_recipients):
                self._source.report(
                    Check.NO_RECIPIENTS,
                    ("hosts", name, "delivery"),
                    f"nobody could open the age file of the host `{name}`",
                    why="Neither `age_recipients` of the host nor of `defaults` names a public key.",
                    fix="Add the host's own key and yours: `age_recipients: [age1..., ssh-ed25519 AAAA...]`.",
                )
            return
        unused = "age" if host.age else "age_recipients" if host.age_recipients else ""
        if unused:
            self._source.report(
                Check.UNUSED_SETTING,
                ("hosts", name, unused),
                "this setting is not used",
                why="The host's key is not delivered by age.",
                fix="Add age to `delivery`, or remove the setting.",
                severity="warning",
            )

    # Requests

    def requests(self) -> Mapping[str, str]:
        digests: dict[str, str] = {}
        owners: dict[str, str] = {}
        for name, host in self._draft.entry.hosts.items():
            request = self._request(name, host) if host.csr else None
            if request is None:
                continue
            digests[name] = request.digest
            first = owners.setdefault(request.spki, name)
            if first != name:
                self._source.report(
                    Check.CSR_KEY_TAKEN,
                    ("hosts", name, "csr"),
                    f"the key in `{host.csr}` is the key of the host `{first}` already",
                    why="Whoever has one of the hosts would have the roles of both.",
                    fix="Make a key on each host, and a request from it.",
                )
        return digests

    def _request(self, name: str, host: HostEntry) -> SigningRequest | None:
        # Cryptography is part of no check of a file without requests.
        from iam_ra.pki.csr import load_request  # noqa: PLC0415

        path = ("hosts", name, "csr")
        for unused in ("delivery", "sops"):
            if getattr(host, unused):
                self._source.report(
                    Check.UNUSED_SETTING,
                    ("hosts", name, unused),
                    "this setting is not used",
                    why="The host keeps its key to itself (`csr`): nothing is delivered but its certificate.",
                    fix=f"Remove `{unused}`, or `csr`.",
                    severity="warning",
                )
        try:
            with inside(self._root, str(host.csr)).open("rb") as stream:
                content = stream.read(MAX_CSR_BYTES + 1)
        except OSError as error:
            self._source.report(
                Check.CSR,
                path,
                f"`{host.csr}` cannot be read: {(error.strerror or str(error)).lower()}",
                why=f"The path starts at the folder of this file, {self._root}.",
                fix="Make the request on the host (`openssl req -new -key KEY -subj /CN=any -out REQUEST.pem`) and bring "
                "it over.",
            )
            return None
        try:
            found = load_request(content)
            self._check_subject(name, host, content)
        except CertificateError as error:
            what = f"{error.what[0].lower()}{error.what[1:]}".rstrip(".")
            self._source.report(Check.CSR, path, f"`{host.csr}`: {what}", why=error.why, fix=error.fix)
            return None
        return found

    def _check_subject(self, name: str, host: HostEntry, request: bytes) -> None:
        """Raise CertificateError for a request that a private CA is to certify, and that says something else."""
        from iam_ra.pki.csr import check_says_only  # noqa: PLC0415
        from iam_ra.pki.leaf import leaf_subject  # noqa: PLC0415

        authority = self._draft.entry.certificate_authorities.get(host.ca)
        is_sound = all(self._draft.sound("hosts", name, each) for each in ("identity", "roles"))
        if authority is not None and authority.mode != "self-signed" and is_sound:
            check_says_only(
                request, leaf_subject(host.identity or name, units_of(self._said(host, authority)))
            )
