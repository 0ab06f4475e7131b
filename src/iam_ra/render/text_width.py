"""How wide a text is that a browser will draw, in a font that is not known: as wide as in the widest of the usual ones."""

from __future__ import annotations

import unicodedata
from typing import Final

# Advance widths of the printable characters of ASCII in thousandths of the font size, from the space on: those of
# DejaVu Sans, wider than the sans-serif fonts of the usual systems.
_REGULAR: Final = """
318 401 460 838 637 951 780 275 391 391 500 838 318 361 318 337 637 637 637 637 637 637 637 637 637
637 337 337 838 838 838 531 1000 685 687 699 771 632 576 775 752 295 295 656 558 863 749 788 604 788
695 635 611 732 685 989 686 611 686 391 337 391 838 500 500 613 635 550 635 616 353 635 634 278 278
580 278 975 634 612 635 635 412 521 393 634 592 818 592 592 525 637 337 637 838
"""
_BOLD: Final = """
349 457 521 838 696 1002 873 307 458 458 523 838 380 416 380 366 696 696 696 696 696 696 696 696 696
696 400 400 838 838 838 581 1000 774 763 734 831 684 684 821 837 373 373 775 638 996 837 851 733 851
771 721 683 813 774 1104 771 725 726 458 366 458 838 500 500 675 716 593 716 679 436 716 712 343 343
666 343 1042 712 688 716 716 494 596 479 712 652 924 646 652 583 712 366 712 838
"""
_TABLES: Final = tuple(tuple(map(int, table.split())) for table in (_REGULAR, _BOLD))
_FIRST: Final = ord(" ")
# For what is not in the table: no letter of the usual fonts is wider than that.
_UNKNOWN: Final = 1300
_THOUSAND: Final = 1000
ELLIPSIS: Final = "…"


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return an upper bound of the width of a line in pixels; `size` is the font's."""
    return sum(_advance(each, bold=bold) for each in text) * size / _THOUSAND


def is_measured(text: str) -> bool:
    """Tell whether the table has every character, so that the bound holds; other scripts may be drawn by any font."""
    return all(_FIRST <= ord(each) < _FIRST + len(_TABLES[0]) or each == ELLIPSIS for each in text)


def shortened(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """Return a text of at most `room` pixels, its middle cut out where it is longer: names are told apart by their ends."""
    if text_width(text, size, bold=bold) <= room:
        return text
    kept = len(text)
    while kept:
        kept -= 1
        tail = kept * 3 // 5
        cut = f"{text[: kept - tail]}{ELLIPSIS}{text[len(text) - tail :]}"
        if text_width(cut, size, bold=bold) <= room:
            return cut
    return ELLIPSIS


def _advance(character: str, *, bold: bool) -> int:
    table = _TABLES[bold]
    index = ord(character) - _FIRST
    if 0 <= index < len(table):
        return table[index]
    if character == ELLIPSIS:
        return _THOUSAND
    return 0 if unicodedata.combining(character) else _UNKNOWN
