"""AWS Private CA: statuses, algorithms, templates, validity, revocation, against what AWS documents."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Callable

TEMPLATE = "arn:aws:acm-pca:::template/{}/V1"
PACE = {"Delay": 0.02, "MaxAttempts": 200}
HOUR = timedelta(hours=1)


@pytest.fixture
def pca(aws: Any) -> Any:
    return aws("acm-pca")


def code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return str(raised.value.response["Error"]["Code"])


def create(pca: Any, key: str = "EC_prime256v1", signing: str = "SHA256WITHECDSA", **more: Any) -> str:
    configuration = {
        "KeyAlgorithm": key,
        "SigningAlgorithm": signing,
        "Subject": {"CommonName": "root", "Organization": "Example", "Country": "AU"},
    }
    settings = {"CertificateAuthorityType": "ROOT"} | more
    made = pca.create_certificate_authority(CertificateAuthorityConfiguration=configuration, **settings)
    arn = str(made["CertificateAuthorityArn"])
    pca.get_waiter("certificate_authority_csr_created").wait(CertificateAuthorityArn=arn, WaiterConfig=PACE)
    return arn


def csr_of(name: str = "host", *extensions: tuple[x509.ExtensionType, bool], key: Any = None) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    signed = builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def issue(pca: Any, authority: str, csr: bytes, template: str | None = None, **more: Any) -> str:
    settings = {"SigningAlgorithm": "SHA256WITHECDSA", "Validity": {"Type": "DAYS", "Value": 30}} | more
    if template is not None:
        settings["TemplateArn"] = TEMPLATE.format(template)
    made = pca.issue_certificate(CertificateAuthorityArn=authority, Csr=csr, **settings)
    return str(made["CertificateArn"])


def got(pca: Any, authority: str, certificate: str) -> x509.Certificate:
    names = {"CertificateAuthorityArn": authority, "CertificateArn": certificate}
    pca.get_waiter("certificate_issued").wait(**names, WaiterConfig=PACE)
    return x509.load_pem_x509_certificate(pca.get_certificate(**names)["Certificate"].encode())


def own_csr(pca: Any, authority: str) -> bytes:
    return str(pca.get_certificate_authority_csr(CertificateAuthorityArn=authority)["Csr"]).encode()


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def activate(pca: Any, authority: str, **more: Any) -> x509.Certificate:
    settings = {"Validity": {"Type": "YEARS", "Value": 1}} | more
    made = issue(pca, authority, own_csr(pca, authority), "RootCACertificate", **settings)
    root = got(pca, authority, made)
    pca.import_certificate_authority_certificate(CertificateAuthorityArn=authority, Certificate=pem(root))
    return root


def status(pca: Any, authority: str) -> str:
    found = pca.describe_certificate_authority(CertificateAuthorityArn=authority)
    return str(found["CertificateAuthority"]["Status"])


def extension(certificate: x509.Certificate, kind: type[Any]) -> Any:
    return certificate.extensions.get_extension_for_class(kind)


@pytest.mark.conforms(
    "ACM PCA: An authority goes through its statuses, and each allows its own calls.",
    source="AWS Private CA User Guide: Understand private CA status",
)
def test_an_authority_goes_through_its_statuses(pca: Any) -> None:
    configuration = {
        "KeyAlgorithm": "EC_prime256v1",
        "SigningAlgorithm": "SHA256WITHECDSA",
        "Subject": {"CommonName": "root"},
    }
    made = pca.create_certificate_authority(
        CertificateAuthorityConfiguration=configuration, CertificateAuthorityType="ROOT"
    )
    arn = {"CertificateAuthorityArn": made["CertificateAuthorityArn"]}
    assert status(pca, made["CertificateAuthorityArn"]) == "CREATING"
    pca.get_waiter("certificate_authority_csr_created").wait(**arn, WaiterConfig=PACE)
    assert status(pca, made["CertificateAuthorityArn"]) == "PENDING_CERTIFICATE"
    for call in (
        lambda: pca.get_certificate_authority_certificate(**arn),
        lambda: pca.update_certificate_authority(**arn, Status="DISABLED"),
        lambda: pca.restore_certificate_authority(**arn),
        lambda: issue(pca, made["CertificateAuthorityArn"], csr_of()),
    ):
        with pytest.raises(pca.exceptions.InvalidStateException):
            call()
    activate(pca, made["CertificateAuthorityArn"])
    assert status(pca, made["CertificateAuthorityArn"]) == "ACTIVE"
    with pytest.raises(pca.exceptions.InvalidStateException):
        pca.delete_certificate_authority(**arn)
    pca.update_certificate_authority(**arn, Status="DISABLED")
    assert status(pca, made["CertificateAuthorityArn"]) == "DISABLED"
    with pytest.raises(pca.exceptions.InvalidStateException):
        issue(pca, made["CertificateAuthorityArn"], csr_of())
    pca.delete_certificate_authority(**arn, PermanentDeletionTimeInDays=7)
    found = pca.describe_certificate_authority(**arn)["CertificateAuthority"]
    assert found["Status"] == "DELETED"
    left = found["RestorableUntil"] - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    with pytest.raises(pca.exceptions.InvalidStateException):
        pca.get_certificate_authority_csr(**arn)
    pca.restore_certificate_authority(**arn)
    assert status(pca, made["CertificateAuthorityArn"]) == "DISABLED"
    pca.update_certificate_authority(**arn, Status="ACTIVE")
    got(pca, made["CertificateAuthorityArn"], issue(pca, made["CertificateAuthorityArn"], csr_of()))


@pytest.mark.conforms(
    "ACM PCA: An authority's signing request is there only after a moment.",
    source="AWS Private CA API Reference: GetCertificateAuthorityCsr",
)
def test_a_request_for_its_certificate_is_there_only_after_a_moment(pca: Any) -> None:
    configuration = {
        "KeyAlgorithm": "EC_prime256v1",
        "SigningAlgorithm": "SHA256WITHECDSA",
        "Subject": {"CommonName": "root"},
    }
    made = pca.create_certificate_authority(
        CertificateAuthorityConfiguration=configuration, CertificateAuthorityType="ROOT"
    )
    with pytest.raises(pca.exceptions.RequestInProgressException):
        pca.get_certificate_authority_csr(CertificateAuthorityArn=made["CertificateAuthorityArn"])


@pytest.mark.conforms(
    "ACM PCA: A certificate is issued only after a moment.",
    source="AWS Private CA API Reference: GetCertificate",
)
def test_a_certificate_is_there_only_after_a_moment(pca: Any) -> None:
    authority = create(pca)
    activate(pca, authority)
    made = issue(pca, authority, csr_of())
    with pytest.raises(pca.exceptions.RequestInProgressException):
        pca.get_certificate(CertificateAuthorityArn=authority, CertificateArn=made)
    assert got(pca, authority, made).subject.rfc4514_string() == "CN=host"


@pytest.mark.conforms(
    "ACM PCA: Keys and signatures are those that were asked for.",
    source="AWS Private CA API Reference: CertificateAuthorityConfiguration",
)
@pytest.mark.parametrize(
    ("key", "signing", "curve", "digest"),
    [
        ("EC_prime256v1", "SHA256WITHECDSA", ec.SECP256R1, hashes.SHA256),
        ("EC_secp384r1", "SHA384WITHECDSA", ec.SECP384R1, hashes.SHA384),
        ("EC_secp521r1", "SHA512WITHECDSA", ec.SECP521R1, hashes.SHA512),
        ("RSA_2048", "SHA256WITHRSA", 2048, hashes.SHA256),
        ("RSA_2048", "SHA384WITHRSA_PSS", 2048, hashes.SHA384),
    ],
)
def test_keys_and_signatures_are_those_asked_for(
    pca: Any, key: str, signing: str, curve: Any, digest: Any
) -> None:
    authority = create(pca, key, signing)
    root = activate(pca, authority, SigningAlgorithm=signing)
    public = root.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        assert public.key_size == curve
    else:
        assert isinstance(public, ec.EllipticCurvePublicKey)
        assert isinstance(public.curve, curve)
    assert isinstance(root.signature_hash_algorithm, digest)
    leaf = got(pca, authority, issue(pca, authority, csr_of(), SigningAlgorithm=signing))
    leaf.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)


@pytest.mark.conforms(
    "ACM PCA: A signing algorithm of another family than the key's is refused.",
    source="AWS Private CA API Reference: IssueCertificate",
)
def test_a_signing_algorithm_of_another_family_is_refused(pca: Any) -> None:
    with pytest.raises(pca.exceptions.InvalidArgsException, match="family"):
        create(pca, "RSA_2048", "SHA256WITHECDSA")
    authority = create(pca)
    with pytest.raises(pca.exceptions.InvalidArgsException, match="family"):
        issue(pca, authority, own_csr(pca, authority), "RootCACertificate", SigningAlgorithm="SHA256WITHRSA")
    with pytest.raises(
        pca.exceptions.InvalidArgsException, match="does not offer the key algorithm ML_DSA_44"
    ):
        create(pca, "ML_DSA_44")


def test_the_subject_is_the_one_asked_for(pca: Any) -> None:
    authority = create(pca)
    root = activate(pca, authority)
    assert root.subject == root.issuer
    assert sorted(root.subject.rfc4514_string().split(",")) == ["C=AU", "CN=root", "O=Example"]


@pytest.mark.conforms(
    "ACM PCA: A root certificate has the extensions of its template.",
    source="AWS Private CA User Guide: Certificate template definitions",
)
def test_what_a_root_certificate_says(pca: Any) -> None:
    root = activate(pca, create(pca))
    constraints = extension(root, x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (True, True, None)
    usage = extension(root, x509.KeyUsage)
    assert usage.critical
    assert usage.value == x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    assert len(root.extensions) == 3


@pytest.mark.conforms(
    "ACM PCA: End-entity certificates have the extensions of their templates, whatever the request says.",
    source="AWS Private CA User Guide: Certificate template definitions",
)
@pytest.mark.parametrize(
    ("template", "purposes"),
    [
        (None, [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
        ("EndEntityCertificate", [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
        ("EndEntityClientAuthCertificate", [ExtendedKeyUsageOID.CLIENT_AUTH]),
        ("EndEntityServerAuthCertificate", [ExtendedKeyUsageOID.SERVER_AUTH]),
    ],
)
def test_what_an_end_entity_certificate_says(pca: Any, template: str | None, purposes: list[Any]) -> None:
    authority = create(pca)
    root = activate(pca, authority)
    names = x509.SubjectAlternativeName([x509.DNSName("host.example.com")])
    stolen = x509.BasicConstraints(ca=True, path_length=None)
    other = x509.TLSFeature([x509.TLSFeatureType.status_request])
    csr = csr_of("host", (names, False), (stolen, True), (other, False))
    leaf = got(pca, authority, issue(pca, authority, csr, template))
    assert list(extension(leaf, x509.ExtendedKeyUsage).value) == purposes
    usage = extension(leaf, x509.KeyUsage)
    assert (usage.critical, usage.value.digital_signature, usage.value.key_encipherment) == (True, True, True)
    assert not usage.value.key_cert_sign
    assert extension(leaf, x509.BasicConstraints).value.ca is False
    assert extension(leaf, x509.SubjectAlternativeName).value == names
    identifier = extension(leaf, x509.AuthorityKeyIdentifier).value.key_identifier
    assert identifier == extension(root, x509.SubjectKeyIdentifier).value.digest
    with pytest.raises(x509.ExtensionNotFound):
        extension(leaf, x509.TLSFeature)
    passed = got(pca, authority, issue(pca, authority, csr, "EndEntityCertificate_CSRPassthrough"))
    assert extension(passed, x509.TLSFeature).value == other
    assert extension(passed, x509.BasicConstraints).value.ca is False


@pytest.mark.conforms(
    "ACM PCA: A blank template passes on what the request says.",
    source="AWS Private CA User Guide: Certificate template definitions",
)
def test_what_a_blank_certificate_says(pca: Any) -> None:
    authority = create(pca)
    activate(pca, authority)
    blank = "BlankEndEntityCertificate_CriticalBasicConstraints_CSRPassthrough"
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    leaf = got(pca, authority, issue(pca, authority, csr_of("host", (usage, True)), blank))
    assert extension(leaf, x509.BasicConstraints).critical
    assert extension(leaf, x509.ExtendedKeyUsage).value == usage
    assert len(leaf.extensions) == 4
    for unknown in ("BlankEndEntityCertificate", "RootCACertificate_CSRPassthrough", "Nonsense"):
        with pytest.raises(pca.exceptions.InvalidArgsException, match="no template"):
            issue(pca, authority, csr_of(), unknown)


@pytest.mark.conforms(
    "ACM PCA: A subordinate authority is imported with its chain.",
    source="AWS Private CA API Reference: ImportCertificateAuthorityCertificate",
)
def test_a_subordinate_is_signed_and_imported_with_its_chain(pca: Any) -> None:
    upper = create(pca)
    root = activate(pca, upper)
    lower = create(pca, CertificateAuthorityType="SUBORDINATE")
    certificate = got(pca, upper, issue(pca, upper, own_csr(pca, lower), "SubordinateCACertificate_PathLen0"))
    constraints = extension(certificate, x509.BasicConstraints)
    assert (constraints.critical, constraints.value.path_length) == (True, 0)
    names = {"CertificateAuthorityArn": lower, "Certificate": pem(certificate)}
    with pytest.raises(pca.exceptions.InvalidRequestException, match="chain"):
        pca.import_certificate_authority_certificate(**names)
    stranger = activate(pca, create(pca))
    with pytest.raises(pca.exceptions.CertificateMismatchException):
        pca.import_certificate_authority_certificate(**names, CertificateChain=pem(stranger))
    pca.import_certificate_authority_certificate(**names, CertificateChain=pem(root))
    found = pca.get_certificate_authority_certificate(CertificateAuthorityArn=lower)
    assert found["CertificateChain"].encode() == pem(root).rstrip()
    made = issue(pca, lower, csr_of(), Validity={"Type": "DAYS", "Value": 1})
    got(pca, lower, made).verify_directly_issued_by(certificate)
    chain = pca.get_certificate(CertificateAuthorityArn=lower, CertificateArn=made)["CertificateChain"]
    assert x509.load_pem_x509_certificates(chain.encode()) == [certificate, root]


@pytest.mark.conforms(
    "ACM PCA: An imported certificate is of the authority's own key.",
    source="AWS Private CA API Reference: ImportCertificateAuthorityCertificate",
)
def test_an_import_checks_the_key_and_the_certificate(pca: Any) -> None:
    authority, other = create(pca), create(pca)
    root = activate(pca, other)
    name = {"CertificateAuthorityArn": authority}
    with pytest.raises(pca.exceptions.CertificateMismatchException):
        pca.import_certificate_authority_certificate(**name, Certificate=pem(root))
    with pytest.raises(pca.exceptions.MalformedCertificateException):
        pca.import_certificate_authority_certificate(**name, Certificate=b"nonsense")
    assert status(pca, authority) == "PENDING_CERTIFICATE"


@pytest.mark.conforms(
    "ACM PCA: A root certificate is for the authority's own request.",
    source="AWS Private CA User Guide: Certificate template definitions",
)
def test_a_root_certifies_itself_only(pca: Any) -> None:
    authority = create(pca)
    with pytest.raises(pca.exceptions.InvalidArgsException):
        issue(pca, authority, csr_of(), "RootCACertificate")
    with pytest.raises(pca.exceptions.MalformedCSRException):
        issue(pca, authority, b"nonsense", "RootCACertificate")


@pytest.mark.conforms(
    "ACM PCA: Validity is counted in each of its types, from an hour ago.",
    source="AWS Private CA API Reference: Validity",
)
def test_validity_is_counted_as_asked(pca: Any) -> None:
    authority = create(pca)
    activate(pca, authority)
    start = datetime.now(UTC).replace(microsecond=0)
    end = start + timedelta(days=20)
    for validity in (
        {"Type": "DAYS", "Value": 20},
        {"Type": "ABSOLUTE", "Value": int(end.timestamp())},
        {"Type": "END_DATE", "Value": int(end.strftime("%Y%m%d%H%M%S"))},
        {"Type": "END_DATE", "Value": int(end.strftime("%y%m%d%H%M%S"))},
    ):
        leaf = got(pca, authority, issue(pca, authority, csr_of(), Validity=validity))
        assert abs(leaf.not_valid_after_utc - end) < timedelta(seconds=10)
        assert abs(leaf.not_valid_before_utc - (start - HOUR)) < timedelta(seconds=10)
    month = got(pca, authority, issue(pca, authority, csr_of(), Validity={"Type": "MONTHS", "Value": 1}))
    assert timedelta(days=27) < month.not_valid_after_utc - start < timedelta(days=32)
    since = {"Type": "ABSOLUTE", "Value": int((start - 3 * HOUR).timestamp())}
    old = got(pca, authority, issue(pca, authority, csr_of(), ValidityNotBefore=since))
    assert old.not_valid_before_utc == start - 3 * HOUR


@pytest.mark.conforms(
    "ACM PCA: A validity that cannot be, or outlives the authority, is refused.",
    source="AWS Private CA API Reference: IssueCertificate",
)
@pytest.mark.parametrize(
    "validity",
    [
        {"Type": "YEARS", "Value": 2},
        {"Type": "DAYS", "Value": 10**9},
        {"Type": "END_DATE", "Value": 20_201_301_000_000},
        {"Type": "END_DATE", "Value": 5},
        {"Type": "ABSOLUTE", "Value": 1_000_000_000},
    ],
)
def test_a_validity_that_cannot_be_is_refused(pca: Any, validity: dict[str, Any]) -> None:
    authority = create(pca)
    activate(pca, authority)
    with pytest.raises(ClientError) as raised:
        issue(pca, authority, csr_of(), Validity=validity)
    assert code(raised) == "ValidationException"


@pytest.mark.conforms(
    "ACM PCA: Short-lived certificates last seven days at most.",
    source="AWS Private CA User Guide: CA modes",
)
def test_short_lived_certificates_live_for_a_week(pca: Any) -> None:
    authority = create(pca, UsageMode="SHORT_LIVED_CERTIFICATE")
    activate(pca, authority)
    with pytest.raises(pca.exceptions.InvalidArgsException, match="7 days"):
        issue(pca, authority, csr_of(), Validity={"Type": "DAYS", "Value": 8})
    issue(pca, authority, csr_of(), Validity={"Type": "DAYS", "Value": 7})


@pytest.mark.conforms(
    "ACM PCA: An idempotency token makes one authority, one certificate.",
    source="AWS Private CA API Reference: CreateCertificateAuthority",
)
def test_an_idempotency_token_makes_one(pca: Any) -> None:
    first, again, other = (create(pca, IdempotencyToken=token) for token in ("a", "a", "b"))
    assert first == again != other
    activate(pca, first)
    csr = csr_of()
    one, same, two = (issue(pca, first, csr, IdempotencyToken=token) for token in ("a", "a", "b"))
    assert one == same != two


@pytest.mark.conforms(
    "ACM PCA: Inputs are held to the model, and an operation that is not offered says so.",
    source="botocore model: acm-pca InvalidArnException",
)
def test_inputs_are_held_to_the_model(pca: Any) -> None:
    with pytest.raises(ClientError) as raised:
        create(pca, UsageMode="NONSENSE")
    assert code(raised) == "ValidationException"
    with pytest.raises(pca.exceptions.InvalidArnException):
        pca.describe_certificate_authority(CertificateAuthorityArn="arn:aws:acm-pca:us-east-1:1:nonsense")
    missing = f"arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/{'0' * 36}"
    with pytest.raises(pca.exceptions.ResourceNotFoundException):
        pca.describe_certificate_authority(CertificateAuthorityArn=missing)
    with pytest.raises(ClientError) as raised:
        pca.get_policy(ResourceArn=missing)
    assert code(raised) == "NotImplemented"


@pytest.mark.conforms(
    "ACM PCA: Authorities and tags are listed in pages, and tags go by key and value.",
    source="AWS Private CA API Reference: UntagCertificateAuthority",
)
def test_authorities_and_tags_are_listed_in_pages(pca: Any) -> None:
    made = [create(pca) for _ in range(3)]
    pages = list(pca.get_paginator("list_certificate_authorities").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["CertificateAuthorities"]) for page in pages] == [2, 1]
    assert {each["Arn"] for page in pages for each in page["CertificateAuthorities"]} == set(made)
    name = {"CertificateAuthorityArn": made[0]}
    pca.tag_certificate_authority(**name, Tags=[{"Key": "é:1", "Value": "v"}, {"Key": "k"}])
    pca.untag_certificate_authority(**name, Tags=[{"Key": "é:1", "Value": "other"}, {"Key": "k"}])
    assert pca.list_tags(**name)["Tags"] == [{"Key": "é:1", "Value": "v"}]
    pca.tag_certificate_authority(**name, Tags=[{"Key": "k1"}, {"Key": "k2"}])
    tags = pca.get_paginator("list_tags").paginate(**name, PaginationConfig={"PageSize": 2})
    assert [[tag["Key"] for tag in page["Tags"]] for page in tags] == [["é:1", "k1"], ["k2"]]
    with pytest.raises(pca.exceptions.TooManyTagsException):
        pca.tag_certificate_authority(**name, Tags=[{"Key": f"k{n}"} for n in range(50)])
    with pytest.raises(pca.exceptions.InvalidNextTokenException):
        pca.list_tags(**name, NextToken="x")


@pytest.mark.conforms(
    "ACM PCA: A permission is given once.",
    source="AWS Private CA API Reference: CreatePermission",
)
def test_permissions_are_given_once(pca: Any) -> None:
    name = {"CertificateAuthorityArn": create(pca), "Principal": "acm.amazonaws.com"}
    pca.create_permission(**name, Actions=["IssueCertificate", "GetCertificate"])
    with pytest.raises(pca.exceptions.PermissionAlreadyExistsException):
        pca.create_permission(**name, Actions=["ListPermissions"])
    listed = pca.list_permissions(CertificateAuthorityArn=name["CertificateAuthorityArn"])["Permissions"]
    assert [each["Actions"] for each in listed] == [["IssueCertificate", "GetCertificate"]]
    pca.delete_permission(**name)
    with pytest.raises(pca.exceptions.ResourceNotFoundException):
        pca.delete_permission(**name)


def crl_bucket(s3: Any, name: str = "crls") -> str:
    s3.create_bucket(Bucket=name)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "acm-pca.amazonaws.com"},
        "Action": ["s3:PutObject", "s3:PutObjectAcl", "s3:GetBucketAcl", "s3:GetBucketLocation"],
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    return name


def with_crl(bucket: str, **more: Any) -> dict[str, Any]:
    settings = {"Enabled": True, "ExpirationInDays": 7, "S3BucketName": bucket} | more
    return {"CrlConfiguration": settings}


@pytest.mark.conforms(
    "ACM PCA: Revoking writes the list to the bucket that certificates name.",
    source="AWS Private CA User Guide: Plan your AWS Private CA certificate revocation method",
)
def test_revoking_writes_the_list_to_the_bucket(aws: Any, pca: Any) -> None:
    s3 = aws("s3")
    bucket = crl_bucket(s3)
    authority = create(pca, RevocationConfiguration=with_crl(bucket))
    root = activate(pca, authority)
    key = f"crl/{authority.rpartition('/')[2]}.crl"
    leaf = got(pca, authority, issue(pca, authority, csr_of()))
    points = extension(leaf, x509.CRLDistributionPoints).value
    assert points[0].full_name[0].value == f"http://{bucket}.s3.us-east-1.amazonaws.com/{key}"

    def read() -> x509.CertificateRevocationList:
        return x509.load_der_x509_crl(s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    assert len(read()) == 0
    digits = f"{leaf.serial_number:032x}"
    serial = ":".join(digits[at : at + 2] for at in range(0, 32, 2))
    name = {"CertificateAuthorityArn": authority, "RevocationReason": "KEY_COMPROMISE"}
    pca.revoke_certificate(**name, CertificateSerial=serial)
    crl = read()
    assert crl.is_signature_valid(root.public_key())  # type: ignore[arg-type]
    entry = crl.get_revoked_certificate_by_serial_number(leaf.serial_number)
    assert entry is not None
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value == "keyCompromise"
    assert crl.next_update_utc is not None
    assert crl.next_update_utc - crl.last_update_utc == timedelta(days=7)
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 2
    with pytest.raises(pca.exceptions.RequestAlreadyProcessedException):
        pca.revoke_certificate(**name, CertificateSerial=serial)
    with pytest.raises(pca.exceptions.ResourceNotFoundException):
        pca.revoke_certificate(**name, CertificateSerial="00:11")
    with pytest.raises(pca.exceptions.InvalidRequestException):
        pca.revoke_certificate(**name, CertificateSerial=f"{root.serial_number:x}")


@pytest.mark.conforms(
    "ACM PCA: Revocation settings fit each other, the bucket and its policy.",
    source="AWS Private CA API Reference: CrlConfiguration",
)
def test_revocation_settings_have_to_go_together(aws: Any, pca: Any) -> None:
    s3 = aws("s3")
    bucket = crl_bucket(s3)
    s3.create_bucket(Bucket="closed")
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"CrlConfiguration": {"Enabled": True, "S3BucketName": bucket}}, "InvalidArgsException"),
        ({"CrlConfiguration": {"Enabled": False, "ExpirationInDays": 7}}, "InvalidArgsException"),
        (with_crl("no-such-bucket"), "InvalidArgsException"),
        (with_crl("closed"), "InvalidPolicyException"),
        (with_crl(bucket, CustomCname="http://crl.example.com"), "InvalidArgsException"),
        (with_crl(bucket, ExpirationInDays=5001), "ValidationException"),
        ({"OcspConfiguration": {"Enabled": True}}, "InvalidArgsException"),
    ]
    for settings, expected in wrong:
        with pytest.raises(ClientError) as raised:
            create(pca, RevocationConfiguration=settings)
        assert code(raised) == expected, settings
    block = {"BlockPublicAcls": True}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    with pytest.raises(pca.exceptions.InvalidArgsException, match="BUCKET_OWNER_FULL_CONTROL"):
        create(pca, RevocationConfiguration=with_crl(bucket))
    create(pca, RevocationConfiguration=with_crl(bucket, S3ObjectAcl="BUCKET_OWNER_FULL_CONTROL"))


@pytest.mark.conforms(
    "ACM PCA: Revocation lists are switched on and off.",
    source="AWS Private CA API Reference: UpdateCertificateAuthority",
)
def test_a_list_can_be_switched_on_and_off(aws: Any, pca: Any) -> None:
    bucket = crl_bucket(aws("s3"))
    authority = create(pca)
    activate(pca, authority)
    name = {"CertificateAuthorityArn": authority}
    omitted = with_crl(bucket, CrlDistributionPointExtensionConfiguration={"OmitExtension": True})
    pca.update_certificate_authority(**name, RevocationConfiguration=omitted)
    assert aws("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    leaf = got(pca, authority, issue(pca, authority, csr_of()))
    with pytest.raises(x509.ExtensionNotFound):
        extension(leaf, x509.CRLDistributionPoints)
    off = {"CrlConfiguration": {"Enabled": False}}
    pca.update_certificate_authority(**name, RevocationConfiguration=off)
    found = pca.describe_certificate_authority(**name)["CertificateAuthority"]
    assert found["RevocationConfiguration"]["CrlConfiguration"] == {"Enabled": False}


@pytest.mark.conforms(
    "ACM PCA: An authority expires with its certificate, and lives on with a new one.",
    source="AWS Private CA User Guide: Understand private CA status",
)
def test_an_authority_expires(pca: Any) -> None:
    authority = create(pca)
    end = int(time.time()) + 2
    activate(pca, authority, Validity={"Type": "ABSOLUTE", "Value": end})
    time.sleep(max(0, end - time.time()) + 0.1)
    assert status(pca, authority) == "EXPIRED"
    calls: list[Callable[[], Any]] = [
        lambda: issue(pca, authority, csr_of()),
        lambda: pca.update_certificate_authority(CertificateAuthorityArn=authority, Status="DISABLED"),
    ]
    for call in calls:
        with pytest.raises(pca.exceptions.InvalidStateException):
            call()
    activate(pca, authority)
    assert status(pca, authority) == "ACTIVE"
