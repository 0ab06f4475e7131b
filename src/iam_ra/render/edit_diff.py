"""The edit of a file for people: the lines of a unified diff, in colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iam_ra.render.style import Style, harmless

if TYPE_CHECKING:
    from collections.abc import Sequence


def diff_text(lines: Sequence[str], *, color: bool = False) -> str:
    """Return a unified diff as text that ends in a newline; empty when nothing differs."""
    style = Style(color)
    paints = {"+": style.green, "-": style.red, "@": style.cyan}
    shown = (
        style.bold(harmless(line)) if index < 2 else paints.get(line[:1], str)(harmless(line))  # noqa: PLR2004 - the two lines with the names
        for index, line in enumerate(lines)
    )
    return "".join(f"{line}\n" for line in shown)
