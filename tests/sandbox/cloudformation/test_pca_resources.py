"""AWS::ACMPCA::*: a private authority, its certificate and its activation, as stacks."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

if TYPE_CHECKING:
    from tests.sandbox.cloudformation.conftest import Stacks

ROOT: dict[str, Any] = {
    "Authority": {
        "Type": "AWS::ACMPCA::CertificateAuthority",
        "Properties": {
            "Type": "ROOT",
            "KeyAlgorithm": "EC_prime256v1",
            "SigningAlgorithm": "SHA256WITHECDSA",
            "Subject": {"CommonName": "company"},
            "Tags": [{"Key": "k", "Value": "v"}],
        },
    },
    "Certificate": {
        "Type": "AWS::ACMPCA::Certificate",
        "Properties": {
            "CertificateAuthorityArn": {"Ref": "Authority"},
            "CertificateSigningRequest": {"Fn::GetAtt": ["Authority", "CertificateSigningRequest"]},
            "SigningAlgorithm": "SHA256WITHECDSA",
            "TemplateArn": "arn:aws:acm-pca:::template/RootCACertificate/V1",
            "Validity": {"Type": "YEARS", "Value": 10},
        },
    },
    "Activation": {
        "Type": "AWS::ACMPCA::CertificateAuthorityActivation",
        "Properties": {
            "CertificateAuthorityArn": {"Ref": "Authority"},
            "Certificate": {"Fn::GetAtt": ["Certificate", "Certificate"]},
            "Status": "ACTIVE",
        },
    },
    "Permission": {
        "Type": "AWS::ACMPCA::Permission",
        "Properties": {
            "CertificateAuthorityArn": {"Ref": "Authority"},
            "Principal": "acm.amazonaws.com",
            "Actions": ["IssueCertificate", "GetCertificate", "ListPermissions"],
        },
    },
}


@pytest.fixture
def pca(aws: Any) -> Any:
    return aws("acm-pca")


def template(resources: dict[str, Any] | None = None, **outputs: Any) -> dict[str, Any]:
    shown = {"Chain": {"Value": {"Fn::GetAtt": ["Activation", "CompleteCertificateChain"]}}} | outputs
    return {"Resources": resources or ROOT, "Outputs": shown}


def described(pca: Any, arn: str) -> Any:
    return pca.describe_certificate_authority(CertificateAuthorityArn=arn)["CertificateAuthority"]


@pytest.mark.conforms(
    "CloudFormation: AWS::ACMPCA::CertificateAuthority and its kin make a root, and take it down.",
    source="CloudFormation resource schema: AWS::ACMPCA::CertificateAuthority",
)
def test_a_root_is_made_and_taken_down(stacks: Stacks, pca: Any) -> None:
    made = stacks.create("root", template())
    assert made["StackStatus"] == "CREATE_COMPLETE"
    arn = stacks.physical_id("root", "Authority")
    found = described(pca, arn)
    assert (found["Status"], found["Type"]) == ("ACTIVE", "ROOT")
    (output,) = made["Outputs"]
    root = x509.load_pem_x509_certificate(output["OutputValue"].encode())
    root.verify_directly_issued_by(root)
    assert root.not_valid_after_utc == found["NotAfter"]
    tags = {tag["Key"]: tag["Value"] for tag in pca.list_tags(CertificateAuthorityArn=arn)["Tags"]}
    assert tags["k"] == "v"
    assert tags["aws:cloudformation:logical-id"] == "Authority"
    assert len(pca.list_permissions(CertificateAuthorityArn=arn)["Permissions"]) == 1
    assert stacks.delete("root")["StackStatus"] == "DELETE_COMPLETE"
    assert described(pca, arn)["Status"] == "DELETED"
    assert stacks.steps(made["StackId"], "Activation")[-1] == "DELETE_COMPLETE"


@pytest.mark.conforms(
    "CloudFormation: An authority's tags and status change in place.",
    source="CloudFormation resource schema: AWS::ACMPCA::CertificateAuthorityActivation",
)
def test_revocation_and_status_change_in_place(stacks: Stacks, pca: Any, aws: Any) -> None:
    stacks.create("root", template())
    arn = stacks.physical_id("root", "Authority")
    changed = copy.deepcopy(ROOT)
    del changed["Authority"]["Properties"]["Tags"]
    changed["Activation"]["Properties"]["Status"] = "DISABLED"
    assert stacks.update("root", template(changed))["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical_id("root", "Authority") == arn
    assert described(pca, arn)["Status"] == "DISABLED"
    assert "k" not in {tag["Key"] for tag in pca.list_tags(CertificateAuthorityArn=arn)["Tags"]}
    aws("s3").create_bucket(Bucket="crls")
    crl = {"Enabled": True, "ExpirationInDays": 7, "S3BucketName": "crls"}
    changed["Authority"]["Properties"]["RevocationConfiguration"] = {"CrlConfiguration": crl}
    assert stacks.update("root", template(changed))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "policy" in stacks.reasons("root", "UPDATE_FAILED")["Authority"]


@pytest.mark.conforms(
    "CloudFormation: An authority with another key algorithm is another one.",
    source="CloudFormation resource schema: AWS::ACMPCA::CertificateAuthority",
)
def test_another_key_is_another_authority(stacks: Stacks, pca: Any) -> None:
    stacks.create("root", template())
    arn = stacks.physical_id("root", "Authority")
    changed = copy.deepcopy(ROOT)
    changed["Authority"]["Properties"]["KeyAlgorithm"] = "EC_secp384r1"
    assert stacks.update("root", template(changed))["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.physical_id("root", "Authority") != arn
    assert described(pca, arn)["Status"] == "DELETED"


@pytest.mark.conforms(
    "CloudFormation: An active authority cannot be deleted with its stack.",
    source="AWS Private CA API Reference: DeleteCertificateAuthority",
)
def test_an_active_authority_cannot_be_deleted(stacks: Stacks, pca: Any) -> None:
    kept = copy.deepcopy(ROOT)
    kept["Activation"]["DeletionPolicy"] = "Retain"
    stacks.create("root", template(kept))
    arn = stacks.physical_id("root", "Authority")
    assert stacks.delete("root")["StackStatus"] == "DELETE_FAILED"
    assert described(pca, arn)["Status"] == "ACTIVE"


@pytest.mark.conforms(
    "CloudFormation: An authority's signing algorithm of another family fails the stack.",
    source="AWS Private CA API Reference: CreateCertificateAuthority",
)
def test_a_wrong_algorithm_fails_the_stack(stacks: Stacks) -> None:
    wrong = copy.deepcopy(ROOT)
    wrong["Authority"]["Properties"]["SigningAlgorithm"] = "SHA256WITHRSA"
    assert stacks.create("root", template(wrong))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "family" in stacks.reasons("root", "CREATE_FAILED")["Authority"]
