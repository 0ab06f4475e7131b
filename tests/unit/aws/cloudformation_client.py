"""CloudFormation in memory: stacks whose next statuses a test writes down. Waiting costs no time."""

# The names of arguments are the client's own, and not all of them matter here.
# ruff: noqa: ARG002, N803

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.unit.aws.s3_client import client_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TAGS = {"iam-ra:namespace": "default"}


@dataclass
class FakeStack:
    """A stack; `coming` are the statuses that the next looks at it find."""

    id: str
    name: str
    status: str
    tags: Mapping[str, str]
    coming: list[str] = field(default_factory=list)
    is_protected: bool = False
    template: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    resources: dict[str, str] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        return {
            "StackId": self.id,
            "StackName": self.name,
            "StackStatus": self.status,
            "StackStatusReason": f"reason of {self.status}",
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
            "Outputs": [
                {"OutputKey": key, "OutputValue": each}
                for key, each in {"Digest": self.template, **self.outputs}.items()
            ],
            "CreationTime": NOW,
            "EnableTerminationProtection": self.is_protected,
        }


class FakeCloudFormation:
    """What `Stacks` calls, with what each operation leads to: `creates`, `updates`, `deletes`, `continues`."""

    def __init__(self) -> None:
        self.stacks: list[FakeStack] = []
        self.calls: Counter[str] = Counter()
        self.log: list[str] = []
        self.creates = ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
        self.updates = ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
        self.deletes = ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
        self.continues = ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]
        self.before: Callable[[str], None] = lambda _: None
        self.token = ""
        self.skipped: list[str] = []
        self.page = 2

    def add(
        self, name: str, status: str, *coming: str, tags: Mapping[str, str] = TAGS, **more: Any
    ) -> FakeStack:
        made = FakeStack(f"arn:stack/{name}/{len(self.stacks)}", name, status, tags, list(coming), **more)
        self.stacks.append(made)
        return made

    def alive(self, name: str) -> FakeStack | None:
        return next(
            (each for each in self.stacks if each.name == name and each.status != "DELETE_COMPLETE"), None
        )

    def _enter(self, operation: str, *, changes: bool = True) -> None:
        self.calls[operation] += 1
        self.before(operation)
        if changes:
            self.log.append(operation)

    def _named(self, name_or_id: str) -> FakeStack:
        by_id = next((each for each in self.stacks if each.id == name_or_id), None)
        found = by_id or self.alive(name_or_id)
        if found is None:
            raise client_error(
                "ValidationError", "DescribeStacks", f"Stack with id {name_or_id} does not exist"
            )
        return found

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:
        self._enter("describe_stacks", changes=False)
        found = self._named(StackName)
        shown = found.shown()
        if found.coming:
            found.status = found.coming.pop(0)
        return {"Stacks": [shown]}

    def create_stack(
        self,
        *,
        StackName: str,
        TemplateBody: str,
        Capabilities: list[str],
        Tags: list[dict[str, str]],
        ClientRequestToken: str,
        EnableTerminationProtection: bool,
    ) -> dict[str, str]:
        self._enter("create_stack")
        if self.alive(StackName):
            raise client_error("AlreadyExistsException", "CreateStack", f"Stack [{StackName}] already exists")
        self.token = ClientRequestToken
        made = self.add(StackName, *self.creates, tags={each["Key"]: each["Value"] for each in Tags})
        made.template = TemplateBody
        made.is_protected = EnableTerminationProtection
        return {"StackId": made.id}

    def update_stack(
        self,
        *,
        StackName: str,
        TemplateBody: str,
        Capabilities: list[str],
        Tags: list[dict[str, str]],
        ClientRequestToken: str,
    ) -> dict[str, str]:
        self._enter("update_stack")
        found = self._named(StackName)
        if not found.status.endswith("_COMPLETE") or found.status.startswith("ROLLBACK"):
            text = f"Stack:{found.id} is in {found.status} state and can not be updated."
            raise client_error("ValidationError", "UpdateStack", text)
        if found.template == TemplateBody:
            raise client_error("ValidationError", "UpdateStack", "No updates are to be performed.")
        self.token = ClientRequestToken
        found.template = TemplateBody
        found.status, *found.coming = self.updates
        return {"StackId": found.id}

    def delete_stack(self, *, StackName: str, ClientRequestToken: str) -> None:
        self._enter("delete_stack")
        found = self._named(StackName)
        if found.is_protected:
            text = f"Stack [{found.name}] cannot be deleted while TerminationProtection is enabled"
            raise client_error("ValidationError", "DeleteStack", text)
        self.token = ClientRequestToken
        found.status, *found.coming = self.deletes

    def describe_stack_resources(self, *, StackName: str) -> dict[str, Any]:
        self._enter("describe_stack_resources", changes=False)
        resources = self._named(StackName).resources.items()
        return {
            "StackResources": [{"LogicalResourceId": key, "ResourceStatus": each} for key, each in resources]
        }

    def continue_update_rollback(
        self, *, StackName: str, ResourcesToSkip: list[str], ClientRequestToken: str
    ) -> None:
        self._enter("continue_update_rollback")
        self.skipped = ResourcesToSkip
        found = self._named(StackName)
        assert found.status == "UPDATE_ROLLBACK_FAILED"
        found.status, *found.coming = self.continues

    def update_termination_protection(self, *, StackName: str, EnableTerminationProtection: bool) -> None:
        self._enter("protect" if EnableTerminationProtection else "unprotect")
        self._named(StackName).is_protected = EnableTerminationProtection

    def get_paginator(self, operation: str) -> Pages:
        return Pages(self, operation)


class Pages:
    """A paginator over stacks, or over the events of one, in pages of a few."""

    def __init__(self, client: FakeCloudFormation, operation: str) -> None:
        self._client = client
        self._operation = operation

    def paginate(self, *, StackName: str = "") -> Iterator[dict[str, Any]]:
        client = self._client
        if self._operation == "describe_stack_events":
            name, items = "StackEvents", list(client._named(StackName).events)
        else:
            alive = [each for each in client.stacks if each.status != "DELETE_COMPLETE"]
            name, items = "Stacks", [each.shown() for each in alive]
            for each in alive:
                if each.coming:
                    each.status = each.coming.pop(0)
        for start in range(0, max(len(items), 1), client.page):
            client.calls[f"page of {self._operation}"] += 1
            yield {name: items[start : start + client.page]}
