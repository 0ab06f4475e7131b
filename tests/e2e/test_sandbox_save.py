"""A whole account goes into a file, and comes back in another process."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.e2e.world import EXAMPLE, World, client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.wire import Wire

    from iam_ra.sandbox.server import Server


@pytest.fixture
def alone(tmp_path: Path, _server: tuple[Server, Wire]) -> Iterator[World]:
    """A world without an AWS: it is told of one by `sandbox env`."""
    world = World(tmp_path, *_server).begin()
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    yield world
    world.run("sandbox", "down")


def up(world: World, *arguments: str) -> None:
    world.run("sandbox", "up", *arguments).expect()
    world.more |= {
        name: value
        for name, value in cast(dict[str, Any], world.run("sandbox", "env", "--json").expect().json)[
            "data"
        ].items()
        if value is not None
    }


def test_the_example_comes_back(alone: World) -> None:
    alone.write(EXAMPLE.read_text())
    up(alone)
    alone.apply()
    alone.run("sandbox", "clock", "+10d").expect()
    queues = client(alone.more["AWS_ENDPOINT_URL"], "sqs")
    queues.create_queue(QueueName="q")
    saved = alone.run("sandbox", "save", "account.saved").expect()
    file = alone.root / "account.saved"
    assert saved.stdout == f"Saved to {file}\n"
    assert saved.stderr == "Left out, since iam-ra does not use them: sqs\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    refused = alone.run("sandbox", "up", "--from", "account.saved").expect(1)
    assert "A sandbox runs here already." in refused.said
    alone.run("sandbox", "down").expect()
    up(alone, "--from", "account.saved")
    alone.settled()
    alone.run("verify", "--all").expect()
    clock = alone.run("sandbox", "clock", "--json").expect().json["data"]
    assert clock["shifted"]


def test_what_is_refused_is_explained(alone: World) -> None:
    up(alone)
    alone.write(EXAMPLE.read_text())
    said = alone.run("sandbox", "save", "iam-ra.yaml").expect(1).said
    assert "iam-ra.yaml is not replaced." in said
    assert alone.file.read_text() == EXAMPLE.read_text()
    alone.run("sandbox", "down").expect()
    assert "No sandbox runs" in alone.run("sandbox", "save", "x").expect(1).said
    said = alone.run("sandbox", "up", "--from", "iam-ra.yaml").expect(1).said
    assert "iam-ra.yaml is no sandbox that was saved." in said
    assert alone.run("sandbox", "status").code == 1
