"""The AWS config file as botocore reads it, with a helper that records how it was called; the scripts as sh runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from tests.nix.evaluation import HERE, STAND_IN, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.nix.evaluation import Nix

pytestmark = pytest.mark.tool("nix-instantiate")

ACCOUNT = "123456789012"
HOSTILE = '/keys/it\'s a "key" & ; \\ * ? [x] é %s #!'
PARTITIONS = {"aws": "eu-central-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_FAKE = """\
#!{python} -S
import json, os, sys
credentials = {{"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "s", "SessionToken": "t",
               "Expiration": "2099-01-01T00:00:00Z"}}
with open({record!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
print(json.dumps(credentials))
"""


@dataclass
class Machine:
    """A host: a fake helper at a path with a blank in it, and the config file that a configuration makes."""

    nix: Nix
    folder: Path

    @property
    def record(self) -> Path:
        return self.folder / "record"

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    def begin(self) -> Machine:
        helper = self.folder / "it's a helper/bin/aws_signing_helper"
        helper.parent.mkdir(parents=True)
        helper.write_text(_FAKE.format(python=sys.executable, record=str(self.record)))
        helper.chmod(0o755)
        return self

    def configure(self, identity: Mapping[str, Any], **more: Any) -> str:
        """Return the config file of a home with these options."""
        options = {"enable": True, "identities": {"default": identity}, **more}
        expression = f"""
          let
            lib = import {STAND_IN};
            pkgs = import {HERE}/pkgs.nix {{ helper = {quoted(str(self.folder / "it's a helper"))}; }};
            system = (import {HERE}/systems.nix {{ inherit lib pkgs; }}).home [
              {{ programs.iamRolesAnywhere = builtins.fromJSON {quoted(json.dumps(options))}; }}
            ];
          in
          assert system.config.assertions == [ ];
          "${{system.config.programs.iamRolesAnywhere.configFile}}"
        """
        path: str = self.nix.value(expression)
        self.nix.make_scripts_executable()
        return path

    def credentials(
        self, config: str, profile: str | None, environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> Any:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in {
            "AWS_CONFIG_FILE": config,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            **environ,
        }.items():
            monkeypatch.setenv(name, value)
        return botocore.session.Session(profile=profile).get_credentials()


@pytest.fixture
def machine(nix: Nix, tmp_path: Path) -> Machine:
    return Machine(nix, tmp_path).begin()


def arn(partition: str, resource: str) -> str:
    return f"arn:{partition}:rolesanywhere:{PARTITIONS[partition]}:{ACCOUNT}:{resource}"


def identity(partition: str = "aws", **changes: Any) -> dict[str, Any]:
    profile = {
        "profileArn": arn(partition, "profile/2"),
        "roleArn": f"arn:{partition}:iam::{ACCOUNT}:role/path/admin",
        "sessionDuration": 900,
    }
    return {
        "trustAnchorArn": arn(partition, "trust-anchor/1"),
        "certificateFile": "/run/cert",
        "privateKeyFile": "/run/key",
        "profiles": {
            "admin": {**profile, "makeDefault": True},
            "other": {**profile, "sessionDuration": 1800},
        },
        **changes,
    }


@pytest.mark.parametrize("partition", PARTITIONS)
def test_botocore_calls_the_helper_with_exactly_these_words(
    machine: Machine, partition: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = machine.configure(identity(partition))
    found = machine.credentials(config, "other", {}, monkeypatch)
    assert found.access_key == "AKIA"
    words = [
        "credential-process",
        *("--certificate", "/run/cert"),
        *("--private-key", "/run/key"),
        *("--trust-anchor-arn", arn(partition, "trust-anchor/1")),
        *("--profile-arn", arn(partition, "profile/2")),
        *("--role-arn", f"arn:{partition}:iam::{ACCOUNT}:role/path/admin"),
        *("--session-duration", "1800"),
    ]
    assert machine.calls == [words]
    assert machine.credentials(config, None, {}, monkeypatch).token == "t"
    assert machine.calls[1] == [*words[:-1], "900"]


def test_no_character_of_a_path_is_read_by_a_shell(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    config = machine.configure(
        identity(certificateFile=HOSTILE, privateKeyFile=HOSTILE, extraArgs=["$HOME `id` '"])
    )
    machine.credentials(config, "admin", {}, monkeypatch)
    (words,) = machine.calls
    assert words[words.index("--certificate") + 1] == HOSTILE
    assert words[words.index("--private-key") + 1] == HOSTILE
    assert words[-1] == "$HOME `id` '"


@pytest.mark.parametrize(
    ("path", "variable"),
    [
        ("$XDG_RUNTIME_DIR/agenix/key", "XDG_RUNTIME_DIR"),
        ("${XDG_RUNTIME_DIR}/agenix/key", "XDG_RUNTIME_DIR"),
        ("$CREDENTIALS_DIRECTORY/key", "CREDENTIALS_DIRECTORY"),
        ("$HOME/key", "HOME"),
    ],
)
def test_variables_are_those_of_the_moment(
    machine: Machine, path: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = machine.configure(identity(privateKeyFile=path))
    folder = "/run/user/it's $mine"
    machine.credentials(config, "admin", {variable: folder}, monkeypatch)
    (words,) = machine.calls
    assert words[words.index("--private-key") + 1] == f"{folder}/{path.partition('/')[2]}"


def test_a_variable_that_is_not_there_is_named(machine: Machine) -> None:
    config = machine.configure(identity(privateKeyFile="$CREDENTIALS_DIRECTORY/key"))
    with open(config, encoding="utf-8") as file:  # noqa: PTH123 - a path of the store, as text
        script = next(line.split(" = ")[1].strip() for line in file if line.startswith("credential_process"))
    done = subprocess.run(
        ["/bin/sh", script], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "CREDENTIALS_DIRECTORY" in done.stderr
    assert not machine.record.exists()


def test_other_keys_arrive(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = {**identity()["profiles"]["admin"], "output": "table", "region": "us-east-1"}
    extra = {"max_attempts": 5, "use_fips_endpoint": True, "cli_pager": ""}
    config = machine.configure(identity(profiles={"admin": {**profile, "extraConfig": extra}}))
    machine.credentials(config, "admin", {}, monkeypatch)
    section = botocore.session.Session(profile="admin").full_config["profiles"]["admin"]
    assert {name: value for name, value in section.items() if name != "credential_process"} == {
        "output": "table",
        "region": "us-east-1",
        "max_attempts": "5",
        "use_fips_endpoint": "true",
        "cli_pager": "",
    }


def test_every_profile_of_every_account_is_found(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    staging = identity("aws-cn")
    staging["profiles"] = {"deploy": {**staging["profiles"]["other"], "awsProfileName": "cn/deploy@1"}}
    config = machine.configure(identity(), identities={"default": identity(), "staging": staging})
    machine.credentials(config, "cn/deploy@1", {}, monkeypatch)
    profiles = botocore.session.Session().full_config["profiles"]
    assert sorted(profiles) == ["admin", "cn/deploy@1", "default", "other"]
    assert profiles["cn/deploy@1"]["region"] == "cn-north-1"
    assert machine.calls[0][machine.calls[0].index("--role-arn") + 1].startswith("arn:aws-cn:")
