"""Editing the file on behalf of a command: checked before it is written, whole or not at all, never over others' edits."""

from __future__ import annotations

import difflib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iam_ra.aws.session import Aws, default_region
from iam_ra.config.edit import edited
from iam_ra.config.finding import shown_path
from iam_ra.config.load import load
from iam_ra.config.shapes import keys_at
from iam_ra.config.source import Source
from iam_ra.config.starter import starter
from iam_ra.engine.errors import EditError, FileError, UsageError
from iam_ra.files import atomic
from iam_ra.operations.workplace import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_MODE = 0o644


@dataclass(frozen=True, slots=True)
class FileEdit:
    """An edit of the file at `path`, called `name` in messages: its bytes as they were read (None: no file), and its text to be."""

    path: Path
    name: str
    before: bytes | None
    after: str

    @property
    def is_change(self) -> bool:
        """Whether the file is not as wanted already."""
        return self.before != self.after.encode()

    @property
    def diff(self) -> tuple[str, ...]:
        """The lines of a unified diff, without line breaks."""
        old = (self.before or b"").decode()
        name = self.name if self.before is not None else os.devnull
        lines = difflib.unified_diff(old.splitlines(), self.after.splitlines(), name, self.name, lineterm="")
        return tuple(lines)

    def check(self) -> None:
        """Read the text to be as the file. Raises ConfigError with all its problems; nothing is written."""
        load(self.path, self.after)

    def write(self) -> None:
        """Write the file, with the permissions that it has. Raises EditError when somebody else wrote it meanwhile."""
        # A link to the file stays one; where there is no file, nobody knows where a link would have it written.
        target = self.path.absolute() if self.before is None else self.path.resolve()
        if _content(target) != self.before:
            raise EditError(
                f"{self.name} changed while the command ran; it is left as it is now",
                why="another program or an editor wrote it",
                fix="run the command again: it edits the file as it is now",
            )
        mode = _MODE if self.before is None else stat.S_IMODE(target.stat().st_mode)
        atomic.write(target, self.after.encode(), root=target.parent, mode=mode)


def edit_of(path: Path, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> FileEdit:
    """Return the edit after which the file's data is what `change` makes of it.

    Raises ConfigError for a file that is no YAML, EditError for an edit that would touch something else, and whatever
    `change` raises.
    """
    name = shown_path(path)
    before = _content(path)
    text = (before or b"").decode("utf-8", errors="replace")
    source = Source(name, text)
    if before is None or source.fatal or not isinstance(source.data, dict) or text.encode() != before:
        load(path)
    wanted = change(source.data)
    after = text if wanted == source.data else edited(text, wanted, name=name, order=keys_at)
    return FileEdit(path, name, before, after)


def starter_edit(
    path: Path,
    profile: str | None,
    environ: Mapping[str, str],
    namespace: str,
    region: str | None,
    authority: Mapping[str, Any],
) -> FileEdit:
    """Return the first file of a namespace, for the account of the credentials in use.

    Raises UsageError when neither `region` nor environment nor profile names one.
    """
    with translated():
        where = region or default_region(profile, environ)
        if where is None:
            raise UsageError(
                "--region is missing",
                why="neither the environment nor the AWS profile names a region",
                fix="name one, such as --region eu-central-1; the file then says it, whatever the environment does",
            )
        account = Aws(where, profile).caller.account_id
    return FileEdit(path, shown_path(path), None, starter(namespace, where, account, authority))


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileError(f"{path} cannot be read", why=str(error.strerror or error)) from error
