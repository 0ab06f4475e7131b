"""Foreign text as Markdown that cannot be anything but text, and lists and blocks that know how much room they take.

What could be more than text to Markdown or to GitHub (`|`, `<`, `@name`, `#12`, `:smile:`, an address of the web) stands
in a code span or in a fenced block, where nothing means anything but their end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

from iam_ra.render.style import elide, harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LONGEST_NAME: Final = 120
_LONGEST_TEXT: Final = 500
_COMMAND: Final = re.compile(r"`([^`]+)`")
_PLAIN: Final = re.compile(r"(?:[^\W_]|[-.,;:'\"()/%+=?!→…·])+")
# Emoji, links, and what GitHub takes for an issue or a commit.
_ACTIVE: Final = re.compile(r":[\w+-]+:|www\.|://|\bGH-\d|\b[0-9a-f]{7,64}\b", re.IGNORECASE)
# What makes a list, a heading or a rule of the line that it begins.
_OPENING: Final = re.compile(r"[-+=]+|\d+[.)]")
_EDGES: Final = re.compile(r"([(\"']*)(.*?)([)\"',.;:!?]*)", re.DOTALL)
_TICKS: Final = re.compile("`+")
# Stands for lines that are left out, and takes no more room than the shortest of them.
_ELLIPSIS: Final = "…"
_LEAST: Final = 2

Block: TypeAlias = "tuple[Sequence[str], int]"


def size(text: str) -> int:
    """Return the length of `text` in UTF-16 code units.

    GitHub's limit is said in characters and measured in some places in code points, in others in bytes (four for each
    of the 65,536); this count is never below the first, nor below a third of the second.
    """
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def code(text: str) -> str:
    """Return foreign text as a code span of one line; a long one loses its middle."""
    inner = elide(harmless(text), _LONGEST_NAME)
    ticks = "`" * (max(map(len, _TICKS.findall(inner)), default=0) + 1)
    # A span drops one space at each end, and its backticks must not touch its own.
    pad = " " if not inner.strip() or inner[0] in "` " or inner[-1] in "` " else ""
    return f"{ticks}{pad}{inner}{pad}{ticks}"


def prose(text: str) -> str:
    """Return a sentence in which foreign names may stand as one line; commands between backticks stay commands."""
    text = elide(" ".join(text.split()), _LONGEST_TEXT)
    line = ""
    for index, piece in enumerate(_COMMAND.split(text)):
        shown = code(piece) if index % 2 else _words(piece, begins=index == 0)
        # Two spans that touch would be one.
        line += f" {shown}" if line.endswith("`") and shown.startswith("`") else shown
    return line


def fenced(lines: Iterable[str], language: str = "") -> list[str]:
    """Return harmless lines as a fenced block."""
    kept = list(lines)
    # Only what begins a line can end the block.
    runs = [len(found[0]) for line in kept if (found := _TICKS.match(line.lstrip()))]
    fence = "`" * max([3, *(run + 1 for run in runs)])
    return [f"{fence}{language}", *kept, fence]


def folded(summary: str, lines: Iterable[str]) -> list[str]:
    """Return lines under a summary that opens them; the summary is plain text of our own."""
    return ["<details>", f"<summary>{summary}</summary>", "", *lines, "", "</details>"]


def cut(blocks: Sequence[Block], room: int) -> tuple[list[str], int]:
    """Return the lines of the blocks that go into `room`, a newline after each, and how many things are not whole in it.

    A block that is too long gives its first lines, one that cannot give two gives none.
    """
    kept: list[str] = []
    left = 0
    for lines, count in blocks:
        taken = 0
        fits = list(lines)
        for index, line in enumerate(lines):
            taken += size(line) + 1
            if taken > room:
                fits = [*lines[: index - 1], _ELLIPSIS] if index > _LEAST else []
                left += count
                break
        kept += fits
        room -= sum(size(line) + 1 for line in fits)
    return kept, left


def _words(text: str, *, begins: bool) -> str:
    """Return text with what may be more than text in code spans, the spaces at its ends kept."""
    words = [_word(each) for each in text.split()]
    if begins and words and _OPENING.fullmatch(words[0]):
        words[0] = code(words[0])
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() and words else ""
    return f"{before}{' '.join(words)}{after}"


def _word(word: str) -> str:
    if _PLAIN.fullmatch(word) and not _ACTIVE.search(word):
        return word
    found = _EDGES.fullmatch(word)
    before, inner, after = found.groups() if found else ("", word, "")
    return f"{before}{code(inner)}{after}" if inner else code(word)
