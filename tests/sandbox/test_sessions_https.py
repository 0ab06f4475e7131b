"""The sandbox over TLS: clients that trust its authority, clients that do not, clients that say nothing."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import SSLError

from iam_ra.sandbox import process, tls
from iam_ra.sandbox.server import Server


def trusting(server: Server) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=server.authority_pem)


def connect(server: Server, context: ssl.SSLContext, name: str = "127.0.0.1") -> ssl.SSLSocket:
    parts = urlsplit(server.https_url)
    raw = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5)
    return context.wrap_socket(raw, server_hostname=name)


def sts(url: str, verify: str) -> Any:
    return boto3.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=url,
        verify=verify,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_boto3_speaks_https_with_the_authority_as_its_bundle(sandbox: Server, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text(sandbox.authority_pem)
    client = sts(sandbox.https_url, str(bundle))
    assert client.get_caller_identity()["Account"] == "123456789012"
    client.close()


def test_another_authority_is_not_trusted(sandbox: Server, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text(tls.make_tls().authority_pem)
    client = sts(sandbox.https_url, str(bundle))
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        client.get_caller_identity()
    client.close()


@pytest.mark.parametrize(
    "name",
    [
        "127.0.0.1",
        "localhost",
        "rolesanywhere.us-east-1.amazonaws.com",
        "rolesanywhere.ap-southeast-2.amazonaws.com",
    ],
)
def test_it_goes_by_the_names_of_the_service(sandbox: Server, name: str) -> None:
    with connect(sandbox, trusting(sandbox), name) as connection:
        assert connection.version() in {"TLSv1.2", "TLSv1.3"}


def test_it_goes_by_no_other_name(sandbox: Server) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(sandbox, trusting(sandbox), "sts.us-east-1.amazonaws.com")


def test_clients_that_say_nothing_keep_nobody_waiting(sandbox: Server) -> None:
    parts = urlsplit(sandbox.https_url)
    address = (parts.hostname or "", parts.port or 0)
    idle = [socket.create_connection(address) for _ in range(5)]
    started = time.perf_counter()
    client = http.client.HTTPSConnection(*address, timeout=5, context=trusting(sandbox))
    client.request("GET", process.HEALTH_PATH)
    assert client.getresponse().status == 200
    assert time.perf_counter() - started < 2
    client.close()
    for connection in idle:
        connection.close()


def test_a_client_that_never_shakes_hands_is_hung_up_on(
    sandbox: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iam_ra.sandbox.http.HANDSHAKE_SECONDS", 0.1)
    parts = urlsplit(sandbox.https_url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5) as connection:
        assert connection.recv(1) == b""


def test_plain_http_on_the_tls_port_is_hung_up_on(sandbox: Server) -> None:
    parts = urlsplit(sandbox.https_url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert b"HTTP/1.1" not in connection.recv(100)


def test_closing_ends_idle_connections() -> None:
    server = Server()
    connection = connect(server, trusting(server))
    connection.sendall(f"GET {process.HEALTH_PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    server.close()
    assert connection.recv(1) == b""
    connection.close()


def test_each_start_has_an_authority_of_its_own_whose_key_is_gone() -> None:
    one, other = tls.make_tls(), tls.make_tls()
    assert one.authority_pem != other.authority_pem
    assert "PRIVATE" not in one.authority_pem


def test_the_background_process_says_where_its_authority_is(tmp_path: Path) -> None:
    endpoint = process.up(tmp_path)
    try:
        assert Path(endpoint.ca_bundle) == tmp_path / ".iam-ra" / "sandbox.pem"
        client = sts(endpoint.https_url, endpoint.ca_bundle)
        assert client.get_caller_identity()["Account"] == "123456789012"
        client.close()
        written = b"".join(file.read_bytes() for file in (tmp_path / ".iam-ra").iterdir())
        assert b"PRIVATE KEY" not in written
    finally:
        process.down(tmp_path)
