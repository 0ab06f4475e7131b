"""The clients that hosts use, each run as its users run it; what one prints when it is refused is its `text`."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import programs
from tests.e2e.clients.estate import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.e2e.clients.estate import Attempt

    from iam_ra.sandbox.server import Server

TOOLS = Path(__file__).parents[3] / ".tools"
SECONDS = 60
PROFILE = "web-reader"
CALLER = str(Path(__file__).with_name("whoami.py"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The ARN that the caller turned out to be, or nothing and what was said instead."""

    arn: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a client runs: its home, and the sandbox that it is pointed at."""

    home: Path
    server: Server
    ca_bundle: Path

    def environ(self, *, https: bool = False, **more: str) -> dict[str, str]:
        """Return the variables of a process that has nothing but what it is given."""
        secured = {"AWS_CA_BUNDLE": str(self.ca_bundle)} if https else {}
        return {
            "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "AWS_ENDPOINT_URL": self.server.https_url if https else self.server.endpoint_url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "LANG": "C.UTF-8",
            **secured,
            **more,
        }


def helper() -> str:
    return shutil.which("aws_signing_helper", path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}") or ""


def helper_command(subcommand: str, attempt: Attempt, *more: str) -> list[str]:
    chain = [] if attempt.intermediates is None else ["--intermediates", str(attempt.intermediates)]
    return [
        helper(),
        subcommand,
        "--certificate",
        str(attempt.certificate),
        "--private-key",
        str(attempt.private_key),
        *chain,
        "--trust-anchor-arn",
        attempt.trust_anchor_arn,
        "--profile-arn",
        attempt.profile_arn,
        "--role-arn",
        attempt.role_arn,
        *more,
    ]


def credential_process_http(machine: Machine, attempt: Attempt, *more: str) -> Outcome:
    """aws_signing_helper credential-process --endpoint http://…"""
    environ = machine.environ()
    del environ["AWS_ENDPOINT_URL"]
    endpoint = ("--endpoint", machine.server.endpoint_url)
    command = helper_command("credential-process", attempt, *endpoint, *more)
    return _credential_process(machine, command, environ)


def credential_process_https(machine: Machine, attempt: Attempt) -> Outcome:
    """aws_signing_helper credential-process, AWS_ENDPOINT_URL=https://… and AWS_CA_BUNDLE"""
    command = helper_command("credential-process", attempt)
    return _credential_process(machine, command, machine.environ(https=True))


def serve(machine: Machine, attempt: Attempt) -> Outcome:
    """aws_signing_helper serve, and boto3 as its client (IMDSv2)"""
    with serving(machine, attempt) as (url, said):
        outcome = imds_caller(machine, url)
        return outcome if outcome.arn else Outcome(None, outcome.text + said())


def imds_caller(machine: Machine, url: str) -> Outcome:
    """boto3 with credentials from IMDSv2 at this URL"""
    return app(machine, AWS_EC2_METADATA_SERVICE_ENDPOINT=url, AWS_METADATA_SERVICE_TIMEOUT="10")


def app(machine: Machine, **environ: str) -> Outcome:
    """boto3 in a process with these variables, and a metadata service if they name one"""
    given = {**machine.environ(AWS_EC2_METADATA_DISABLED="false"), **environ}
    return _caller(machine, CALLER, environ=given)


@contextmanager
def serving(machine: Machine, attempt: Attempt) -> Iterator[tuple[str, Callable[[], str]]]:
    """Run `serve`; give its URL and a function that returns what it has said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = helper_command("serve", attempt, "--port", str(port))
    with listening(command, port, machine.environ(), machine.home / "serve.log") as said:
        yield f"http://127.0.0.1:{port}", said


@contextmanager
def listening(
    command: list[str], port: int, environ: Mapping[str, str], log: Path
) -> Iterator[Callable[[], str]]:
    """Run a program that listens at a port; give a function that returns what it has said, which is in `log`."""
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=output)
    try:
        _listening(process, port, log)
        yield log.read_text
    finally:
        process.terminate()
        process.wait(SECONDS)


def python_session(machine: Machine, attempt: Attempt) -> Outcome:
    """iam-rolesanywhere-session, which speaks HTTPS only"""
    from iam_rolesanywhere_session import IAMRolesAnywhereError, IAMRolesAnywhereSession  # noqa: PLC0415

    chain = None if attempt.intermediates is None else attempt.intermediates.read_bytes()
    opened = IAMRolesAnywhereSession(
        profile_arn=attempt.profile_arn,
        role_arn=attempt.role_arn,
        trust_anchor_arn=attempt.trust_anchor_arn,
        certificate=attempt.certificate.read_bytes(),
        private_key=attempt.private_key.read_bytes(),
        certificate_chain=chain,
        region=REGION,
        endpoint=machine.server.https_url.removeprefix("https://"),
        verify=str(machine.ca_bundle),
    ).get_session()
    client = opened.client("sts", endpoint_url=machine.server.https_url)
    try:
        return Outcome(client.get_caller_identity()["Arn"], "")
    except IAMRolesAnywhereError as error:
        return Outcome(None, str(error))
    finally:
        client.close()


def boto3_profile(machine: Machine, attempt: Attempt, *, profile: str = PROFILE) -> Outcome:
    """boto3, a profile with credential_process in ~/.aws/config"""
    _configure(machine, attempt, profile)
    return _caller(machine, CALLER, environ=machine.environ(AWS_PROFILE=profile))


def aws_cli(machine: Machine, attempt: Attempt) -> Outcome:
    """AWS CLI, the same profile"""
    _configure(machine, attempt, PROFILE)
    command = ("sts", "get-caller-identity", "--profile", PROFILE, "--query", "Arn", "--output", "text")
    return _caller(machine, programs.AWS, *command, environ=machine.environ())


def _credential_process(machine: Machine, command: list[str], environ: Mapping[str, str]) -> Outcome:
    run = _run(command, environ)
    if run.returncode:
        assert run.stdout == ""
        return Outcome(None, run.stderr)
    answer = json.loads(run.stdout)
    assert answer["Version"] == 1
    return Outcome(whoami(machine, answer), "")


def whoami(machine: Machine, answer: Mapping[str, Any]) -> str:
    """Return who the sandbox says the holder of the credentials is."""
    import boto3  # noqa: PLC0415 (as late as its only use)

    client = boto3.client(
        "sts",
        region_name=REGION,
        endpoint_url=machine.server.endpoint_url,
        aws_access_key_id=answer["AccessKeyId"],
        aws_secret_access_key=answer["SecretAccessKey"],
        aws_session_token=answer["SessionToken"],
    )
    try:
        return client.get_caller_identity()["Arn"]
    finally:
        client.close()


def without_chain(attempt: Attempt) -> Attempt:
    return replace(attempt, intermediates=None)


def _configure(machine: Machine, attempt: Attempt, profile: str) -> None:
    folder = machine.home / ".aws"
    folder.mkdir()
    command = shlex.join(helper_command("credential-process", attempt, "--session-duration", "900"))
    (folder / "config").write_text(f"[profile {shlex.quote(profile)}]\ncredential_process = {command}\n")


def _caller(machine: Machine, program: str, *arguments: str, environ: Mapping[str, str]) -> Outcome:
    run = programs.run(program, *arguments, cwd=machine.home, environ=environ)
    return Outcome(None, run.stderr) if run.returncode else Outcome(run.stdout.strip(), "")


def _run(command: list[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False)


def _listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"serve does not listen: {log.read_text()}")
