"""`iam-ra explain`: of an applied file by its state, of any certificate by what AWS says."""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e import envelopes
from tests.e2e.by_hand import ByHand
from tests.e2e.world import READ_ONLY, small

from iam_ra.anywhere.evaluate import CHECKS
from iam_ra.anywhere.request import SessionRequest
from iam_ra.anywhere.situation import Outcome
from iam_ra.operations.explaining import explain_live
from iam_ra.pki.certificate import certificate_pem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tests.e2e.world import Result, World

TRUST = ["trust-assume-role", "trust-tag-session", "trust-set-source-identity"]
UNSIGNED = [check.id for check in CHECKS if not check.signed]
WEB = "web.example.com"


def content() -> dict[str, Any]:
    return small(
        certificate_authorities={"default": {}, "edge": {}},
        roles={name: {"policies": [READ_ONLY]} for name in ("admin", "reader")},
        hosts={
            "web": {"roles": ["reader"], "identity": WEB, "delivery": ["secretsmanager"]},
            "boss": {"roles": ["admin"], "delivery": ["secretsmanager"]},
        },
    )


@pytest.fixture(scope="module")
def applied(standing: World) -> World:
    standing.write(content())
    standing.apply()
    return standing


@pytest.fixture
def hand(applied: World) -> ByHand:
    return ByHand(applied)


@contextmanager
def file(world: World, now: dict[str, Any]) -> Iterator[None]:
    """Edit the file without applying it."""
    before = world.file.read_text()
    world.write(now)
    try:
        yield
    finally:
        world.file.write_text(before)


def checks(result: Result, code: int) -> dict[str, dict[str, Any]]:
    data = envelopes.data("explain", result.expect(code))
    assert data["allowed"] is (code == 0)
    assert [each["id"] for each in data["checks"]] == UNSIGNED
    for each in data["checks"]:
        assert bool(each["answer"]) is (each["outcome"] == "failed")
        assert each["compared"]
    return {each["id"]: each for each in data["checks"]}


def failed(result: Result) -> list[str]:
    return [name for name, each in checks(result, 1).items() if each["outcome"] == "failed"]


# By the state


def test_a_role_that_would_be_given(applied: World) -> None:
    assert {
        each["outcome"] for each in checks(applied.run("explain", "web", "reader", "--json"), 0).values()
    } == {"passed"}
    applied.wire.clear()
    text = applied.run("explain", "host/web", "role/reader").expect(0).stdout
    assert text.startswith("iam-ra explain · host/web as role/reader\n")
    assert text.count("✓ ") == len(UNSIGNED)
    assert text.endswith("The service would give the role.\n")
    assert WEB not in text
    assert "CreateSession" not in {each.operation for each in applied.wire.requests}
    assert not applied.wire.writes
    told = applied.run("explain", "web", "reader", "-v").expect(0).said
    assert f"x509Subject/CN = {WEB}" in told


def test_a_role_that_is_not_given(applied: World) -> None:
    result = applied.run("explain", "host/web", "role/admin", "--json")
    assert failed(result) == TRUST
    found = checks(result, 1)
    for name in TRUST:
        compared = " ".join(found[name]["compared"])
        assert "'boss'" in compared
        assert f"'{WEB}'" in compared
    text = applied.run("explain", "web", "admin").expect(1)
    assert "the policy says 'boss'; the request has 'web.example.com'" in text.said
    fix = "To give it: add admin to roles of hosts.web in iam-ra.yaml and run `iam-ra apply`."
    assert text.said.count(f"fix: {fix}") == 1
    assert found[TRUST[0]]["fix"] == fix
    assert "The service would answer 403 AccessDeniedException: Unable to assume role for arn:" in text.said


def test_the_fix_follows_the_file(applied: World) -> None:
    def fix(now: dict[str, Any], host: str = "web") -> str:
        with file(applied, now):
            found = checks(applied.run("explain", host, "admin", "--json"), 1)
        return str(found[TRUST[0]]["fix"])

    given = content()
    given["hosts"]["web"] |= {"roles": ["admin", "reader"], "default_role": "reader"}
    assert fix(given) == (
        "iam-ra.yaml gives admin to hosts.web, and that was not applied yet: run `iam-ra apply`."
    )
    gone = content()
    del gone["hosts"]["web"]
    assert "hosts.web is not in iam-ra.yaml any more" in fix(gone)
    without = content()
    del without["hosts"]["boss"], without["roles"]["admin"]
    assert "roles.admin is not in iam-ra.yaml any more" in fix(without)


def test_the_fix_works(applied: World) -> None:
    """What explain says is done: and then the role would be given, and is."""
    now = content()
    now["hosts"]["web"] |= {"roles": ["admin", "reader"], "default_role": "reader"}
    with file(applied, now):
        applied.apply()
        checks(applied.run("explain", "web", "admin", "--json"), 0)
        applied.run("verify", "web").expect(0)
    applied.apply()
    assert failed(applied.run("explain", "web", "admin", "--json")) == TRUST


def test_a_certificate_whose_life_is_over(applied: World, hand: ByHand) -> None:
    with hand.expired("default", "web"):
        result = applied.run("explain", "web", "reader", "--json")
    assert failed(result) == ["validity"]
    assert "iam-ra apply" in checks(result, 1)["validity"]["fix"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("nobody", "reader"), 1, "host/nobody was not applied yet"),
        (("web", "nothing"), 1, "role/nothing was not applied yet"),
        (("web",), 64, "name a host and a role"),
        ((), 64, "iam-ra explain HOST ROLE"),
        (("web", "reader", "--role-arn", "arn:aws:iam::1:role/x"), 64, "--certificate"),
        (("--certificate", "iam-ra.yaml"), 64, "--trust-anchor"),
        (("--certificate", "nowhere.pem"), 64, "nowhere.pem"),
    ],
)
def test_wrong_usage(applied: World, arguments: tuple[str, ...], code: int, says: str) -> None:
    result = applied.run("explain", *arguments).expect(code)
    assert says in result.said
    assert result.stdout == ""


def test_before_the_first_apply(applied: World) -> None:
    (applied.root / "fresh.yaml").write_text(json.dumps(small(namespace="fresh")))
    result = applied.run("explain", "web", "reader", "--json", "-f", "fresh.yaml").expect(1)
    assert json.loads(result.stderr)["error"]["id"] == "IRA1600"


# By what AWS says


class Doctor:
    """Explains a certificate by three ARNs; those of the role `reader` unless others are given."""

    def __init__(self, world: World, hand: ByHand) -> None:
        self.world, self.hand = world, hand
        self.certificate = world.secret("web", "certificate")
        self.arns = {
            "trust-anchor": hand.anchor(),
            "profile-arn": hand.profile("reader"),
            "role-arn": hand.role("reader"),
        }

    def run(self, *more: str) -> Result:
        path = self.world.folder / "certificate.pem"
        path.write_text(self.certificate)
        arns = [f"--{name}={value}" for name, value in self.arns.items()]
        # From outside the repository: this works without any file.
        return self.world.run("explain", "--certificate", str(path), *arns, *more)

    def failed(self) -> list[str]:
        """Ask what the command asks, without the time that a process takes to start."""
        request = SessionRequest(self.arns["trust-anchor"], self.arns["profile-arn"], self.arns["role-arn"])
        results = explain_live(self.certificate.encode(), request, None)
        return [each.id for each in results if each.outcome is Outcome.FAILED]


@pytest.fixture
def doctor(applied: World, hand: ByHand, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    for name, value in applied.environ.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    return Doctor(applied, hand)


def test_a_healthy_certificate_without_any_file(doctor: Doctor) -> None:
    aside = doctor.world.file.rename(doctor.world.folder / "aside.yaml")
    try:
        checks(doctor.run("--json"), 0)
    finally:
        aside.rename(doctor.world.file)


def test_whose_certificate_it_is(doctor: Doctor) -> None:
    own = doctor.certificate
    doctor.certificate = certificate_pem(doctor.hand.sign("edge", WEB))
    assert doctor.failed() == ["path"]
    assert "Untrusted signing certificate" in doctor.run().expect(1).said
    # By its own authority's trust anchor it is known, and its name lets it in nowhere.
    doctor.arns["trust-anchor"] = doctor.hand.anchor("edge")
    assert doctor.failed() == TRUST
    doctor.arns["trust-anchor"] = doctor.hand.anchor()
    doctor.certificate = certificate_pem(doctor.hand.sign("default", "stranger"))
    assert doctor.failed() == TRUST
    doctor.certificate = certificate_pem(doctor.hand.sign("default", WEB, expired=True))
    assert doctor.failed() == ["validity"]
    # An authority is no leaf.
    doctor.certificate = doctor.world.objects["default/ca/default/certificate.pem"].decode()
    assert "leaf" in doctor.failed()
    # A certificate that is not needed on the way does not hurt.
    doctor.certificate = own + doctor.world.objects["default/ca/edge/certificate.pem"].decode()
    assert doctor.failed() == []


@pytest.mark.parametrize(
    ("spoil", "expected", "compared"),
    [
        (lambda hand: hand.disabled(hand.anchor()), ["trust-anchor-enabled"], "is disabled"),
        (lambda hand: hand.disabled(hand.profile("reader")), ["profile-enabled"], "is disabled"),
        (lambda hand: hand.revoked("default", "web"), ["revocation"], "revoked: CN=web.example.com"),
        (lambda hand: hand.trusted("reader", take=WEB), TRUST, "the policy says 'nobody'"),
        (lambda _: nullcontext(), [], ""),
    ],
    ids=["anchor", "profile", "revoked", "trust", "undone"],
)
def test_what_was_done_by_hand(doctor: Doctor, spoil: Any, expected: list[str], compared: str) -> None:
    done: AbstractContextManager[None] = spoil(doctor.hand)
    with done:
        result = doctor.run("--json")
    if not expected:
        checks(result, 0)
        return
    assert failed(result) == expected
    assert compared in " ".join(checks(result, 1)[expected[0]]["compared"])


def test_session_policies_that_sts_does_not_take(doctor: Doctor) -> None:
    anywhere, profile = doctor.world.aws("rolesanywhere"), doctor.arns["profile-arn"].rpartition("/")[2]
    arns = [f"arn:aws:iam::aws:policy/Policy{number}" for number in range(11)]
    anywhere.update_profile(profileId=profile, managedPolicyArns=arns)
    try:
        assert doctor.failed() == ["session-policies"]
        text = doctor.run().expect(1).said
    finally:
        anywhere.update_profile(profileId=profile, managedPolicyArns=[])
    assert "the profile has 11 managed policies; STS takes 10" in text
    assert doctor.failed() == []


def test_a_long_session_policy_is_applied_as_it_was_counted(applied: World) -> None:
    """In the file it is just as long as allowed, and what is applied is no longer: white space counts for STS."""
    now = content()
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": []}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    names = [f"arn:aws:s3:::bucket-{number:03}" for number in range(66)]
    statement["Resource"] = names
    names.append("arn:aws:s3:::".ljust(2045 - len(json.dumps(policy, separators=(",", ":"))), "x"))
    assert len(json.dumps(policy, separators=(",", ":"))) == 2048
    now["roles"]["reader"]["session_policy"] = policy
    with file(applied, now):
        applied.apply()
        checks(applied.run("explain", "web", "reader", "--json"), 0)
        applied.run("verify", "web").expect(0)
    applied.apply()


def test_arns_of_what_is_not_there(doctor: Doctor) -> None:
    own = dict(doctor.arns)
    # No policy names the anchor that is not there, either.
    for name, expected in (
        ("trust-anchor", ["trust-anchor-exists", *TRUST]),
        ("profile-arn", ["profile-exists"]),
    ):
        head = own[name].rpartition("/")[0]
        doctor.arns = {**own, name: f"{head}/00000000-0000-4000-8000-000000000000"}
        assert doctor.failed() == expected
    doctor.arns = {**own, "role-arn": own["role-arn"] + "-not"}
    assert doctor.failed() == ["role-listed", "role-exists"]
    # The same name in another account is another role.
    doctor.arns = {**own, "role-arn": own["role-arn"].replace("123456789012", "210987654321")}
    assert doctor.failed() == ["same-account", "role-listed", "role-exists"]
    # A role that exists, by a profile that does not list it.
    doctor.arns = {**own, "role-arn": doctor.hand.role("admin")}
    assert doctor.failed() == ["role-listed", *TRUST]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("trust-anchor", "nonsense", "'trustAnchorArn' failed to satisfy constraint"),
        ("profile-arn", "arn:aws:iam::123456789012:role/x", "'profileArn' failed to satisfy constraint"),
        ("trust-anchor", "arn:aws:rolesanywhere::123456789012:trust-anchor/x", "names no Region"),
    ],
)
def test_arns_that_are_none(doctor: Doctor, name: str, value: str, says: str) -> None:
    doctor.arns[name] = value
    assert says in doctor.run().expect(64).said


def test_a_trust_anchor_of_a_private_ca_that_is_gone(doctor: Doctor) -> None:
    authority = (
        "arn:aws:acm-pca:eu-central-1:123456789012:certificate-authority/11111111-2222-4333-8444-555555555555"
    )
    anywhere = doctor.world.aws("rolesanywhere")
    source = {"sourceType": "AWS_ACM_PCA", "sourceData": {"acmPcaArn": authority}}
    made = anywhere.create_trust_anchor(name="private", source=source, enabled=True)["trustAnchor"]
    doctor.arns["trust-anchor"] = made["trustAnchorArn"]
    try:
        result = doctor.run().expect(1)
    finally:
        anywhere.delete_trust_anchor(trustAnchorId=made["trustAnchorId"])
    assert "IRA2000" in result.said
    assert "acm-pca:GetCertificateAuthorityCertificate" in result.said


def test_a_certificate_that_is_none(doctor: Doctor) -> None:
    doctor.certificate = "mine\n"
    assert "openssl x509" in doctor.run().expect(1).said
