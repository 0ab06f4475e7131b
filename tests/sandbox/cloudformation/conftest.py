"""Stacks over real HTTP, as short calls."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from iam_ra.sandbox.cloudformation import cloudformation_backends

if TYPE_CHECKING:
    from iam_ra.sandbox.cloudformation.models import CloudFormationBackend

CAPABILITIES = ["CAPABILITY_NAMED_IAM"]
PATIENCE_SECONDS = 20


class Stacks:
    """Creates, changes and looks at stacks; `client` is the plain boto3 client."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def begin(self, name: str, template: Any, **options: Any) -> str:
        body = template if isinstance(template, str) else json.dumps(template)
        options.setdefault("Capabilities", CAPABILITIES)
        return str(self.client.create_stack(StackName=name, TemplateBody=body, **options)["StackId"])

    def create(self, name: str, template: Any, **options: Any) -> dict[str, Any]:
        return self.settled(self.begin(name, template, **options))

    def update(self, name: str, template: Any = None, **options: Any) -> dict[str, Any]:
        options.setdefault("Capabilities", CAPABILITIES)
        if template is None:
            options["UsePreviousTemplate"] = True
        else:
            options["TemplateBody"] = template if isinstance(template, str) else json.dumps(template)
        return self.settled(str(self.client.update_stack(StackName=name, **options)["StackId"]))

    def delete(self, name: str, **options: Any) -> dict[str, Any]:
        stack_id = self.describe(name)["StackId"]
        self.client.delete_stack(StackName=name, **options)
        return self.settled(stack_id)

    def describe(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.describe_stacks(StackName=name)["Stacks"][0]
        return found

    def settled(self, stack_id: str) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE_SECONDS
        while (found := self.describe(stack_id))["StackStatus"].endswith("_IN_PROGRESS"):
            assert time.monotonic() < end, f"{stack_id} did not come to rest: {found['StackStatus']}"
            time.sleep(0.01)
        return found

    def events(self, name: str) -> list[dict[str, Any]]:
        """Oldest first."""
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=name)
        return [event for page in pages for event in page["StackEvents"]][::-1]

    def steps(self, name: str, logical_id: str) -> list[str]:
        """The statuses that a resource went through, repeats left out."""
        statuses = [
            each["ResourceStatus"] for each in self.events(name) if each["LogicalResourceId"] == logical_id
        ]
        return [
            status for index, status in enumerate(statuses) if index == 0 or statuses[index - 1] != status
        ]

    def reasons(self, name: str, status: str) -> dict[str, str]:
        """The last reason for a status, by logical id."""
        found = [each for each in self.events(name) if each["ResourceStatus"] == status]
        return {each["LogicalResourceId"]: each.get("ResourceStatusReason", "") for each in found}

    def physical_id(self, name: str, logical_id: str) -> str:
        detail = self.client.describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
        return str(detail["StackResourceDetail"]["PhysicalResourceId"])


@pytest.fixture
def stacks(aws: Any) -> Stacks:
    return Stacks(aws("cloudformation"))


@pytest.fixture
def backend(sandbox: Any) -> CloudFormationBackend:
    return cloudformation_backends[sandbox.settings.account_id]["us-east-1"]


def parameter(value: Any = "one", name: str = "/p", **extra: Any) -> dict[str, Any]:
    properties = {"Name": name, "Type": "String", "Value": value, **extra}
    return {"Type": "AWS::SSM::Parameter", "Properties": properties}


def template(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


@pytest.fixture(name="parameter")
def _parameter() -> Any:
    return parameter


@pytest.fixture(name="template")
def _template() -> Any:
    return template
