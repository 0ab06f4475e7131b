"""An edit in words and lines, for whoever has to make it by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iam_ra.config import yaml_style as styles
from iam_ra.config.diagnostics import dotted

if TYPE_CHECKING:
    from collections.abc import Mapping

_MISSING = object()


def by_hand(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return what to write, and what to take out, for the data to become what is wanted."""
    lines: list[str] = []
    for section in [*new, *(key for key in old if key not in new)]:
        before, after = old.get(section), new.get(section)
        if before == after:
            continue
        if not isinstance(before, dict) or not isinstance(after, dict):
            lines.append(_entry(section, after) if section in new else f"without {section}")
            continue
        changed = [key for key, value in after.items() if before.get(key, _MISSING) != value]
        lines += [f"{section}:"] * bool(changed)
        for key in changed:
            entry = after[key]
            inside = entry if isinstance(entry, dict) and entry else None
            lines.append(f"  {_entry(key, entry)}" if inside is None else f"  {styles.scalar(key)}:")
            lines += [f"    {_entry(name, value)}" for name, value in (inside or {}).items()]
        lines += [f"without {dotted((section, key))}" for key in before if key not in after]
    return lines


def _entry(key: str, value: Any) -> str:
    return styles.flow({key: value}, styles.Style())[1:-1]
