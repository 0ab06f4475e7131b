"""The control plane of Roles Anywhere against what AWS documents. Source: botocore model rolesanywhere 2018-05-10."""

from __future__ import annotations

import http.client
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from iam_ra.sandbox.rolesanywhere.models import rolesanywhere_backends

if TYPE_CHECKING:
    from iam_ra.sandbox.server import Server

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/iam-ra/default/admin"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
MISSING = "11111111-1111-1111-1111-111111111111"
NOW = datetime.now(UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])


def certificate(*, ca: bool = True, usage: bool = True) -> str:
    builder = (
        x509.CertificateBuilder(
            NAME, NAME, KEY.public_key(), x509.random_serial_number(), NOW, NOW + timedelta(days=9)
        )
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=usage,
                crl_sign=usage,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def revocations() -> bytes:
    builder = x509.CertificateRevocationListBuilder(NAME, NOW, NOW + timedelta(days=9))
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


CA = certificate()
SOURCE = {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": CA}}


@pytest.fixture
def anywhere(aws: Any) -> Any:
    return aws("rolesanywhere")


def anchor(anywhere: Any, name: str = "a", **more: Any) -> dict[str, Any]:
    created: dict[str, Any] = anywhere.create_trust_anchor(name=name, source=SOURCE, **more)["trustAnchor"]
    return created


def profile(anywhere: Any, name: str = "p", **more: Any) -> dict[str, Any]:
    created: dict[str, Any] = anywhere.create_profile(name=name, roleArns=[ROLE], **more)["profile"]
    return created


def refusal(raised: pytest.ExceptionInfo[ClientError]) -> tuple[str, int, str]:
    answer = raised.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


@pytest.mark.conforms(
    "Roles Anywhere: A new anchor is shown whole.", source="botocore model: rolesanywhere CreateTrustAnchor"
)
def test_a_new_anchor_is_shown_whole(anywhere: Any) -> None:
    answer = anywhere.create_trust_anchor(name="corp root", source=SOURCE, enabled=True)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    made = answer["trustAnchor"]
    assert re.fullmatch(UUID, made["trustAnchorId"])
    assert (
        made["trustAnchorArn"]
        == f"arn:aws:rolesanywhere:us-east-1:{ACCOUNT}:trust-anchor/{made['trustAnchorId']}"
    )
    assert (made["name"], made["source"], made["enabled"]) == ("corp root", SOURCE, True)
    assert made["createdAt"] == made["updatedAt"]
    assert anywhere.get_trust_anchor(trustAnchorId=made["trustAnchorId"])["trustAnchor"] == made


def test_times_have_microseconds(sandbox: Server, anywhere: Any) -> None:
    made = anchor(anywhere)
    connection = http.client.HTTPConnection(urlsplit(sandbox.endpoint_url).netloc)
    scope = "Credential=test/20260101/us-east-1/rolesanywhere/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
    connection.request("GET", f"/trustanchor/{made['trustAnchorId']}", headers=headers)
    shown = json.load(connection.getresponse())["trustAnchor"]["createdAt"]
    connection.close()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", shown)


@pytest.mark.conforms(
    "Roles Anywhere: An anchor has two notifications from the start.",
    source="IAM Roles Anywhere User Guide: Customize notification settings",
)
def test_an_anchor_has_two_notifications_from_the_start(anywhere: Any) -> None:
    common = {
        "enabled": True,
        "threshold": 45,
        "channel": "ALL",
        "configuredBy": "rolesanywhere.amazonaws.com",
    }
    assert anchor(anywhere)["notificationSettings"] == [
        {"event": "CA_CERTIFICATE_EXPIRY", **common},
        {"event": "END_ENTITY_CERTIFICATE_EXPIRY", **common},
    ]


@pytest.mark.conforms(
    "Roles Anywhere: Notifications are put and reset.",
    source="botocore model: rolesanywhere PutNotificationSettings",
)
def test_notifications_are_put_and_reset(anywhere: Any) -> None:
    made = anchor(anywhere)
    setting = {"enabled": True, "event": "CA_CERTIFICATE_EXPIRY", "threshold": 90}
    changed = anywhere.put_notification_settings(
        trustAnchorId=made["trustAnchorId"], notificationSettings=[setting]
    )
    first, second = changed["trustAnchor"]["notificationSettings"]
    assert first == {**setting, "channel": "ALL", "configuredBy": ACCOUNT}
    assert second == made["notificationSettings"][1]
    reset = anywhere.reset_notification_settings(
        trustAnchorId=made["trustAnchorId"], notificationSettingKeys=[{"event": "CA_CERTIFICATE_EXPIRY"}]
    )
    assert reset["trustAnchor"]["notificationSettings"] == made["notificationSettings"]


@pytest.mark.conforms(
    "Roles Anywhere: An enabled notification needs a threshold.",
    source="botocore model: rolesanywhere NotificationSetting",
)
def test_an_enabled_notification_needs_a_threshold(anywhere: Any) -> None:
    with pytest.raises(ClientError) as raised:
        anchor(anywhere, notificationSettings=[{"enabled": True, "event": "CA_CERTIFICATE_EXPIRY"}])
    assert refusal(raised)[:2] == ("ValidationException", 400)


@pytest.mark.conforms(
    "Roles Anywhere: An anchor is changed, disabled, enabled and deleted.",
    source="botocore model: rolesanywhere UpdateTrustAnchor",
)
def test_an_anchor_changes_and_goes(anywhere: Any) -> None:
    key = {"trustAnchorId": anchor(anywhere)["trustAnchorId"]}
    other = {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": CA + certificate()}}
    changed = anywhere.update_trust_anchor(**key, name="b", source=other)["trustAnchor"]
    assert (changed["name"], changed["source"], changed["enabled"]) == ("b", other, False)
    assert changed["updatedAt"] > changed["createdAt"]
    assert anywhere.enable_trust_anchor(**key)["trustAnchor"]["enabled"] is True
    assert anywhere.disable_trust_anchor(**key)["trustAnchor"]["enabled"] is False
    assert anywhere.delete_trust_anchor(**key)["trustAnchor"]["name"] == "b"
    with pytest.raises(ClientError) as raised:
        anywhere.get_trust_anchor(**key)
    assert refusal(raised)[:2] == ("ResourceNotFoundException", 404)


@pytest.mark.conforms(
    "Roles Anywhere: An ARN names a resource as its id does.",
    source="botocore model: rolesanywhere GetTrustAnchor",
)
def test_an_arn_names_a_resource_as_its_id_does(anywhere: Any) -> None:
    made = anchor(anywhere)
    assert (
        anywhere.enable_trust_anchor(trustAnchorId=made["trustAnchorArn"])["trustAnchor"]["enabled"] is True
    )
    shown = anywhere.get_trust_anchor(trustAnchorId=made["trustAnchorArn"])["trustAnchor"]
    assert shown["trustAnchorId"] == made["trustAnchorId"]


@pytest.mark.conforms(
    "Roles Anywhere: An anchor takes CA certificates only.",
    source="IAM Roles Anywhere User Guide: Trust model",
)
@pytest.mark.parametrize(
    ("pem", "message"),
    [
        (certificate(ca=False), "Incorrect basic constraints for CA certificate"),
        (certificate(usage=False), "Incorrect key usage for CA certificate"),
        (CA * 3, "A trust anchor holds at most 2 certificates."),
        ("hello", "Unable to parse x509CertificateData: it must hold PEM-encoded certificates."),
    ],
)
def test_an_anchor_takes_ca_certificates_only(anywhere: Any, pem: str, message: str) -> None:
    source = {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": pem}}
    with pytest.raises(ClientError) as raised:
        anywhere.create_trust_anchor(name="a", source=source)
    assert refusal(raised) == ("ValidationException", 400, message)


@pytest.mark.conforms(
    "Roles Anywhere: An anchor's source fits its type.", source="botocore model: rolesanywhere Source"
)
def test_a_source_fits_its_type(anywhere: Any) -> None:
    with pytest.raises(ClientError) as raised:
        anywhere.create_trust_anchor(name="a", source={**SOURCE, "sourceType": "AWS_ACM_PCA"})
    assert refusal(raised)[:2] == ("ValidationException", 400)
    pca = f"arn:aws:acm-pca:us-east-1:{ACCOUNT}:certificate-authority/{MISSING}"
    source = {"sourceType": "AWS_ACM_PCA", "sourceData": {"acmPcaArn": pca}}
    assert anywhere.create_trust_anchor(name="a", source=source)["trustAnchor"]["source"] == source


@pytest.mark.conforms(
    "Roles Anywhere: A new profile has the documented defaults.",
    source="botocore model: rolesanywhere CreateProfile",
)
def test_a_new_profile_has_the_documented_defaults(anywhere: Any) -> None:
    answer = anywhere.create_profile(name="p", roleArns=[ROLE], enabled=True)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    made = answer["profile"]
    assert made["profileArn"] == f"arn:aws:rolesanywhere:us-east-1:{ACCOUNT}:profile/{made['profileId']}"
    assert (made["durationSeconds"], made["acceptRoleSessionName"], made["enabled"]) == (3600, False, True)
    assert made["createdBy"].startswith(f"arn:aws:sts::{ACCOUNT}:")
    assert "sessionPolicy" not in made
    rules = {
        each["certificateField"]: [r["specifier"] for r in each["mappingRules"]]
        for each in made["attributeMappings"]
    }
    assert rules == {"x509Subject": ["*"], "x509Issuer": ["*"], "x509SAN": ["DNS", "URI", "Name/*"]}


def test_a_profile_may_have_no_roles(anywhere: Any) -> None:
    assert anywhere.create_profile(name="p", roleArns=[])["profile"]["roleArns"] == []


@pytest.mark.conforms(
    "Roles Anywhere: A profile is changed, disabled, enabled and deleted.",
    source="botocore model: rolesanywhere UpdateProfile",
)
def test_a_profile_changes_and_goes(anywhere: Any) -> None:
    key = {"profileId": profile(anywhere)["profileId"]}
    changed = anywhere.update_profile(
        **key, durationSeconds=900, sessionPolicy="{}", acceptRoleSessionName=True
    )["profile"]
    assert (changed["durationSeconds"], changed["sessionPolicy"], changed["acceptRoleSessionName"]) == (
        900,
        "{}",
        True,
    )
    assert (changed["name"], changed["roleArns"]) == ("p", [ROLE])
    assert anywhere.enable_profile(**key)["profile"]["enabled"] is True
    assert anywhere.disable_profile(**key)["profile"]["enabled"] is False
    assert anywhere.delete_profile(**key)["profile"]["profileId"] == key["profileId"]
    with pytest.raises(ClientError) as raised:
        anywhere.delete_profile(**key)
    assert refusal(raised)[:2] == ("ResourceNotFoundException", 404)


@pytest.mark.conforms(
    "Roles Anywhere: Attribute mappings are put and deleted.",
    source="botocore model: rolesanywhere PutAttributeMapping",
)
def test_attribute_mappings_are_put_and_deleted(anywhere: Any) -> None:
    key = {"profileId": profile(anywhere)["profileId"]}

    def rules(answer: dict[str, Any]) -> dict[str, list[str]]:
        mappings = answer["profile"]["attributeMappings"]
        return {each["certificateField"]: [r["specifier"] for r in each["mappingRules"]] for each in mappings}

    gone = rules(
        anywhere.delete_attribute_mapping(**key, certificateField="x509SAN", specifiers=["DNS", "Name"])
    )
    assert gone["x509SAN"] == ["URI"]
    assert "x509Issuer" not in rules(anywhere.delete_attribute_mapping(**key, certificateField="x509Issuer"))
    put = anywhere.put_attribute_mapping(
        **key, certificateField="x509Issuer", mappingRules=[{"specifier": "CN"}, {"specifier": "CN"}]
    )
    assert rules(put)["x509Issuer"] == ["CN"]


@pytest.mark.conforms(
    "Roles Anywhere: CRLs come disabled unless asked otherwise, at most two an anchor.",
    source="botocore model: rolesanywhere ImportCrl",
)
def test_crls_come_disabled_and_at_most_two_an_anchor(anywhere: Any) -> None:
    arn = anchor(anywhere)["trustAnchorArn"]
    answer = anywhere.import_crl(name="c", crlData=revocations(), trustAnchorArn=arn)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    made = answer["crl"]
    assert (made["enabled"], made["trustAnchorArn"]) == (False, arn)
    assert made["crlArn"] == f"arn:aws:rolesanywhere:us-east-1:{ACCOUNT}:crl/{made['crlId']}"
    anywhere.import_crl(name="d", crlData=revocations(), trustAnchorArn=arn, enabled=True)
    with pytest.raises(ClientError) as raised:
        anywhere.import_crl(name="e", crlData=revocations(), trustAnchorArn=arn)
    assert refusal(raised)[:2] == ("ValidationException", 400)
    assert [crl["name"] for crl in anywhere.list_crls()["crls"]] == ["c", "d"]


@pytest.mark.conforms(
    "Roles Anywhere: A CRL is changed, disabled, enabled and deleted.",
    source="botocore model: rolesanywhere UpdateCrl",
)
def test_a_crl_changes_and_goes(anywhere: Any) -> None:
    arn = anchor(anywhere)["trustAnchorArn"]
    key = {"crlId": anywhere.import_crl(name="c", crlData=revocations(), trustAnchorArn=arn)["crl"]["crlId"]}
    data = revocations() + revocations()
    changed = anywhere.update_crl(**key, crlData=data)["crl"]
    assert (changed["name"], changed["crlData"]) == ("c", data)
    assert anywhere.enable_crl(**key)["crl"]["enabled"] is True
    assert anywhere.disable_crl(**key)["crl"]["enabled"] is False
    with pytest.raises(ClientError) as raised:
        anywhere.update_crl(**key, crlData=b"nonsense")
    assert refusal(raised)[:2] == ("ValidationException", 400)
    assert anywhere.get_crl(**key)["crl"]["crlData"] == data
    anywhere.delete_crl(**key)
    assert anywhere.list_crls()["crls"] == []


@pytest.mark.conforms(
    "Roles Anywhere: A CRL needs its anchor.", source="botocore model: rolesanywhere ImportCrl"
)
def test_a_crl_needs_its_anchor(anywhere: Any) -> None:
    arn = f"arn:aws:rolesanywhere:us-east-1:{ACCOUNT}:trust-anchor/{MISSING}"
    with pytest.raises(ClientError) as raised:
        anywhere.import_crl(name="c", crlData=revocations(), trustAnchorArn=arn)
    assert refusal(raised)[:2] == ("ResourceNotFoundException", 404)


@pytest.mark.conforms(
    "Roles Anywhere: Anchors, profiles and CRLs have tags.",
    source="botocore model: rolesanywhere TagResource",
)
def test_tags_of_all_kinds(anywhere: Any) -> None:
    tags = [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    made = anchor(anywhere, tags=tags)
    crl = anywhere.import_crl(
        name="c", crlData=revocations(), trustAnchorArn=made["trustAnchorArn"], tags=tags
    )["crl"]
    for arn in (made["trustAnchorArn"], profile(anywhere, tags=tags)["profileArn"], crl["crlArn"]):
        assert anywhere.list_tags_for_resource(resourceArn=arn)["tags"] == tags
        answer = anywhere.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "3"}])
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
        anywhere.untag_resource(resourceArn=arn, tagKeys=["a", "nobody"])
        assert anywhere.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "3"}]


@pytest.mark.conforms(
    "Roles Anywhere: A resource has at most 200 tags.",
    source="botocore model: rolesanywhere TooManyTagsException",
)
def test_two_hundred_tags_and_no_more(anywhere: Any) -> None:
    arn = profile(anywhere)["profileArn"]
    anywhere.tag_resource(resourceArn=arn, tags=[{"key": f"k{n}", "value": ""} for n in range(200)])
    with pytest.raises(ClientError) as raised:
        anywhere.tag_resource(resourceArn=arn, tags=[{"key": "one more", "value": ""}])
    assert refusal(raised)[:2] == ("TooManyTagsException", 400)


@pytest.mark.conforms(
    "Roles Anywhere: Lists come in pages.", source="botocore model: rolesanywhere ListTrustAnchors"
)
def test_lists_come_in_pages(anywhere: Any) -> None:
    names = [f"p{number}" for number in range(7)]
    for name in names:
        profile(anywhere, name)
    page = anywhere.list_profiles(pageSize=3)
    assert [each["name"] for each in page["profiles"]] == names[:3]
    pages = anywhere.get_paginator("list_profiles").paginate(pageSize=3)
    assert [[each["name"] for each in page["profiles"]] for page in pages] == [
        names[:3],
        names[3:6],
        names[6:],
    ]
    with pytest.raises(ClientError) as raised:
        anywhere.list_profiles(nextToken="made up")
    assert refusal(raised)[:2] == ("ValidationException", 400)


@pytest.mark.conforms(
    "Roles Anywhere: Anchors and profiles have quotas.",
    source="AWS General Reference: IAM Roles Anywhere endpoints and quotas",
)
def test_quotas(anywhere: Any) -> None:
    for _ in range(50):
        anchor(anywhere)
    with pytest.raises(ClientError) as raised:
        anchor(anywhere)
    assert refusal(raised)[:2] == ("ValidationException", 400)
    for _ in range(250):
        profile(anywhere)
    with pytest.raises(ClientError) as raised:
        profile(anywhere)
    assert refusal(raised)[:2] == ("ValidationException", 400)


def test_regions_are_apart(aws: Any) -> None:
    anchor(aws("rolesanywhere", "us-east-1"))
    assert aws("rolesanywhere", "ap-southeast-2").list_trust_anchors()["trustAnchors"] == []
    arn = anchor(aws("rolesanywhere", "ap-southeast-2"))["trustAnchorArn"]
    assert arn.startswith(f"arn:aws:rolesanywhere:ap-southeast-2:{ACCOUNT}:trust-anchor/")


@pytest.mark.conforms(
    "Roles Anywhere: Subjects are listed and shown with what they did.",
    source="botocore model: rolesanywhere GetSubject",
)
def test_subjects(anywhere: Any) -> None:
    subjects = rolesanywhere_backends[ACCOUNT]["us-east-1"].subjects
    first = subjects.record(x509_subject="CN=web", serial="17", issuer="CN=root", certificate=CA)
    again = subjects.record(x509_subject="CN=web", serial="18", issuer="CN=root", certificate=CA, failed=True)
    assert again is first
    listed = anywhere.list_subjects()["subjects"]
    assert [each["x509Subject"] for each in listed] == ["CN=web"]
    shown = anywhere.get_subject(subjectId=listed[0]["subjectId"])["subject"]
    assert [(each["serialNumber"], each["failed"]) for each in shown["credentials"]] == [
        ("17", False),
        ("18", True),
    ]
    assert shown["lastSeenAt"] >= shown["credentials"][1]["seenAt"]


@pytest.fixture(scope="module")
def careless(_server: Server) -> Any:
    """A client that leaves validation to the service."""
    import boto3  # noqa: PLC0415

    client = boto3.client(
        "rolesanywhere",
        region_name="us-east-1",
        endpoint_url=_server.endpoint_url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()


@pytest.mark.conforms(
    "Roles Anywhere: Every input is held to the limits of the model.",
    source="botocore model: rolesanywhere ValidationException",
)
@pytest.mark.parametrize(
    ("operation", "arguments", "message"),
    [
        (
            "create_profile",
            {"name": "p"},
            "1 validation error detected: Value at 'roleArns' failed to satisfy constraint: Member must not be null",
        ),
        (
            "create_profile",
            {"name": "p!", "roleArns": []},
            (
                "1 validation error detected: Value 'p!' at 'name' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: [ a-zA-Z0-9-_]*"
            ),
        ),
        (
            "create_profile",
            {"name": "p", "roleArns": [], "durationSeconds": 899},
            (
                "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: "
                "Member must have value greater than or equal to 900"
            ),
        ),
        (
            "create_profile",
            {"name": "", "roleArns": [], "durationSeconds": 43201},
            (
                "2 validation errors detected: Value '' at 'name' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1; "
                "Value '43201' at 'durationSeconds' failed to satisfy constraint: "
                "Member must have value less than or equal to 43200"
            ),
        ),
        (
            "put_attribute_mapping",
            {"profileId": MISSING, "certificateField": "x509Serial", "mappingRules": []},
            (
                "1 validation error detected: Value 'x509Serial' at 'certificateField' failed to satisfy constraint: "
                "Member must satisfy enum value set: [x509Subject, x509Issuer, x509SAN]"
            ),
        ),
        (
            "create_profile",
            {"name": "p", "roleArns": [], "tags": [{"key": "a#", "value": "v"}]},
            (
                "1 validation error detected: Value at 'tags.1.member.key' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: [ a-zA-Z0-9_.:/=+@-]*"
            ),
        ),
        (
            "import_crl",
            {"name": "c", "crlData": b"", "trustAnchorArn": "arn:aws:rolesanywhere:r:a:trust-anchor/x"},
            (
                "1 validation error detected: Value at 'crlData' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1"
            ),
        ),
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_inputs_are_held_to_the_model(
    careless: Any, operation: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(careless, operation)(**arguments)
    assert refusal(raised) == ("ValidationException", 400, message)


@pytest.mark.conforms(
    "Roles Anywhere: The ARN of a role is the ARN of a role.",
    source="botocore model: rolesanywhere CreateProfile",
)
@pytest.mark.usefixtures("sandbox")
def test_a_role_arn_is_the_arn_of_a_role(careless: Any) -> None:
    with pytest.raises(ClientError) as raised:
        careless.create_profile(name="p", roleArns=[f"arn:aws:iam::{ACCOUNT}:user/admin"])
    assert refusal(raised)[:2] == ("ValidationException", 400)


@pytest.mark.conforms(
    "Roles Anywhere: A member of a wrong type is a SerializationException.",
    source="Smithy: AWS restJson1 protocol",
)
@pytest.mark.usefixtures("sandbox")
def test_a_wrong_type_is_a_serialisation_error(careless: Any) -> None:
    with pytest.raises(ClientError) as raised:
        careless.create_profile(name="p", roleArns=[], durationSeconds="an hour")
    assert refusal(raised)[:2] == ("SerializationException", 400)


@pytest.mark.conforms(
    "Roles Anywhere: Aliases are refused.",
    source="The sandbox's own limit",
)
def test_aliases_are_refused_rather_than_forgotten(anywhere: Any) -> None:
    if "aliasName" not in anywhere.meta.service_model.operation_model("CreateProfile").input_shape.members:
        pytest.skip("this botocore knows no aliases")
    with pytest.raises(ClientError) as raised:
        profile(anywhere, aliasName="mine")
    assert refusal(raised)[:2] == ("ValidationException", 400)
