"""A sandbox for each worker, emptied before each world; the command line runs as a process against it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.e2e.wire import Wire
from tests.e2e.world import World, close_clients

from iam_ra.aws.permissions import TABLE
from iam_ra.sandbox.server import Server
from iam_ra.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# The shortest that still shows each stack in progress first.
OPERATION_SECONDS = 0.01
# Names the file that the needed actions are written to, for tests/e2e/uncalled.py.
CALLS = "IAM_RA_CALLS"
LISTED = frozenset(action for grant in TABLE for action in grant.actions)


@pytest.fixture(scope="session", autouse=True)
def _no_account_of_the_developer() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [
            name for name in os.environ if name.startswith(("AWS_", "MOTO_", "SOPS_", "IAM_RA_FILE"))
        ]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield


@pytest.fixture(scope="session")
def _server() -> Iterator[tuple[Server, Wire]]:
    with Server(Settings(operation_seconds=OPERATION_SECONDS)) as server:
        wire = Wire(server._app)
        server._http.app = wire
        server.warm_up()
        yield server, wire
        close_clients()
        if CALLS in os.environ:
            calls = Path(os.environ[CALLS])
            calls.parent.mkdir(parents=True, exist_ok=True)
            with calls.open("a", encoding="utf-8") as file:
                file.writelines(f"{action}\n" for action in sorted(wire.needed))


def _expect_listed(wire: Wire) -> None:
    """Fail for a call that the table of permissions does not have."""
    missing = sorted(wire.needed - LISTED)
    assert not missing, f"not in iam_ra.aws.permissions.TABLE: {', '.join(missing)}"


@pytest.fixture
def world(_server: tuple[Server, Wire], tmp_path: Path) -> Iterator[World]:
    server, wire = _server
    server.reset()
    wire.clear()
    yield World(tmp_path, server, wire).begin()
    _expect_listed(wire)


@pytest.fixture(scope="module")
def standing(_server: tuple[Server, Wire], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world for the tests of a module that all look at one applied file, and leave it as they found it."""
    server, wire = _server
    server.reset()
    wire.clear()
    yield World(tmp_path_factory.mktemp("standing"), server, wire).begin()
    _expect_listed(wire)
