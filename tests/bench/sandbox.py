"""Measures how the sandbox takes many host stacks, beside moto's own CloudFormation. `make bench` runs it.

Each number of stacks gets servers of its own, as processes. A stack is what iam-ra makes for a host: two secrets. All
are created one after the other by one client, watched until none is in progress, then described by name, one by one.
The table tells how many secrets there are in the end, since moto passes over resources of types that it does not know.
Other numbers: `python tests/bench/sandbox.py 100 200`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from iam_ra.sandbox import process

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (500, 1_000, 2_000)
START_SECONDS = 60
# Above this many times the time of a stack in the smallest run, growth is no longer called linear.
LINEAR = 1.5


@dataclass(frozen=True)
class Row:
    """A line of the table: seconds for all stacks together."""

    server: str
    stacks: int
    secrets: int
    created: float
    described: float

    @property
    def per_stack(self) -> float:
        """Milliseconds for one stack, created and described."""
        return (self.created + self.described) * 1000 / self.stacks


def main(sizes: tuple[int, ...]) -> None:
    """Measure everything and print it."""
    say(f"Python {sys.version.split()[0]}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}\n")
    say(f"{'host stacks':<12} {'server':<8} {'secrets':>8} {'created':>10} {'described':>10} {'a stack':>10}")
    rows = []
    for stacks in sizes:
        for server, run in (("sandbox", sandbox), ("moto", moto)):
            with run() as url:
                row = Row(server, stacks, *measure(url, stacks))
            rows.append(row)
            say(
                f"{row.stacks:<12,} {row.server:<8} {row.secrets:>8,} {row.created:>8.1f} s {row.described:>8.1f} s {row.per_stack:>7.1f} ms"
            )
    say()
    for server in ("sandbox", "moto"):
        first, *_, last = [row for row in rows if row.server == server]
        growth = last.per_stack / first.per_stack
        word = "linear" if growth <= LINEAR else "not linear"
        say(f"{server}: a stack of {last.stacks:,} takes {growth:.2f} times one of {first.stacks:,} ({word})")


def measure(url: str, stacks: int) -> tuple[int, float, float]:
    """Return the number of secrets, the seconds until the last stack is complete, and those of describing each."""
    session = boto3.Session("test", "test", region_name="us-east-1")
    client = session.client("cloudformation", endpoint_url=url, config=Config(read_timeout=600))
    secrets = session.client("secretsmanager", endpoint_url=url)
    # A service is loaded at its first call. That takes the same time for few stacks and for many, so it is not counted.
    secrets.list_secrets()
    client.create_stack(StackName="first", TemplateBody=template(-1))
    since = time.perf_counter()
    for number in range(stacks):
        client.create_stack(StackName=f"host-{number}", TemplateBody=template(number))
    while (statuses := look(client)).count("CREATE_IN_PROGRESS"):
        time.sleep(0.1)
    created = time.perf_counter()
    assert statuses == ["CREATE_COMPLETE"] * (stacks + 1), sorted(set(statuses))
    for number in range(stacks):
        client.describe_stacks(StackName=f"host-{number}")
    described = time.perf_counter()
    count = sum(len(page["SecretList"]) for page in secrets.get_paginator("list_secrets").paginate())
    return count, created - since, described - created


def look(client: Any) -> list[str]:
    """Return the status of every stack."""
    pages = client.get_paginator("describe_stacks").paginate()
    return [stack["StackStatus"] for page in pages for stack in page["Stacks"]]


def template(number: int) -> str:
    """Return the template of a host, as templates/cloudformation/host.json is rendered."""
    resources = {
        logical_id: {
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {
                "Name": f"iam-ra/default/host/host-{number}/{name}",
                "Description": f"iam-ra: {name} of host/host-{number}",
                "KmsKeyId": "alias/aws/secretsmanager",
            },
        }
        for logical_id, name in (("CertificateSecret", "certificate"), ("PrivateKeySecret", "private-key"))
    }
    outputs = {f"{logical_id}Arn": {"Value": {"Ref": logical_id}} for logical_id in resources}
    return json.dumps({"Resources": resources, "Outputs": outputs})


@contextmanager
def sandbox() -> Iterator[str]:
    """Run a sandbox as a process."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield process.up(Path(folder)).url
        finally:
            process.down(Path(folder))


@contextmanager
def moto() -> Iterator[str]:
    """Run plain moto as a process, as `moto_server` does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until_it_listens(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def until_it_listens(port: int) -> None:
    """Wait for a server to come up. Raises TimeoutError after a minute."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port}")


def say(text: str = "") -> None:
    """Write a line to stdout."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
