"""The intrinsic functions that the sandbox knows: Ref, Fn::GetAtt, Fn::Sub, Fn::Join.

Source: AWS CloudFormation template reference, intrinsic functions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from iam_ra.sandbox.cloudformation.errors import ValidationError, not_offered

if TYPE_CHECKING:
    from collections.abc import Iterator

PSEUDO_PARAMETERS = frozenset(
    f"AWS::{name}"
    for name in (
        "AccountId",
        "NotificationARNs",
        "NoValue",
        "Partition",
        "Region",
        "StackId",
        "StackName",
        "URLSuffix",
    )
)
NO_VALUE: Any = object()
PLACEHOLDER = re.compile(r"\$\{(!?)([^{}]*)\}")
PAIR = 2


@dataclass(frozen=True, slots=True)
class Reference:
    """What a function points to: a resource or pseudo parameter (`attribute` empty), or a resource's attribute."""

    name: str
    attribute: str = ""


class Scope(Protocol):
    """What references mean while a stack operation runs."""

    def value(self, reference: Reference) -> Any:
        """Return what a reference stands for; NO_VALUE removes the property that holds it."""


def references(value: Any) -> Iterator[Reference]:
    """Yield every reference in a template value.

    Raises ValidationError for a malformed function and for one that the sandbox does not offer.
    """
    function = _function(value)
    if function:
        yield from _function_references(*function)
    elif isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def resolve(value: Any, scope: Scope) -> Any:
    """Return a template value with every function replaced by what it stands for."""
    function = _function(value)
    if function:
        return _call(*function, scope)
    if isinstance(value, dict):
        items = {key: resolve(item, scope) for key, item in value.items()}
        return {key: item for key, item in items.items() if item is not NO_VALUE}
    if isinstance(value, list):
        return [item for item in (resolve(each, scope) for each in value) if item is not NO_VALUE]
    return value


def _function(value: Any) -> tuple[str, Any] | None:
    if isinstance(value, dict) and len(value) == 1:
        ((name, argument),) = value.items()
        if name == "Ref" or str(name).startswith("Fn::"):
            return name, argument
    return None


def _function_references(name: str, argument: Any) -> Iterator[Reference]:
    if name == "Ref":
        if not isinstance(argument, str):
            raise ValidationError("Template error: every Ref object must have a single String value.")
        yield Reference(argument)
    elif name == "Fn::GetAtt":
        yield _attribute(argument)
    elif name == "Fn::Sub":
        text, variables = _substitution(argument)
        yield from references(list(variables.values()))
        for literal, inner in PLACEHOLDER.findall(text):
            if not literal and inner not in variables:
                yield _dotted(inner)
    elif name == "Fn::Join":
        yield from references(_join(argument)[1])
    else:
        raise not_offered(f"the function {name}")


def _call(name: str, argument: Any, scope: Scope) -> Any:
    if name == "Ref":
        return scope.value(Reference(argument))
    if name == "Fn::GetAtt":
        return scope.value(_attribute(argument))
    if name == "Fn::Join":
        delimiter, items = _join(argument)
        return delimiter.join(_text(item) for item in resolve(items, scope))
    text, variables = _substitution(argument)
    known = resolve(variables, scope)

    def replacement(match: re.Match[str]) -> str:
        literal, inner = match.groups()
        if literal:
            return "${" + inner + "}"
        return _text(known[inner] if inner in known else scope.value(_dotted(inner)))

    return PLACEHOLDER.sub(replacement, text)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _dotted(text: str) -> Reference:
    name, _, attribute = text.strip().partition(".")
    return Reference(name, attribute)


def _attribute(argument: Any) -> Reference:
    if isinstance(argument, str) and "." in argument:
        return _dotted(argument)
    if (
        isinstance(argument, list)
        and len(argument) == PAIR
        and all(isinstance(part, str) for part in argument)
    ):
        return Reference(argument[0], argument[1])
    raise ValidationError(
        "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute"
    )


def _substitution(argument: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(argument, str):
        return argument, {}
    if (
        isinstance(argument, list)
        and len(argument) == PAIR
        and isinstance(argument[0], str)
        and isinstance(argument[1], dict)
    ):
        return argument[0], argument[1]
    raise ValidationError(
        "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string"
    )


def _join(argument: Any) -> tuple[str, list[Any]]:
    if (
        isinstance(argument, list)
        and len(argument) == PAIR
        and isinstance(argument[0], str)
        and isinstance(argument[1], list)
    ):
        return argument[0], argument[1]
    raise ValidationError(
        "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
    )
