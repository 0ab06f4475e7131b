"""The keys of authorities: where they are kept, and what contradicts that."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from iam_ra.config.diagnostics import Check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iam_ra.config.draft import Draft
    from iam_ra.config.schema import AuthorityEntry
    from iam_ra.config.source import Source

_SECTION = "certificate_authorities"


def authority_sops_path(name: str, entry: AuthorityEntry) -> str:
    """Return the path of the SOPS file of an authority's first generation, relative to the file's folder."""
    return entry.sops or f"secrets/ca/{name}/iam-ra.yaml"


def sops_path_of_generation(path: str, number: int) -> str:
    """Return the path of a later generation's SOPS file: beside that of the first one."""
    first = PurePosixPath(path)
    return path if number == 1 else str(first.with_name(f"{first.stem}-{number}{first.suffix}"))


def check_authorities(source: Source, draft: Draft, taken: Mapping[str, str]) -> None:
    """Report key stores that do not go with their mode, and SOPS files that two would write.

    `taken` says of the other files of the folder whose they are, by what two paths have in common.
    """
    owners = dict(taken)
    for name, entry in draft.entry.certificate_authorities.items():
        if draft.sound(_SECTION, name, "mode") and draft.sound(_SECTION, name, "key_store"):
            _check_mode(source, name, entry)
            _check_path(source, draft, name, entry, owners)


def on_disk(path: str) -> str:
    """Return what two paths have in common that some disks take for one."""
    return unicodedata.normalize("NFC", path.casefold())


def _check_mode(source: Source, name: str, entry: AuthorityEntry) -> None:
    if "key_store" in entry.model_fields_set and entry.mode != "self-signed":
        source.report(
            Check.KEY_STORE,
            (_SECTION, name, "key_store"),
            f"a key store for an authority of the mode `{entry.mode}`",
            why="AWS Private CA keeps the key of such an authority itself.",
            fix="Remove `key_store`, or write `mode: self-signed`.",
        )


def _check_path(
    source: Source, draft: Draft, name: str, entry: AuthorityEntry, owners: dict[str, str]
) -> None:
    path = (_SECTION, name, "sops")
    if not draft.sound(*path):
        return
    if entry.mode != "self-signed" or entry.key_store != "sops":
        if entry.sops is not None:
            source.report(
                Check.KEY_STORE,
                path,
                f"the path of a SOPS file for an authority whose key store is `{entry.key_store}`",
                why="Its key is in no SOPS file.",
                fix="Write `key_store: sops`, or remove the path.",
            )
        return
    wanted = authority_sops_path(name, entry)
    owner = owners.setdefault(on_disk(wanted), f"the SOPS file of the authority `{name}` already")
    if owner != f"the SOPS file of the authority `{name}` already":
        source.report(
            Check.PATH_TAKEN,
            path,
            f"`{wanted}` is {owner}",
            why="One would overwrite the other; some disks do not tell capital letters apart.",
            fix="Give each a path of its own.",
        )
