"""Problems of the file: what each check is called, where a problem is, and how it is shown."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

from iam_ra.engine.errors import IamRaError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Check(Enum):
    """Every check with its stable id. An id is never given to another check, even when its check goes."""

    # The text of a file
    UNREADABLE = "IRA1101"
    ENCODING = "IRA1102"
    SYNTAX = "IRA1103"
    SEVERAL_DOCUMENTS = "IRA1104"
    EMPTY = "IRA1105"
    NO_MAPPING = "IRA1106"
    DUPLICATE_KEY = "IRA1107"
    UNKNOWN_TAG = "IRA1108"
    TOO_DEEP = "IRA1109"
    ALIASES = "IRA1110"
    MERGE = "IRA1111"
    COMPLEX_KEY = "IRA1112"
    SLOW_PARSER = "IRA1113"
    # The shape of an entry
    UNKNOWN_KEY = "IRA1120"
    MISSING_KEY = "IRA1121"
    WRONG_TYPE = "IRA1122"
    NO_VALUE = "IRA1123"
    NO_BOOLEAN = "IRA1124"
    NO_NUMBER = "IRA1125"
    OUT_OF_RANGE = "IRA1126"
    NO_CHOICE = "IRA1127"
    NO_DURATION = "IRA1128"
    DUPLICATE_ITEM = "IRA1129"
    # Values and names
    VERSION = "IRA1130"
    NAMESPACE = "IRA1131"
    REGION = "IRA1132"
    ACCOUNT = "IRA1133"
    NAME = "IRA1134"
    NAME_CASE = "IRA1135"
    NAME_LENGTH = "IRA1136"
    IDENTITY = "IRA1138"
    IDENTITY_TAKEN = "IRA1139"
    ARN = "IRA1140"
    ARN_PARTITION = "IRA1141"
    ARN_ACCOUNT = "IRA1142"
    TAG = "IRA1144"
    TAG_RESERVED = "IRA1145"
    TAG_COUNT = "IRA1146"
    PATH = "IRA1147"
    PATH_TAKEN = "IRA1148"
    DESCRIPTION = "IRA1149"
    UNKNOWN_REGION = "IRA1151"
    # References
    UNKNOWN_ROLE = "IRA1160"
    UNKNOWN_AUTHORITY = "IRA1161"
    NO_DEFAULT_ROLE = "IRA1162"
    DEFAULT_ROLE = "IRA1163"
    AUTHORITY_EXCLUDED = "IRA1164"
    # Lives of certificates
    RENEW_BEFORE = "IRA1170"
    OVERLAP = "IRA1171"
    OUTLIVES_AUTHORITY = "IRA1172"
    RENEW_BEFORE_CUT = "IRA1173"
    # Policy documents
    POLICY_FILE = "IRA1180"
    POLICY_DOCUMENT = "IRA1181"
    POLICY_CHARACTERS = "IRA1182"
    POLICY_NAME = "IRA1183"
    POLICY_VERSION = "IRA1184"
    # Quotas of AWS
    MANAGED_POLICIES = "IRA1190"
    INLINE_POLICIES = "IRA1191"
    SESSION_POLICY = "IRA1192"
    TRUST_POLICY = "IRA1193"
    ROLES = "IRA1194"
    AUTHORITIES = "IRA1195"
    UNUSED_SETTING = "IRA1196"


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line of a file: counted from 1, in characters, with the line itself."""

    file: str
    line: int
    column: int
    width: int
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: where it is, what is wrong, why, and what to write instead.

    `path` names the value inside the file (`hosts.web.roles[0]`); it is empty when the file as a whole is meant.
    `excerpt` is the line of the file that holds the problem, `width` the characters of it that are marked.
    """

    severity: Literal["error", "warning"]
    id: str
    file: str
    line: int
    column: int
    path: str
    what: str
    why: str
    fix: str
    excerpt: str = ""
    width: int = 1

    def as_dict(self) -> dict[str, str | int]:
        """Return the problem as a JSON object."""
        return {
            "severity": self.severity,
            "id": self.id,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "what": self.what,
            "why": self.why,
            "fix": self.fix,
        }

    def render(self) -> str:
        """Return the problem as plain text of several lines: head, excerpt with a caret, why, fix."""
        lines = [f"{self.file}:{self.line}:{self.column}: {self.severity}[{self.id}]: {self.what}"]
        if self.excerpt:
            lines += self._marked_excerpt()
        lines += [f"  {label}: {text}" for label, text in (("why", self.why), ("fix", self.fix)) if text]
        return "\n".join(lines)

    def _marked_excerpt(self) -> list[str]:
        before, marked, shown = _window(self.excerpt, self.column - 1, max(self.width, 1))
        number = str(self.line)
        margin = " " * len(number)
        caret = " " * _cells(before) + "^" * max(_cells(marked), 1)
        return [f" {margin} |", f" {number} | {shown}", f" {margin} | {caret} {self.path}".rstrip()]


class ConfigError(IamRaError):
    """The file has problems: all of them, with their places.

    `diagnostics` holds errors and warnings in the order of the file; at least one is an error.
    """

    id = "IRA1100"

    def __init__(self, file: Path | str, diagnostics: Sequence[Diagnostic]) -> None:
        errors = sum(each.severity == "error" for each in diagnostics)
        super().__init__(
            f"{file} has {errors} problem{'s' * (errors != 1)}",
            why="The file must be right as a whole before anything is planned from it.",
            fix="Put right what is listed above, then run `iam-ra validate`.",
        )
        self.diagnostics = tuple(diagnostics)

    def render(self) -> str:
        """Return all problems and their number as plain text."""
        return "\n\n".join([*(each.render() for each in self.diagnostics), self.what])


def dotted(path: Sequence[str | int]) -> str:
    """Return a path inside the file as text: `hosts.web.roles[0]`."""
    parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return printable("".join(parts).removeprefix("."))


def printable(text: str) -> str:
    """Return `text` with what could steer a terminal written out, one line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


_EXCERPT = 100


def _window(line: str, start: int, width: int) -> tuple[str, str, str]:
    """Return what stands before the mark, what is marked, and the part of a line that fits a screen."""
    offset = 0 if len(line) <= _EXCERPT else max(0, min(start - _EXCERPT // 3, len(line) - _EXCERPT))
    shown = line[offset : offset + _EXCERPT]
    lead, tail = "…" * bool(offset), "…" * (offset + _EXCERPT < len(line))
    before = lead + _visible(shown[: start - offset])
    marked = _visible(shown[start - offset : start - offset + width])
    return before, marked, f"{lead}{_visible(shown)}{tail}".rstrip()


def _visible(text: str) -> str:
    return "".join(" " if c == "\t" else c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _cells(text: str) -> int:
    """Return the columns of a terminal that `text` takes."""
    narrow = sum(not unicodedata.combining(c) for c in text)
    return narrow + sum(unicodedata.east_asian_width(c) in "WF" for c in text)
