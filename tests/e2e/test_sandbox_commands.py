"""`iam-ra sandbox` as a process, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = """\
version: 1
namespace: default
region: eu-west-1
roles: {admin: {policies: ["arn:aws:iam::aws:policy/AdministratorAccess"]}}
hosts: {web: {roles: [admin]}}
"""


class Shell:
    """Runs iam-ra in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {
            key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "IAM_RA_"))
        }

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "iam_ra", *args]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    folder = tmp_path / "it's here"
    (folder / ".git").mkdir(parents=True)
    shell = Shell(folder)
    yield shell
    shell.run("sandbox", "down")


def test_the_life_of_a_sandbox(shell: Shell) -> None:
    (shell.folder / "iam-ra.yaml").write_text(FILE)
    up = shell.run("sandbox", "up", "--json")
    assert up.returncode == 0, up.stderr
    url = json.loads(up.stdout)["data"]["url"]
    assert url.startswith("http://127.0.0.1:")
    assert json.loads(shell.run("sandbox", "up", "--json").stdout)["data"]["url"] == url
    status = shell.run("sandbox", "status")
    assert (status.returncode, status.stdout.splitlines()[0]) == (0, f"The sandbox runs at {url}")
    assert shell.run("sandbox", "down").stdout == "The sandbox is down.\n"
    assert shell.run("sandbox", "status").returncode == 1


def test_env_is_what_eval_needs(shell: Shell) -> None:
    (shell.folder / "iam-ra.yaml").write_text(FILE)
    assert shell.run("sandbox", "up").returncode == 0
    env = shell.run("sandbox", "env")
    assert all(line.startswith(("export AWS_", "unset AWS_")) for line in env.stdout.splitlines())
    script = 'eval "$1"; echo "$AWS_REGION $AWS_DEFAULT_REGION $AWS_ENDPOINT_URL ${AWS_PROFILE-unset}"'
    told = subprocess.run(
        ["/bin/sh", "-c", script, "sh", env.stdout],
        env={"AWS_PROFILE": "mine"},
        capture_output=True,
        text=True,
        check=True,
    )
    region, default_region, url, profile = told.stdout.split()
    assert (region, default_region, profile) == ("eu-west-1", "eu-west-1", "unset")
    assert url.startswith("http://127.0.0.1:")


def test_env_over_https_is_what_a_client_trusts(shell: Shell) -> None:
    (shell.folder / "iam-ra.yaml").write_text(FILE)
    assert shell.run("sandbox", "up").returncode == 0
    env = shell.run("sandbox", "env", "--https")
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    told = subprocess.run(
        [
            "/bin/sh",
            "-c",
            'eval "$1"; echo "$AWS_ENDPOINT_URL"; "$2" -c "$3"',
            "sh",
            env.stdout,
            sys.executable,
            code,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    url, account = told.stdout.split()
    assert url.startswith("https://127.0.0.1:")
    assert account == "123456789012"


def test_env_without_a_good_file_takes_the_default_region_and_says_so(shell: Shell) -> None:
    assert shell.run("sandbox", "up").returncode == 0
    without = shell.run("sandbox", "env")
    assert "export AWS_REGION=us-east-1\n" in without.stdout
    assert without.stderr == ""
    (shell.folder / "iam-ra.yaml").write_text("version: 2\n")
    broken = shell.run("sandbox", "env")
    assert broken.stdout == without.stdout
    assert "so the region is us-east-1" in broken.stderr
