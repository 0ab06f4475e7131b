"""YAML with positions: a file's text, its nodes, its plain data, and the place of any value in it.

Plain scalars keep their text: `no`, `012345678901` and `2012-10-17` are what they look like until the schema says what
they mean.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ruamel.yaml.error import MarkedYAMLError, YAMLError

from iam_ra.config.compose import Composer, explain_syntax
from iam_ra.config.diagnostics import Check, Diagnostic, Place, dotted, printable
from iam_ra.config.nodes import Node, Reader, child

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ruamel.yaml.error import StringMark

BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Source:
    """A YAML file: `data` is its content, `diagnostics` what is wrong with it, `fatal` if nothing more can be said.

    In `data` every scalar is a text (`Plain` when written without quotes) or None.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text.removeprefix("\N{BYTE ORDER MARK}")
        self.diagnostics: list[Diagnostic] = []
        self.fatal = False
        self.data: Any = None
        self.root: Node | None = None
        self._lines: list[str] | None = None
        self._read()

    def report(
        self,
        check: Check,
        path: Sequence[str | int],
        what: str,
        *,
        why: str = "",
        fix: str = "",
        at: Literal["key", "value"] = "value",
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        """Add a problem with the value (or the key) at `path`; a path that is not there means its nearest parent."""
        self.add(check, self.locate(path, at), dotted(path), what, why, fix, severity)

    def locate(self, path: Sequence[str | int], at: Literal["key", "value"] = "value") -> Place:
        """Return the place of the value (or the key) at `path`, or of the nearest parent that is in the file."""
        node, key = self.root, None
        for step in path:
            found = child(node, step)
            if found is None:
                at = "key"
                break
            key, node = found
        if at == "key" and key is not None:
            node = key
        return self.place(node.start, node.end) if node else Place(self.name, 1, 1, 1, self._line(0))

    def has(self, path: Sequence[str | int]) -> bool:
        """Return whether there is a value at `path`."""
        node = self.root
        for step in path:
            found = child(node, step)
            if found is None:
                return False
            node = found[1]
        return True

    def add(
        self,
        check: Check,
        place: Place,
        path: str,
        what: str,
        why: str,
        fix: str,
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        """Add a problem at a place of the text."""
        self.diagnostics.append(
            Diagnostic(
                severity,
                check.code,
                place.file,
                place.line,
                place.column,
                path,
                printable(what),
                printable(why),
                printable(fix),
                place.text,
                place.width,
            )
        )

    def _line(self, index: int) -> str:
        if self._lines is None:
            self._lines = BREAK.split(self.text)
        return self._lines[index] if index < len(self._lines) else ""

    def place(self, start: StringMark, end: StringMark | None = None) -> Place:
        """Return the place from one mark to another, as far as they are on one line."""
        text = self._line(start.line)
        stop = end.column if end is not None and end.line == start.line else len(text)
        return Place(self.name, start.line + 1, start.column + 1, max(stop - start.column, 1), text)

    def fail(self, check: Check, place: Place, what: str, why: str, fix: str) -> None:
        """Add a problem that ends the reading of the file."""
        self.fatal = True
        self.add(check, place, "", what, why, fix)

    def _read(self) -> None:
        unprintable = _UNPRINTABLE.search(self.text)
        if unprintable:
            self.fail(
                Check.ENCODING,
                self.place_at(unprintable.start()),
                f"the character U+{ord(unprintable[0]):04X} cannot stand in a YAML file",
                "Control characters do not show, so nobody could review what they do.",
                "Remove it; a pasted text often carries one.",
            )
            return
        try:
            self.root = Composer(self).compose()
        except MarkedYAMLError as error:
            self._syntax_error(error)
        except YAMLError as error:
            self.fail(Check.SYNTAX, self.locate(()), f"not valid YAML: {error}", "", "")
        if self.root is None and not self.fatal:
            self.fail(
                Check.EMPTY,
                self.locate(()),
                "the file is empty",
                "It holds nothing but white space and comments.",
                "Start from iam-ra.yaml.example.",
            )
        if self.root is not None and not self.fatal:
            self.data = Reader(self).read(self.root)

    def place_at(self, offset: int) -> Place:
        """Return the place of the character at an offset of the text."""
        before = BREAK.split(self.text[:offset])
        line = len(before) - 1
        return Place(self.name, line + 1, len(before[-1]) + 1, 1, self._line(line))

    def _syntax_error(self, error: MarkedYAMLError) -> None:
        problem = str(error.problem or error)
        # The parser blames the character after a lone `*` or `&`.
        lone = error.context_mark if "alphabetic or numeric" in problem else None
        mark = lone or error.problem_mark or error.context_mark
        place = self.place(mark, mark) if mark else self.locate(())
        why, fix = explain_syntax(problem, place)
        if error.context and error.context_mark and error.context_mark.line != place.line - 1:
            why = (
                f"{why} It was met {error.context} that began at line {error.context_mark.line + 1}.".strip()
            )
        self.fail(Check.SYNTAX, place, f"not valid YAML: {problem}", why, fix)


def inside(root: Path, name: str) -> Path:
    """Return the path of a file that is named from a folder, and lies in it.

    Raises OSError where a symlink leads out of there: problems show what they are about, in logs and comments, too.
    """
    file = root / name
    if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(root)):
        raise PermissionError(errno.EACCES, "a symlink leads out of the folder", name)
    return file


def read_source(path: Path, name: str, limit: int) -> Source:
    """Return the YAML file at `path`, called `name` in messages; more than `limit` bytes, or none of UTF-8, are a problem.

    Raises OSError.
    """
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        return _unread(
            name,
            Check.UNREADABLE,
            f"the file has more than {limit:,} bytes",
            "It is read into memory as a whole.",
            "Split it.",
        )
    try:
        return Source(name, content.decode("utf-8"))
    except UnicodeDecodeError as error:
        return _unread(
            name,
            Check.ENCODING,
            f"the byte 0x{content[error.start]:02x} is not UTF-8",
            "The file is read as UTF-8, the encoding of YAML.",
            f"Save it as UTF-8, or convert it: `iconv -f latin1 -t utf-8 {shlex.quote(name)}`",
            before=content[: error.start].decode("utf-8"),
        )


def _unread(name: str, check: Check, what: str, why: str, fix: str, *, before: str = "") -> Source:
    """Return a source that is nothing but its problem, at the end of the text `before`."""
    source = Source(name, "{}")
    source.text = before + "\N{REPLACEMENT CHARACTER}"
    source.fail(check, source.place_at(len(before)), what, why, fix)
    return source
