"""Finding and reading the file, without a look at what it means: quick to import."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from iam_ra.config.diagnostics import Check, ConfigError, Diagnostic
from iam_ra.config.source import read_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iam_ra.config.source import Source

FILE_NAME = "iam-ra.yaml"
FILE_VARIABLE = "IAM_RA_FILE"
# Ten times the file of 10,000 hosts.
MAX_FILE_BYTES = 32 * 1024 * 1024
_START = (
    "`iam-ra init` writes a first one; for a trial, start a local AWS before: `iam-ra sandbox up`. "
    "iam-ra.yaml.example in iam-ra's repository shows every option."
)


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
        _START,
    )


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


def read(path: Path) -> Source:
    """Return the file at `path`. Raises ConfigError when it cannot be read."""
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


def glimpse(path: Path) -> tuple[str, str]:
    """Return namespace and region as a file that cannot be loaded seems to say them; what it does not say is empty."""
    try:
        source = read(path)
    except ConfigError:
        return "", ""
    return _top(source, "namespace"), _top(source, "region")


def _top(source: Source, key: str) -> str:
    if isinstance(source.data, dict):
        value = source.data.get(key)
        return value if isinstance(value, str) else ""
    found = re.search(rf"^{key}:[ \t]*[\"']?([\w-]+)", source.text, re.MULTILINE)
    return found[1] if found else ""


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
        f"Name another file. {_START}",
    )


def _unreadable(file: str, what: str, why: str, fix: str) -> ConfigError:
    return ConfigError(file, [Diagnostic("error", Check.UNREADABLE.code, file, 1, 1, "", what, why, fix)])
