"""A stack in the middle of things: found by its name and in the list, and closed to updates."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from iam_ra.sandbox import loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

# As long as it takes to be seen: these are made and deleted one after the other.
NAMES = ("A", "B", "C")


@pytest.fixture
def chain(parameter: Any, template: Any) -> Any:
    def made(folder: str) -> Any:
        values: list[Any] = ["v", *({"Ref": name} for name in NAMES)]
        resources = {
            name: parameter(value, f"/{folder}/{name}") for name, value in zip(NAMES, values, strict=False)
        }
        return template(**resources)

    return made


@pytest.fixture
def unhurried(sandbox: Any) -> Iterator[None]:
    """Let each state last long enough to be seen on a busy machine."""
    settings = loopback.settings()
    loopback.connect(sandbox._app, replace(settings, operation_seconds=0.4))
    yield
    loopback.connect(sandbox._app, settings)


def passed_through(stacks: Any, name: str) -> list[str]:
    """Return the statuses of a stack while it is on its way; in each one it takes no other operation."""
    seen: list[str] = []
    while (found := _listed(stacks, name)).endswith("_IN_PROGRESS"):
        if found not in seen:
            seen.append(found)
            closed(stacks, name)
    return [*seen, found]


def closed(stacks: Any, name: str) -> None:
    with pytest.raises(ClientError, match="_IN_PROGRESS state and can not be updated"):
        stacks.client.update_stack(StackName=name, UsePreviousTemplate=True)
    with pytest.raises(ClientError) as raised:
        stacks.begin(name, {"Resources": {"A": {"Type": "AWS::S3::Bucket"}}})
    assert raised.value.response["Error"]["Code"] == "AlreadyExistsException"


def _listed(stacks: Any, name: str) -> str:
    """Return the status, which every way of looking tells."""
    by_name = stacks.describe(name)
    (listed,) = stacks.client.describe_stacks()["Stacks"]
    assert listed["StackId"] == by_name["StackId"]
    assert stacks.client.describe_stack_resources(StackName=name)["StackResources"]
    return str(by_name["StackStatus"])


@pytest.mark.conforms(
    "CloudFormation: A stack is found in every state on its way, and takes no update there.",
    source="AWS CloudFormation User Guide: Stack status codes",
)
@pytest.mark.usefixtures("unhurried")
def test_every_state_on_the_way(stacks: Any, backend: Any, chain: Any) -> None:
    backend.fail_resource("C", "create", "no luck")
    stacks.begin("failing", chain("x"))
    assert passed_through(stacks, "failing") == [
        "CREATE_IN_PROGRESS",
        "ROLLBACK_IN_PROGRESS",
        "ROLLBACK_COMPLETE",
    ]
    stacks.delete("failing")

    stacks.begin("s", chain("a"))
    assert passed_through(stacks, "s") == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]

    def update(folder: str) -> list[str]:
        stacks.client.update_stack(StackName="s", TemplateBody=json.dumps(chain(folder)))
        return passed_through(stacks, "s")

    assert update("b") == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_COMPLETE",
    ]
    backend.fail_resource("C", "create", "no luck")
    assert update("c") == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]
    stack_id = stacks.describe("s")["StackId"]
    stacks.client.delete_stack(StackName="s")
    assert _listed(stacks, "s") == "DELETE_IN_PROGRESS"
    closed(stacks, "s")
    assert stacks.settled(stack_id)["StackStatus"] == "DELETE_COMPLETE"
