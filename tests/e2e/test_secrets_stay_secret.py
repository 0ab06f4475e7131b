"""Law 4: a private key is in Secrets Manager and, of an authority, in its key store; SOPS files hold ciphertext. Nowhere else.

Every byte that a life of commands leaves behind is searched for every private key in every spelling.
"""

from __future__ import annotations

import base64
import json
import logging
import stat
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import pyrage
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.e2e.world import READ_ONLY, World, small

from iam_ra.pki.keys import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.e2e.world import Result

SHORTEST_LINE = 24
# Where sops may encrypt.
SEALED = "^(secrets|manifests)/"
LOG = "sops-calls"
# Notes how it was called; fails, quoting all that it was given, while a file tells it to.
SOPS = """#!/bin/sh
echo "$0 $*" >> {log}
env >> {log}
tr '\\0' ' ' < /proc/$PPID/cmdline >> {log}
if [ -e {fail} ]; then case "$*" in *--version*) ;; *) cat >&2; exit 23;; esac; fi
exec {real} "$@"
"""


def spellings(pem: bytes) -> Iterator[bytes]:
    """Yield what gives a private key away: its PEM lines, its DER, its secret numbers as bytes, hex, base64, decimal."""
    key = serialization.load_pem_private_key(pem, password=None)
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for line in pem.splitlines():
        # The last line of an elliptic curve's is of its public half, which stands in the certificate as well.
        is_secret = not line.startswith(b"-----") and base64.b64decode(line) not in public
        if len(line) >= SHORTEST_LINE and is_secret:
            yield line
    yield key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    if isinstance(key, ec.EllipticCurvePrivateKey):
        numbers = [key.private_numbers().private_value]
    else:
        assert isinstance(key, rsa.RSAPrivateKey)
        private = key.private_numbers()
        numbers = [private.d, private.p, private.q]
    for number in numbers:
        raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
        yield raw
        yield raw.hex().encode()
        yield raw.hex().upper().encode()
        yield str(number).encode()
        for shift in range(3):
            # Base64 as it reads wherever in a longer text the number begins; the ends mix with their neighbours.
            yield base64.b64encode(b"\0" * shift + raw)[4:-4]
            yield base64.urlsafe_b64encode(b"\0" * shift + raw)[4:-4]


def found(keys: Mapping[str, bytes], places: Mapping[str, bytes]) -> list[str]:
    """Return which key is in which place."""
    marks = {name: set(spellings(pem)) for name, pem in keys.items()}
    return sorted(
        f"{name} in {place}"
        for place, content in places.items()
        for text in (content + b"\n" + unquote_to_bytes(content.replace(b"+", b" ")),)
        for name, spelled in marks.items()
        if any(mark in text for mark in spelled)
    )


class Collector:
    """Runs commands and keeps all that they leave behind, and all keys there ever were."""

    def __init__(self, world: World, log: pytest.LogCaptureFixture) -> None:
        self.world, self.log = world, log
        self.keys: dict[str, bytes] = {}
        self.places: dict[str, bytes] = {}

    def run(self, *arguments: str, code: int = 0, **environ: str) -> Result:
        result = self.world.run(*arguments, "--debug", "-v", **environ).expect(code)
        step = len(self.places)
        self.places[f"{step} stdout of {arguments}"] = result.stdout.encode()
        self.places[f"{step} stderr of {arguments}"] = result.stderr.encode()
        self._look(step)
        return result

    def _look(self, step: int) -> None:
        world = self.world
        for path in world.data.rglob("*.pem"):
            self.keys[f"authority {path.name} {path.parent.name}"] = path.read_bytes()
        if "iam-ra-default-init" in world.stacks:
            self._look_at_secrets(step)
            self._look_at_objects()
        for path in world.folder.rglob("*"):
            if path.is_file() and not (path.is_relative_to(world.data) and path.suffix == ".pem"):
                self.places[f"{step} file {path}"] = path.read_bytes()
        cloudformation = world.aws("cloudformation")
        for page in cloudformation.get_paginator("list_stacks").paginate():
            for stack in page["StackSummaries"]:
                name, about = stack["StackId"], {"StackName": stack["StackId"]}
                for look in ("get_template", "describe_stack_events", "describe_stacks"):
                    answer = getattr(cloudformation, look)(**about)
                    self.places[f"{step} {look} {name}"] = json.dumps(answer, default=str).encode()
        for number, request in enumerate(world.wire.requests):
            if request.operation != "PutSecretValue":
                self.places[f"{step} request {number} {request.operation}"] = (
                    request.path.encode() + request.body
                )
        world.wire.requests.clear()
        self.places[f"{step} log"] = self.log.text.encode()

    def _look_at_secrets(self, step: int) -> None:
        manager = self.world.aws("secretsmanager")
        for each in manager.list_secrets(MaxResults=100)["SecretList"]:
            self.places[f"{step} metadata of {each['Name']}"] = json.dumps(each, default=str).encode()
            for version in each.get("SecretVersionsToStages", {}):
                value = manager.get_secret_value(SecretId=each["ARN"], VersionId=version)["SecretString"]
                if "PRIVATE KEY" in value:
                    self.keys[f"{each['Name']} {version}"] = value.encode()
        for path in self.world.root.glob("secrets/hosts/*/iam-ra.yaml"):
            values = self.world.open(path)
            self.keys[f"{path} {values['certificate'][-60:-30]}"] = values["private_key"].encode()
        for path in self.world.root.glob("secrets/ca/*/iam-ra*.yaml"):
            self.keys[f"authority {path.name}"] = self.world.open(path)["private_key"].encode()
        for path in self.world.root.glob("manifests/*/ca-secret.sops.yaml"):
            opened: Any = self.world.open(path)
            self.keys[f"authority {opened['stringData']['tls.crt'][-60:-30]}"] = opened["stringData"][
                "tls.key"
            ].encode()

    def _look_at_objects(self) -> None:
        s3, bucket = self.world.aws("s3"), self.world.bucket
        for each in s3.list_object_versions(Bucket=bucket).get("Versions", []):
            place = f"object {each['Key']} {each['VersionId']}"
            if place not in self.places:
                answer = s3.get_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
                self.places[place] = answer["Body"].read() + json.dumps(answer["Metadata"]).encode()


def test_no_private_key_is_anywhere_else(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "iam_ra")
    wrap_sops(world)
    collector = Collector(world, caplog)
    hosts: dict[str, Any] = {
        "both": {"roles": ["reader"]},
        "vault": {"roles": ["reader"], "delivery": ["secretsmanager"], "certificate": {"key": "rsa-2048"}},
        "file": {"roles": ["reader"], "delivery": ["sops"]},
        "lab": {"roles": ["reader"], "delivery": ["sops"], "ca": "lab"},
    }
    authorities: dict[str, Any] = {"default": {}, "lab": {"key_store": "sops"}}
    now = small(
        certificate_authorities=authorities,
        roles={"reader": {"policies": [READ_ONLY]}},
        hosts=hosts,
        clusters={"prod": {"workloads": {"shop/api": {"role": "reader"}}}},
    )
    world.recipients(world.identity, regex=SEALED)
    world.write(now)
    fail = world.folder / "fail"
    fail.touch()
    quoted = collector.run("apply", "--yes", code=3)
    # What sops quoted of its input went through iam-ra's hands, and the errors say that something was cut out.
    assert "<secret>" in quoted.stderr
    fail.unlink()
    collector.run("apply", "--yes", "--json")
    now["roles"]["reader"]["policies"] = []
    hosts["both"]["certificate"] = {"validity": "180d"}
    hosts["new"] = {"roles": ["reader"]}
    authorities["lab"]["validity"] = "9y"
    world.recipients(world.identity, pyrage.x25519.Identity.generate(), regex=SEALED)
    world.write(now)
    world.cloudformation.fail_resource(
        "PrivateKeySecret", "create", "no luck", stack_name="iam-ra-default-host-new"
    )
    collector.run("plan", "--json", "--out", "html=plan.html", "--out", "markdown=plan.md")
    collector.run("apply", "--yes", code=3, SOPS_AGE_KEY=str(world.identity))
    collector.run("apply", "--yes", SOPS_AGE_KEY=str(world.identity))
    collector.run("status")
    collector.run("destroy", "--yes", "--json")

    assert len([name for name in collector.keys if name.startswith("authority")]) == 4
    assert len({pem for name, pem in collector.keys.items() if not name.startswith("authority")}) >= 5
    kinds = " ".join(collector.places)
    for kind in (
        "file",
        "object default/state",
        "object default/history",
        "request",
        "log",
        LOG,
        "describe_stack_events",
    ):
        assert kind in kinds
    assert b"encrypt --filename-override" in (world.folder / LOG).read_bytes()
    assert found(collector.keys, collector.places) == []


def wrap_sops(world: World) -> None:
    folder = world.folder / "bin"
    folder.mkdir()
    program = folder / "sops"
    program.write_text(
        SOPS.format(log=world.folder / LOG, fail=world.folder / "fail", real=f"{world.path[0]}/sops")
    )
    program.chmod(stat.S_IRWXU)
    world.path.insert(0, str(folder))


@pytest.mark.parametrize("algorithm", ["ec-p256", "ec-p384", "rsa-2048"])
def test_the_search_finds_a_key_in_any_spelling(algorithm: Any) -> None:
    pem = PrivateKey.generate(algorithm).pem().reveal()
    keys = {"k": pem, "other": PrivateKey.generate("ec-p256").pem().reveal()}
    key: Any = serialization.load_pem_private_key(pem, password=None)
    der = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    numbers = key.private_numbers()
    number = numbers.private_value if algorithm.startswith("ec") else numbers.p
    for leak in (
        pem,
        json.dumps({"x": pem.decode()}).encode(),
        repr(pem).encode(),
        der,
        base64.b64encode(der),
        base64.b64encode(b"x" + der),
        der.hex().encode(),
        str(number).encode(),
        json.dumps(str(number)).encode(),
        pem.replace(b"+", b"%2B").replace(b"/", b"%2F").replace(b"=", b"%3D"),
    ):
        assert found(keys, {"somewhere": b"before" + leak + b"after", "clean": b"nothing"}) == [
            "k in somewhere"
        ]
