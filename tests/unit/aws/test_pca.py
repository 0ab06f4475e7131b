"""AWS Private CA as a service: where lists are, how serials are said, what to do about one that is not active."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from iam_ra.aws.pca import ListPlace, Pca, PcaInfo, next_step, serial_of, serial_text
from iam_ra.aws.pca_signer import NO_LIST, UNPUBLISHED, ListPendingError, PcaSigner, check_issued
from iam_ra.engine.errors import AwsError, CertificateError, KeyStoreError
from iam_ra.pki.authority import authority_subject, self_signed
from iam_ra.pki.crl import CrlEntry, CrlRequest, crl_builder
from iam_ra.pki.keys import PrivateKey, signature_hash
from iam_ra.pki.leaf import LeafRequest, leaf_builder
from iam_ra.pki.signer import KeySigner

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ARN = "arn:aws:acm-pca:eu-central-1:123456789012:certificate-authority/11111111-2222-3333-4444-555555555555"
KEY = PrivateKey.generate("ec-p256")
ROOT = self_signed(
    KEY.signing_key, authority_subject("default", "x"), serial=1, now=NOW, validity=timedelta(days=900)
)
PLACE = ListPlace("lists", "crl/11111111-2222-3333-4444-555555555555.crl")


def failure(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Any")


class Service:
    """Stands for the client of AWS Private CA."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.revoked: list[str] = []

    def describe_certificate_authority(self, **_: Any) -> Any:
        configuration = {"SigningAlgorithm": "SHA256WITHECDSA"}
        return {
            "CertificateAuthority": {
                "Status": "ACTIVE",
                "CertificateAuthorityConfiguration": configuration,
                "RevocationConfiguration": {"CrlConfiguration": self.settings},
            }
        }

    def revoke_certificate(self, **arguments: Any) -> None:
        if arguments["CertificateSerial"] in self.revoked:
            raise failure("RequestAlreadyProcessedException")
        self.revoked.append(arguments["CertificateSerial"])


class Lists:
    """Stands for the client of S3 with what an authority published."""

    def __init__(self, *serials: int, key: PrivateKey = KEY) -> None:
        request = CrlRequest(1, NOW, tuple(CrlEntry(each, NOW, "superseded") for each in serials))
        signed = crl_builder(request, ROOT).sign(key.signing_key, signature_hash(key.signing_key))
        self.data = signed.public_bytes(Encoding.DER)

    def get_object(self, **_: Any) -> Any:
        answer = {"ETag": "", "ResponseMetadata": {"HTTPHeaders": {}}}
        return {**answer, "Body": self}

    def read(self) -> bytes:
        return self.data


def signer(
    service: Service, lists: Any, place: ListPlace | None = PLACE, status: str = "ACTIVE"
) -> PcaSigner:
    info = PcaInfo(ARN, status, False, "SHA256WITHECDSA", place)
    return PcaSigner(Pca(service, cast(Any, lists)), info, ROOT)


def wanted(*serials: int) -> CrlRequest:
    return CrlRequest(2, NOW, tuple(CrlEntry(each, NOW, "key_compromise") for each in serials))


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"Enabled": False}, None),
        ({}, None),
        ({"Enabled": True, "S3BucketName": "lists", "CrlType": "PARTITIONED"}, None),
        ({"Enabled": True, "S3BucketName": "lists"}, PLACE),
        (
            {"Enabled": True, "S3BucketName": "lists", "CustomPath": "a/b"},
            ListPlace("lists", "a/b/11111111-2222-3333-4444-555555555555.crl"),
        ),
    ],
)
def test_where_the_list_is(settings: Any, place: ListPlace | None) -> None:
    found = Pca(Service(**settings), cast(Any, None)).find(ARN)
    assert found is not None
    assert found.revocations == place


def test_serials_are_pairs_of_digits() -> None:
    assert serial_text(0x0A0B0C) == "0a:0b:0c"
    assert serial_of(f"{ARN}/certificate/00ff") == 255


@pytest.mark.parametrize(
    "status", ["CREATING", "PENDING_CERTIFICATE", "EXPIRED", "DISABLED", "DELETED", "FAILED"]
)
def test_each_status_has_a_next_command(status: str) -> None:
    step = next_step(PcaInfo(ARN, status, False, "", None), ARN)
    assert "`aws acm-pca " in step
    assert f"--certificate-authority-arn {ARN} --region eu-central-1" in step
    assert "list-certificate-authorities" in next_step(None, ARN)


def test_only_what_the_list_lacks_is_revoked_and_one_that_is_revoked_is_fine() -> None:
    service = Service()
    found = signer(service, Lists(1, 2)).sign_crl(wanted(1, 2))
    assert {each.serial_number for each in found} == {1, 2}
    assert service.revoked == []
    for _ in range(2):
        with pytest.raises(ListPendingError) as pending:
            signer(service, Lists(1)).sign_crl(wanted(1, 2))
        assert (str(pending.value), pending.value.serials) == (UNPUBLISHED, (2,))
    assert service.revoked == ["02"]
    with pytest.raises(ListPendingError, match=NO_LIST[:40]):
        signer(service, Lists(), None).sign_crl(wanted(3))
    assert service.revoked == ["02", "03"]


def test_an_authority_that_is_disabled_revokes_nothing_and_lists_of_others_are_refused() -> None:
    with pytest.raises(KeyStoreError, match="cannot sign"):
        signer(Service(), Lists(), status="DISABLED").sign_crl(wanted(1))
    with pytest.raises(AwsError, match="cannot be used"):
        signer(Service(), Lists(1, key=PrivateKey.generate("ec-p256"))).sign_crl(wanted(1))


def test_a_certificate_is_taken_only_as_it_was_asked_for() -> None:
    key = PrivateKey.generate("ec-p256")
    asked = LeafRequest("web", key.public_key, 7, NOW, timedelta(days=30), ("a",))
    check_issued(KeySigner(ROOT, KEY.signing_key).sign_leaf(asked), asked, ROOT)
    names = x509.SubjectAlternativeName([x509.DNSName("else")])
    others = {
        "the subject 'CN=db": leaf_builder(
            LeafRequest("db", key.public_key, 7, NOW, timedelta(days=30)), ROOT
        ),
        "another key": leaf_builder(
            LeafRequest("web", KEY.public_key, 7, NOW, timedelta(days=30), ("a",)), ROOT
        ),
        "alternative names": leaf_builder(asked, ROOT).add_extension(names, critical=False),
    }
    for fault, builder in others.items():
        with pytest.raises(CertificateError) as refused:
            check_issued(builder.sign(KEY.signing_key, signature_hash(KEY.signing_key)), asked, ROOT)
        assert fault in refused.value.why
    foreign = PrivateKey.generate("ec-p256")
    with pytest.raises(CertificateError) as refused:
        check_issued(
            leaf_builder(asked, ROOT).sign(foreign.signing_key, signature_hash(foreign.signing_key)),
            asked,
            ROOT,
        )
    assert "another issuer" in refused.value.why


def test_a_short_lived_mode_takes_short_lives_only() -> None:
    info = PcaInfo(ARN, "ACTIVE", True, "SHA256WITHECDSA", None)
    service = PcaSigner(Pca(Service(), cast(Any, None)), info, ROOT)
    with pytest.raises(CertificateError, match="7 days at most"):
        service.begin(b"", (NOW, NOW + timedelta(days=8)), "token")
    with pytest.raises(AttributeError, match="issue_certificate"):
        service.begin(b"", (NOW, NOW + timedelta(days=7)), "token")
