"""`iam-ra verify`: sessions are really opened, and whatever is not as it was applied makes the exit code 1."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from moto.sts.models import sts_backends
from tests.e2e import envelopes
from tests.e2e.by_hand import ByHand
from tests.e2e.test_secrets_stay_secret import found
from tests.e2e.world import ACCOUNT, READ_ONLY, small

from iam_ra.pki.certificate import load_certificate

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.e2e.world import Result, World

HOSTS: dict[str, dict[str, Any]] = {
    "web": {"roles": ["reader"], "identity": "web.example.com"},
    "edge": {
        "roles": ["admin", "reader"],
        "default_role": "reader",
        "ca": "edge",
        "delivery": ["secretsmanager"],
    },
    "file": {"roles": ["reader", "writer"], "default_role": "reader", "delivery": ["sops"]},
}
ROLES = ("admin", "idle", "reader", "writer")
OWN = {(f"host/{name}", role) for name, host in HOSTS.items() for role in host["roles"]}
OTHERS = {(f"host/{name}", role) for name in HOSTS for role in ROLES} - OWN


@pytest.fixture(scope="module")
def applied(standing: World) -> World:
    standing.more["SOPS_AGE_KEY"] = str(standing.identity)
    standing.write(
        small(
            certificate_authorities={"default": {}, "edge": {}},
            roles={name: {"policies": [READ_ONLY]} for name in ROLES},
            hosts=HOSTS,
        )
    )
    standing.apply()
    return standing


@pytest.fixture
def hand(applied: World) -> ByHand:
    return ByHand(applied)


def attempts(result: Result) -> dict[tuple[str, str], dict[str, Any]]:
    found = envelopes.data("verify", result)
    assert found["right"] is (result.code == 0)
    return {(each["host"], each["role"]): each for each in found["attempts"]}


def wrong(result: Result) -> dict[tuple[str, str], str]:
    """Return what each attempt that went wrong came to, of a verify that fails."""
    result.expect(1)
    return {pair: each["result"] for pair, each in attempts(result).items() if not each["right"]}


def test_every_role_opens_and_with_negative_no_other(applied: World) -> None:
    tried = attempts(applied.run("verify", "--all", "--negative", "--json").expect(0))
    assert {pair for pair, each in tried.items() if each["expected"]} == OWN
    assert {pair for pair, each in tried.items() if each["result"] == "opened"} == OWN
    assert {pair for pair, each in tried.items() if each["result"] == "refused"} == OTHERS
    web = tried["host/web", "reader"]
    serial = load_certificate(applied.secret("web", "certificate")).serial_number
    assert web["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/iam-ra-default-reader/{serial:x}"
    assert web["days_left"] in {364, 365}
    assert web["error"] == ""
    assert tried["host/web", "admin"]["error"].startswith("AccessDeniedException: Unable to assume role for ")
    # Who was refused opened nothing.
    names = {each.role_arn.rpartition("-")[2] for each in sts_backends[ACCOUNT]["aws"].assumed_roles}
    assert names == {"admin", "reader", "writer"}


def test_the_hosts_that_are_named_and_no_others(applied: World) -> None:
    text = applied.run("verify", "host/edge", "web", "web").expect(0).stdout
    head, *lines = text.splitlines()
    assert head.split() == ["HOST", "ROLE", "SESSION", "UNTIL", "DAYS"]
    assert [line.split()[:3] for line in lines[:3]] == [
        ["✓", "host/edge", "admin"],
        ["✓", "host/edge", "reader"],
        ["✓", "host/web", "reader"],
    ]
    assert all("iam-ra-default-" in line and line.split()[-1] in {"364", "365"} for line in lines[:3])
    assert lines[3:] == ["", "3 attempts, all as the file says."]


def test_a_role_that_opens_to_one_too_many(applied: World, hand: ByHand) -> None:
    # The name alone lets nobody in: admin trusts another authority than the one of web.
    with hand.trusted("admin", give="web.example.com"):
        applied.run("verify", "web", "--negative", "--json").expect(0)
    with hand.trusted("writer", give="web.example.com"):
        assert wrong(applied.run("verify", "--all", "--negative", "--json")) == {
            ("host/web", "writer"): "opened"
        }
        text = applied.run("verify", "--all", "--negative").expect(1)
        assert "✗ host/web as writer the role was opened, and must not be" in text.said
        assert text.stdout.endswith("12 attempts, 1 not as the file says.\n")
        # Without --negative nothing is tried that must not open.
        applied.run("verify", "--all").expect(0)


def test_a_role_taken_away_by_hand(applied: World, hand: ByHand) -> None:
    with hand.trusted("reader", take="web.example.com"):
        assert wrong(applied.run("verify", "--all", "--json")) == {("host/web", "reader"): "refused"}
        text = applied.run("verify", "web").expect(1)
        assert "✗ host/web as reader AccessDeniedException: Unable to assume role for arn:" in text.said


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda hand: hand.disabled(hand.anchor()), "Trust anchor is disabled"),
        (lambda hand: hand.disabled(hand.profile("reader")), "Profile is disabled"),
        (lambda hand: hand.revoked("default", "web"), "Certificate revoked"),
        (lambda hand: hand.expired("default", "web"), "Certificate is not valid at this time"),
    ],
    ids=["anchor disabled", "profile disabled", "revoked", "expired"],
)
def test_what_else_is_refused(
    applied: World, hand: ByHand, spoil: Callable[[ByHand], AbstractContextManager[None]], says: str
) -> None:
    with spoil(hand):
        result = applied.run("verify", "web", "--json")
        assert wrong(result) == {("host/web", "reader"): "refused"}
        assert says in attempts(result)["host/web", "reader"]["error"]


def test_keys_come_from_where_they_were_delivered(applied: World) -> None:
    """Of `file` there is no secret, of `edge` no SOPS file, of `web` both."""
    before = len(applied.wire.requests)
    applied.run("verify", "edge", "web", SOPS_AGE_KEY=None, PATH="/usr/bin:/bin").expect(0)
    assert "GetSecretValue" in {each.operation for each in applied.wire.requests[before:]}
    result = applied.run("verify", "--all", "--json", SOPS_AGE_KEY=None)
    assert wrong(result) == {("host/file", "reader"): "failed", ("host/file", "writer"): "failed"}
    error = attempts(result)["host/file", "reader"]["error"]
    assert "no copy of the private key of host/file can be read" in error
    assert "mirror of host/file: " in error
    assert "secrets/hosts/file/iam-ra.yaml: " in error
    # The file in the repository alone is enough.
    mirror = applied.key_of_mirror("file")
    content = applied.objects[mirror]
    applied.remove(mirror)
    try:
        applied.run("verify", "file").expect(0)
    finally:
        applied.put(mirror, content)


def test_a_key_that_may_not_be_read_is_no_refusal(applied: World) -> None:
    """With --negative a refusal is what is wanted; that verify itself is refused must not pass for it."""
    applied.wire.denied = {("secretsmanager", "GetSecretValue")}
    try:
        result = applied.run("verify", "edge", "--negative", "--json")
    finally:
        applied.wire.denied = set()
    assert set(wrong(result).values()) == {"failed"}
    assert len(wrong(result)) == len(ROLES)
    assert "secretsmanager:GetSecretValue is not allowed" in attempts(result)["host/edge", "idle"]["error"]


def test_a_host_whose_certificate_was_never_issued(applied: World) -> None:
    """As an apply leaves it that failed half-way."""
    before = applied.objects["default/state.json"]
    state = json.loads(before)
    del state["parts"]["host/web:certificate"]
    applied.put("default/state.json", json.dumps(state).encode())
    try:
        result = applied.run("verify", "--all", "--json")
    finally:
        applied.put("default/state.json", before)
    assert wrong(result) == {("host/web", "reader"): "failed"}
    assert "it has no certificate yet" in attempts(result)["host/web", "reader"]["error"]


def test_the_way_to_the_service(applied: World) -> None:
    """The session is asked for as boto3 would: over HTTPS with an authority of one's own, and through a proxy."""
    bundle = applied.folder / "authority.crt"
    bundle.write_text(applied.server.authority_pem)
    secure = applied.server.https_url
    applied.run("verify", "web", AWS_ENDPOINT_URL=secure, AWS_CA_BUNDLE=str(bundle)).expect(0)
    unreachable = "http://127.0.0.1:1"
    result = applied.run("verify", "web", "--json", AWS_ENDPOINT_URL_ROLESANYWHERE=unreachable)
    assert wrong(result) == {("host/web", "reader"): "failed"}
    assert "127.0.0.1:1" in attempts(result)["host/web", "reader"]["error"]
    by_name = applied.server.endpoint_url.replace("127.0.0.1", "localhost")
    proxy = {"AWS_ENDPOINT_URL_ROLESANYWHERE": by_name, "HTTP_PROXY": unreachable}
    result = applied.run("verify", "web", "--json", NO_PROXY="127.0.0.1", **proxy)
    assert wrong(result) == {("host/web", "reader"): "failed"}
    assert "proxy" in attempts(result)["host/web", "reader"]["error"]
    applied.run("verify", "web", NO_PROXY="127.0.0.1,localhost", **proxy).expect(0)


def test_no_key_and_no_credentials_are_shown(applied: World) -> None:
    keys = {name: applied.secret(name, "private-key").encode() for name in ("edge", "web")}
    keys["file"] = applied.open(applied.sops_file("file"))["private_key"].encode()
    known = len(sts_backends[ACCOUNT]["aws"].assumed_roles)
    shown = {}
    for flags in (("--json",), ()):
        result = applied.run("verify", "--all", "--negative", "--debug", "-v", *flags).expect(0)
        shown[f"verify {flags}"] = f"{result.stdout}{result.stderr}".encode()
    assert found(keys, shown) == []
    sessions = sts_backends[ACCOUNT]["aws"].assumed_roles[known:]
    assert len(sessions) == 2 * len(OWN)
    for session in sessions:
        for secret in (session.secret_access_key, session.session_token):
            assert not any(secret.encode() in text for text in shown.values())
    # Nor is anything left on the disk.
    files = {
        str(path): path.read_bytes()
        for path in applied.folder.rglob("*")
        if path.is_file() and path.suffix != ".pem"
    }
    assert found(keys, files) == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("nobody",), 1, "IRA1600"),
        (("web", "nobody"), 1, "host/nobody was not applied yet"),
        ((), 64, "name the hosts to verify, or give --all"),
        (("web", "--all"), 64, "iam-ra verify --all"),
    ],
)
def test_wrong_usage(applied: World, arguments: tuple[str, ...], code: int, says: str) -> None:
    result = applied.run("verify", *arguments).expect(code)
    assert says in result.said
    assert result.stdout == ""


def test_before_the_first_apply(applied: World) -> None:
    (applied.root / "fresh.yaml").write_text(json.dumps(small(namespace="fresh")))
    result = applied.run("verify", "--all", "--json", "-f", "fresh.yaml").expect(1)
    error = json.loads(result.stderr)["error"]
    assert (error["id"], error["what"]) == ("IRA1600", "nothing was applied yet")
    assert "iam-ra apply" in error["fix"]
