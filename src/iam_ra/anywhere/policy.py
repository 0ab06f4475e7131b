"""Whether the trust policy of a role lets Roles Anywhere take it.

An explicit Deny wins over every Allow, and without an Allow nothing is allowed. What this evaluation does not know
(an operator, a condition key, an element) fails closed: an Allow with it is void, a Deny with it is effective, and the
decision names it. Source: AWS IAM User Guide, "Policy evaluation logic" and "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iam_ra.anywhere.conditions import ConditionResult, RequestContext, evaluate_condition
from iam_ra.anywhere.globs import pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION_WITH_VARIABLES = "2012-10-17"
VERSIONS = ("2008-10-17", VERSION_WITH_VARIABLES)
DOCUMENT_ELEMENTS = frozenset({"Version", "Id", "Statement"})
STATEMENT_ELEMENTS = frozenset({"Sid", "Effect", "Principal", "Action", "NotAction", "Condition"})
EFFECTS = ("Allow", "Deny")
PRINCIPAL_TYPES = frozenset({"AWS", "Service", "Federated", "CanonicalUser"})


@dataclass(frozen=True, slots=True)
class StatementResult:
    """One statement of a policy, counted from 1: whether it took effect, and why or why not.

    `matched` is None where the evaluation is undecided; `effective` says what that comes to.
    """

    number: int
    sid: str
    effect: str
    matched: bool | None
    reasons: tuple[str, ...]

    @property
    def effective(self) -> bool:
        """Whether the statement counts: undecided ones do when they deny and do not when they allow."""
        # UNCERTAIN: unresolved-variable: a variable without value leaves a statement undecided, too.
        return self.effect == "Deny" if self.matched is None else self.matched

    @property
    def label(self) -> str:
        """The statement as a reader finds it: `statement 2 "Hosts" (Allow)`."""
        return f"statement {self.number}" + (f' "{self.sid}"' if self.sid else "") + f" ({self.effect})"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy says to one action. `problem` is set when the document itself cannot be read."""

    action: str
    allowed: bool
    statements: tuple[StatementResult, ...]
    problem: str = ""

    @property
    def denied_by(self) -> StatementResult | None:
        """The first statement that denies, or None."""
        return next((each for each in self.statements if each.effect == "Deny" and each.effective), None)

    @property
    def allowed_by(self) -> StatementResult | None:
        """The first statement that allows, if no other denies."""
        allows = (each for each in self.statements if each.effect == "Allow" and each.effective)
        return next(allows, None) if self.allowed else None

    @property
    def undecided(self) -> tuple[StatementResult, ...]:
        """Return the statements that this evaluation could not decide."""
        return tuple(each for each in self.statements if each.matched is None)


def evaluate_policy(document: Any, context: RequestContext) -> Decision:
    """Evaluate a trust policy, as parsed JSON, for one action of a service."""
    problem = _problem(document)
    if problem:
        return Decision(context.action, allowed=False, statements=(), problem=problem)
    variables = document.get("Version") == VERSION_WITH_VARIABLES
    results = tuple(
        _statement(number, statement, context, variables=variables)
        for number, statement in enumerate(_list(document["Statement"]), 1)
    )
    effective = {each.effect for each in results if each.effective}
    return Decision(context.action, allowed=effective == {"Allow"}, statements=results)


def _problem(document: Any) -> str:
    if not isinstance(document, Mapping) or "Statement" not in document:
        return "the policy is not a JSON object with a Statement"
    if document.get("Version", VERSIONS[0]) not in VERSIONS:
        return f"the policy's Version {document['Version']!r} is not known"
    unknown = sorted(set(document) - DOCUMENT_ELEMENTS)
    if unknown:
        return f"the policy has the unknown element {unknown[0]}"
    for statement in _list(document["Statement"]):
        if not isinstance(statement, Mapping) or statement.get("Effect") not in EFFECTS:
            return "a statement has no Effect of Allow or Deny"
    return ""


def _statement(
    number: int, statement: Mapping[str, Any], context: RequestContext, *, variables: bool
) -> StatementResult:
    """Put the elements together: one that does not fit settles it, else one that is undecided leaves it open."""
    results = tuple(_elements(statement, context, variables=variables))
    outcomes = {each.holds for each in results}
    matched = False if False in outcomes else None if None in outcomes else True
    telling = [each.text for each in results if matched or each.holds is matched]
    return StatementResult(
        number, str(statement.get("Sid", "")), statement["Effect"], matched, tuple(telling)
    )


def _elements(
    statement: Mapping[str, Any], context: RequestContext, *, variables: bool
) -> Iterator[ConditionResult]:
    for name in sorted(set(statement) - STATEMENT_ELEMENTS):
        yield ConditionResult(None, f"undecided, the element {name} is not known here")
    yield _principal(statement.get("Principal"), context.service)
    yield _action(statement, context.action)
    condition = statement.get("Condition", {})
    if not isinstance(condition, Mapping) or not all(
        isinstance(each, Mapping) for each in condition.values()
    ):
        yield ConditionResult(None, "undecided, the Condition is not an object of objects")
        return
    for name, keys in condition.items():
        for key, wanted in keys.items():
            yield evaluate_condition(name, key, wanted, context, variables=variables)


def _principal(principal: Any, service: str) -> ConditionResult:
    # UNCERTAIN: any-principal: "*" is taken to include services.
    if principal == "*":
        return ConditionResult(True, "Principal * is everybody")
    if not isinstance(principal, Mapping) or not set(principal) <= PRINCIPAL_TYPES:
        return ConditionResult(None, "undecided, the Principal has a form that is not known here")
    services, accounts = _list(principal.get("Service", [])), _list(principal.get("AWS", []))
    if "*" in services:
        return ConditionResult(None, "undecided, a Service of * is no valid Principal")
    holds = service in services or "*" in accounts
    verb = "is" if holds else "is not"
    return ConditionResult(holds, f"Principal {json.dumps(principal)} {verb} {service}")


def _action(statement: Mapping[str, Any], action: str) -> ConditionResult:
    """Match the action; names and wildcards are case-insensitive."""
    if ("Action" in statement) is ("NotAction" in statement):
        return ConditionResult(None, "undecided, a statement needs one of Action and NotAction")
    element = "Action" if "Action" in statement else "NotAction"
    wanted = [str(each) for each in _list(statement[element])]
    listed = any(pattern(each.lower()).matches(action.lower()) for each in wanted)
    holds = listed is (element == "Action")
    return ConditionResult(
        holds, f"{element} {', '.join(wanted)} " + ("covers" if holds else "leaves out") + f" {action}"
    )


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
