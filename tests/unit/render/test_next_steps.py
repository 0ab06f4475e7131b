"""The next steps of a host fit a terminal, and do what they say when they are pasted."""

from __future__ import annotations

import subprocess
import textwrap
from typing import TYPE_CHECKING

import pytest
from tests.nix.evaluation import Nix

from iam_ra.config.load import load
from iam_ra.operations.onboarded import onboarded
from iam_ra.render.next_steps import next_steps

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
version: 1
namespace: default
region: ap-southeast-2
roles: {reader: {policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]}}
hosts:
  webserver: {roles: [reader]}
  secrets: {roles: [reader], delivery: [secretsmanager]}
  nixbox: {roles: [reader], delivery: [age], age_recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]}
"""
# What the commands would call here; the other side of ssh installs what it gets.
STAND_INS = """\
sops() { [ "$1 $2" = "decrypt --extract" ] && echo "$3 of $4"; }
aws() { echo "$6 in $4"; }
age() { echo "key in $4"; }
cat() { echo "text of $1"; }
iam-ra() { echo "iam-ra $*"; }
scp() { echo "scp $1 $2"; }
ssh() { case "$2" in *install*) read -r text; echo "$1: $text: ${2#sudo install -D -m }";; *) echo "$1: $2";; esac; }
"""
CERTIFICATE, KEY = "444 /dev/stdin /run/secrets/iam-ra/cert", "400 /dev/stdin /run/secrets/iam-ra/key"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "iam-ra.yaml"
    path.write_text(FILE)
    return path


def steps(file: Path, host: str) -> str:
    namespace = load(file).namespace
    text = next_steps(onboarded(namespace, namespace.hosts[host]))
    assert max(map(len, text.splitlines())) <= 80
    return text


def pasted(text: str) -> list[str]:
    """Return what the commands of the second and the third step print."""
    _, _, commands = text.partition("by SSH:\n")
    commands = "\n".join(line for line in commands.splitlines() if line.startswith("     "))
    done = subprocess.run(
        ["/bin/bash", "-euc", STAND_INS + textwrap.dedent(commands)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("host", "certificate", "key", "added"),
    [
        (
            "webserver",
            '["certificate"] of secrets/hosts/webserver/iam-ra.yaml',
            '["private_key"] of secrets/hosts/webserver/iam-ra.yaml',
            "iam-ra.yaml exports secrets",
        ),
        (
            "secrets",
            "/iam-ra/default/hosts/secrets/certificate in ap-southeast-2",
            "/iam-ra/default/hosts/secrets/private-key in ap-southeast-2",
            "iam-ra.yaml exports",
        ),
        (
            "nixbox",
            "text of exports/certificates/nixbox.pem",
            "key in secrets/hosts/nixbox/iam-ra-key.age",
            "iam-ra.yaml exports secrets",
        ),
    ],
)
def test_commands_carry_certificate_and_key_over(
    file: Path, host: str, certificate: str, key: str, added: str
) -> None:
    text = steps(file, host)
    assert f"`git add {added}`\n" in text
    assert pasted(text) == [
        f"{host}: {certificate}: {CERTIFICATE}",
        f"{host}: {key}: {KEY}",
        f"scp exports/aws/{host}.config {host}:iam-ra.config",
        f"iam-ra verify {host}",
        f"{host}: AWS_CONFIG_FILE=iam-ra.config aws sts get-caller-identity",
    ]


def test_a_host_that_keeps_its_key_gets_its_certificate_alone(file: Path) -> None:
    request = file.parent / "web.pem"
    key = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subprocess.run(
        [*key, "-keyout", "/dev/null", "-subj", "/CN=web", "-out", str(request)],
        check=True,
        capture_output=True,
    )
    file.write_text(FILE.replace("webserver: {", "webserver: {csr: web.pem, "))
    text = steps(file, "webserver")
    assert "expects the private key in /run/secrets/iam-ra/key" in " ".join(text.split())
    assert [line for line in pasted(text) if "400" in line or "verify" in line] == []


@pytest.mark.tool("nix-instantiate")
def test_the_snippet_is_nix(file: Path) -> None:
    _, _, rest = steps(file, "webserver").partition("flake:\n")
    snippet, _, _ = rest.partition("     Without")
    nix = Nix(file.parent / "nix")
    found = nix.value(f'builtins.removeAttrs {{ {snippet} }}.programs.iamRolesAnywhere [ "fleet" ]')
    assert found == {"enable": True, "user": "alice", "host": "webserver"}
