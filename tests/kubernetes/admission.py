"""What a cluster with our ValidatingAdmissionPolicies says to a request. Source: Kubernetes, "Validating Admission Policy"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.kubernetes.cel import CelError, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Request:
    """One write to the API: `resource` is `group/plural`, with an empty group for core."""

    resource: str
    object: Mapping[str, Any]
    namespace: str
    groups: tuple[str, ...] = ("system:authenticated",)
    operation: str = "CREATE"

    @property
    def values(self) -> dict[str, Any]:
        return {
            "object": self.object,
            "request": {
                "namespace": self.namespace,
                "operation": self.operation,
                "userInfo": {"username": "somebody", "groups": list(self.groups)},
            },
        }


def refusals(documents: Iterable[Mapping[str, Any]], request: Request) -> list[str]:
    """Return why the policies among the documents refuse a request: messages, errors included; empty when they admit it."""
    found = list(documents)
    bound = {
        each["spec"]["policyName"]
        for each in found
        if each["kind"] == "ValidatingAdmissionPolicyBinding"
        and each["spec"]["validationActions"] == ["Deny"]
    }
    policies = [
        each
        for each in found
        if each["kind"] == "ValidatingAdmissionPolicy" and each["metadata"]["name"] in bound
    ]
    return [message for policy in policies for message in _refusals(policy["spec"], request)]


def _refusals(spec: Mapping[str, Any], request: Request) -> list[str]:
    assert spec["failurePolicy"] == "Fail"
    if not any(_matches(rule, request) for rule in spec["matchConstraints"]["resourceRules"]):
        return []
    values = request.values
    try:
        if not all(evaluate(each["expression"], values) for each in spec.get("matchConditions", ())):
            return []
    except CelError as error:
        return [f"matchConditions: {error}"]
    values["variables"] = _Variables(spec.get("variables", ()), values)
    return [
        message
        for each in spec["validations"]
        if (message := _refusal(each["expression"], each["message"], values))
    ]


def _refusal(expression: str, message: str, values: Mapping[str, Any]) -> str:
    try:
        return "" if evaluate(expression, values) else message
    except CelError as error:
        return f"{message} ({error})"


def _matches(rule: Mapping[str, Any], request: Request) -> bool:
    group, _, plural = request.resource.rpartition("/")
    return (
        group in rule["apiGroups"] and plural in rule["resources"] and request.operation in rule["operations"]
    )


class _Variables(dict[str, Any]):
    """Evaluated when they are asked for, as there."""

    def __init__(self, variables: Iterable[Mapping[str, str]], values: Mapping[str, Any]) -> None:
        super().__init__()
        self._expressions = {each["name"]: each["expression"] for each in variables}
        self._values = values

    def __missing__(self, name: str) -> Any:
        return evaluate(self._expressions[name], {**self._values, "variables": self})
