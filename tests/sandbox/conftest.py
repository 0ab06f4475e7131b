"""A sandbox for each test session (one a worker under xdist), empty at the start of each test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

import boto3
import pytest
from botocore.config import Config
from tests.sandbox import conformance

from iam_ra.sandbox.server import Server
from iam_ra.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "conforms(behaviour, source): a row of the conformance table")
    # Under xdist the reports of all workers reach the controller; a worker sees its own only.
    if os.environ.get("UPDATE_GOLDEN") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(conformance.Writer(conformance.rows()))


class Aws(Protocol):
    """Makes a boto3 client of one service that talks to the sandbox."""

    def __call__(self, service: str, region: str = "us-east-1") -> Any: ...


@pytest.fixture(scope="session", autouse=True)
def _no_account_of_the_developer() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield


@pytest.fixture(scope="session")
def _server() -> Iterator[Server]:
    with Server(Settings()) as server:
        yield server


@pytest.fixture
def sandbox(_server: Server) -> Server:
    _server.reset()
    return _server


@pytest.fixture(scope="session")
def _clients(_server: Server) -> Iterator[Aws]:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")
    clients: dict[tuple[str, str], Any] = {}

    def client(service: str, region: str = "us-east-1") -> Any:
        if (service, region) not in clients:
            clients[service, region] = session.client(
                service,  # type: ignore[call-overload]
                region_name=region,
                endpoint_url=_server.endpoint_url,
                config=Config(retries={"total_max_attempts": 1}, max_pool_connections=32),
            )
        return clients[service, region]

    yield client
    for made in clients.values():
        made.close()


@pytest.fixture
def aws(sandbox: Server, _clients: Aws) -> Aws:
    del sandbox  # asked for only to be reset
    return _clients
