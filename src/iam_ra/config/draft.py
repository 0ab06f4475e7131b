"""The file as the schema reads it, with every structural problem said, and what is left usable for further checks.

A value that is wrong is taken out and the rest is read again, so that a typo in one entry never hides a bad reference
in another one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, cast, get_args, get_origin

from pydantic import ValidationError

from iam_ra.config.diagnostics import Check, dotted
from iam_ra.config.entry import Entry
from iam_ra.config.fields import describe
from iam_ra.config.schema import FileEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic_core import ErrorDetails

    from iam_ra.config.source import Source

Path: TypeAlias = "tuple[str | int, ...]"
SECTIONS = ("certificate_authorities", "roles", "hosts", "clusters")

# Read where the file's own value is missing or wrong, so that the rest can be checked.
_STAND_INS = {"version": "1", "namespace": "default", "region": "us-east-1", "roles": ["stand-in"]}
_GONE = object()
_TYPES = {
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "list_type": "a list",
    "string_type": "a text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "time_delta_type": "a duration",
}
_EXAMPLES = {
    "a mapping": "Write it as `key: value` lines below it, or {} for none.",
    "a list": "Write it in brackets: [{0}]",
    "a text": "Write one text; quote it if it begins with a bracket.",
    "true or false": "Write true or false.",
    "a whole number": "Write digits only.",
    "a duration": "Write a duration such as 90d.",
}
# What belongs somewhere else than where it is most often tried.
_HINTS = {
    "policy": "policies",
    "role": "roles",
    "authority": "ca",
    "certificate_authority": "ca",
    "cas": "certificate_authorities",
    "cn": "identity",
    "account": "account_id",
    "managed_policies": "policies",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """`entry` is what could be read; `names` all keys of each section, wrong entries included; `broken` what was wrong."""

    entry: FileEntry
    names: Mapping[str, tuple[str, ...]]
    broken: frozenset[Path] = field(default_factory=frozenset)

    def sound(self, *path: str) -> bool:
        """Return whether the file had no structural problem at `path`, nor above it."""
        return not self.broken or not any(path[:length] in self.broken for length in range(1, len(path) + 1))


def check_mapping(source: Source) -> bool:
    """Tell whether a source is a mapping, after reporting to it if not."""
    if isinstance(source.data, dict):
        return True
    source.report(
        Check.NO_MAPPING,
        (),
        f"the file must be a mapping, not {describe(source.data)}",
        why="It begins with keys such as version, namespace and region.",
        fix="Start from iam-ra.yaml.example.",
    )
    return False


def read_draft(source: Source) -> Draft | None:
    """Return what the schema makes of a source, after reporting every structural problem to it.

    None when the file as a whole cannot be read further.
    """
    if not check_mapping(source):
        return None
    data = source.data
    broken = set(_nulls(data))
    for path in broken:
        _report_null(source, path)
    names = {
        section: tuple(entries) if isinstance(entries := data.get(section), dict) else ()
        for section in SECTIONS
    }
    if "certificate_authorities" not in data:
        names["certificate_authorities"] = ("default",)
    entry = _validate(source, _edited(data, dict.fromkeys(broken, _GONE)), broken)
    return Draft(entry, names, frozenset(broken)) if entry else None


def _validate(source: Source, data: dict[str, Any], broken: set[Path]) -> FileEntry | None:
    """Validate; report what is wrong, take it out and validate again. Adds to `broken` what was taken out."""
    # The first round finds what is written; a second one what is needed and had to be taken out.
    for _ in range(3):
        try:
            return FileEntry.model_validate(data)
        except ValidationError as error:
            problems = error.errors(include_url=False)
        edits: dict[Path, Any] = {}
        for problem in problems:
            path = _whole(tuple(problem["loc"]))
            # A key that an item of a list lacks takes the whole list away.
            missing = problem["type"] == "missing" and path == tuple(problem["loc"])
            if not (missing and path in broken):
                _report(source, problem)
            edits[path] = _STAND_INS[str(path[-1])] if missing else _GONE
        broken.update(edits)
        data = _edited(data, edits)
    return None


def _whole(path: Path) -> Path:
    """Return the path of the whole list for a problem of one item."""
    return next((path[:index] for index, step in enumerate(path) if isinstance(step, int)), path)


def _edited(data: dict[str, Any], edits: Mapping[Path, Any]) -> dict[str, Any]:
    """Return a copy of `data` with the values at some paths replaced or, where the edit is `_GONE`, taken out."""
    tree: dict[str | int, Any] = {}
    for path, edit in edits.items():
        branch = tree
        for step in path[:-1]:
            branch = branch.setdefault(step, _Branch())
        branch[path[-1]] = edit
    return cast("dict[str, Any]", _grafted(data, tree))


class _Branch(dict["str | int", Any]):
    """Edits further inside, unlike a mapping that is itself a new value."""


def _grafted(data: Any, tree: Mapping[str | int, Any]) -> Any:
    if isinstance(data, list):
        edited = enumerate(data)
        return [_grafted(v, tree[i]) if i in tree else v for i, v in edited if tree.get(i) is not _GONE]
    if not isinstance(data, dict):
        return data
    result = dict(data)
    for key, edit in tree.items():
        if edit is _GONE:
            result.pop(str(key), None)
        elif not isinstance(edit, _Branch):
            result[str(key)] = edit
        elif key in result:
            result[str(key)] = _grafted(result[str(key)], edit)
    return result


def _nulls(data: Any, path: Path = (), seen: set[int] | None = None) -> Iterator[Path]:
    """Return the paths of empty values, of what aliases repeat only the first."""
    seen = set() if seen is None else seen
    if data is None:
        yield path
    elif isinstance(data, dict | list) and id(data) not in seen:
        seen.add(id(data))
        for step, value in data.items() if isinstance(data, dict) else enumerate(data):
            if not isinstance(value, str):
                yield from _nulls(value, (*path, step), seen)


# Saying what is wrong


def _report_null(source: Source, path: Path) -> None:
    source.report(
        Check.NO_VALUE,
        path,
        f"`{dotted(path[-1:])}` has no value",
        why="An empty value could mean none, or something that got lost.",
        fix="Write a value ({} for an empty mapping, [] for an empty list), or remove the line.",
        at="key",
    )


def _report(source: Source, problem: ErrorDetails) -> None:
    path, kind = tuple(problem["loc"]), problem["type"]
    context = problem.get("ctx", {})
    if kind in Check.__members__:
        source.report(Check[kind], path, context["what"], why=context["why"], fix=context["fix"])
    elif kind == "extra_forbidden":
        _report_unknown(source, path)
    elif kind == "missing":
        _report_missing(source, path)
    elif problem["input"] is None:
        _report_null(source, path)
    elif kind == "literal_error":
        _report_choice(source, path, problem["input"], str(context["expected"]))
    else:
        wanted = _TYPES.get(kind, "something else")
        given = problem["input"]
        source.report(
            Check.WRONG_TYPE,
            path,
            f"`{dotted(path[-1:])}` must be {wanted}, not {describe(given)}",
            why=_meaning(path),
            fix=_EXAMPLES.get(wanted, "See the reference of the file.").replace("{0}", str(given)),
        )


def _report_unknown(source: Source, path: Path) -> None:
    key, allowed = str(path[-1]), sorted(keys_at(path[:-1]))
    near = nearest(key, allowed)
    source.report(
        Check.UNKNOWN_KEY,
        path,
        f"unknown key `{key}`",
        why=f"Keys here: {', '.join(allowed)}.",
        fix=f"Did you mean `{near}`?" if near else "Remove it.",
        at="key",
    )


def _report_missing(source: Source, path: Path) -> None:
    key = str(path[-1])
    field_ = _model_at(path[:-1]).model_fields[key]
    example = (field_.examples or [""])[0]
    source.report(
        Check.MISSING_KEY,
        path,
        f"`{key}` is missing" + (f" in `{dotted(path[:-1])}`" if path[:-1] else ""),
        why=f"{field_.description}",
        fix=f"Add it, for example `{key}: {str(example).replace(chr(39), '')}`.",
        at="key",
    )


def _report_choice(source: Source, path: Path, given: Any, expected: str) -> None:
    choices = [word.strip("' ") for word in expected.replace(" or ", ",").split(",")]
    text = given if isinstance(given, str) else describe(given)
    near = nearest(str(given), choices) or (choices[0] if len(choices) == 1 else "")
    source.report(
        Check.NO_CHOICE,
        path,
        f"`{text}` is none of the choices",
        why=f"Possible here: {', '.join(choices)}.",
        fix=f"Did you mean `{near}`?" if near else f"Write one of {', '.join(choices)}.",
    )


def _meaning(path: Path) -> str:
    """Return what the schema says about the key at `path`."""
    *above, key = _whole(path)
    fields = _model_at(tuple(above)).model_fields
    return (
        str(fields[str(key)].description)
        if str(key) in fields
        else "The entries of this mapping are mappings."
    )


def nearest(word: str, candidates: Iterable[str]) -> str:
    """Return the candidate that `word` most likely means, or an empty text."""
    known = list(candidates)
    hint = _HINTS.get(word.lower(), "")
    if hint in known:
        return hint
    folded = {each.casefold(): each for each in known}
    close = get_close_matches(word.casefold().replace("-", "_"), folded, n=1) or get_close_matches(
        word.casefold(), folded, n=1
    )
    return folded[close[0]] if close else ""


def keys_at(path: Path) -> set[str]:
    """Return the keys that the mapping at `path` may have."""
    return set(_model_at(path).model_fields)


def _model_at(path: Path) -> type[Entry]:
    model: type[Entry] = FileEntry
    steps = iter(path)
    for step in steps:
        inner, is_nested = _inner(model, str(step))
        if inner is None:
            break
        model = inner
        if is_nested:
            next(steps, None)
    return model


@cache
def _inner(model: type[Entry], key: str) -> tuple[type[Entry] | None, bool]:
    """Return the model of a field, or of the values of a field that is a mapping or a list."""
    annotation = model.model_fields[key].annotation
    if isinstance(annotation, type) and issubclass(annotation, Entry):
        return annotation, False
    if get_origin(annotation) in {dict, list}:
        value = get_args(annotation)[-1]
        if isinstance(value, type) and issubclass(value, Entry):
            return value, True
    return None, False
