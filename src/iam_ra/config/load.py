"""Finding and loading the file."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from iam_ra.config.build import build_namespace
from iam_ra.config.checks import check_entries
from iam_ra.config.cluster_checks import check_certificates
from iam_ra.config.diagnostics import Check, ConfigError, Diagnostic
from iam_ra.config.draft import Draft, read_draft
from iam_ra.config.hosts import check_hosts
from iam_ra.config.lives import check_lives
from iam_ra.config.policies import PolicyReader
from iam_ra.config.quotas import check_counts, check_inline_size, check_session_policy, check_trust_policies
from iam_ra.config.source import Source, read_source
from iam_ra.engine.collector import collector_paused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iam_ra.config.model import Json, Namespace

FILE_NAME = "iam-ra.yaml"
FILE_VARIABLE = "IAM_RA_FILE"
# Ten times the file of 10,000 hosts.
MAX_FILE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid file, and what is odd about it."""

    namespace: Namespace
    warnings: tuple[Diagnostic, ...]


def find(explicit: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """Return the file to use: `explicit`, else what IAM_RA_FILE names, else the nearest iam-ra.yaml upward from `cwd`.

    The search ends at the root of the git repository (or of the disk). Raises ConfigError when there is no file, naming
    the places that were looked at.
    """
    if explicit is not None:
        return _existing(cwd / explicit, explicit, "the option -f/--file names it")
    if environ.get(FILE_VARIABLE):
        named = Path(environ[FILE_VARIABLE])
        return _existing(cwd / named, named, f"the environment variable {FILE_VARIABLE} names it")
    folders = _folders(cwd)
    for folder in folders:
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    looked = str(folders[0]) if len(folders) == 1 else f"{folders[0]} and its parents up to {folders[-1]}"
    raise _unreadable(
        FILE_NAME,
        f"there is no {FILE_NAME}",
        f"Looked in {looked}; neither -f/--file nor {FILE_VARIABLE} names a file.",
        _start(FILE_NAME),
    )


def glimpse(path: Path) -> tuple[str, str]:
    """Return namespace and region as a file that cannot be loaded seems to say them; what it does not say is empty."""
    try:
        source = _read(path)
    except ConfigError:
        return "", ""
    return _top(source, "namespace"), _top(source, "region")


def _top(source: Source, key: str) -> str:
    if isinstance(source.data, dict):
        value = source.data.get(key)
        return value if isinstance(value, str) else ""
    found = re.search(rf"^{key}:[ \t]*[\"']?([\w-]+)", source.text, re.MULTILINE)
    return found[1] if found else ""


def is_there(explicit: Path | None, environ: Mapping[str, str], cwd: Path) -> bool:
    """Tell whether `find` would find a file, or something else in its place."""
    named = explicit or (Path(environ[FILE_VARIABLE]) if environ.get(FILE_VARIABLE) else None)
    if named is not None:
        return (cwd / named).exists()
    return any((folder / FILE_NAME).is_file() for folder in _folders(cwd))


def _folders(cwd: Path) -> list[Path]:
    """Return the folders in which the file is looked for: up to the root of the git repository, or of the disk."""
    folders: list[Path] = []
    for folder in (cwd, *cwd.parents):
        folders.append(folder)
        if (folder / ".git").exists():
            break
    return folders


def load(path: Path, text: str | None = None) -> Loaded:
    """Return what the file at `path` says, with every default applied and every reference checked.

    `text` is what it is about to say, if that is another text. Raises ConfigError with every problem of the file, and of the policy files that it names, at once.
    """
    with collector_paused():
        return _load(path, _read(path) if text is None else Source(shown_path(path), text))


def _load(path: Path, source: Source) -> Loaded:
    sources = [source]
    namespace: Namespace | None = None
    if not source.fatal:
        draft = read_draft(source)
        if draft is not None:
            policies = PolicyReader(source, _root(path))
            documents = _check(source, draft, policies)
            requests = check_hosts(source, draft, _root(path))
            certificates = check_certificates(source, draft, _root(path))
            sources += policies.sources.values()
            if not _errors(sources):
                namespace = build_namespace(
                    path.absolute(), _root(path), draft.entry, documents, requests, certificates
                )
    diagnostics = _in_order(sources)
    if namespace is None:
        raise ConfigError(source.name, diagnostics)
    return Loaded(namespace, tuple(diagnostics))


def _check(source: Source, draft: Draft, policies: PolicyReader) -> Mapping[tuple[str, ...], Json]:
    """Run every check that needs more than one value; return the policy documents by their path."""
    check_entries(source, draft)
    check_lives(source, draft)
    check_counts(source, draft)
    check_trust_policies(source, draft)
    documents: dict[tuple[str, ...], Json] = {}
    for name, role in draft.entry.roles.items():
        folder = ("roles", name, "inline_policies")
        for policy, value in role.inline_policies.items():
            documents[*folder, policy] = policies.read(value, (*folder, policy))
        check_inline_size(source, name, (documents[*folder, policy] for policy in role.inline_policies))
        if role.session_policy is not None:
            session = documents["roles", name, "session_policy"] = policies.read(
                role.session_policy, ("roles", name, "session_policy")
            )
            check_session_policy(source, name, session)
    return documents


def _in_order(sources: list[Source]) -> list[Diagnostic]:
    """Return all problems in the order of the files, each once: an alias repeats what is wrong at its anchor."""
    first = sources[0].name
    once = {
        (each.file != first, each.file, each.line, each.column, each.id, each.what): each
        for source in sources
        for each in reversed(source.diagnostics)
    }
    return [once[key] for key in sorted(once)]


def _errors(sources: list[Source]) -> bool:
    return any(each.severity == "error" for source in sources for each in source.diagnostics)


def _root(path: Path) -> Path:
    return path.absolute().parent


def _read(path: Path) -> Source:
    try:
        return read_source(path, shown_path(path), MAX_FILE_BYTES)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise _unreadable(
            str(path),
            f"the file cannot be read: {reason}",
            "",
            f"Check the path: `ls -l {shlex.quote(str(path))}`",
        ) from error


def shown_path(path: Path) -> str:
    """Return a path as messages name it: relative where it is below the working folder."""
    tidy = Path(os.path.normpath(path))
    return str(tidy.relative_to(Path.cwd()) if tidy.is_relative_to(Path.cwd()) else tidy)


def _existing(path: Path, shown: Path, reason: str) -> Path:
    if path.is_file():
        return path
    said = "is a folder" if path.is_dir() else "does not exist"
    raise _unreadable(
        str(shown),
        f"{shown} {said}",
        f"It was looked for because {reason}.",
        f"Name another file. {_start(shown)}",
    )


def _start(name: Path | str) -> str:
    """Return how to begin: the words that every file needs, as a command to copy."""
    shortest = "version: 1\\nnamespace: default\\nregion: ap-southeast-2\\n"
    return (
        "Let `iam-ra init` write a first one, start from iam-ra.yaml.example, or with: "
        f"`printf '{shortest}' > {shlex.quote(str(name))}`"
    )


def _unreadable(file: str, what: str, why: str, fix: str) -> ConfigError:
    return ConfigError(file, [Diagnostic("error", Check.UNREADABLE.code, file, 1, 1, "", what, why, fix)])
