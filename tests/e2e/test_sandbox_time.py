"""The sandbox's clock, limits and faults as iam-ra itself meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.e2e.world import EXAMPLE, World, small

from iam_ra.sandbox import loopback
from iam_ra.sandbox.server import LOCK, Server
from iam_ra.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.wire import Wire


def test_a_year_passes(world: World) -> None:
    """Certificates of 365 days, renewed 60 days before their end: 320 days on, the plan renews them and says when."""
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    world.write(small())
    world.apply()
    world.settled()
    now = world.server.turn_clock("+320d")
    plan = world.plan()
    assert plan.changes["host/web:certificate"] == "update"
    (reason,) = plan.reasons["host/web:certificate"]
    assert str(now.year) in reason or str(now.year + 1) in reason, reason
    world.apply()
    world.settled()
    world.run("verify", "--all").expect()


def test_apply_outlasts_throttling_and_errors(world: World) -> None:
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    world.write(small())
    faults = world.server.faults
    faults.add("throttle", "cloudformation", every=4)
    faults.add("500", "s3", every=5)
    faults.add("reset", "iam", nth=1)
    world.apply()
    assert all(fault.hits for fault in faults.waiting())
    faults.clear()
    world.settled()


@pytest.fixture
def limited(_server: tuple[Server, Wire], tmp_path: Path) -> Iterator[World]:
    usual, wire = _server
    usual.reset()
    with Server(Settings(real_limits=True)) as server:
        yield World(tmp_path, server, wire).begin()
        server.reset()
    loopback.connect(usual._app, usual.settings, LOCK)


def test_the_example_is_applied_within_aws_s_rates(limited: World) -> None:
    limited.more["SOPS_AGE_KEY"] = str(limited.identity)
    limited.write(EXAMPLE.read_text())
    limited.run("apply", "--yes").expect()
    refused = [entry for entry in limited.server.calls.last(2000) if entry.status == 429]
    assert {entry.by for entry in refused} >= {"cloudformation"}, "else nothing was put to the test"
    limited.settled()
