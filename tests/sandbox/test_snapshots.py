"""Saving a sandbox, and loading it: in this process, and by one that starts with the file."""

from __future__ import annotations

import io
import json
import os
import pickle
import stat
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.e2e.clients.caller import Caller
from tests.e2e.clients.estate import HOST, REGION, Estate

from iam_ra.engine.errors import SandboxError
from iam_ra.sandbox import clock, pickling, process, snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.sandbox.conftest import Aws

    from iam_ra.sandbox.server import Server

TEMPLATE = json.dumps(
    {
        "Resources": {
            "P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v", "Name": "/p"}}
        },
        "Outputs": {"Name": {"Value": {"Ref": "P"}}},
    }
)
BUCKET = "the-bucket"
PACE = {"Delay": 0.02, "MaxAttempts": 200}
SIGNING = {"Message": b"message", "SigningAlgorithm": "ECDSA_SHA_256"}
PCA_SIGNING = "SHA256WITHECDSA"


def told(answer: dict[str, Any]) -> Any:
    """Return an answer without what is new in each one."""
    body = answer["Body"].read() if "Body" in answer else None
    return {name: value for name, value in answer.items() if name not in {"ResponseMetadata", "Body"}}, body


class Account:
    """Something in every service, and all that the services say about it."""

    def __init__(self, aws: Aws, folder: Path) -> None:
        self.of: Callable[[str], Any] = lambda service: aws(service, REGION)
        self.estate = Estate(folder, self.of)
        self._stack_and_parameters()
        self._objects()
        self._secret()
        self._keys()
        self._private_ca()

    def _stack_and_parameters(self) -> None:
        stacks, ssm = self.of("cloudformation"), self.of("ssm")
        stacks.create_stack(StackName="s", TemplateBody=TEMPLATE)
        stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig=PACE)
        ssm.put_parameter(Name="/q", Value="1", Type="SecureString", Tags=[{"Key": "k", "Value": "v"}])
        ssm.put_parameter(Name="/q", Value="2", Type="SecureString", Overwrite=True)

    def _objects(self) -> None:
        s3 = self.of("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        put = [s3.put_object(Bucket=BUCKET, Key="k", Body=body, Metadata={"m": "n"}) for body in (b"1", b"2")]
        self.versions = [each["VersionId"] for each in put]
        s3.put_object(Bucket=BUCKET, Key="gone", Body=b"3")
        s3.delete_object(Bucket=BUCKET, Key="gone")

    def _secret(self) -> None:
        secrets = self.of("secretsmanager")
        secrets.create_secret(Name="x", SecretString="first", Tags=[{"Key": "k", "Value": "v"}])
        secrets.put_secret_value(SecretId="x", SecretBinary=b"\x00second")
        secrets.put_secret_value(SecretId="x", SecretString="third", VersionStages=["PENDING"])

    def _keys(self) -> None:
        kms = self.of("kms")
        self.cipher, self.signer, self.mac = (
            kms.create_key(KeySpec=spec, KeyUsage=use)["KeyMetadata"]["KeyId"]
            for spec, use in (
                ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"),
                ("ECC_NIST_P256", "SIGN_VERIFY"),
                ("HMAC_256", "GENERATE_VERIFY_MAC"),
            )
        )
        kms.create_alias(AliasName="alias/a", TargetKeyId=self.cipher)
        self.ciphertext = kms.encrypt(KeyId="alias/a", Plaintext=b"plain")["CiphertextBlob"]
        self.signature = kms.sign(KeyId=self.signer, **SIGNING)["Signature"]

    def _private_ca(self) -> None:
        pca = self.of("acm-pca")
        configuration = {
            "KeyAlgorithm": "EC_prime256v1",
            "SigningAlgorithm": PCA_SIGNING,
            "Subject": {"CommonName": "root"},
        }
        self.authority = pca.create_certificate_authority(
            CertificateAuthorityConfiguration=configuration, CertificateAuthorityType="ROOT"
        )["CertificateAuthorityArn"]
        self.own = {"CertificateAuthorityArn": self.authority}
        pca.get_waiter("certificate_authority_csr_created").wait(**self.own, WaiterConfig=PACE)
        csr = pca.get_certificate_authority_csr(**self.own)["Csr"]
        template = "arn:aws:acm-pca:::template/RootCACertificate/V1"
        root = self.issue(csr.encode(), 90, TemplateArn=template)
        pca.import_certificate_authority_certificate(**self.own, Certificate=root)
        self.leaf = self.issue(_csr())
        serial = f"{x509.load_pem_x509_certificate(self.leaf).serial_number:x}"
        pca.revoke_certificate(**self.own, CertificateSerial=serial, RevocationReason="KEY_COMPROMISE")

    def issue(self, csr: bytes, days: int = 30, **more: Any) -> bytes:
        pca, validity = self.of("acm-pca"), {"Type": "DAYS", "Value": days}
        self.issued = pca.issue_certificate(
            **self.own, Csr=csr, SigningAlgorithm=PCA_SIGNING, Validity=validity, **more
        )["CertificateArn"]
        names = {**self.own, "CertificateArn": self.issued}
        pca.get_waiter("certificate_issued").wait(**names, WaiterConfig=PACE)
        return str(pca.get_certificate(**names)["Certificate"]).encode()

    def all(self) -> dict[str, Any]:
        """Return what the services say."""
        reads: dict[str, list[tuple[str, dict[str, Any]]]] = {
            "cloudformation": [
                ("describe_stacks", {}),
                ("describe_stack_events", {"StackName": "s"}),
                ("list_stack_resources", {"StackName": "s"}),
                ("get_template", {"StackName": "s"}),
            ],
            "iam": [("list_roles", {}), ("list_role_tags", {"RoleName": "reader"})],
            "ssm": [
                ("get_parameter_history", {"Name": "/q", "WithDecryption": True}),
                ("get_parameter", {"Name": "/p"}),
                ("list_tags_for_resource", {"ResourceType": "Parameter", "ResourceId": "/q"}),
            ],
            "s3": [
                ("list_object_versions", {"Bucket": BUCKET}),
                ("list_buckets", {}),
                *(
                    ("get_object", {"Bucket": BUCKET, "Key": "k", "VersionId": each})
                    for each in self.versions
                ),
            ],
            "secretsmanager": [
                ("describe_secret", {"SecretId": "x"}),
                *(
                    ("get_secret_value", {"SecretId": "x", "VersionStage": each})
                    for each in ("AWSPREVIOUS", "AWSCURRENT", "PENDING")
                ),
            ],
            "kms": [
                ("list_aliases", {}),
                *(("describe_key", {"KeyId": each}) for each in (self.cipher, self.signer, self.mac)),
                ("get_public_key", {"KeyId": self.signer}),
                ("generate_mac", {"KeyId": self.mac, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}),
            ],
            "acm-pca": [
                ("describe_certificate_authority", self.own),
                ("get_certificate_authority_certificate", self.own),
                ("get_certificate", {**self.own, "CertificateArn": self.issued}),
            ],
            "rolesanywhere": [
                ("list_trust_anchors", {}),
                ("list_profiles", {}),
                ("list_crls", {}),
                ("list_subjects", {}),
            ],
        }
        return {
            f"{service} {name} {options}": told(getattr(self.of(service), name)(**options))
            for service, calls in reads.items()
            for name, options in calls
        }


def _csr() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "host")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    signed = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def account(aws: Aws, tmp_path: Path) -> Account:
    return Account(aws, tmp_path)


def test_all_comes_back_as_it_was_and_works(sandbox: Server, account: Account) -> None:
    sandbox.turn_clock("+20d")
    leaf = account.estate.authority.sign(HOST, "ec-p256")
    credentials = Caller(sandbox, account.estate, leaf).ask().credentials
    account.estate.revoke(account.estate.authority.sign("else.example.com", "ec-p256"))
    before = account.all()
    saved = sandbox.save()
    sandbox.reset()
    sandbox.load(saved)
    assert account.all() == before
    kms, stacks = account.of("kms"), account.of("cloudformation")
    assert kms.decrypt(CiphertextBlob=account.ciphertext)["Plaintext"] == b"plain"
    assert kms.verify(KeyId=account.signer, Signature=account.signature, **SIGNING)["SignatureValid"]
    root = x509.load_pem_x509_certificate(before_certificate(account))
    x509.load_pem_x509_certificate(account.issue(_csr())).verify_directly_issued_by(root)
    with pytest.raises(account.of("acm-pca").exceptions.RequestAlreadyProcessedException):
        account.of("acm-pca").revoke_certificate(
            **account.own,
            CertificateSerial=f"{x509.load_pem_x509_certificate(account.leaf).serial_number:x}",
            RevocationReason="KEY_COMPROMISE",
        )
    assert Caller(sandbox, account.estate, leaf).ask().status == 201
    assert who(sandbox, credentials).endswith(f":assumed-role/reader/{leaf.serial_number:x}")
    stacks.delete_stack(StackName="s")
    stacks.get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig=PACE)
    with pytest.raises(account.of("ssm").exceptions.ParameterNotFound):
        account.of("ssm").get_parameter(Name="/p")
    account.of("ssm").add_tags_to_resource(
        ResourceType="Parameter", ResourceId="/q", Tags=[{"Key": "another", "Value": "v"}]
    )
    with pytest.raises(account.of("s3").exceptions.BucketAlreadyOwnedByYou):
        account.of("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )


def before_certificate(account: Account) -> bytes:
    found = account.of("acm-pca").get_certificate_authority_certificate(**account.own)
    return str(found["Certificate"]).encode()


def who(sandbox: Server, credentials: dict[str, str]) -> str:
    client = boto3.client(
        "sts",
        region_name=REGION,
        endpoint_url=sandbox.endpoint_url,
        aws_access_key_id=credentials["accessKeyId"],
        aws_secret_access_key=credentials["secretAccessKey"],
        aws_session_token=credentials["sessionToken"],
    )
    try:
        return client.get_caller_identity()["Arn"]
    finally:
        client.close()


def test_loading_replaces_all_that_was_there(sandbox: Server, aws: Aws) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"saved")
    part = s3.create_multipart_upload(Bucket=BUCKET, Key="parts", Metadata={"m": "n"})["UploadId"]
    aws("ssm").put_parameter(Name="/saved", Value="v", Type="String")
    sandbox.turn_clock("+5d")
    saved = sandbox.save()
    sandbox.turn_clock("reset")
    aws("ssm").put_parameter(Name="/later", Value="v", Type="String")
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"later")
    s3.create_bucket(Bucket="later")
    sandbox.faults.add("throttle", "kms")
    sandbox.load(saved)
    found = aws("ssm").describe_parameters()
    assert [each["Name"] for each in found["Parameters"]] == ["/saved"]
    assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == [BUCKET]
    assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"saved"
    s3.upload_part(Bucket=BUCKET, Key="parts", UploadId=part, PartNumber=1, Body=b"part")
    s3.create_bucket(Bucket="later")
    aws("kms").list_keys()
    assert clock.shift() == timedelta(days=5)


def test_a_stack_under_way_is_waited_for(sandbox: Server, aws: Aws) -> None:
    stacks = aws("cloudformation")
    stacks.create_stack(StackName="s", TemplateBody=TEMPLATE)
    with pytest.raises(ValueError, match=r"stacks are in progress: s$"):
        sandbox.save(wait_seconds=0)
    sandbox.load(sandbox.save())
    assert stacks.describe_stacks()["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"


def test_what_is_saved_is_of_one_moment(sandbox: Server, aws: Aws) -> None:
    ssm, over = aws("ssm"), threading.Event()

    def write() -> None:
        for count in range(1, 1000):
            for name in ("/first", "/second"):
                ssm.put_parameter(Name=name, Value=str(count), Type="String", Overwrite=True)
            if over.is_set():
                return

    thread = threading.Thread(target=write)
    thread.start()
    while not ssm.describe_parameters()["Parameters"]:
        pass
    saved = [sandbox.save() for _ in range(5)]
    over.set()
    thread.join()
    for each in saved:
        sandbox.load(each)
        found = ssm.get_parameters(Names=["/first", "/second"])["Parameters"]
        first, second = (*(int(one["Value"]) for one in found), 0)[:2]
        assert first - second in {0, 1}


class Runs:
    """Pickles as a call of whatever is given."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._made = function, arguments

    def __reduce__(self) -> Any:
        return self._made


def by_name(module: str, name: str) -> bytes:
    """Return a pickle that is nothing but a name."""
    return (
        b"\x80\x04\x8c"
        + bytes([len(module)])
        + module.encode()
        + b"\x8c"
        + bytes([len(name)])
        + name.encode()
        + b"\x93."
    )


HOSTILE = {
    "it asks for 'posix.system'": pickle.dumps(Runs(os.system, "touch hostile")),
    "it asks for 'builtins.exec'": pickle.dumps(Runs(exec, "open('hostile', 'w')")),
    "it asks for 'moto.s3.models.os.system'": by_name("moto.s3.models", "os.system"),
    "it asks for 'moto.s3.models.S3Backend'": by_name("moto.s3.models", "S3Backend"),
    "it asks for 'iam_ra.sandbox.server.Server'": pickle.dumps(
        Runs(pickling.blank, "iam_ra.sandbox.server", "Server")
    ),
    "it asks for 'moto.s3.models.S3Response'": pickle.dumps(
        Runs(pickling.blank, "moto.s3.models", "S3Response")
    ),
    "it asks for 'moto.s3.models.BaseModel'": pickle.dumps(
        Runs(pickling.blank, "moto.s3.models", "BaseModel")
    ),
    "it asks for 'moto.s3.models.FakeKey'": pickle.dumps(
        Runs(pickling.member, "moto.s3.models", "FakeKey", 1)
    ),
    "TypeError": pickling.dumps(["not what is saved"]),
    "KeyError": pickling.dumps({}),
    "KeyError ": pickling.dumps({"backends": [("ec2", "1", "x", None)]}),
    "TypeError ": pickling.dumps({"backends": [("s3", "1", "x", "no backend")]}),
    "pickle data was truncated": pickling.dumps("cut off")[:-3],
}


@pytest.mark.parametrize("why", HOSTILE)
def test_a_file_of_somebody_else_s_runs_nothing(
    sandbox: Server, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    aws("s3").create_bucket(Bucket="stays")
    with pytest.raises(SandboxError, match="f is refused") as raised:
        sandbox.load(snapshots.pack(HOSTILE[why], ["s3"], []), "f")
    assert why.strip() in raised.value.why
    assert not any(tmp_path.iterdir())
    assert [each["Name"] for each in aws("s3").list_buckets()["Buckets"]] == ["stays"]


def test_what_cannot_be_loaded_is_not_saved() -> None:
    for value, name in ((os.system, "posix.system"), (io.BytesIO(), "_io.BytesIO"), (Runs, "Runs")):
        with pytest.raises(pickle.PicklingError, match=name):
            pickling.dumps([value])


def changed(**fields: Any) -> bytes:
    """Return a file whose header says something else."""
    line, _, content = snapshots.pack(b"content", [], [])[len(snapshots.MAGIC) :].partition(b"\n")
    return snapshots.MAGIC + json.dumps(json.loads(line) | fields).encode() + b"\n" + content


WHOLE = changed()
REFUSED = {
    "f is no sandbox that was saved.": [
        b"",
        b"version: 1\n",
        pickle.dumps(1),
        snapshots.MAGIC,
        snapshots.MAGIC + b"[]\n",
        snapshots.MAGIC + b'{"format_version": 1}\n',
        changed(size="7"),
        changed(services=[1]),
    ],
    "f is damaged.": [WHOLE[:-1], WHOLE + b"1", WHOLE[:-1] + b"T", changed(size=-1), changed(sha256="")],
    "f was saved by iam-ra 9.9.9 with moto": [changed(iam_ra="9.9.9")],
    "with moto 1.0, in format 1.": [changed(moto="1.0")],
    "in format 2.": [changed(format_version=2, unknown="field")],
}


@pytest.mark.parametrize(("what", "data"), [(what, each) for what, all_ in REFUSED.items() for each in all_])
def test_other_files_are_refused_before_they_are_unpickled(what: str, data: bytes) -> None:
    with pytest.raises(SandboxError) as raised:
        snapshots.unpack(data, "f")
    assert what in raised.value.what
    assert raised.value.why
    assert raised.value.fix
    assert snapshots.unpack(WHOLE, "f")[1] == b"content"


def test_a_file_is_its_owner_s_alone_and_takes_no_other_s_place(tmp_path: Path) -> None:
    file = tmp_path / "saved"
    for data in (WHOLE, changed(saved="later")):
        snapshots.write(file, data)
        assert snapshots.read(file) == data
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (tmp_path / "mine").write_text("mine")
    for other in (tmp_path / "mine", tmp_path):
        with pytest.raises(SandboxError, match="is not replaced"):
            snapshots.write(other, WHOLE)
    assert (tmp_path / "mine").read_text() == "mine"


def test_other_services_are_left_out_and_named(sandbox: Server, aws: Aws) -> None:
    aws("sqs").create_queue(QueueName="q")
    header = snapshots.read_header(sandbox.save(), "f")
    assert header.left_out == ["sqs"]
    assert "sqs" not in header.services


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    process.down(tmp_path)


def test_a_process_starts_with_the_file_or_not_at_all(sandbox: Server, aws: Aws, folder: Path) -> None:
    aws("ssm").put_parameter(Name="/p", Value="v", Type="String")
    file = folder / "saved"
    snapshots.write(file, sandbox.save()[:-1])
    for source, what in ((file, "is damaged"), (folder / "missing", "cannot be read")):
        with pytest.raises(SandboxError, match=what) as raised:
            process.up(folder, source=source)
        assert str(source) in raised.value.what
        assert process.status(folder) is None
        assert [each.name for each in (folder / process.FOLDER).iterdir()] == [".gitignore"]
    snapshots.write(file, sandbox.save())
    endpoint = process.up(folder, source=file)
    ssm = boto3.client(
        "ssm",
        region_name="us-east-1",
        endpoint_url=endpoint.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    assert ssm.get_parameter(Name="/p")["Parameter"]["Value"] == "v"
    ssm.close()
    with pytest.raises(SandboxError, match="runs here already"):
        process.up(folder, source=file)
