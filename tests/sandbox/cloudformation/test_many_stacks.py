from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any


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


def test_independent_resources_go_side_by_side(stacks: Any, parameter: Any, template: Any) -> None:
    stacks.create("s", template(**{f"P{n}": parameter("v", f"/p{n}") for n in range(20)}))
    statuses = [each["ResourceStatus"] for each in stacks.events("s")]
    assert statuses[1:21] == ["CREATE_IN_PROGRESS"] * 20


def test_motos_cloudformation_is_never_loaded(stacks: Any) -> None:
    assert stacks.client.describe_stacks()["Stacks"] == []
    assert not [name for name in sys.modules if name.startswith("moto.cloudformation.")]
    assert "cfnlint" not in sys.modules
