"""Which model of the schema describes which mapping of the file, and so the order of its keys."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, get_args, get_origin

from pydantic import BaseModel

from iam_ra.config.schema import FileEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Each(NamedTuple):
    """A list, or a mapping by name, whose values have one shape."""

    shape: Shape


Shape: TypeAlias = "type[BaseModel] | Each | None"


def keys_at(path: Sequence[str | int]) -> tuple[str, ...]:
    """Return the keys of the mapping at a path, in the order of the schema; none where names are the user's."""
    shape: Shape = FileEntry
    for step in path:
        shape = shape_below(shape, str(step))
    return () if shape is None or isinstance(shape, Each) else tuple(shape.model_fields)


def shape_below(shape: Shape, key: str) -> Shape:
    """Return the shape of the value of a key, or of an item of a list."""
    if isinstance(shape, Each):
        return shape.shape
    # What is merged has the keys of where it is merged to.
    return shape if shape is None or key == "<<" else _shapes(shape).get(key)


@cache
def _shapes(model: type[BaseModel]) -> Mapping[str, Shape]:
    return {name: _shape(each.annotation) for name, each in model.model_fields.items()}


def _shape(annotation: Any) -> Shape:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = next((found for each in get_args(annotation) if (found := _shape(each)) is not None), None)
    return Each(inner) if inner is not None and get_origin(annotation) in {dict, list} else inner
