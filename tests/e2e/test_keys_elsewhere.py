"""Hosts that keep their key (`csr`), and hosts that get it by age: made, restored, renewed, taken away."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyrage
import pytest
from tests.e2e.clients import clients
from tests.e2e.clients.clients import Machine
from tests.e2e.clients.estate import Attempt
from tests.e2e.holders import Holder
from tests.e2e.world import small

from iam_ra.pki.certificate import load_certificate
from iam_ra.pki.keys import PrivateKey
from iam_ra.pki.secret import Secret

if TYPE_CHECKING:
    from tests.e2e.world import World

ROLE = "reader"
CERTIFICATE = "exports/certificates/web.pem"
AGE = "secrets/hosts/web/iam-ra-key.age"
PIN = "1234"
ON_THE_HOST = "web: not checked: its key is on the host"


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def openssl(*arguments: str) -> str:
    return run("openssl", *arguments)


# Requests


def request(world: World, key: Path, to: str = "csrs/web.pem", subject: str = "/CN=root/O=Anything") -> None:
    """Make a key where the host keeps it, and bring over a request that asks for more than it will get."""
    if not key.exists():
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
    (world.root / to).parent.mkdir(exist_ok=True)
    wishes = (
        "-addext",
        "basicConstraints=critical,CA:TRUE",
        "-addext",
        "subjectAltName=DNS:evil.example.com",
    )
    openssl("req", "-new", "-key", str(key), "-subj", subject, *wishes, "-out", str(world.root / to))


def keeping(**changes: Any) -> dict[str, Any]:
    return small(hosts={"web": {"roles": [ROLE], "csr": "csrs/web.pem", **changes}})


def attempt(world: World, key: Path) -> Attempt:
    arns = world.stack_outputs(f"iam-ra-default-role-{ROLE}")
    return Attempt(
        certificate=world.root / CERTIFICATE,
        private_key=key,
        intermediates=None,
        trust_anchor_arn=world.stack_outputs("iam-ra-default-rootca")["TrustAnchorArn"],
        profile_arn=arns["ProfileArn"],
        role_arn=arns["RoleArn"],
    )


def test_a_request_becomes_a_certificate_and_nothing_else(world: World) -> None:
    key = world.folder / "host.key"
    request(world, key)
    world.write(keeping())
    world.apply()
    world.settled()
    certificate = load_certificate((world.root / CERTIFICATE).read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=web"
    assert "evil" not in openssl("x509", "-in", str(world.root / CERTIFICATE), "-noout", "-text")
    assert "CA:FALSE" in openssl("x509", "-in", str(world.root / CERTIFICATE), "-noout", "-text")
    # No key, no secret, no stack of the host.
    assert not world.secrets
    assert "iam-ra-default-host-web" not in world.stacks
    assert not (world.root / "secrets").exists()
    holder = Holder(world, certificate, PrivateKey.from_pem(Secret(key.read_bytes())))
    assert holder.opens(ROLE) == {ROLE}
    (entry,) = (each for each in world.ledger().values() if each["entity"] == "host/web")
    assert entry["serial"] == str(certificate.serial_number)

    assert ON_THE_HOST in world.run("verify", "--all").expect().said
    assert (
        world.run("verify", "--all", "--json").expect().json["data"]["attempts"][0]["result"] == "unchecked"
    )
    assert world.run("explain", "web", ROLE).expect().stdout


@pytest.mark.tool("aws_signing_helper")
def test_awss_helper_gets_credentials_with_the_hosts_own_key(world: World) -> None:
    key = world.folder / "host.key"
    request(world, key)
    world.write(keeping())
    world.apply()
    tried = attempt(world, key)
    machine = Machine(world.home, world.server, world.folder / "none")
    assert clients.credential_process_http(machine, tried).arn == tried.assumed_role_arn


@pytest.mark.tool("aws_signing_helper")
@pytest.mark.tool("softhsm2-util")
@pytest.mark.tool("pkcs11-tool")
def test_a_key_in_a_pkcs11_token_never_leaves_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the guide does it, with a token of SoftHSM in the place of a TPM or a smart card."""
    library = "/usr/lib/softhsm/libsofthsm2.so"
    tokens = world.folder / "tokens"
    tokens.mkdir()
    (world.folder / "softhsm2.conf").write_text(f"directories.tokendir = {tokens}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(world.folder / "softhsm2.conf"))
    monkeypatch.setenv("PKCS11_MODULE_PATH", library)
    run("softhsm2-util", "--init-token", "--free", "--label", "web", "--pin", PIN, "--so-pin", PIN)
    token = ("--module", library, "--token-label", "web", "--login", "--pin", PIN)
    run(
        "pkcs11-tool",
        *token,
        "--keypairgen",
        "--key-type",
        "EC:prime256v1",
        "--label",
        "iam-ra",
        "--id",
        "01",
    )
    uri = "pkcs11:token=web;object=iam-ra;type=private"
    (world.root / "csrs").mkdir()
    made = ("-engine", "pkcs11", "-keyform", "engine", "-key", f"{uri};pin-value={PIN}", "-subj", "/CN=web")
    openssl("req", "-new", *made, "-out", str(world.root / "csrs/web.pem"))
    world.write(keeping())
    world.apply()
    tried = attempt(world, Path(f"{uri}?pin-value={PIN}"))
    machine = Machine(world.home, world.server, world.folder / "none")
    environ = {**machine.environ(), "SOFTHSM2_CONF": str(world.folder / "softhsm2.conf")}
    command = clients.helper_command("credential-process", tried, "--pkcs11-lib", library)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["SessionToken"]


def test_another_request_is_another_certificate_with_overlap(world: World) -> None:
    old, new = world.folder / "old.key", world.folder / "new.key"
    request(world, old)
    world.write(keeping())
    world.apply()
    first = Holder(
        world,
        load_certificate((world.root / CERTIFICATE).read_bytes()),
        PrivateKey.from_pem(Secret(old.read_bytes())),
    )
    request(world, new)
    assert world.plan().changes["host/web:certificate"] == "update"
    world.apply()
    world.settled()
    second = Holder(
        world,
        load_certificate((world.root / CERTIFICATE).read_bytes()),
        PrivateKey.from_pem(Secret(new.read_bytes())),
    )
    assert second.certificate.public_key() == second.key.public_key
    assert first.opens(ROLE) == {ROLE}
    assert second.opens(ROLE) == {ROLE}
    # Its place in the repository is no reason.
    (world.root / "csrs/web.pem").rename(world.root / "csrs/moved.pem")
    world.write(keeping(csr="csrs/moved.pem"))
    world.apply()
    again = load_certificate((world.root / CERTIFICATE).read_bytes())
    assert again == second.certificate


def test_the_certificates_file_is_kept_and_a_strangers_is_left_alone(world: World) -> None:
    request(world, world.folder / "host.key")
    file = world.root / CERTIFICATE
    file.parent.mkdir(parents=True)
    file.write_text("mine\n")
    world.write(keeping())
    result = world.run("apply", "--yes").expect(1)
    assert f"{CERTIFICATE} exists and iam-ra did not write it" in result.said
    file.unlink()
    world.apply()
    good = file.read_bytes()
    for spoil in (file.unlink, lambda: file.write_bytes(good + b"edited\n")):
        spoil()
        assert world.plan().changes == {"host/web:certificate-file": "update"}
        world.apply()
        assert file.read_bytes() == good
    world.write(small(hosts={}))
    world.apply()
    assert not file.exists()


def test_a_file_of_an_apply_that_was_killed_is_ours(world: World) -> None:
    request(world, world.folder / "host.key")
    world.write(keeping())
    world.apply()
    state = world.state
    del state["parts"]["host/web:certificate-file"]
    world.put("default/state.json", json.dumps(state).encode())
    world.write(small(hosts={}))
    world.apply()
    assert not (world.root / CERTIFICATE).exists()
    world.settled()


def test_a_host_may_begin_and_cease_to_keep_its_key(world: World) -> None:
    world.write(small())
    world.apply()
    assert world.secrets
    request(world, world.folder / "host.key")
    world.write(keeping())
    world.apply()
    world.settled()
    assert not world.sops_file("web").exists()
    assert "iam-ra-default-host-web" not in world.stacks
    world.write(small())
    world.apply()
    world.settled()
    world.run("verify", "--all").expect()
    assert not (world.root / CERTIFICATE).exists()


# Age


def aged(*recipients: Any, **changes: Any) -> dict[str, Any]:
    keys = [each if isinstance(each, str) else str(each.to_public()) for each in recipients]
    return small(hosts={"web": {"roles": [ROLE], "delivery": ["age"], "age_recipients": keys, **changes}})


def opened(world: World, identity: Any) -> Holder:
    """Open the host's file as agenix does on the host."""
    key = pyrage.decrypt((world.root / AGE).read_bytes(), [identity])
    assert key.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    return Holder.having(world, (world.root / CERTIFICATE).read_text(), key.decode())


@pytest.mark.tool("age")
def test_an_age_file_is_made_mirrored_and_restored_without_any_key(world: World) -> None:
    host = pyrage.x25519.Identity.generate()
    world.write(aged(host))
    world.apply()
    world.settled()
    holder = opened(world, host)
    assert holder.opens(ROLE) == {ROLE}
    assert not world.secrets
    bytes_then = (world.root / AGE).read_bytes()
    (mirror,) = (key for key in world.objects if "/age-" in key)
    assert mirror == f"default/hosts/web/age-{holder.certificate.serial_number:040x}.age"
    assert world.objects[mirror] == bytes_then

    for spoil in ((world.root / AGE).unlink, lambda: (world.root / AGE).write_bytes(b"edited")):
        spoil()
        assert world.plan().changes == {"host/web:age": "update"}
        world.apply()
        assert (world.root / AGE).read_bytes() == bytes_then
    world.remove(mirror)
    world.apply()
    assert world.objects[mirror] == bytes_then
    world.settled()

    # Whoever has an identity that opens it can verify.
    world.run("verify", "--all").expect(1)
    world.run("verify", "--all", SOPS_AGE_KEY=str(host)).expect()

    world.write(small(hosts={}))
    world.apply()
    assert not (world.root / AGE).exists()
    assert not [key for key in world.objects if "/age-" in key]


@pytest.mark.tool("age")
def test_other_recipients_get_the_same_key_if_it_can_be_read_and_else_a_new_one(world: World) -> None:
    host, other = (pyrage.x25519.Identity.generate() for _ in range(2))
    world.write(aged(host))
    world.apply()
    first = opened(world, host)

    world.write(aged(host, other))
    world.apply(SOPS_AGE_KEY=str(host))
    world.settled()
    assert opened(world, other).certificate == opened(world, host).certificate == first.certificate

    third = pyrage.x25519.Identity.generate()
    world.write(aged(third))
    plan = world.plan()
    assert plan.reasons["host/web:certificate"] == ("no copy of its private key can be read",)
    world.apply()
    world.settled()
    assert first.opens(ROLE) == {ROLE}
    second = opened(world, third)
    assert second.certificate != first.certificate
    assert second.opens(ROLE) == {ROLE}


@pytest.mark.tool("age")
@pytest.mark.tool("ssh-keygen")
def test_an_ssh_key_of_the_host_opens_it(world: World) -> None:
    key = world.folder / "ssh_host_ed25519_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)  # noqa: S607
    world.write(aged(key.with_suffix(".pub").read_text().strip()))
    world.apply()
    done = subprocess.run(
        ["age", "--decrypt", "--identity", str(key), str(world.root / AGE)],  # noqa: S607
        capture_output=True,
        check=True,
    )
    assert Holder.having(world, (world.root / CERTIFICATE).read_text(), done.stdout.decode()).opens(ROLE)


def test_without_age_nothing_is_begun(world: World) -> None:
    world.path = [path for path in world.path if path not in {"/usr/bin", "/bin"}]
    world.write(aged(pyrage.x25519.Identity.generate()))
    result = world.run("apply", "--yes").expect(1)
    assert "age is not installed" in result.said
    assert "iam-ra-default-rootca" not in world.stacks


@pytest.mark.tool("age")
def test_a_key_moves_from_age_to_secrets_manager_and_back(world: World) -> None:
    host = pyrage.x25519.Identity.generate()
    world.write(aged(host))
    world.apply()
    first = opened(world, host)
    world.write(aged(host, delivery=["age", "secretsmanager"]))
    world.apply(SOPS_AGE_KEY=str(host))
    assert Holder.of(world, "web").certificate == first.certificate
    (world.root / AGE).unlink()
    world.write(small(hosts={"web": {"roles": [ROLE], "delivery": ["secretsmanager"]}}))
    world.apply()
    world.settled()
    assert Holder.of(world, "web").opens(ROLE)
    # The key is in Secrets Manager, so that no identity is needed.
    world.write(aged(host))
    world.apply()
    world.settled()
    assert opened(world, host).certificate == first.certificate
    assert not world.secrets
