"""Cells that several tables have: days that are left, moments, what is disabled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iam_ra.render.table import Cell

if TYPE_CHECKING:
    from iam_ra.render.style import Style

_SOON_DAYS = 30


def days_cell(days: int | None, style: Style) -> Cell:
    """Return the days that a certificate lasts, red where they are few; nothing where there is no certificate."""
    if days is None:
        return Cell("")
    return Cell(f"{days:,}", style.red if days <= _SOON_DAYS else style.green)


def moment_cell(text: str) -> Cell:
    """Return a moment in ISO 8601 to the minute; an empty text stays empty."""
    return Cell(text[:16].replace("T", " "))


def disabled_cell(style: Style) -> Cell:
    """Return that something is disabled."""
    return Cell("disabled", style.yellow)
