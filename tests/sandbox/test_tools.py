"""The AWS CLI, which nobody here wrote, against the sandbox as a process."""

from __future__ import annotations

import base64
import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from tests import programs
from tests.sandbox.test_paging import POLICY, TRUST, parameters
from tests.sandbox.test_rolesanywhere import CA, revocations

from iam_ra.sandbox import process

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

# What version 1 of the AWS CLI returns when the service refused.
REFUSED = 255
NOBODY = "00000000-0000-4000-8000-000000000000"
# A waiter that looks too early sleeps up to half a minute.
SETTLED_SECONDS = 0.5


class Cli:
    """Runs the AWS CLI in a folder, with nothing of the developer's own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_PAGER": "",
            "AWS_MAX_ATTEMPTS": "1",
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return programs.run(
            programs.AWS, *arguments, "--output", "json", cwd=self.folder, environ=self._environ
        )

    def __call__(self, *arguments: str) -> Any:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "{}")

    def wait(self, service: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        time.sleep(SETTLED_SECONDS)
        return self.run(service, "wait", *arguments)

    def refused(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == REFUSED, done.stderr
        assert "An error occurred (" in done.stderr
        return done.stderr.strip()


@pytest.fixture(scope="module")
def _endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("sandbox")
    yield process.up(folder).url
    process.down(folder)


@pytest.fixture
def cli(_endpoint: str, tmp_path: Path) -> Cli:
    return Cli(tmp_path, _endpoint)


@pytest.mark.conforms(
    "CloudFormation: The AWS CLI creates, updates, waits for, looks at and deletes a stack.",
    source="AWS CLI Command Reference: cloudformation",
)
def test_cloudformation(cli: Cli) -> None:
    (cli.folder / "one.json").write_text(parameters(2, chained=True), encoding="utf-8")
    (cli.folder / "two.json").write_text(parameters(2, chained=True, value="w"), encoding="utf-8")
    name = ("--stack-name", "s")
    made = cli("cloudformation", "create-stack", *name, "--template-body", "file://one.json")
    assert cli.wait("cloudformation", "stack-create-complete", *name).returncode == 0
    cli("cloudformation", "update-stack", *name, "--template-body", "file://two.json")
    assert cli.wait("cloudformation", "stack-update-complete", *name).returncode == 0
    again = cli.refused("cloudformation", "update-stack", *name, "--template-body", "file://two.json")
    assert again.endswith(
        "An error occurred (ValidationError) when calling the UpdateStack operation: No updates are to be performed."
    )
    (stack,) = cli("cloudformation", "describe-stacks", *name)["Stacks"]
    assert (stack["StackId"], stack["StackStatus"]) == (made["StackId"], "UPDATE_COMPLETE")
    cli("cloudformation", "delete-stack", *name)
    assert (
        cli.wait("cloudformation", "stack-delete-complete", "--stack-name", made["StackId"]).returncode == 0
    )
    events = cli("cloudformation", "describe-stack-events", "--stack-name", made["StackId"])["StackEvents"]
    own = [event["ResourceStatus"] for event in events if event["PhysicalResourceId"] == made["StackId"]]
    assert own == [
        "DELETE_COMPLETE",
        "DELETE_IN_PROGRESS",
        "UPDATE_COMPLETE",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_IN_PROGRESS",
        "CREATE_COMPLETE",
        "CREATE_IN_PROGRESS",
    ]


@pytest.mark.conforms(
    "CloudFormation: The AWS CLI's wait gives up on a stack that rolled back.",
    source="AWS CLI Command Reference: cloudformation wait",
)
def test_cloudformation_that_fails(cli: Cli) -> None:
    body = parameters(1, value="", folder="failing")
    cli("cloudformation", "create-stack", "--stack-name", "f", "--template-body", body)
    waited = cli.wait("cloudformation", "stack-create-complete", "--stack-name", "f")
    assert waited.returncode == REFUSED
    assert "Waiter StackCreateComplete failed" in waited.stderr
    events = cli("cloudformation", "describe-stack-events", "--stack-name", "f")["StackEvents"]
    (failed,) = [event for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert failed["LogicalResourceId"] == "P0"
    assert failed["ResourceStatusReason"]


@pytest.mark.conforms(
    "Roles Anywhere: The AWS CLI makes, changes, lists, tags and deletes anchors and CRLs.",
    source="AWS CLI Command Reference: rolesanywhere",
)
def test_anchors_and_crls(cli: Cli) -> None:
    (cli.folder / "crl.pem").write_bytes(revocations())
    source = json.dumps({"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": CA}})
    ra = "rolesanywhere"
    anchor = cli(ra, "create-trust-anchor", "--name", "a", "--source", source, "--enabled")["trustAnchor"]
    one = ("--trust-anchor-id", anchor["trustAnchorId"])
    arn = ("--resource-arn", anchor["trustAnchorArn"])
    assert cli(ra, "update-trust-anchor", *one, "--name", "b")["trustAnchor"]["name"] == "b"
    assert not cli(ra, "disable-trust-anchor", *one)["trustAnchor"]["enabled"]
    assert cli(ra, "enable-trust-anchor", *one)["trustAnchor"]["enabled"]
    warned = ("--notification-settings", "enabled=true,event=CA_CERTIFICATE_EXPIRY,threshold=9,channel=ALL")
    put = cli(ra, "put-notification-settings", *one, *warned)["trustAnchor"]["notificationSettings"]
    assert 9 in [each["threshold"] for each in put]
    unwarned = ("--notification-setting-keys", "event=CA_CERTIFICATE_EXPIRY,channel=ALL")
    left = cli(ra, "reset-notification-settings", *one, *unwarned)["trustAnchor"]["notificationSettings"]
    assert 9 not in [each["threshold"] for each in left]
    cli(ra, "tag-resource", *arn, "--tags", "key=k,value=v", "key=l,value=w")
    cli(ra, "untag-resource", *arn, "--tag-keys", "l")
    assert cli(ra, "list-tags-for-resource", *arn)["tags"] == [{"key": "k", "value": "v"}]
    names = ("--name", "c", "--crl-data", "fileb://crl.pem", "--trust-anchor-arn", anchor["trustAnchorArn"])
    crl = cli(ra, "import-crl", *names)["crl"]
    which = ("--crl-id", crl["crlId"])
    assert cli(ra, "enable-crl", *which)["crl"]["enabled"]
    assert not cli(ra, "disable-crl", *which)["crl"]["enabled"]
    cli(ra, "update-crl", *which, "--name", "c", "--crl-data", "fileb://crl.pem")
    assert (
        base64.b64decode(cli(ra, "get-crl", *which)["crl"]["crlData"])
        == (cli.folder / "crl.pem").read_bytes()
    )
    assert [each["name"] for each in cli(ra, "list-crls")["crls"]] == ["c"]
    cli(ra, "delete-crl", *which)
    cli(ra, "delete-trust-anchor", *one)
    assert cli(ra, "list-trust-anchors", "--page-size", "1")["trustAnchors"] == []
    gone = cli.refused(ra, "get-trust-anchor", *one)
    assert "(ResourceNotFoundException) when calling the GetTrustAnchor operation" in gone


@pytest.mark.conforms(
    "Roles Anywhere: The AWS CLI makes, maps, lists and deletes profiles, and lists subjects.",
    source="AWS CLI Command Reference: rolesanywhere",
)
def test_profiles_and_subjects(cli: Cli) -> None:
    role = "arn:aws:iam::123456789012:role/r"
    ra = "rolesanywhere"
    made = cli(ra, "create-profile", "--name", "p", "--role-arns", role, "--duration-seconds", "900")
    one = ("--profile-id", made["profile"]["profileId"])
    mapping = ("--certificate-field", "x509Subject", "--mapping-rules", "specifier=CN")
    mapped = cli(ra, "put-attribute-mapping", *one, *mapping)["profile"]["attributeMappings"]
    (subject,) = [each["mappingRules"] for each in mapped if each["certificateField"] == "x509Subject"]
    assert {"specifier": "CN"} in subject
    unmapped = ("--certificate-field", "x509Subject", "--specifiers", "CN")
    left = cli(ra, "delete-attribute-mapping", *one, *unmapped)["profile"]["attributeMappings"]
    assert {"specifier": "CN"} not in [rule for each in left for rule in each["mappingRules"]]
    assert cli(ra, "enable-profile", *one)["profile"]["enabled"]
    assert not cli(ra, "disable-profile", *one)["profile"]["enabled"]
    assert cli(ra, "update-profile", *one, "--name", "p")["profile"]["name"] == "p"
    shown = cli(ra, "get-profile", *one)["profile"]
    assert (shown["durationSeconds"], shown["roleArns"]) == (900, [role])
    assert [each["name"] for each in cli(ra, "list-profiles")["profiles"]] == ["p"]
    assert cli(ra, "list-subjects") == {"subjects": []}
    nobody = cli.refused(ra, "get-subject", "--subject-id", NOBODY)
    assert "(ResourceNotFoundException) when calling the GetSubject operation" in nobody
    cli(ra, "delete-profile", *one)
    bad = cli.refused(ra, "create-profile", "--name", "p", "--role-arns", "arn:aws:iam::1:user/u")
    assert "(ValidationException) when calling the CreateProfile operation" in bad


@pytest.mark.conforms(
    "Secrets Manager: The AWS CLI makes, writes, stages, deletes and restores a secret.",
    source="AWS CLI Command Reference: secretsmanager",
)
def test_secretsmanager(cli: Cli) -> None:
    sm, one = "secretsmanager", ("--secret-id", "cli")
    first = cli(sm, "create-secret", "--name", "cli", "--secret-string", "one")["VersionId"]
    cli(sm, "put-secret-value", *one, "--secret-string", "two")
    before = cli(sm, "get-secret-value", *one, "--version-stage", "AWSPREVIOUS")
    assert (before["SecretString"], before["VersionId"]) == ("one", first)
    cli(sm, "delete-secret", *one, "--recovery-window-in-days", "7")
    refused = cli.refused(sm, "get-secret-value", *one)
    assert "(InvalidRequestException) when calling the GetSecretValue operation" in refused
    cli(sm, "restore-secret", *one)
    assert cli(sm, "get-secret-value", *one)["SecretString"] == "two"


@pytest.mark.conforms(
    "S3: The AWS CLI's conditional writes are refused with PreconditionFailed.",
    source="AWS CLI Command Reference: s3api put-object",
)
def test_conditional_writes(cli: Cli) -> None:
    (cli.folder / "body").write_text("x", encoding="utf-8")
    cli("s3api", "create-bucket", "--bucket", "bucket")
    assert cli.wait("s3api", "bucket-exists", "--bucket", "bucket").returncode == 0
    put = ("s3api", "put-object", "--bucket", "bucket", "--key", "k", "--body", "body")
    tag = cli(*put, "--if-none-match", "*")["ETag"]
    refused = "An error occurred (PreconditionFailed) when calling the PutObject operation"
    assert refused in cli.refused(*put, "--if-none-match", "*")
    assert cli(*put, "--if-match", tag)["ETag"] == tag
    assert refused in cli.refused(*put, "--if-match", '"0123456789abcdef0123456789abcdef"')


@pytest.mark.conforms(
    "IAM: The AWS CLI makes a role with a policy, and waits for it.", source="AWS CLI Command Reference: iam"
)
def test_iam_and_sts(cli: Cli) -> None:
    name = ("--role-name", "cli")
    cli("iam", "create-role", *name, "--assume-role-policy-document", TRUST)
    assert cli.wait("iam", "role-exists", *name).returncode == 0
    cli("iam", "put-role-policy", *name, "--policy-name", "p", "--policy-document", POLICY)
    assert cli("iam", "get-role-policy", *name, "--policy-name", "p")["PolicyDocument"] == json.loads(POLICY)
    assert cli("sts", "get-caller-identity")["Account"] == "123456789012"
    assert "(DeleteConflict) when calling the DeleteRole operation" in cli.refused(
        "iam", "delete-role", *name
    )


@pytest.mark.conforms(
    "ACM PCA: The AWS CLI makes a root authority, waits, issues, lists, tags, disables, deletes and restores.",
    source="AWS CLI Command Reference: acm-pca",
)
def test_acm_pca(cli: Cli) -> None:
    pca = "acm-pca"
    subject = {
        "KeyAlgorithm": "EC_prime256v1",
        "SigningAlgorithm": "SHA256WITHECDSA",
        "Subject": {"CommonName": "c"},
    }
    kind = (
        "--certificate-authority-type",
        "ROOT",
        "--certificate-authority-configuration",
        json.dumps(subject),
    )
    arn = cli(pca, "create-certificate-authority", *kind)["CertificateAuthorityArn"]
    one = ("--certificate-authority-arn", arn)
    assert cli.wait(pca, "certificate-authority-csr-created", *one).returncode == 0
    csr = cli(pca, "get-certificate-authority-csr", *one)["Csr"]
    (cli.folder / "csr.pem").write_text(csr, encoding="utf-8")
    template = ("--template-arn", "arn:aws:acm-pca:::template/RootCACertificate/V1")
    how = (
        "--csr",
        "fileb://csr.pem",
        "--signing-algorithm",
        "SHA256WITHECDSA",
        "--validity",
        "Value=9,Type=DAYS",
    )
    issued = ("--certificate-arn", cli(pca, "issue-certificate", *one, *how, *template)["CertificateArn"])
    assert cli.wait(pca, "certificate-issued", *one, *issued).returncode == 0
    root = cli(pca, "get-certificate", *one, *issued)["Certificate"]
    (cli.folder / "root.pem").write_text(root, encoding="utf-8")
    cli(pca, "import-certificate-authority-certificate", *one, "--certificate", "fileb://root.pem")
    shown = cli(pca, "describe-certificate-authority", *one)["CertificateAuthority"]
    assert (shown["Status"], shown["Type"]) == ("ACTIVE", "ROOT")
    cli(pca, "tag-certificate-authority", *one, "--tags", "Key=k,Value=v")
    assert cli(pca, "list-tags", *one)["Tags"] == [{"Key": "k", "Value": "v"}]
    cli(pca, "untag-certificate-authority", *one, "--tags", "Key=k")
    assert cli(pca, "list-tags", *one)["Tags"] == []
    principal = (*one, "--principal", "acm.amazonaws.com")
    cli(pca, "create-permission", *principal, "--actions", "IssueCertificate", "GetCertificate")
    (permission,) = cli(pca, "list-permissions", *one)["Permissions"]
    assert permission["Actions"] == ["IssueCertificate", "GetCertificate"]
    cli(pca, "delete-permission", *principal)
    assert cli(pca, "get-certificate-authority-certificate", *one)["Certificate"] == root.rstrip()
    serial = f"{x509.load_pem_x509_certificate(root.encode()).serial_number:x}"
    why = ("--certificate-serial", serial, "--revocation-reason", "SUPERSEDED")
    own = cli.refused(pca, "revoke-certificate", *one, *why)
    assert "(InvalidRequestException) when calling the RevokeCertificate operation" in own
    assert [each["Arn"] for each in cli(pca, "list-certificate-authorities")["CertificateAuthorities"]] == [
        arn
    ]
    refused = cli.refused(pca, "delete-certificate-authority", *one)
    assert "(InvalidStateException) when calling the DeleteCertificateAuthority operation" in refused
    cli(pca, "update-certificate-authority", *one, "--status", "DISABLED")
    cli(pca, "delete-certificate-authority", *one, "--permanent-deletion-time-in-days", "7")
    cli(pca, "restore-certificate-authority", *one)
    restored = cli(pca, "describe-certificate-authority", *one)["CertificateAuthority"]
    assert restored["Status"] == "DISABLED"
