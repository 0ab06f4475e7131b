from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from iam_ra.sandbox import loopback


@pytest.mark.conforms(
    "CloudFormation: Sixteen stacks live at once, each with its own creation, update and deletion.",
    source="AWS CloudFormation User Guide: Stack status codes",
)
def test_sixteen_stacks_at_once_each_with_a_life(stacks: Any, parameter: Any, template: Any) -> None:
    watching = threading.Event()

    def live(number: int) -> list[str]:
        name = f"s{number}"
        body = template(A=parameter("v", f"/{name}/a"), B=parameter({"Ref": "A"}, f"/{name}/b"))
        changed = template(A=parameter("w", f"/{name}/a"), C=parameter({"Ref": "A"}, f"/{name}/c"))
        return [
            stacks.create(name, body)["StackStatus"],
            stacks.update(name, changed)["StackStatus"],
            stacks.delete(name)["StackStatus"],
        ]

    def watch() -> None:
        while not watching.is_set():
            for page in stacks.client.get_paginator("describe_stacks").paginate():
                for stack in page["Stacks"]:
                    stacks.client.describe_stack_events(StackName=stack["StackId"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(live, range(48)))
    watching.set()
    watcher.join()
    assert found == [["CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"]] * 48


@pytest.mark.conforms(
    "CloudFormation: Resources that do not depend on each other go side by side.",
    source="AWS CloudFormation User Guide: DependsOn attribute",
)
def test_independent_resources_go_side_by_side(stacks: Any, parameter: Any, template: Any) -> None:
    stacks.create("s", template(**{f"P{n}": parameter("v", f"/p{n}") for n in range(20)}))
    statuses = [each["ResourceStatus"] for each in stacks.events("s")]
    assert statuses[1:21] == ["CREATE_IN_PROGRESS"] * 20


def test_an_interrupted_operation_no_longer_moves_its_stack(
    stacks: Any, backend: Any, parameter: Any, template: Any
) -> None:
    stacks.create("s", template(A=parameter()))
    stack = backend.stack("s")
    interrupted = stack.operation
    stacks.delete("s")
    interrupted.move("CREATE_COMPLETE")
    assert stack.status == "DELETE_COMPLETE"


def test_a_call_for_a_world_that_was_reset_is_not_made(aws: Any) -> None:
    ssm = loopback.client("ssm", "us-east-1", "123456789012")
    over = threading.Event()
    with loopback.working_for(over):
        ssm.put_parameter(Name="/before", Type="String", Value="v")
        over.set()
        with pytest.raises(loopback.AbandonedError):
            ssm.put_parameter(Name="/after", Type="String", Value="v")
    assert [each["Name"] for each in aws("ssm").describe_parameters()["Parameters"]] == ["/before"]


def test_motos_cloudformation_is_never_loaded() -> None:
    # In a process of its own: other tests load cfn-lint.
    code = """
import sys
import boto3
from iam_ra.sandbox.server import Server
with Server() as server:
    client = boto3.client(
        "cloudformation", "us-east-1", endpoint_url=server.endpoint_url, aws_access_key_id="a", aws_secret_access_key="b"
    )
    assert client.describe_stacks()["Stacks"] == []
print([name for name in sys.modules if name == "cfnlint" or name.startswith("moto.cloudformation.")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
