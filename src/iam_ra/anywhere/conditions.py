"""The conditions of a policy statement, held against a request.

Source: AWS IAM User Guide, "IAM JSON policy elements: Condition operators" and "Multivalued context keys". What this
module does not know is never guessed: it comes back undecided, with the reason.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from iam_ra.anywhere.globs import Pattern, UnresolvedVariableError, pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ARN_PARTS = 6
SHOWN_VALUES = 5
SET_OPERATORS = frozenset({"ForAnyValue", "ForAllValues"})
IF_EXISTS = "IfExists"
TAG_FAMILIES = ("aws:principaltag/", "aws:requesttag/")
# Keys that other callers' requests have and a service's AssumeRole has not.
# UNCERTAIN: token-issue-time: taken to be absent, since a service calls without temporary credentials of its own.
ABSENT_KEYS = frozenset({
    "aws:multifactorauthage",
    "aws:multifactorauthpresent",
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:tokenissuetime",
    "aws:username",
    "sts:externalid",
    "sts:transitivetagkeys",
})  # fmt: skip


class UndecidedError(Exception):
    """This evaluation does not know what AWS would say."""


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """One operator and key: whether it holds (None: undecided), and what was compared, as a sentence."""

    holds: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One action that a service wants on a role. Keys of `keys` and `absent` are in lower case."""

    action: str
    service: str
    keys: Mapping[str, tuple[str, ...]]
    absent: frozenset[str] = field(default=ABSENT_KEYS)

    def values(self, key: str) -> tuple[str, ...] | None:
        """Return a key's values, or None when the request has no such key. Raises UndecidedError for unknown keys."""
        name = key.lower()
        if name in self.keys:
            return self.keys[name] or None
        if name in self.absent or name.startswith(TAG_FAMILIES):
            return None
        raise UndecidedError(f"the condition key {key} is not known here")

    def variable(self, key: str) -> str | None:
        """Return the value that a policy variable stands for, or None when there is not exactly one."""
        values = self.values(key)
        return values[0] if values and len(values) == 1 else None


@dataclass(frozen=True, slots=True)
class _Operator:
    matches: Callable[[Pattern, str], bool]
    negated: bool = False
    variables: bool = True


def evaluate_condition(
    name: str, key: str, wanted: Any, context: RequestContext, *, variables: bool
) -> ConditionResult:
    """Evaluate one key of a condition; `wanted` is the JSON value of the policy, one or a list.

    `variables`: whether `${...}` is filled in, which the policy's version decides.
    """
    try:
        values = _texts(wanted)
        holds = _holds(name, key, values, context, variables=variables)
        present = context.values(key)
    except (UndecidedError, UnresolvedVariableError) as error:
        return ConditionResult(None, f"{name} {key}: undecided, {error}")
    shown = ", ".join(map(repr, values[:SHOWN_VALUES])) + (", …" if len(values) > SHOWN_VALUES else "")
    found = ", ".join(map(repr, present)) if present else "no such key"
    return ConditionResult(holds, f"{name} {key}: the policy says {shown}; the request has {found}")


def _holds(name: str, key: str, wanted: tuple[str, ...], context: RequestContext, *, variables: bool) -> bool:
    set_operator, _, plain = name.rpartition(":")
    if set_operator and set_operator not in SET_OPERATORS:
        raise UndecidedError(f"the operator {name} is not known here")
    present = context.values(key)
    if plain == "Null":
        return _null(set_operator, wanted, present)
    rule = OPERATORS.get(plain.removesuffix(IF_EXISTS))
    if rule is None:
        raise UndecidedError(f"the operator {name} is not known here")
    if present is None:
        return plain.endswith(IF_EXISTS) or _without_key(set_operator, rule)
    lookup = context.variable if variables and rule.variables else None
    patterns = [pattern(each, lookup) for each in wanted]
    each_value = [
        any(rule.matches(each, value) for each in patterns) is not rule.negated for value in present
    ]
    if not set_operator and len(each_value) > 1:
        raise UndecidedError(f"{key} has several values and needs ForAnyValue or ForAllValues")
    return any(each_value) if set_operator == "ForAnyValue" else all(each_value)


def _without_key(set_operator: str, rule: _Operator) -> bool:
    """Say what holds when the key is missing: a negation does, and so does a statement about all of no values."""
    return set_operator == "ForAllValues" or (not set_operator and rule.negated)


def _null(set_operator: str, wanted: tuple[str, ...], present: tuple[str, ...] | None) -> bool:
    if set_operator or len(wanted) != 1 or wanted[0].lower() not in {"true", "false"}:
        raise UndecidedError("Null takes true or false, and no set operator")
    return (present is None) is (wanted[0].lower() == "true")


def _texts(wanted: Any) -> tuple[str, ...]:
    items: Iterable[Any] = wanted if isinstance(wanted, list | tuple) else (wanted,)
    return tuple(_text(item) for item in items)


def _text(item: Any) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str | int | float):
        return str(item)
    raise UndecidedError("a condition value is neither text, number nor boolean")


def _arn_matches(wanted: Pattern, value: str) -> bool:
    """Match the six parts of an ARN one by one; ArnEquals and ArnLike do the same."""
    parts = wanted.split(":", ARN_PARTS)
    if len(parts) != ARN_PARTS:
        raise UndecidedError(f"{wanted.text!r} is not an ARN")
    found = value.split(":", ARN_PARTS - 1)
    return len(found) == ARN_PARTS and all(
        part.matches(text) for part, text in zip(parts, found, strict=True)
    )


def _bool_matches(wanted: Pattern, value: str) -> bool:
    if wanted.text.lower() not in {"true", "false"}:
        raise UndecidedError(f"{wanted.text!r} is neither true nor false")
    return wanted.text.lower() == value.lower()


def _number(text: str) -> Decimal:
    try:
        read = Decimal(text)
    except InvalidOperation:
        read = Decimal("NaN")
    if not read.is_finite():
        raise UndecidedError(f"{text!r} is not a number")
    return read


def _date(text: str) -> datetime:
    """Read a date as W3C's ISO 8601 profile or as seconds since 1970."""
    try:
        if re.fullmatch(r"\d+", text) and len(text) != len("2026"):
            return datetime.fromtimestamp(int(text), UTC)
        read = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise UndecidedError(f"{text!r} is not a date") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _ordered(
    read: Callable[[str], Any], compare: Callable[[Any, Any], bool], *, negated: bool = False
) -> _Operator:
    return _Operator(
        lambda wanted, value: compare(read(value), read(wanted.text)), negated=negated, variables=False
    )


def _family(prefix: str, read: Callable[[str], Any]) -> dict[str, _Operator]:
    return {
        f"{prefix}Equals": _ordered(read, operator.eq),
        f"{prefix}NotEquals": _ordered(read, operator.eq, negated=True),
        f"{prefix}LessThan": _ordered(read, operator.lt),
        f"{prefix}LessThanEquals": _ordered(read, operator.le),
        f"{prefix}GreaterThan": _ordered(read, operator.gt),
        f"{prefix}GreaterThanEquals": _ordered(read, operator.ge),
    }


def _same(wanted: Pattern, value: str) -> bool:
    return wanted.text == value


def _same_but_for_case(wanted: Pattern, value: str) -> bool:
    return wanted.text.lower() == value.lower()


OPERATORS: Mapping[str, _Operator] = {
    "StringEquals": _Operator(_same),
    "StringNotEquals": _Operator(_same, negated=True),
    "StringEqualsIgnoreCase": _Operator(_same_but_for_case),
    "StringNotEqualsIgnoreCase": _Operator(_same_but_for_case, negated=True),
    "StringLike": _Operator(Pattern.matches),
    "StringNotLike": _Operator(Pattern.matches, negated=True),
    "ArnEquals": _Operator(_arn_matches),
    "ArnLike": _Operator(_arn_matches),
    "ArnNotEquals": _Operator(_arn_matches, negated=True),
    "ArnNotLike": _Operator(_arn_matches, negated=True),
    "Bool": _Operator(_bool_matches, variables=False),
    **_family("Numeric", _number),
    **_family("Date", _date),
}
