"""Values of a policy: text with wildcards and policy variables.

Source: AWS IAM User Guide, "IAM policy elements: Variables and tags" and "String condition operators".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE = re.compile(r"\$\{(?P<key>[^},]+)(?:,\s*'(?P<default>[^']*)')?\}")
ESCAPES = frozenset("*?$")


class UnresolvedVariableError(Exception):
    """A policy variable has no single value in the request, and no default."""


class Wild(Enum):
    """A wildcard: any run of characters (also none), or exactly one."""

    MANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A policy value with its variables filled in: single characters and wildcards.

    What a variable brought is literal: an asterisk in a certificate's name never becomes a wildcard.
    """

    tokens: tuple[str | Wild, ...]

    @property
    def text(self) -> str:
        """The value as operators without wildcards read it."""
        return "".join(token.value if isinstance(token, Wild) else token for token in self.tokens)

    def matches(self, text: str) -> bool:
        """Return whether the whole text fits. Takes at most len(pattern) * len(text) steps."""
        at, here, star, resume = 0, 0, -1, 0
        while here < len(text):
            token = self.tokens[at] if at < len(self.tokens) else None
            if token is Wild.MANY:
                star, resume = at, here
                at += 1
            elif token is Wild.ONE or token == text[here]:
                at, here = at + 1, here + 1
            elif star >= 0:
                resume += 1
                at, here = star + 1, resume
            else:
                return False
        return all(token is Wild.MANY for token in self.tokens[at:])

    def split(self, separator: str, parts: int) -> list[Pattern]:
        """Cut at a literal character into at most so many parts."""
        pieces: list[list[str | Wild]] = [[]]
        for token in self.tokens:
            if token == separator and len(pieces) < parts:
                pieces.append([])
            else:
                pieces[-1].append(token)
        return [Pattern(tuple(piece)) for piece in pieces]


def pattern(text: str, lookup: Callable[[str], str | None] | None = None) -> Pattern:
    """Read a policy value.

    `lookup` returns the value of a condition key, or None; without a lookup `${...}` is plain text, as in policies of
    version 2008-10-17. `${*}`, `${?}` and `${$}` stand for the characters themselves. Raises UnresolvedVariableError.
    """
    tokens: list[str | Wild] = []
    start = 0
    for found in VARIABLE.finditer(text) if lookup else ():
        tokens += _plain(text[start : found.start()])
        tokens += _value(found, lookup)
        start = found.end()
    return Pattern((*tokens, *_plain(text[start:])))


def _plain(text: str) -> list[str | Wild]:
    return [Wild(character) if character in "*?" else character for character in text]


def _value(found: re.Match[str], lookup: Callable[[str], str | None] | None) -> str:
    key = found["key"].strip()
    if key in ESCAPES:
        return key
    value = lookup(key) if lookup else None
    if value is None:
        value = found["default"]
    if value is None:
        raise UnresolvedVariableError(f"the policy variable ${{{key}}} has no value in this request")
    return value
