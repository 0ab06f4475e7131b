"""The few ANSI colours that a plan needs, the rule for when to use them, and what makes foreign text harmless."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTH: Final = 80
ColorMode: TypeAlias = Literal["auto", "always", "never"]

# Stands for a space that must not become a line break.
_STUCK: Final = "\ue000"


@dataclass(frozen=True, slots=True)
class Style:
    """Wraps text into ANSI colours, or leaves it as it is when `color` is false."""

    color: bool = False

    def bold(self, text: str) -> str:
        """Set names apart."""
        return self._wrap("1", text)

    def dim(self, text: str) -> str:
        """Set what is only said by the way."""
        return self._wrap("2", text)

    def red(self, text: str) -> str:
        """Mark what goes, and errors."""
        return self._wrap("31", text)

    def green(self, text: str) -> str:
        """Mark what comes."""
        return self._wrap("32", text)

    def yellow(self, text: str) -> str:
        """Mark what changes, and warnings."""
        return self._wrap("33", text)

    def magenta(self, text: str) -> str:
        """Mark what is replaced."""
        return self._wrap("35", text)

    def cyan(self, text: str) -> str:
        """Mark a place or a command."""
        return self._wrap("36", text)

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text


def wants_color(mode: ColorMode, stream: IO[str], environ: Mapping[str, str]) -> bool:
    """Decide whether to colour what goes to `stream`.

    `always` and `never` are obeyed. Else a non-empty NO_COLOR says no (https://no-color.org), then FORCE_COLOR says
    yes, then it takes a terminal that is not dumb.
    """
    if mode != "auto":
        return mode == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return environ["FORCE_COLOR"] != "0"
    return stream.isatty() and environ.get("TERM") != "dumb"


def harmless(text: str) -> str:
    r"""Return `text` with all that could steer a terminal or reorder a line (ESC, CR, bidi marks) spelled out as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )


def cells(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(each) for each in text)


def _cells_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def pad(text: str, width: int) -> str:
    """Fill `text` up to `width` columns."""
    return text + " " * (width - cells(text))


def elide(text: str, room: int) -> str:
    """Cut the middle out of a text that takes more than `room` columns: ARNs and paths are told apart by their ends."""
    if cells(text) <= room:
        return text
    tail = _head(text[::-1], (room - 1) * 3 // 5)[::-1]
    return f"{_head(text, room - 1 - cells(tail))}…{tail}"


def _head(text: str, room: int) -> str:
    used = 0
    for index, each in enumerate(text):
        used += _cells_of(each)
        if used > room:
            return text[:index]
    return text


def wrap(text: str, *, first: str = "", rest: str = "", width: int = WIDTH) -> list[str]:
    """Break harmless `text` into lines of `width` columns; what stands between backticks is a command and stays whole."""
    glued = re.sub(r"`[^`]*`", lambda found: found.group().replace(" ", _STUCK), harmless(text))
    lines = textwrap.wrap(
        glued,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_STUCK, " ") for line in lines] or [first.rstrip()]
