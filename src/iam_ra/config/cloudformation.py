"""What CloudFormation would not leave as it is written: dynamic references, and functions in policy documents.

Source: AWS CloudFormation User Guide, "Get values stored in other services using dynamic references" and "Intrinsic
function reference".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from iam_ra.config.diagnostics import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iam_ra.config.source import Source

Path: TypeAlias = "tuple[str | int, ...]"

_REFERENCE = "{{resolve:"


def has_reference(source: Source, path: Path, text: str) -> bool:
    """Tell whether a text at `path` holds a dynamic reference, after reporting it."""
    found = _REFERENCE in text
    if found:
        _report_reference(source, path)
    return found


def check_document(source: Source, document: Any, path: Path) -> set[Path]:
    """Report every dynamic reference and every function in a policy document.

    Return the paths of the functions, of the values that they would give, and of lists with such values: what else is
    wrong there is not known.
    """
    computed: set[Path] = set()
    if isinstance(document, dict):
        for key, value in document.items():
            if _REFERENCE in key:
                _report_reference(source, (*path, key), key=True)
            computed |= check_document(source, value, (*path, key))
        for key in _functions(document):
            _report_function(source, (*path, key), key)
            computed |= {(*path, key), path}
    elif isinstance(document, list):
        for index, value in enumerate(document):
            inside = check_document(source, value, (*path, index))
            computed |= inside | ({path} if (*path, index) in inside else set())
    elif isinstance(document, str):
        has_reference(source, path, document)
    return computed


def _functions(mapping: dict[str, Any]) -> Iterator[str]:
    """Return the keys that make a mapping a function; Fn::Transform is one beside other keys too."""
    for key, value in mapping.items():
        alone = key == "Ref" or (key == "Condition" and isinstance(value, str))
        if key.startswith("Fn::") or (alone and len(mapping) == 1):
            yield key


def _report_reference(source: Source, path: Path, *, key: bool = False) -> None:
    source.report(
        Check.DYNAMIC_REFERENCE,
        path,
        f"the text `{_REFERENCE}` cannot stand here",
        why="CloudFormation would put the value of a parameter or a secret there, and no template can escape it.",
        fix="Write the value itself, or take the text out.",
        at="key" if key else "value",
    )


def _report_function(source: Source, path: Path, key: str) -> None:
    source.report(
        Check.TEMPLATE_FUNCTION,
        path,
        f"`{key}` is a function of CloudFormation's templates",
        why="This is the policy itself, not a template, and the policy language has no functions.",
        fix="Write what it would give, such as the ARN.",
        at="key",
    )
