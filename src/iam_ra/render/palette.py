"""The colours of pictures and pages: one set for light, one for dark, by the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# The reader's own; none of them is wider than the table in text_width says.
FONTS: Final = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Noto Sans',sans-serif"

LIGHT: Final[Mapping[str, str]] = {
    "ground": "#ffffff",
    "raised": "#f5f7fa",
    "line": "#d5dbe3",
    "edge": "#7d8794",
    "ink": "#1b2430",
    "quiet": "#566171",
    "accent": "#0b63c5",
    "authority": "#7443c6",
    "cluster": "#0e7480",
    "host": "#0b63c5",
    "workload": "#4b5bd3",
    "role": "#b02c78",
    "added": "#157a36",
    "changed": "#8f5b00",
    "deleted": "#c4262e",
    "added-ground": "#e6f5ea",
    "changed-ground": "#fdf3dc",
    "deleted-ground": "#fdebea",
}
DARK: Final[Mapping[str, str]] = {
    "ground": "#0e131a",
    "raised": "#171e28",
    "line": "#333e4d",
    "edge": "#7f8b9b",
    "ink": "#e7ecf2",
    "quiet": "#a3afbf",
    "accent": "#6cb2ff",
    "authority": "#b794ff",
    "cluster": "#4fc3cf",
    "host": "#6cb2ff",
    "workload": "#9aa8ff",
    "role": "#ff8fc8",
    "added": "#56d07a",
    "changed": "#e8b339",
    "deleted": "#ff7b79",
    "added-ground": "#10281a",
    "changed-ground": "#2c230e",
    "deleted-ground": "#331a1c",
}


def variables(colors: Mapping[str, str]) -> str:
    """Return the declarations of a set, each colour as a variable: `--ink:#1b2430`."""
    return ";".join(f"--{name}:{value}" for name, value in colors.items())


def themed(selector: str) -> str:
    """Return rules that give a selector the colours of the reader's theme; on paper it is light."""
    dark = f"@media screen and (prefers-color-scheme:dark){{{selector}{{{variables(DARK)}}}}}"
    return f"{selector}{{{variables(LIGHT)}}}{dark}"
