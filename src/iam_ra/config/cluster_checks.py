"""What is wrong with clusters and workloads: names, references, lives, paths and the authorities' certificates.

Sources: cert-manager v1.21, internal/apis/certmanager/validation/certificate.go (lives); Kubernetes documentation,
"Object Names and IDs".
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from iam_ra.config.clusters import (
    authority_of,
    certificate_path,
    folder_of,
    identity_of,
    issuer_of,
    life_of,
    roles_of,
    secret_path,
    split_key,
)
from iam_ra.config.diagnostics import Check
from iam_ra.config.draft import nearest
from iam_ra.config.durations import format_duration
from iam_ra.config.kubernetes import HIGHEST_PORT, LABEL, is_pinned
from iam_ra.config.lives import check_order, part_of, report_outlives
from iam_ra.config.model import CLUSTERS
from iam_ra.config.source import inside
from iam_ra.engine.errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from iam_ra.config.cluster_schema import ClusterEntry, WorkloadEntry
    from iam_ra.config.draft import Draft
    from iam_ra.config.source import Source

SECTION = "clusters"
# STS takes the source identity `CN=...` up to here, and drops a longer one in silence.
MAX_IDENTITY = 61
# What is made for a workload is called `<name>-iam-ra`, and stands in labels of at most 63 characters.
MAX_WORKLOAD = 56
# A certificate is some thousand bytes.
MAX_CERTIFICATE_BYTES = 65_536
_LABEL = re.compile(LABEL)
_DIGEST = (
    "`docker buildx imagetools inspect {}` shows the digest of its manifest list; write it as NAME@sha256:..."
)


def check_clusters(source: Source, draft: Draft) -> None:
    """Report every problem of clusters and workloads that the file alone shows."""
    folders: dict[PurePosixPath, str] = {}
    for name, entry in draft.entry.clusters.items():
        _Checks(source, draft, name, entry).all()
        if draft.sound(SECTION, name, "folder"):
            _check_folder(source, name, PurePosixPath(folder_of(name, entry).casefold()), folders)


def _check_folder(
    source: Source, name: str, folder: PurePosixPath, folders: dict[PurePosixPath, str]
) -> None:
    """Report a folder that is another cluster's, or within it, or around it."""
    for other, owner in folders.items():
        if folder.is_relative_to(other) or other.is_relative_to(folder):
            source.report(
                Check.PATH_TAKEN,
                (SECTION, name, "folder"),
                f"the folders of the clusters `{name}` and `{owner}` overlap",
                why="Whoever applies one of them would apply manifests of both.",
                fix="Give each a folder of its own.",
            )
    folders[folder] = name


def cluster_files(draft: Draft) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield the files of clusters: the place that names each, its path, and what it is.

    Secrets are told apart by their clusters' folders.
    """
    folders: set[str] = set()
    for name, entry in draft.entry.clusters.items():
        folder = folder_of(name, entry).casefold()
        is_first = folder not in folders
        folders.add(folder)
        if entry.ca.delivery == "sops" and is_first and draft.sound(SECTION, name, "folder"):
            mine = f"the Secret of the cluster `{name}` already"
            yield (SECTION, name, "folder"), secret_path(name, entry), mine
        if entry.ca.delivery == "cluster" and draft.sound(SECTION, name, "ca", "certificate"):
            mine = f"the certificate of the cluster `{name}` already"
            yield (SECTION, name, "ca", "certificate"), certificate_path(name, entry), mine


class _Checks:
    """The checks of one cluster."""

    def __init__(self, source: Source, draft: Draft, name: str, entry: ClusterEntry) -> None:
        self._source = source
        self._draft = draft
        self._name = name
        self._entry = entry
        self._path = (SECTION, name)

    def all(self) -> None:
        self._label(self._name, self._path, "cluster")
        self._authority()
        self._image()
        taken: dict[str, str] = {}
        for key, workload in self._entry.workloads.items():
            path = (*self._path, "workloads", key)
            if self._key(key, path):
                self._identity(key, workload, path, taken)
            self._roles(workload, path)
            self._life(workload, path)
        self._issuer()
        self._admission()

    # Names

    def _label(self, text: str, path: tuple[str, ...], kind: str) -> bool:
        fits = _LABEL.fullmatch(text) is not None
        if not fits:
            tidy = re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")
            self._source.report(
                Check.NAME,
                path,
                f"`{text}` cannot name a {kind}",
                why="Kubernetes takes up to 63 of a-z, 0-9 and `-`, with a letter or digit at both ends (RFC 1123).",
                fix=f"Write `{tidy[:63]}`, for example." if tidy else "Write a name such as prod.",
                at="key",
            )
        return fits

    def _key(self, key: str, path: tuple[str, ...]) -> bool:
        namespace, name = split_key(key)
        if "/" not in key or not name or not namespace:
            self._source.report(
                Check.NAME,
                path,
                f"`{key}` cannot name a workload",
                why="A workload is named by the namespace of its Pods and a name of its own.",
                fix=f"Write `{namespace or 'default'}/{name or namespace or 'api'}`, for example.",
                at="key",
            )
            return False
        if not (self._label(namespace, path, "namespace") and self._label(name, path, "workload")):
            return False
        if len(name) > MAX_WORKLOAD:
            self._source.report(
                Check.NAME_LENGTH,
                path,
                f"`{name}` has {len(name)} characters, {len(name) - MAX_WORKLOAD} too many",
                why="What is made for it is called `<name>-iam-ra`, and labels of Kubernetes have at most 63 characters.",
                fix=f"Shorten it to {MAX_WORKLOAD} characters, and name what it patches by `target`.",
                at="key",
            )
            return False
        return True

    def _identity(
        self, key: str, workload: WorkloadEntry, path: tuple[str, ...], taken: dict[str, str]
    ) -> None:
        if not self._draft.sound(*path, "identity"):
            return
        identity = identity_of(self._name, key, workload)
        if len(identity) > MAX_IDENTITY:
            self._source.report(
                Check.IDENTITY,
                (*path, "identity"),
                f"`{identity}` cannot serve as the identity: it has {len(identity)} characters",
                why=f"STS takes {MAX_IDENTITY} at most; whoever has more is nobody to a trust policy.",
                fix=f"Add a shorter one, for example `identity: {_shortened(identity)}`.",
                at="key",
            )
        first = taken.setdefault(identity.casefold(), key)
        if first != key:
            self._source.report(
                Check.IDENTITY_TAKEN,
                (*path, "identity"),
                f"`{identity}` is the identity of the workload `{first}` already",
                why=f"Two workloads of the cluster `{self._name}` could not be told apart.",
                fix="Give each an identity of its own.",
            )

    # The authority

    def _authority(self) -> None:
        path, ca = (*self._path, "ca"), self._entry.ca
        if not self._draft.sound(*path, "delivery"):
            return
        for key, delivery in (("pca_arn", "pca"), ("certificate", "cluster")):
            if getattr(ca, key) is not None and ca.delivery != delivery:
                self._source.report(
                    Check.CLUSTER_SETTING,
                    (*path, key),
                    f"`{key}` for an authority with `delivery: {ca.delivery}`",
                    why=f"Only `delivery: {delivery}` has that.",
                    fix=f"Remove `{key}`, or write `delivery: {delivery}`.",
                )
        if ca.delivery == "pca":
            for key in ("validity", "renew_before", "overlap", "key"):
                if key in ca.model_fields_set:
                    self._unused(
                        (*path, key), "The private CA is there already, and is not followed by another."
                    )
        elif all(self._draft.sound(*path, key) for key in ("validity", "renew_before", "overlap")):
            self._overlap(path)

    def _overlap(self, path: tuple[str, ...]) -> None:
        ca, spec = self._entry.ca, authority_of(self._entry)
        check_order(self._source, path, ca.model_fields_set, spec)
        longest = max(
            (
                life_of(self._entry.certificate, each.certificate)[0]
                for each in self._entry.workloads.values()
            ),
            default=life_of(self._entry.certificate, self._entry.certificate)[0],
        )
        if spec.overlap <= longest < spec.validity:
            self._source.report(
                Check.OVERLAP,
                (*path, "overlap"),
                f"an overlap of {format_duration(spec.overlap)}, but certificates of workloads live {format_duration(longest)}",
                why="When the former authority goes, what it signed must be over, and the new one's Secret in the cluster.",
                fix=f"Write more than {format_duration(longest)}, for example {format_duration(longest * 2)}, or a shorter "
                "`duration`.",
            )

    def _unused(self, path: tuple[str, ...], why: str) -> None:
        self._source.report(
            Check.UNUSED_SETTING,
            path,
            "this setting is not used",
            why=why,
            fix=f"Remove `{path[-1]}`.",
            severity="warning",
        )

    # What is made in the cluster

    def _image(self) -> None:
        image, path = self._entry.sidecar.image, (*self._path, "sidecar", "image")
        if self._source.has(path) and self._draft.sound(*path) and not is_pinned(image):
            self._source.report(
                Check.IMAGE_DIGEST,
                path,
                f"`{image}` is not pinned by a digest",
                why="Whoever can move the tag can put another program beside the certificates.",
                fix=_DIGEST.format(image),
                severity="warning",
            )

    def _issuer(self) -> None:
        entry = self._entry
        if entry.issuer.kind != "Issuer" or not self._draft.sound(*self._path, "issuer"):
            return
        namespace = issuer_of(entry).namespace
        for key in sorted(entry.workloads):
            own = split_key(key)[0]
            if own != namespace:
                self._source.report(
                    Check.ISSUER,
                    (*self._path, "workloads", key),
                    f"the workload `{key}` is not in `{namespace}`, the namespace of the cluster's Issuer",
                    why="An Issuer signs for its own namespace alone.",
                    fix=f"Write `kind: ClusterIssuer` in {SECTION}.{self._name}.issuer, or add another cluster for `{own}`.",
                    at="key",
                )

    def _admission(self) -> None:
        entry, path = self._entry, (*self._path, "admission_policy")
        if (
            not (entry.admission_policy or entry.approver_policy)
            and entry.workloads
            and self._draft.sound(*path)
        ):
            self._source.report(
                Check.NO_ADMISSION,
                path,
                f"nothing says which namespace of the cluster `{self._name}` may ask for which name",
                why="cert-manager approves whatever is asked of its issuers, so each workload could take the roles of all.",
                fix="Remove this line, or write `approver_policy: true` if approver-policy runs there.",
                severity="warning",
            )

    # Workloads

    def _roles(self, workload: WorkloadEntry, path: tuple[str, ...]) -> None:
        if not all(self._draft.sound(*path, key) for key in ("role", "roles", "default_role")):
            return
        if (workload.role is None) == (workload.roles is None):
            is_none = workload.role is None
            self._source.report(
                Check.WORKLOAD_ROLES,
                path if is_none else (*path, "role"),
                "neither `role` nor `roles`" if is_none else "`role` and `roles`",
                why="A workload has one role, or a list of them.",
                fix="Add `role: NAME`." if is_none else "Write all of them in `roles`.",
                at="key",
            )
            return
        if workload.role is not None:
            self._role(workload.role, (*path, "role"))
        for index, role in enumerate(workload.roles or ()):
            self._role(role, (*path, "roles", index))
        self._default_role(workload, path)
        self._ports(workload, path)

    def _role(self, role: str, path: tuple[str | int, ...]) -> None:
        known = self._draft.names["roles"]
        if role not in known:
            if self._draft.sound("roles"):
                near = nearest(role, sorted(known))
                self._source.report(
                    Check.UNKNOWN_ROLE,
                    path,
                    f"there is no role `{role}`",
                    why=f"`roles` has {', '.join(sorted(known)[:10])}." if known else "`roles` is empty.",
                    fix=f"Did you mean `{near}`?"
                    if near
                    else f"Add `{role}` to `roles`, or name another one.",
                )
            return
        entry, scope = self._draft.entry.roles.get(role), f"{CLUSTERS}{self._name}"
        if entry is not None and entry.ca and scope not in entry.ca:
            self._source.report(
                Check.AUTHORITY_EXCLUDED,
                path,
                f"the role `{role}` takes no certificates of the cluster `{self._name}`",
                why=f"Its `ca` names only {', '.join(sorted(entry.ca))}, so this workload could never take it.",
                fix=f"Add {scope} to roles.{role}.ca, or remove the role here.",
            )

    def _default_role(self, workload: WorkloadEntry, path: tuple[str, ...]) -> None:
        roles, default = roles_of(workload), workload.default_role
        if default is None and len(roles) > 1:
            self._source.report(
                Check.NO_DEFAULT_ROLE,
                (*path, "roles"),
                f"{len(roles)} roles, and none of them is the default",
                why="The app finds the credentials of one of them by itself.",
                fix=f"Add `default_role: {min(roles)}`, or another of them.",
            )
        elif default is not None and default not in roles:
            self._source.report(
                Check.DEFAULT_ROLE,
                (*path, "default_role"),
                f"`{default}` is not among the workload's roles",
                why=f"Its roles: {', '.join(sorted(roles))}.",
                fix="Write one of them, or add it to `roles`.",
            )

    def _ports(self, workload: WorkloadEntry, path: tuple[str, ...]) -> None:
        count, port = len(workload.roles or ()), self._entry.sidecar.port
        if self._draft.sound(*self._path, "sidecar") and port + count - 1 > HIGHEST_PORT:
            self._source.report(
                Check.PORTS,
                (*path, "roles"),
                f"{count} roles from the port {port} on: there are {HIGHEST_PORT - port + 1} ports",
                why=f"Each role has a port of its own, and {HIGHEST_PORT} is the last.",
                fix=f"Write `port: {HIGHEST_PORT - count + 1}` or less in {SECTION}.{self._name}.sidecar.",
            )

    def _life(self, workload: WorkloadEntry, path: tuple[str, ...]) -> None:
        own, shared = (*path, "certificate"), (*self._path, "certificate")
        if not self._draft.sound(*own) or not self._draft.sound(*shared):
            return
        duration, renew_before = life_of(self._entry.certificate, workload.certificate)
        if renew_before >= duration:
            self._source.report(
                Check.RENEW_BEFORE,
                (*own, "renew_before"),
                f"renewal {format_duration(renew_before)} before the end of a life of {format_duration(duration)}",
                why="cert-manager refuses such a Certificate.",
                fix=f"Write less than {format_duration(duration)}, for example {format_duration(part_of(duration, 3))}.",
            )
        if self._entry.ca.delivery != "pca" and self._draft.sound(*self._path, "ca"):
            validity = authority_of(self._entry).validity
            if duration >= validity:
                place = own if workload.certificate.duration else shared
                report_outlives(self._source, (*place, "duration"), self._name, validity, duration)


def check_certificates(source: Source, draft: Draft, root: Path) -> Mapping[str, str]:
    """Report what is wrong with the certificates that clusters made; return those that are there (PEM), by cluster.

    One that is not there is no problem: it comes out of the cluster once its manifests are applied.
    """
    found: dict[str, str] = {}
    owners: dict[str, str] = {}
    for name, entry in draft.entry.clusters.items():
        path = (SECTION, name, "ca", "certificate")
        if entry.ca.delivery != "cluster" or not draft.sound(*path):
            continue
        relative = certificate_path(name, entry)
        read = _read_certificate(source, path, relative, root)
        if read is None:
            continue
        found[name], spki = read
        first = owners.setdefault(spki, name)
        if first != name:
            source.report(
                Check.CA_KEY_TAKEN,
                path,
                f"the key in `{relative}` is the key of the cluster `{first}` already",
                why="What the one cluster signs would count as signed by the other.",
                fix="Let each cluster make its own, and bring its certificate over.",
            )
    return found


def _read_certificate(
    source: Source, path: tuple[str, ...], shown: str, folder: Path
) -> tuple[str, str] | None:
    """Return a certificate (PEM) and the digest of its key; None if it is not there, or no good and reported."""
    # Cryptography is part of no check of a file without such clusters.
    from iam_ra.pki.authority import load_root  # noqa: PLC0415
    from iam_ra.pki.certificate import certificate_pem, describe  # noqa: PLC0415

    try:
        with inside(folder, shown).open("rb") as stream:
            root = load_root(stream.read(MAX_CERTIFICATE_BYTES))
    except FileNotFoundError:
        return None
    except OSError as error:
        what, why, fix = (error.strerror or str(error)).lower(), "", "Correct the path, or its permissions."
    except CertificateError as error:
        what, why, fix = f"{error.what[0].lower()}{error.what[1:]}".rstrip("."), error.why, error.fix
    else:
        return certificate_pem(root), describe(root).spki
    source.report(Check.CA_CERTIFICATE, path, f"`{shown}`: {what}", why=why, fix=fix)
    return None


def _shortened(identity: str) -> str:
    """Return an identity that fits, with the end of the long one, which tells most."""
    return identity[-MAX_IDENTITY:].lstrip(".-")
