"""`iam-ra sandbox` as a process, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests import programs

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
        self.fresh = False
        self.environ = {
            key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "IAM_RA_"))
        }

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        return programs.run("iam_ra", *args, cwd=self.folder, environ=self.environ, fresh=self.fresh)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with shell_in(tmp_path) as shell:
        yield shell


@contextmanager
def shell_in(place: Path) -> Iterator[Shell]:
    folder = place / "it's here"
    (folder / ".git").mkdir(parents=True)
    shell = Shell(folder)
    yield shell
    shell.run("sandbox", "down")


def test_the_life_of_a_sandbox(shell: Shell) -> None:
    shell.fresh = True
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


@pytest.fixture
def up(shell: Shell) -> Shell:
    (shell.folder / "iam-ra.yaml").write_text(FILE)
    assert shell.run("sandbox", "up").returncode == 0
    for line in shell.run("sandbox", "env").stdout.splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        if line.startswith("export "):
            shell.environ[name] = value
    return shell


def call(shell: Shell, code: str) -> str:
    """Run boto3 against the sandbox; return what it printed, or the code of its error."""
    program = (
        "import boto3, botocore.config, botocore.exceptions as e\n"
        "def c(s): return boto3.client(s, config=botocore.config.Config(retries={'total_max_attempts': 1}))\n"
        f"try: {code}\n"
        "except e.ClientError as error: print(error.response['Error']['Code'])\n"
    )
    file = shell.folder / "call.py"
    file.write_text(program)
    done = programs.run(str(file), cwd=shell.folder, environ=shell.environ)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


DATE = "print(c('sts').get_caller_identity()['ResponseMetadata']['HTTPHeaders']['date'])"


def test_the_clock(up: Shell) -> None:
    assert up.run("sandbox", "clock").stdout.endswith(", the real time.\n")
    to = up.run("sandbox", "clock", "2031-05-06T07:00")
    assert to.stdout.startswith("The sandbox's clock shows 2031-05-06T07:00:")
    assert "06 May 2031" in call(up, DATE)
    later = json.loads(up.run("sandbox", "clock", "+90d", "--json").stdout)["data"]
    assert (later["now"][:10], later["shifted"]) == ("2031-08-04", True)
    wrong = up.run("sandbox", "clock", "soon")
    assert wrong.returncode == 64
    assert "`soon` is neither a duration" in " ".join(wrong.stderr.split())
    assert up.run("sandbox", "clock", "reset").stdout.endswith(", the real time.\n")


def test_faults(up: Shell) -> None:
    roles = "c('iam').list_roles(); print('ok')"
    assert up.run("sandbox", "faults", "list").stdout == "No faults.\n"
    added = up.run(
        "sandbox",
        "faults",
        "add",
        "--service",
        "iam",
        "--operation",
        "ListRoles",
        "--nth",
        "2",
        "--kind",
        "throttle",
    )
    assert added.stdout == "Added: throttle on iam ListRoles, number 2.\n", added.stderr
    assert [call(up, roles) for _ in range(3)] == ["ok", "Throttling", "ok"]
    assert up.run("sandbox", "faults", "add", "--resource", "Bucket", "--on", "update").returncode == 0
    listed = up.run("sandbox", "faults", "list").stdout.splitlines()
    assert listed == [
        "throttle on iam ListRoles, number 2: met 1 of 3 calls",
        "resource Bucket fails on update in eu-west-1: waits",
    ]
    assert up.run("sandbox", "faults", "clear").stdout == "Cleared: 2.\n"
    assert up.run("sandbox", "faults", "list").stdout == "No faults.\n"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A sandbox for those who leave it as it is."""
    with shell_in(tmp_path_factory.mktemp("standing")) as shell:
        assert shell.run("sandbox", "up").returncode == 0
        yield shell


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["--service", "iam"], "a fault needs --kind, or --resource"),
        (["--kind", "500", "--on", "update"], "--on goes not without --resource"),
        (["--resource", "R", "--every", "2"], "--every goes not with --resource"),
        (["--kind", "412", "--service", "iam"], "412 is an answer of s3 alone"),
        (["--kind", "500", "--nth", "1", "--every", "2"], "a fault has one of nth, every and rate"),
        (["--kind", "slow", "--seconds", "x"], "`x` is no number of seconds"),
    ],
)
def test_a_fault_that_cannot_be_is_wrong_usage(standing: Shell, args: list[str], why: str) -> None:
    done = standing.run("sandbox", "faults", "add", *args)
    assert (done.returncode, done.stdout) == (64, "")
    assert why in " ".join(done.stderr.split())
    assert standing.run("sandbox", "faults", "list").stdout == "No faults.\n"


def test_the_log_fits_the_screen_and_reset_empties(up: Shell) -> None:
    assert up.run("sandbox", "log").stdout == "No calls yet.\n"
    call(
        up,
        "c('s3').create_bucket(Bucket='here', CreateBucketConfiguration={'LocationConstraint': 'eu-west-1'})",
    )
    call(up, "c('iam').get_role(RoleName='r')")
    shown = up.run("sandbox", "log", "-n", "2").stdout.splitlines()
    assert [line.split()[1:4] for line in shown] == [["s3", "CreateBucket", "200"], ["iam", "GetRole", "404"]]
    assert all(len(line) <= 80 and line.endswith(" ms") for line in shown)
    (last,) = json.loads(up.run("sandbox", "log", "-n", "1", "--json").stdout)["data"]["calls"]
    assert (last["service"], last["operation"], last["status"], last["by"]) == (
        "iam",
        "GetRole",
        404,
        "client",
    )
    assert up.run("sandbox", "reset").stdout == "The sandbox is empty.\n"
    assert call(up, "print(len(c('s3').list_buckets()['Buckets']))") == "0"


def test_the_log_is_followed_as_calls_come(up: Shell) -> None:
    follower = subprocess.Popen(
        [sys.executable, "-m", "iam_ra", "sandbox", "log", "--follow", "-n", "0"],
        cwd=up.folder,
        env={**up.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    try:
        # The first call may come before the follower looks; a later one does not.
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.append(follower.stdout.readline()))  # type: ignore[union-attr]
        reader.start()
        for _ in range(20):
            call(up, "c('iam').list_users()")
            reader.join(0.2)
            if not reader.is_alive():
                break
        assert "ListUsers" in lines[0]
    finally:
        follower.terminate()
        follower.wait(10)
        follower.stdout.close()


def test_limits_and_delay_are_set_at_start_only(shell: Shell) -> None:
    limited = shell.run("sandbox", "up", "--real-limits", "--iam-delay", "0.5s")
    assert limited.returncode == 0, limited.stderr
    again = shell.run("sandbox", "up", "--real-limits")
    assert again.returncode == 1
    assert "A sandbox runs here already" in again.stderr
    assert shell.run("sandbox", "up").returncode == 0
    assert shell.run("sandbox", "up", "--iam-delay", "soon").returncode == 64


@pytest.mark.parametrize("args", [["clock"], ["faults", "list"], ["faults", "clear"], ["log"], ["reset"]])
def test_without_a_sandbox_there_is_nothing_to_ask(shell: Shell, args: list[str]) -> None:
    done = shell.run("sandbox", *args)
    assert (done.returncode, done.stdout) == (1, "")
    assert "iam-ra sandbox up" in done.stderr
