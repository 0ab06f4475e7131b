"""The sandbox as a background process: every test starts real ones."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from iam_ra.engine.errors import SandboxError
from iam_ra.sandbox import process
from iam_ra.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    process.down(tmp_path)


def client(endpoint: process.Endpoint, service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name="us-east-1",
        endpoint_url=endpoint.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_up_answers_at_once_and_down_leaves_nothing(folder: Path) -> None:
    endpoint = process.up(folder)
    sts = client(endpoint, "sts")
    assert sts.get_caller_identity()["Account"] == "123456789012"
    sts.close()
    assert process.status(folder) == endpoint
    state = folder / ".iam-ra"
    assert sorted(each.name for each in state.iterdir()) == [
        ".gitignore",
        "sandbox.json",
        "sandbox.log",
        "sandbox.pem",
        "sandbox.pid",
    ]
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert (state / ".gitignore").read_text() == "*\n"
    assert int((state / "sandbox.pid").read_text()) == endpoint.pid
    assert process.down(folder) is True
    assert not alive(endpoint.pid)
    assert process.status(folder) is None
    assert [each.name for each in state.iterdir()] == [".gitignore"]
    assert process.down(folder) is False


def test_down_where_nothing_ever_was(tmp_path: Path) -> None:
    assert process.down(tmp_path) is False
    assert process.status(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_up_twice_is_one(folder: Path) -> None:
    assert process.up(folder) == process.up(folder)


def test_up_four_times_at_once_is_one(folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(process.up, [folder] * 4))) == 1


def test_folders_have_sandboxes_of_their_own(folder: Path) -> None:
    (folder / "other").mkdir()
    one = process.up(folder)
    other = process.up(folder / "other")
    assert one.url != other.url
    process.down(folder / "other")
    assert process.status(folder) == one


def test_it_outlives_the_process_that_started_it(folder: Path) -> None:
    code = f"from pathlib import Path; from iam_ra.sandbox import process; process.up(Path({str(folder)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True)
    endpoint = process.status(folder)
    assert endpoint is not None
    assert os.getsid(endpoint.pid) == endpoint.pid


def test_a_killed_sandbox_is_noticed_and_replaced(folder: Path) -> None:
    endpoint = process.up(folder)
    os.kill(endpoint.pid, signal.SIGKILL)
    os.waitpid(endpoint.pid, 0)
    assert process.status(folder) is None
    assert process.up(folder).pid != endpoint.pid


def test_a_pid_that_now_belongs_to_another_is_left_alone(folder: Path) -> None:
    state = folder / ".iam-ra"
    state.mkdir(mode=0o700)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (state / "sandbox.pid").write_text(f"{bystander.pid}\n")
        stale = {
            "url": "http://127.0.0.1:9",
            "pid": bystander.pid,
            "started": "2026-01-01T00:00:00",
            "version": "3.0.0",
        }
        (state / "sandbox.json").write_text(json.dumps(stale))
        assert process.status(folder) is None
        assert process.down(folder) is False
        assert process.up(folder).pid != bystander.pid
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_sandbox_that_hangs_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STOP_SECONDS", 0.3)
    endpoint = process.up(folder)
    os.kill(endpoint.pid, signal.SIGSTOP)
    assert process.down(folder) is True
    assert not alive(endpoint.pid)


def test_a_sandbox_of_another_version_is_not_taken_for_ours(folder: Path) -> None:
    endpoint = process.up(folder)
    file = folder / ".iam-ra" / "sandbox.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"version": "0.0.1"}))
    with pytest.raises(SandboxError, match=r"0\.0\.1") as raised:
        process.up(folder)
    assert "sandbox down" in raised.value.fix
    assert alive(endpoint.pid)


def test_a_sandbox_that_cannot_start_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "asdict", lambda _: {"host": "256.0.0.1"})
    with pytest.raises(SandboxError) as raised:
        process.up(folder)
    assert "Name or service not known" in raised.value.why or "address" in raised.value.why.lower()
    assert process.status(folder) is None


def test_a_folder_that_is_none_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="cannot keep its files") as raised:
        process.up(tmp_path / "missing")
    assert raised.value.why == "No such file or directory."


def test_it_has_the_account_and_the_port_that_it_is_told(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(SandboxError) as raised:
            process.up(folder, Settings(port=port))
    assert "Address already in use" in raised.value.why
    endpoint = process.up(folder, Settings(port=port, account_id="999999999999"))
    assert endpoint.url == f"http://127.0.0.1:{port}"
    sts, anywhere = client(endpoint, "sts"), client(endpoint, "rolesanywhere")
    assert sts.get_caller_identity()["Account"] == "999999999999"
    arn = anywhere.create_profile(name="p", roleArns=[])["profile"]["profileArn"]
    assert arn.startswith("arn:aws:rolesanywhere:us-east-1:999999999999:profile/")
    sts.close()
    anywhere.close()


def test_controlling_it_loads_neither_moto_nor_boto3() -> None:
    code = "import sys, iam_ra.sandbox.process; print({'moto', 'boto3', 'botocore', 'werkzeug'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "set()"


def test_without_moto_it_says_what_to_install() -> None:
    with pytest.raises(SandboxError) as raised:
        process._need_moto(lambda _: None)
    assert raised.value.fix == "pip install 'iam-ra[sandbox]'"


def test_the_log_has_one_line_a_request_and_no_values(folder: Path) -> None:
    endpoint = process.up(folder)
    secrets = client(endpoint, "secretsmanager")
    secrets.create_secret(Name="n", SecretString="PLANTED-IN-REQUEST")
    assert secrets.get_secret_value(SecretId="n")["SecretString"] == "PLANTED-IN-REQUEST"
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.get_secret_value(SecretId="PLANTED-NAME")
    secrets.close()
    text = (folder / ".iam-ra" / "sandbox.log").read_text()
    assert "PLANTED" not in text
    lines = [line.split()[2:5] for line in text.splitlines()]
    assert lines == [
        ["secretsmanager", "CreateSecret", "200"],
        ["secretsmanager", "GetSecretValue", "200"],
        ["secretsmanager", "GetSecretValue", "404"],
    ]


def test_the_log_tells_calls_of_cloudformation_from_others(folder: Path) -> None:
    endpoint = process.up(folder)
    stacks = client(endpoint, "cloudformation")
    parameter = {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/x", "Type": "String", "Value": "v"}}
    stacks.create_stack(StackName="s", TemplateBody=json.dumps({"Resources": {"P": parameter}}))
    stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    stacks.close()
    lines = (folder / ".iam-ra" / "sandbox.log").read_text().splitlines()
    assert [line.endswith(" by CloudFormation") for line in lines if " ssm PutParameter 200 " in line] == [
        True
    ]
    assert not any("by CloudFormation" in line for line in lines if " cloudformation " in line)


def test_the_environment_points_at_it(folder: Path) -> None:
    endpoint = process.Endpoint(
        url="http://127.0.0.1:1",
        https_url="https://127.0.0.1:2",
        ca_bundle="/ca.pem",
        pid=1,
        started=time.ctime(),
        version="3",
    )
    variables = process.environment(endpoint, "ap-southeast-2")
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "ap-southeast-2"
    assert variables["AWS_PROFILE"] is None
    assert variables["AWS_SESSION_TOKEN"] is None
    assert "AWS_CA_BUNDLE" not in variables
    secured = process.environment(endpoint, "ap-southeast-2", https=True)
    assert secured == variables | {"AWS_ENDPOINT_URL": "https://127.0.0.1:2", "AWS_CA_BUNDLE": "/ca.pem"}
    assert not list(folder.iterdir())
