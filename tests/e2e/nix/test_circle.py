"""The whole circle: `iam-ra apply`, a NixOS host from the exported files, AWS's helper by the host's scripts, boto3."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from tests.e2e.world import READ_ONLY, until
from tests.nix.evaluation import HERE, ROOT, STAND_IN, Nix, quoted

if TYPE_CHECKING:
    from tests.e2e.world import World

pytestmark = [pytest.mark.tool("nix-instantiate"), pytest.mark.tool("aws_signing_helper")]

HOST = "web"


class Host:
    """A NixOS host of the fleet; its files lie in a folder. Its secrets are there as sops-nix would put them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.nix = Nix(world.folder / "nix")
        self.key = world.folder / "run/secrets/key"
        self.credentials = world.folder / "run/credentials"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]

    def configuration(self) -> dict[str, Any]:
        """Evaluate the host, and make what a switch to it would make."""
        helper = shutil.which("aws_signing_helper", path=f"{ROOT}/.tools{os.pathsep}{os.environ['PATH']}")
        assert helper is not None
        package = self.world.folder / "helper"
        (package / "bin").mkdir(parents=True, exist_ok=True)
        link = package / "bin/aws_signing_helper"
        link.unlink(missing_ok=True)
        link.symlink_to(Path(helper).resolve())
        found: dict[str, Any] = self.nix.value(f"""
          let
            lib = import {STAND_IN};
            pkgs = import {HERE}/pkgs.nix {{ helper = {quoted(str(package))}; }};
            systems = import {HERE}/systems.nix {{ inherit lib pkgs; }};
            inherit (systems.nixos [
              systems.sops.nixos
              {{
                networking.hostName = "{HOST}";
                sops.secrets."iam-ra/default".path = {quoted(str(self.key))};
                programs.iamRolesAnywhere = {{
                  enable = true;
                  fleet = {self.world.root};
                  identities.default.extraArgs = [ "--endpoint" {quoted(self.world.server.endpoint_url)} ];
                  services.backup.profile = "writer";
                  serve = {{ enable = true; profile = "reader"; port = {self.port}; }};
                }};
              }}
            ]) config;
          in
          assert builtins.all (each: each.assertion) config.assertions;
          {{
            file = "${{config.programs.iamRolesAnywhere.configFile}}";
            secret = {{ inherit (config.sops.secrets."iam-ra/default") key sopsFile; }};
            unit = config.systemd.services.backup;
            serve = config.systemd.services.iam-ra-serve.serviceConfig;
          }}
        """)
        self.nix.make_scripts_executable()
        secret = self.world.open(Path(found["secret"]["sopsFile"]))[found["secret"]["key"]]
        self.key.parent.mkdir(parents=True, exist_ok=True)
        self.key.touch(0o600)
        self.key.write_text(secret)
        return found

    def load(self, service: dict[str, Any]) -> None:
        """Do what systemd does for LoadCredential."""
        self.credentials.mkdir(exist_ok=True)
        for line in service["LoadCredential"]:
            name, path = line.split(":", 1)
            shutil.copy(path, self.credentials / name)


def who(
    world: World, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, profile: str | None = None
) -> str:
    """Return the role that boto3 gets in an environment."""
    with monkeypatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in {"AWS_SHARED_CREDENTIALS_FILE": os.devnull, **environ}.items():
            patch.setenv(name, value)
        sts = boto3.Session(profile_name=profile).client(
            "sts", endpoint_url=world.server.endpoint_url, region_name="eu-central-1"
        )
        arn: str = sts.get_caller_identity()["Arn"]
        sts.close()
    return arn.split("/")[-2]


@pytest.fixture
def applied(world: World) -> World:
    world.write(
        {
            "version": 1,
            "namespace": "default",
            "region": "eu-central-1",
            "roles": {name: {"policies": [READ_ONLY]} for name in ("reader", "writer")},
            "hosts": {HOST: {"roles": ["reader", "writer"], "default_role": "reader", "delivery": ["sops"]}},
        }
    )
    world.apply()
    return world


def test_from_the_file_to_credentials(applied: World, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(applied)
    made = host.configuration()
    config = {"AWS_CONFIG_FILE": made["file"]}
    assert who(applied, config, monkeypatch) == "iam-ra-default-reader"
    assert who(applied, config, monkeypatch, "writer") == "iam-ra-default-writer"

    # A new certificate: its key comes with it, and only the host that has both goes on.
    before = host.key.read_text()
    applied.file.write_text(
        applied.file.read_text().replace('"delivery"', '"certificate": {"validity": "90d"}, "delivery"')
    )
    applied.apply()
    again = host.configuration()
    assert host.key.read_text() != before
    assert again["unit"]["environment"]["AWS_CONFIG_FILE"] != made["unit"]["environment"]["AWS_CONFIG_FILE"]
    assert who(applied, {"AWS_CONFIG_FILE": again["file"]}, monkeypatch) == "iam-ra-default-reader"


def test_a_unit_has_its_own(applied: World, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(applied)
    unit = host.configuration()["unit"]
    host.load(unit["serviceConfig"])
    host.key.unlink()
    environ = {**unit["environment"], "CREDENTIALS_DIRECTORY": str(host.credentials)}
    assert who(applied, environ, monkeypatch) == "iam-ra-default-writer"


def test_the_endpoint_serves_its_role(applied: World, monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(applied)
    service = host.configuration()["serve"]
    host.load(service)
    environ = {"CREDENTIALS_DIRECTORY": str(host.credentials), "PATH": os.environ["PATH"]}
    serving = subprocess.Popen(
        [service["ExecStart"]], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: _answers(host.port))
        metadata = {
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{host.port}/",
            "AWS_CONFIG_FILE": os.devnull,
        }
        assert who(applied, metadata, monkeypatch) == "iam-ra-default-reader"
    finally:
        serving.kill()
        serving.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
