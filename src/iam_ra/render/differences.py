"""How two texts differ, line by line."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from iam_ra.render.style import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iam_ra.render.style import Style


def difference_lines(before: str, after: str, name: str, style: Style, *, context: int = 3) -> Iterator[str]:
    """Yield a unified diff of two versions of the file `name`, coloured; nothing when they are the same."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, n=context, lineterm="")
    for line in lines:
        paint = {"+": style.green, "-": style.red, " ": str}.get(line[0], style.dim)
        yield paint(harmless(line))
