"""A sandbox for the clients of one worker, emptied for each test, and a machine with a home of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from tests.e2e.clients.clients import Machine
from tests.e2e.clients.estate import REGION, Estate

from iam_ra.sandbox.server import Server
from iam_ra.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# As the other worlds of a worker have it: their sandboxes share one state, and the last one's settings.
OPERATION_SECONDS = 0.01


@pytest.fixture(scope="session")
def _clients_server() -> Iterator[Server]:
    with Server(Settings(operation_seconds=OPERATION_SECONDS)) as server:
        server.warm_up()
        yield server


@pytest.fixture
def machine(_clients_server: Server, tmp_path: Path) -> Machine:
    _clients_server.reset()
    bundle = tmp_path / "ca.pem"
    bundle.write_text(_clients_server.authority_pem)
    home = tmp_path / "it's home"
    home.mkdir()
    return Machine(home, _clients_server, bundle)


@pytest.fixture(scope="session")
def _session() -> boto3.Session:
    """What reads the services' models, which takes longer than all else of an estate."""
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)


@pytest.fixture
def estate(machine: Machine, tmp_path: Path, _session: boto3.Session) -> Iterator[Estate]:
    made: list[Any] = []

    def client(service: str) -> Any:
        made.append(_session.client(service, endpoint_url=machine.server.endpoint_url))  # type: ignore[call-overload]
        return made[-1]

    folder = tmp_path / "the host's files"
    folder.mkdir()
    yield Estate(folder, client)
    for each in made:
        each.close()
