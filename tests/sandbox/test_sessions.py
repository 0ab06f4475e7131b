"""CreateSession over HTTP: what it answers, what it leaves behind, what it refuses."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.sts.models import sts_backends
from tests.e2e.clients.caller import Caller
from tests.e2e.clients.estate import ACCOUNT, BOSS, HOST, REGION, Estate

from iam_ra.pki.certificate import certificate_pem
from iam_ra.sandbox import expiry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sandbox.conftest import Aws

    from iam_ra.sandbox.server import Server

SERVICE_LINE = "rolesanywhere CreateSession"


@pytest.fixture
def estate(aws: Aws, tmp_path: Path) -> Estate:
    return Estate(tmp_path, lambda service: aws(service, REGION))


@pytest.fixture
def caller(sandbox: Server, estate: Estate) -> Caller:
    return Caller(sandbox, estate, estate.authority.sign(HOST, "ec-p256"))


@pytest.fixture
def identity(sandbox: Server) -> Callable[[dict[str, str]], Any]:
    def ask(credentials: dict[str, str], service: str = "sts", operation: str = "get_caller_identity") -> Any:
        client = boto3.client(
            service,  # type: ignore[call-overload]
            region_name=REGION,
            endpoint_url=sandbox.endpoint_url,
            aws_access_key_id=credentials["accessKeyId"],
            aws_secret_access_key=credentials["secretAccessKey"],
            aws_session_token=credentials["sessionToken"],
        )
        try:
            return getattr(client, operation)()
        finally:
            client.close()

    return ask


def sessions() -> list[Any]:
    return sts_backends[ACCOUNT]["aws"].assumed_roles


@pytest.mark.conforms(
    "Roles Anywhere sessions: The answer has the documented shape.",
    source="IAM Roles Anywhere User Guide: CreateSession API",
)
def test_the_answer_has_the_shape_that_clients_read(caller: Caller) -> None:
    before = datetime.now(UTC)
    answer = caller.ask(duration_seconds=900)
    assert answer.status == 201
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.body) == ["credentialSet", "subjectArn"]
    (only,) = answer.body["credentialSet"]
    name = f"{caller.leaf.serial_number:x}"
    assert only["assumedRoleUser"]["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/{name}"
    assert only["assumedRoleUser"]["assumedRoleId"].endswith(f":{name}")
    assert only["roleArn"] == caller.asks.role_arn
    assert only["sourceIdentity"] == f"CN={HOST}"
    assert only["packedPolicySize"] == 0
    assert set(answer.credentials) == {"accessKeyId", "secretAccessKey", "sessionToken", "expiration"}
    assert answer.credentials["accessKeyId"].startswith("ASIA")
    end = datetime.strptime(answer.credentials["expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(end - before - timedelta(seconds=900)) < timedelta(seconds=5)


@pytest.mark.conforms(
    "Roles Anywhere sessions: STS knows whose the credentials are.",
    source="AWS STS API Reference: GetCallerIdentity",
)
def test_sts_knows_whose_the_credentials_are(caller: Caller, identity: Any) -> None:
    answer = caller.ask()
    told = identity(answer.credentials)
    assert told["Arn"] == answer.body["credentialSet"][0]["assumedRoleUser"]["arn"]
    assert told["UserId"] == answer.body["credentialSet"][0]["assumedRoleUser"]["assumedRoleId"]
    assert told["Account"] == ACCOUNT


def test_it_works_over_https(caller: Caller, sandbox: Server) -> None:
    caller.url = sandbox.https_url
    assert caller.ask().status == 201


@pytest.mark.conforms(
    "Roles Anywhere sessions: Session policy, name and instance properties are kept.",
    source="IAM Roles Anywhere User Guide: CreateSession API",
)
def test_what_describes_and_narrows_a_session_is_kept(caller: Caller, estate: Estate) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    estate.anywhere.update_profile(
        profileId=estate.profiles["reader"].rpartition("/")[2],
        sessionPolicy=policy,
        managedPolicyArns=[arn],
        acceptRoleSessionName=True,
    )
    answer = caller.ask(role_session_name="nightly")
    (session,) = sessions()
    assert session.arn.endswith("assumed-role/reader/nightly")
    assert (session.policy, session.policy_arns) == (policy, (arn,))
    assert session.source_identity == f"CN={HOST}"
    assert session.tags["x509Subject/CN"] == HOST
    assert session.tags["x509Issuer/O"] == "iam-ra"
    assert answer.body["credentialSet"][0]["packedPolicySize"] == 4


@pytest.mark.conforms(
    "Roles Anywhere sessions: Session policies beyond STS's limits, which a profile may have, fail every session.",
    source="IAM User Guide: IAM and AWS STS quotas",
)
def test_session_policies_beyond_the_limits_of_sts_open_nothing(caller: Caller, estate: Estate) -> None:
    profile = estate.profiles["reader"].rpartition("/")[2]
    arns = [f"arn:aws:iam::aws:policy/Policy{number:02}" for number in range(11)]
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    padded = policy.ljust(2048 - len("".join(arns[:10])))

    def narrow(session_policy: str, count: int) -> None:
        estate.anywhere.update_profile(
            profileId=profile, sessionPolicy=session_policy, managedPolicyArns=arns[:count]
        )

    narrow(padded, 10)
    assert caller.ask().body["credentialSet"][0]["packedPolicySize"] == 100
    unable = f"Unable to assume role for {caller.asks.role_arn}: "
    for session_policy, count, reason in (
        (policy, 11, "11 managed session policies, at most 10 are allowed"),
        (padded + " ", 10, "session policies of 2049 characters, at most 2048 are allowed"),
    ):
        narrow(session_policy, count)
        assert caller.ask().error == (403, "AccessDeniedException", unable + reason)
    assert len(sessions()) == 1


@pytest.mark.conforms(
    "Roles Anywhere sessions: A subject shows the serial number that was seen last.",
    source="botocore model: rolesanywhere SubjectDetail",
)
def test_the_subject_shows_the_serial_that_was_seen_last(caller: Caller, estate: Estate) -> None:
    first = caller.ask()
    caller.leaf = estate.authority.sign(HOST, "ec-p256")
    assert caller.ask().body["subjectArn"] == first.body["subjectArn"]
    (listed,) = estate.anywhere.list_subjects()["subjects"]
    assert (listed["subjectArn"], listed["x509Subject"]) == (first.body["subjectArn"], f"CN={HOST}")
    seen = estate.anywhere.get_subject(subjectId=listed["subjectId"])["subject"]["credentials"]
    assert [each["serialNumber"] for each in seen][-1] == str(caller.leaf.serial_number)
    assert seen[-1]["x509CertificateData"] == certificate_pem(caller.leaf)
    assert seen[-1]["issuer"] == caller.leaf.issuer.rfc4514_string()
    assert [each["failed"] for each in seen] == [False, False]


@pytest.mark.conforms(
    "Roles Anywhere sessions: A subject shows a refused attempt as failed.",
    source="botocore model: rolesanywhere CredentialSummary",
)
def test_a_refused_certificate_of_ours_is_recorded_as_failed(caller: Caller, estate: Estate) -> None:
    estate.trust("reader", {estate.anchor: [BOSS]})
    assert caller.ask().status == 403
    (listed,) = estate.anywhere.list_subjects()["subjects"]
    (seen,) = estate.anywhere.get_subject(subjectId=listed["subjectId"])["subject"]["credentials"]
    assert (seen["serialNumber"], seen["failed"]) == (str(caller.leaf.serial_number), True)


@pytest.mark.conforms(
    "Roles Anywhere sessions: A certificate of another authority is refused, and leaves no subject.",
    source="IAM Roles Anywhere User Guide: Trust model",
)
def test_a_certificate_that_no_anchor_vouches_for_leaves_no_subject(caller: Caller, estate: Estate) -> None:
    caller.leaf = estate.other.sign(HOST, "ec-p256")
    assert caller.ask().error == (403, "AccessDeniedException", "Untrusted signing certificate")
    assert estate.anywhere.list_subjects()["subjects"] == []


@pytest.mark.conforms(
    "Roles Anywhere sessions: A session lasts as long as the lesser of profile and request says.",
    source="botocore model: rolesanywhere CreateProfile",
)
def test_the_least_of_profile_and_request_is_the_duration(caller: Caller, estate: Estate, aws: Aws) -> None:
    profile = estate.profiles["reader"].rpartition("/")[2]
    estate.anywhere.update_profile(profileId=profile, durationSeconds=7200)
    assert caller.ask(duration_seconds=3600).status == 201
    refused = (403, "AccessDeniedException", f"Unable to assume role for {caller.asks.role_arn}")
    assert caller.ask().error == refused
    aws("iam").update_role(RoleName="reader", MaxSessionDuration=7200)
    assert caller.ask().status == 201


@pytest.mark.conforms(
    "Roles Anywhere sessions: Disabled anchors and profiles open nothing.",
    source="botocore model: rolesanywhere DisableTrustAnchor",
)
def test_disabled_things_open_nothing(caller: Caller, estate: Estate) -> None:
    profile = estate.profiles["reader"].rpartition("/")[2]
    anchor = estate.anchor.rpartition("/")[2]
    estate.anywhere.disable_profile(profileId=profile)
    assert caller.ask().error[:2] == (403, "AccessDeniedException")
    estate.anywhere.enable_profile(profileId=profile)
    estate.anywhere.disable_trust_anchor(trustAnchorId=anchor)
    assert caller.ask().error[:2] == (403, "AccessDeniedException")
    estate.anywhere.enable_trust_anchor(trustAnchorId=anchor)
    assert caller.ask().status == 201


@pytest.mark.conforms(
    "Roles Anywhere sessions: A disabled CRL revokes nothing.",
    source="botocore model: rolesanywhere DisableCrl",
)
def test_a_disabled_list_revokes_nothing(caller: Caller, estate: Estate) -> None:
    estate.revoke(caller.leaf)
    assert caller.ask().error == (403, "AccessDeniedException", "Certificate revoked")
    (crl,) = estate.anywhere.list_crls()["crls"]
    estate.anywhere.disable_crl(crlId=crl["crlId"])
    assert caller.ask().status == 201


@pytest.mark.conforms(
    "Roles Anywhere sessions: A session name needs a profile that accepts it.",
    source="botocore model: rolesanywhere CreateProfile",
)
def test_a_session_name_must_be_welcome(caller: Caller) -> None:
    assert caller.ask(role_session_name="me").error[2] == "Not authorized to set roleSessionName"


@pytest.mark.conforms(
    "Roles Anywhere sessions: Anchors and profiles that do not exist are not found.",
    source="botocore model: rolesanywhere ResourceNotFoundException",
)
@pytest.mark.parametrize("member", ["trust_anchor_arn", "profile_arn"])
def test_what_does_not_exist_is_not_found(caller: Caller, member: str) -> None:
    arn = getattr(caller.asks, member)
    gone = arn[:-4] + ("0000" if arn[-4:] != "0000" else "1111")
    assert caller.ask(**{member: gone}).error[:2] == (404, "ResourceNotFoundException")


@pytest.mark.conforms(
    "Roles Anywhere sessions: A role that does not exist cannot be taken.",
    source="AWS STS API Reference: AssumeRole",
)
def test_a_role_that_does_not_exist_cannot_be_taken(caller: Caller, aws: Aws) -> None:
    aws("iam").delete_role(RoleName="reader")
    message = f"Unable to assume role for {caller.asks.role_arn}"
    assert caller.ask().error == (403, "AccessDeniedException", message)


@pytest.mark.conforms(
    "Roles Anywhere sessions: A member beyond its limits is refused in the words of other models.",
    source="IAM Roles Anywhere User Guide: CreateSession API",
)
def test_a_bad_member_is_worded_as_by_the_model(caller: Caller) -> None:
    message = (
        "1 validation error detected: Value '1' at 'durationSeconds' failed to satisfy constraint: "
        "Member must have value greater than or equal to 900"
    )
    assert caller.ask(duration_seconds=1).error == (400, "ValidationException", message)


@pytest.mark.parametrize(
    ("member", "arn", "status"),
    [
        ("trust_anchor_arn", "arn:aws:rolesanywhere:::trust-anchor/x", 404),
        ("trust_anchor_arn", "arn:aws:rolesanywhere:nowhere:1:trust-anchor/x", 404),
        ("trust_anchor_arn", "arn:aws-xx:rolesanywhere:eu-central-1:123456789012:trust-anchor/", 404),
        ("trust_anchor_arn", "arn:aws:rolesanywhere:eu-central-1:a:b:trust-anchor/x", 404),
        ("profile_arn", "arn:aws:rolesanywhere:nowhere::profile/x", 404),
        ("profile_arn", "arn:aws:iam::123456789012:role/reader", 400),
        ("role_arn", "arn:aws-xx:iam::123456789012:role/x", 403),
        ("role_arn", "arn:aws:iam::abc:role", 403),
        ("role_arn", "arn:aws:sts::123456789012:assumed-role/reader/x", 400),
    ],
)
def test_an_odd_arn_is_refused_in_the_service_s_form(
    caller: Caller, member: str, arn: str, status: int
) -> None:
    answer = caller.ask(**{member: arn})
    assert answer.error[0] == status
    assert answer.body["message"]


def test_resources_of_another_region_are_looked_for_there(caller: Caller, aws: Aws) -> None:
    elsewhere = caller.asks.trust_anchor_arn.replace(REGION, "us-east-1")
    assert caller.ask(trust_anchor_arn=elsewhere).status == 404
    assert aws("rolesanywhere", "us-east-1").list_subjects()["subjects"] == []


@pytest.mark.conforms(
    "Roles Anywhere sessions: A signed header that is missing is refused.",
    source="IAM Roles Anywhere User Guide: Signing process",
)
@pytest.mark.parametrize("header", ["X-Amz-Date", "X-Amz-X509", "Authorization", "Content-Type"])
def test_a_signed_header_that_is_missing_is_refused(caller: Caller, header: str) -> None:
    request = caller.signed()
    left = tuple(each for each in request.headers if each[0] != header)
    answer = caller.send(replace(request, headers=left))
    assert answer.status in {400, 403}
    assert answer.body["message"]
    assert sessions() == []


@pytest.mark.parametrize("text", ["", "nonsense", "AWS4-X509-ECDSA-SHA256 Credential=1"])
def test_an_unreadable_authorization_is_refused_by_the_service(caller: Caller, text: str) -> None:
    request = caller.signed()
    kept = tuple(each for each in request.headers if each[0] != "Authorization")
    answer = caller.send(replace(request, headers=(*kept, ("Authorization", text))))
    assert answer.error[:2] == (403, "AccessDeniedException")


@pytest.mark.conforms(
    "Roles Anywhere sessions: A body that is not the signed one is refused.",
    source="IAM Roles Anywhere User Guide: Signing process",
)
def test_a_changed_body_is_refused(caller: Caller, estate: Estate) -> None:
    request = caller.signed()
    body = request.body.replace(caller.asks.role_arn.encode(), estate.roles["writer"].encode())
    assert body != request.body
    assert caller.send(replace(request, body=body)).error[:2] == (403, "AccessDeniedException")
    assert sessions() == []


@pytest.mark.conforms(
    "Roles Anywhere sessions: A signature by another key is refused.",
    source="IAM Roles Anywhere User Guide: Signing process",
)
def test_another_key_is_refused(caller: Caller, estate: Estate) -> None:
    certificate = estate.authority.sign(HOST, "rsa-2048")
    request = caller.signed()
    caller.leaf = certificate
    other = caller.signed  # the RSA leaf with the EC key
    assert caller.send(request).status == 201
    assert caller.send(other()).error[:2] == (403, "AccessDeniedException")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b"\xff", b'{"roleArn": {}}', b'{"durationSeconds": true}']
)
def test_a_body_of_another_form_is_refused_in_the_service_s_form(caller: Caller, body: bytes) -> None:
    assert caller.send(replace(caller.signed(), body=body)).error[:2] == (400, "ValidationException")


def test_a_slash_at_the_end_changes_nothing(caller: Caller) -> None:
    assert caller.send(replace(caller.signed(), path="/sessions/")).status == 201


def test_only_post_opens_sessions(caller: Caller) -> None:
    assert caller.send(replace(caller.signed(), method="PUT")).status in {400, 403, 404, 405}
    assert sessions() == []


@pytest.mark.conforms(
    "Roles Anywhere sessions: Credentials of a session that has ended are refused by every service.",
    source="AWS General Reference: Common errors",
)
def test_an_ended_session_is_refused_everywhere(
    caller: Caller, identity: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = caller.ask().credentials
    monkeypatch.setitem(expiry._ends, credentials["accessKeyId"], datetime.now(UTC))
    for service, operation, code in (
        ("sts", "get_caller_identity", "ExpiredToken"),
        ("iam", "list_roles", "ExpiredToken"),
        ("s3", "list_buckets", "ExpiredToken"),
        ("rolesanywhere", "list_profiles", "ExpiredTokenException"),
        ("secretsmanager", "list_secrets", "ExpiredTokenException"),
    ):
        with pytest.raises(ClientError) as raised:
            identity(credentials, service, operation)
        assert raised.value.response["Error"]["Code"] == code


def test_the_end_of_a_session_is_what_its_answer_says(caller: Caller) -> None:
    credentials = caller.ask(duration_seconds=900).credentials
    end = expiry._ends[credentials["accessKeyId"]]
    assert f"{end:%Y-%m-%dT%H:%M:%SZ}" == credentials["expiration"]


def test_a_refusal_is_logged_by_the_check_and_nothing_else(
    caller: Caller, estate: Estate, caplog: pytest.LogCaptureFixture
) -> None:
    estate.revoke(caller.leaf)
    with caplog.at_level(logging.INFO, "iam_ra.sandbox"):
        request = caller.signed()
        caller.send(request)
    ours = [each.getMessage() for each in caplog.records if each.getMessage().startswith(SERVICE_LINE)]
    assert ours[0] == f"{SERVICE_LINE} refused by revocation"
    assert ours[1].startswith(f"{SERVICE_LINE} 403 ")
    for secret in ("Signature=", "X509", HOST, caller.asks.role_arn):
        assert secret not in caplog.text
