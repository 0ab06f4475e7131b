"""How tests run Python programs as processes: iam-ra, and the AWS CLI.

A start of iam-ra takes half a second of CPU, nearly all of it for imports. So most starts are forks of a process that has
imported everything (see fork_server.py). A start is a new interpreter where a test asks for it (`fresh`), where the
environment has what an interpreter reads before its program, and everywhere with `IAM_RA_FRESH=1`.
"""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests import fork_client
from tests.forks import ForkServer

import iam_ra

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.forks import Running

FRESH = "IAM_RA_FRESH"
SECONDS = 60
# What an interpreter reads before the first line of a program.
INTERPRETERS = ("PYTHON", "LANG", "LC_")
# Of the sandbox, the command line imports only what starts it and talks to it; moto takes longer than all else.
OF_THE_SANDBOX = ("iam_ra.sandbox.process", "iam_ra.sandbox.remote", "iam_ra.sandbox.settings")

AWS = "awscli"
# Beside the fork server's file.
WARM = ("shared_models", "warmed")

_servers: dict[tuple[bool, tuple[tuple[str, str], ...]], ForkServer] = {}


def start(
    program: str, *arguments: str, cwd: Path, environ: Mapping[str, str], fresh: bool = False
) -> Running:
    """Start `python -m MODULE ARGUMENTS`, or `python FILE.py ARGUMENTS`, with pipes for what it prints and no input."""
    if not fresh and not os.environ.get(FRESH):
        return _server(program, environ).start(program, *arguments, cwd=cwd, environ=environ)
    command = [program] if program.endswith(".py") else ["-m", program]
    return subprocess.Popen(
        [sys.executable, *command, *arguments],
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    program: str, *arguments: str, cwd: Path, environ: Mapping[str, str], fresh: bool = False
) -> subprocess.CompletedProcess[str]:
    """Start it and wait for it, a minute at most."""
    process = start(program, *arguments, cwd=cwd, environ=environ, fresh=fresh)
    try:
        stdout, stderr = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
        raise AssertionError(f"did not end within {SECONDS} s\n{stdout}\n{stderr}") from None
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def install(command: Path, program: str, environ: Mapping[str, str]) -> int:
    """Write a command that starts a program, for a shell that has the descriptor which this returns, and that environment."""
    control = _server(program, environ).control.fileno()
    client = f"{sys.executable} -IS {fork_client.__file__} {control}"
    command.write_text(f'#!/bin/sh\nexec {client} {program} "$@"\n', encoding="utf-8")
    command.chmod(0o700)
    return control


def close() -> None:
    """End what was started to start others."""
    while _servers:
        _servers.popitem()[1].close()


def _server(program: str, environ: Mapping[str, str]) -> ForkServer:
    for_interpreter = {
        name: value for name, value in environ.items() if value and name.startswith(INTERPRETERS)
    }
    key = program == AWS, tuple(sorted(for_interpreter.items()))
    if key not in _servers:
        _servers[key] = ForkServer(*(_of_aws() if program == AWS else _ours()), environ=for_interpreter)
    return _servers[key]


def _of_aws() -> Iterator[str]:
    # It brings a botocore of its own, which must be the first.
    yield from ("awscli.clidriver", "awscli.handlers", "awscli.customizations.commands")


def _ours() -> Iterator[str]:
    yield from (
        *WARM,
        "boto3.s3.inject",
        "botocore.httpsession",
        "botocore.handlers",
        "rich.live",
        "rich.console",
    )
    for found in pkgutil.walk_packages(iam_ra.__path__, "iam_ra."):
        if not found.name.startswith("iam_ra.sandbox") and not found.name.endswith("__main__"):
            yield found.name
    yield from OF_THE_SANDBOX
