"""The files that lie beside the code: templates, and the example of a file. Any layer may read them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from iam_ra.engine.errors import InternalError

EXAMPLE = "iam-ra.yaml.example"
# In an installed package, or else in the checkout of an editable install.
_FOLDERS = (Path(__file__).parent / "templates", Path(__file__).parents[2] / "templates")


@cache
def source(name: str) -> str:
    """Return a template's text. Raises InternalError for a name that is not there."""
    if name not in names():
        raise InternalError(f"There is no template {name}.", why=f"It is not in {folder()}.")
    return (folder() / name).read_text(encoding="utf-8")


@cache
def names() -> frozenset[str]:
    """Return the names of all templates: paths below the templates' folder, with forward slashes."""
    return frozenset(path.relative_to(folder()).as_posix() for path in folder().rglob("*") if path.is_file())


def example() -> str:
    """Return the text of `iam-ra.yaml.example`, which lies beside the templates, installed or not."""
    return (folder().parent / EXAMPLE).read_text(encoding="utf-8")


@cache
def folder() -> Path:
    """Return the folder that holds the templates."""
    for place in _FOLDERS:
        if place.is_dir():
            return place
    raise InternalError(
        "The templates are missing.", why=f"None of {[str(place) for place in _FOLDERS]} is there."
    )
