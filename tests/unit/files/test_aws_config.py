from __future__ import annotations

import configparser
import json
import shlex
import subprocess
import sys

import pytest

from iam_ra.files.aws_config import HostConfig, Profile, aws_config, helper_command, profile_name

ARN = "arn:aws:rolesanywhere:eu-central-1:123456789012"
READER = Profile("reader", "arn:aws:iam::123456789012:role/reader", f"{ARN}:profile/1", 900)
ADMIN = Profile("admin", "arn:aws:iam::123456789012:role/admin", f"{ARN}:profile/2", 43_200)
# As a shell sees its words; most SDKs run the command in one.
SHOW = f"{sys.executable} -S -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "


def host(
    certificate: str = "/run/cert", private_key: str = "/run/key", default: str = "reader"
) -> HostConfig:
    return HostConfig(
        "web", "eu-central-1", f"{ARN}:trust-anchor/3", certificate, private_key, default, [ADMIN, READER]
    )


def sections(config: HostConfig) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(default_section="")
    parser.read_string(aws_config(config))
    return parser


def test_a_profile_a_role_and_the_default_first() -> None:
    found = sections(host(default="admin"))
    assert found.sections() == ["default", "profile admin", "profile reader"]
    assert dict(found["default"]) == dict(found["profile admin"])
    assert found["profile reader"]["region"] == "eu-central-1"
    command = found["profile reader"]["credential_process"]
    # Nothing in it needs quotes, and the bytes of such a file stay as they are.
    assert command == (
        "aws_signing_helper credential-process --certificate /run/cert --private-key /run/key "
        f"--trust-anchor-arn {ARN}:trust-anchor/3 --profile-arn {ARN}:profile/1 "
        "--role-arn arn:aws:iam::123456789012:role/reader --session-duration 900"
    )


def test_a_role_called_default() -> None:
    assert profile_name("default") == "role-default"
    assert profile_name("defaults") == "defaults"


@pytest.mark.parametrize(
    "path",
    [
        "/run/my keys/cert.pem",
        "/run/it's",
        '/run/"quoted"',
        "/run/back\\slash",
        "/run/$HOME/`id`/$(id)",
        '/run/$HOME it\'s "both"',
        "/run/a;b&c|d>e<f*?[x]~!#",
        "/run/ä ö/%d/${x}",
    ],
)
def test_paths_reach_the_helper_as_they_are(path: str) -> None:
    config = host(path, f"{path}.key")
    command = sections(config)["default"]["credential_process"]
    expected = helper_command(config, READER)
    # boto3 and the AWS CLI split it themselves.
    assert shlex.split(command) == expected
    done = subprocess.run(["/bin/sh", "-c", SHOW + command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == json.dumps(expected)


def test_every_line_is_one_setting() -> None:
    for line in aws_config(host("/run/my cert")).splitlines():
        assert not line or line.startswith("[") or " = " in line
