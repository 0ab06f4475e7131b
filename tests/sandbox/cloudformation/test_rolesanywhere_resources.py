from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ARN = {"Fn::GetAtt": ["Anchor", "TrustAnchorArn"]}


class Authority:
    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        usage = dict.fromkeys(
            (
                "digital_signature",
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        certificate = (
            x509.CertificateBuilder(self.name, self.name, self.key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.pem = certificate.public_bytes(serialization.Encoding.PEM).decode()

    def crl(self) -> str:
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name)
        made = builder.last_update(now).next_update(now + timedelta(days=1)).sign(self.key, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("one")


def _template(authority: Authority, **more: Any) -> dict[str, Any]:
    source = {"SourceType": "CERTIFICATE_BUNDLE", "SourceData": {"X509CertificateData": authority.pem}}
    anchor = {"Name": "anchor", "Enabled": True, "Source": source, **more}
    return {"Resources": {"Anchor": {"Type": "AWS::RolesAnywhere::TrustAnchor", "Properties": anchor}}}


def _tags(client: Any, arn: str) -> dict[str, str]:
    tags = client.list_tags_for_resource(resourceArn=arn)["tags"]
    return {tag["key"]: tag["value"] for tag in tags if not tag["key"].startswith("aws:")}


@pytest.mark.conforms(
    "CloudFormation: AWS::RolesAnywhere::TrustAnchor is made, changed and described as its schema says.",
    source="CloudFormation resource schema: AWS::RolesAnywhere::TrustAnchor",
)
def test_trust_anchor(stacks: Any, aws: Any, authority: Authority) -> None:
    client = aws("rolesanywhere")
    settings = [{"Event": "CA_CERTIFICATE_EXPIRY", "Enabled": True, "Threshold": 60, "Channel": "ALL"}]
    template = _template(authority, NotificationSettings=settings, Tags=[{"Key": "own", "Value": "1"}])
    template["Outputs"] = {"Arn": {"Value": ARN}, "Id": {"Value": {"Ref": "Anchor"}}}
    done = stacks.create("s", template, Tags=[{"Key": "team", "Value": "a"}])
    assert done["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("s", "CREATE_FAILED")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in done["Outputs"]}
    anchor = client.get_trust_anchor(trustAnchorId=outputs["Id"])["trustAnchor"]
    assert anchor["trustAnchorArn"] == outputs["Arn"]
    assert anchor["enabled"] is True
    assert anchor["source"]["sourceData"]["x509CertificateData"].strip() == authority.pem.strip()
    assert [
        s["threshold"] for s in anchor["notificationSettings"] if s["event"] == "CA_CERTIFICATE_EXPIRY"
    ] == [60]
    assert _tags(client, outputs["Arn"]) == {"own": "1", "team": "a"}

    other = Authority("two")
    done = stacks.update("s", _template(other, Name="renamed", Enabled=False), Tags=[])
    assert done["StackStatus"] == "UPDATE_COMPLETE", stacks.reasons("s", "UPDATE_FAILED")
    anchor = client.get_trust_anchor(trustAnchorId=outputs["Id"])["trustAnchor"]
    assert (anchor["name"], anchor["enabled"]) == ("renamed", False)
    assert anchor["source"]["sourceData"]["x509CertificateData"].strip() == other.pem.strip()
    assert [
        s["threshold"] for s in anchor["notificationSettings"] if s["event"] == "CA_CERTIFICATE_EXPIRY"
    ] != [60]
    assert _tags(client, outputs["Arn"]) == {}
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert client.list_trust_anchors()["trustAnchors"] == []


@pytest.mark.conforms(
    "CloudFormation: A certificate that is refused fails the stack.",
    source="botocore model: rolesanywhere CreateTrustAnchor",
)
def test_a_refused_certificate_fails_the_stack(stacks: Any, authority: Authority) -> None:
    body = _template(authority)
    body["Resources"]["Anchor"]["Properties"]["Source"]["SourceData"] = {"X509CertificateData": "nonsense"}
    assert stacks.create("s", body)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Service: RolesAnywhere" in stacks.reasons("s", "CREATE_FAILED")["Anchor"]


def test_an_anchor_gone_behind_our_back(stacks: Any, aws: Any, authority: Authority) -> None:
    stacks.create("s", _template(authority))
    aws("rolesanywhere").delete_trust_anchor(trustAnchorId=stacks.physical_id("s", "Anchor"))
    done = stacks.update("s", _template(authority, Name="renamed"))
    assert done["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert "HandlerErrorCode: NotFound" in stacks.reasons("s", "UPDATE_FAILED")["Anchor"]
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


def _profile(**more: Any) -> dict[str, Any]:
    properties = {"Name": "profile", "RoleArns": ["arn:aws:iam::123456789012:role/r"], **more}
    return {
        "Resources": {"P": {"Type": "AWS::RolesAnywhere::Profile", "Properties": properties}},
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": "P.ProfileArn"}}, "Id": {"Value": {"Ref": "P"}}},
    }


@pytest.mark.conforms(
    "CloudFormation: AWS::RolesAnywhere::Profile is made, changed and described as its schema says.",
    source="CloudFormation resource schema: AWS::RolesAnywhere::Profile",
)
def test_profile(stacks: Any, aws: Any) -> None:
    client = aws("rolesanywhere")
    policy = '{"Version":"2012-10-17","Statement":[]}'
    done = stacks.create(
        "s",
        _profile(
            Enabled=True,
            DurationSeconds=7200,
            AcceptRoleSessionName=True,
            SessionPolicy=policy,
            ManagedPolicyArns=["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            AttributeMappings=[{"CertificateField": "x509Subject", "MappingRules": [{"Specifier": "CN"}]}],
        ),
        Tags=[{"Key": "team", "Value": "a"}],
    )
    assert done["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("s", "CREATE_FAILED")
    outputs = {each["OutputKey"]: each["OutputValue"] for each in done["Outputs"]}
    profile = client.get_profile(profileId=outputs["Id"])["profile"]
    assert profile["profileArn"] == outputs["Arn"]
    assert (profile["enabled"], profile["durationSeconds"], profile["acceptRoleSessionName"]) == (
        True,
        7200,
        True,
    )
    assert profile["sessionPolicy"] == policy
    assert profile["managedPolicyArns"] == ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
    subject = [each for each in profile["attributeMappings"] if each["certificateField"] == "x509Subject"]
    assert subject[0]["mappingRules"] == [{"specifier": "CN"}]
    assert _tags(client, outputs["Arn"]) == {"team": "a"}

    wanted = _profile(Enabled=False, DurationSeconds=900, SessionPolicy=policy)
    done = stacks.update("s", wanted, Tags=[])
    assert done["StackStatus"] == "UPDATE_COMPLETE", stacks.reasons("s", "UPDATE_FAILED")
    profile = client.get_profile(profileId=outputs["Id"])["profile"]
    assert (profile["enabled"], profile["durationSeconds"]) == (False, 900)
    assert profile["acceptRoleSessionName"] is False
    assert not profile.get("managedPolicyArns")
    assert "x509Subject" not in {each["certificateField"] for each in profile["attributeMappings"]}
    done = stacks.update("s", _profile(Enabled=False, DurationSeconds=900))
    assert done["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "SessionPolicy cannot be removed" in stacks.reasons("s", "UPDATE_FAILED")["P"]
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.conforms(
    "CloudFormation: AWS::RolesAnywhere::CRL is made, changed and described as its schema says.",
    source="CloudFormation resource schema: AWS::RolesAnywhere::CRL",
)
def test_crl(stacks: Any, aws: Any, authority: Authority) -> None:
    client = aws("rolesanywhere")
    body = _template(authority)
    crl = {"Name": "crl", "CrlData": authority.crl(), "Enabled": True, "TrustAnchorArn": ARN}
    body["Resources"]["Crl"] = {"Type": "AWS::RolesAnywhere::CRL", "Properties": crl}
    done = stacks.create("s", body)
    assert done["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("s", "CREATE_FAILED")
    crl_id = stacks.physical_id("s", "Crl")
    assert client.get_crl(crlId=crl_id)["crl"]["enabled"] is True
    body["Resources"]["Crl"]["Properties"] = {
        **crl,
        "Name": "renamed",
        "CrlData": authority.crl(),
        "Enabled": False,
    }
    assert stacks.update("s", body)["StackStatus"] == "UPDATE_COMPLETE", stacks.reasons("s", "UPDATE_FAILED")
    found = client.get_crl(crlId=crl_id)["crl"]
    assert (found["name"], found["enabled"]) == ("renamed", False)
    assert stacks.delete("s")["StackStatus"] == "DELETE_COMPLETE"
