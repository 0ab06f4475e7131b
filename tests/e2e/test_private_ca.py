"""Authorities in AWS Private CA, made or found: their hosts come, renew and go, and AWS revokes by itself and later."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from ruamel.yaml import YAML
from tests.e2e import envelopes
from tests.e2e.holders import Holder
from tests.e2e.wire import Lost
from tests.e2e.world import ACCOUNT, READ_ONLY, REGION, finish, rest, small

from iam_ra.pki.certificate import certificate_pem, load_certificate
from iam_ra.pki.keys import PrivateKey
from iam_ra.sandbox.acmpca.models import acmpca_backends

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.wire import Request
    from tests.e2e.world import World

OWN = "ca/default:revocations"
PACE = {"Delay": 0.02, "MaxAttempts": 200}
TEMPLATE = "arn:aws:acm-pca:::template/RootCACertificate/V1"


def content(**authority: Any) -> dict[str, Any]:
    """Return a file with a host that is known by its name, and one whose certificate says a role."""
    vault = {"delivery": ["secretsmanager"]}
    return small(
        certificate_authorities={"default": {"mode": "pca-new", **authority}},
        roles={"reader": {"policies": [READ_ONLY]}, "robot": {"bind": "certificate"}},
        hosts={
            "web": {"roles": ["reader"], **vault},
            "bot": {"roles": ["reader", "robot"], "default_role": "reader", **vault},
        },
    )


@pytest.fixture
def company(world: World) -> Company:
    return Company(world)


class Company:
    """A private CA that somebody else made, with a revocation list in a bucket of theirs."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.pca = world.aws("acm-pca")
        self.bucket = "company-lists"
        s3 = world.aws("s3")
        s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        allowed = ["s3:PutObject", "s3:PutObjectAcl", "s3:GetBucketAcl", "s3:GetBucketLocation"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "acm-pca.amazonaws.com"},
            "Action": allowed,
            "Resource": [f"arn:aws:s3:::{self.bucket}", f"arn:aws:s3:::{self.bucket}/*"],
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(policy))
        configuration = {
            "KeyAlgorithm": "RSA_2048",
            "SigningAlgorithm": "SHA256WITHRSA",
            "Subject": {"CommonName": "company"},
        }
        self.arn = self.pca.create_certificate_authority(
            CertificateAuthorityConfiguration=configuration,
            CertificateAuthorityType="ROOT",
            RevocationConfiguration={"CrlConfiguration": self.lists},
        )["CertificateAuthorityArn"]
        self._which = {"CertificateAuthorityArn": self.arn}
        self.pca.get_waiter("certificate_authority_csr_created").wait(**self._which, WaiterConfig=PACE)

    @property
    def lists(self) -> dict[str, Any]:
        return {"Enabled": True, "ExpirationInDays": 8, "S3BucketName": self.bucket}

    def activate(self) -> None:
        issued = self.pca.issue_certificate(
            **self._which,
            Csr=self.pca.get_certificate_authority_csr(**self._which)["Csr"].encode(),
            SigningAlgorithm="SHA256WITHRSA",
            TemplateArn=TEMPLATE,
            Validity={"Type": "DAYS", "Value": 900},
        )
        which = {**self._which, "CertificateArn": issued["CertificateArn"]}
        self.pca.get_waiter("certificate_issued").wait(**which, WaiterConfig=PACE)
        pem = self.pca.get_certificate(**which)["Certificate"].encode()
        self.pca.import_certificate_authority_certificate(**self._which, Certificate=pem)

    def leaf(self, name: str, key: PrivateKey) -> str:
        """Return what the issuer of a cluster would be given for a request (PEM)."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject)
        issued = self.pca.issue_certificate(
            **self._which,
            Csr=request.sign(key.signing_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM),
            SigningAlgorithm="SHA256WITHRSA",
            TemplateArn="arn:aws:acm-pca:::template/EndEntityCertificate/V1",
            Validity={"Type": "DAYS", "Value": 1},
        )
        which = {**self._which, "CertificateArn": issued["CertificateArn"]}
        self.pca.get_waiter("certificate_issued").wait(**which, WaiterConfig=PACE)
        pem: str = self.pca.get_certificate(**which)["Certificate"]
        return pem

    def publish_lists(self, *, enabled: bool) -> None:
        lists = self.lists if enabled else {"Enabled": False}
        self.pca.update_certificate_authority(
            **self._which, RevocationConfiguration={"CrlConfiguration": lists}
        )

    @property
    def file(self) -> dict[str, Any]:
        return content(mode="pca-existing", pca_arn=self.arn)


class Late:
    """Keeps the list that a private CA publishes where nobody finds it, as AWS does for half an hour."""

    def __init__(self, world: World, company: Company) -> None:
        self._s3 = world.aws("s3")
        key = f"crl/{company.arn.rpartition('/')[2]}.crl"
        self._place = {"Bucket": company.bucket, "Key": key}
        self._before = self._read()
        self._after = b""
        world.wire.after = self._hold

    def _read(self) -> bytes:
        body: bytes = self._s3.get_object(**self._place)["Body"].read()
        return body

    def _hold(self, request: Request) -> None:
        if request.operation == "RevokeCertificate":
            self._after = self._read()
            self._s3.put_object(**self._place, Body=self._before)

    def publish(self) -> None:
        self._s3.put_object(**self._place, Body=self._after)


def judged_by_openssl(folder: Path, authority: x509.Certificate, leaf: x509.Certificate, crl: bytes) -> str:
    """Return what OpenSSL says of a leaf, by its authority and the authority's list; empty when it is fine."""
    paths = {}
    for name, text in (
        ("ca", certificate_pem(authority)),
        ("leaf", certificate_pem(leaf)),
        ("crl", crl.decode()),
    ):
        paths[name] = folder / f"{name}.pem"
        paths[name].write_text(text)
    check = ["-CAfile", paths["ca"], "-CRLfile", paths["crl"], "-crl_check", "-purpose", "sslclient"]
    done = subprocess.run(
        ["openssl", "verify", "-x509_strict", *map(str, check), str(paths["leaf"])],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stderr


def crls(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.aws("rolesanywhere").list_crls()["crls"]
    return found


def statuses(world: World) -> dict[str, list[str]]:
    """Return the statuses of each entity's certificates, from old to new."""
    data = envelopes.data("ledger", world.run("ca", "ledger", "--json").expect())
    found: dict[str, list[str]] = {}
    for each in data["certificates"]:
        found.setdefault(each["entity"], []).append(each["status"])
    return found


def test_the_life_of_one_that_is_made(world: World, tmp_path: Path) -> None:
    world.write(content())
    plan = world.plan()
    assert plan.reasons["ca/default:pca"][0].startswith("new in the file; AWS bills")
    assert "about 400 USD" in world.apply().said
    world.settled()
    world.run("verify", "--all").expect()
    world.run("explain", "web", "reader").expect()

    certificate = load_certificate(world.objects["default/ca/default/certificate.pem"])
    assert certificate.subject.rfc4514_string() == "CN=iam-ra default default G1,O=iam-ra"
    bot, web = Holder.of(world, "bot"), Holder.of(world, "web")
    units = bot.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    assert "robot" in {each.value for each in units}
    assert bot.opens("reader", "robot") == {"reader", "robot"}
    assert "has no generations" in world.run("ca", "rotate", "default", "--yes").expect(4).said

    # Renewed at a wish, at once: what it had before opens nothing.
    world.apply("--renew", "host/web")
    (crl,) = crls(world)
    assert crl["crlData"].startswith(b"-----BEGIN X509 CRL-----")
    assert "revoked" in judged_by_openssl(tmp_path, certificate, web.certificate, crl["crlData"])
    again = Holder.of(world, "web")
    assert judged_by_openssl(tmp_path, certificate, again.certificate, crl["crlData"]) == ""
    assert (web.opens("reader"), again.opens("reader")) == (set(), {"reader"})

    # Disabled: what is revoked there stays revoked, so that who is enabled again gets another certificate.
    now = content()
    now["hosts"]["bot"]["disabled"] = True
    world.write(now)
    world.apply()
    world.settled()
    assert bot.opens("reader", "robot") == set()
    world.write(content())
    world.apply()
    assert bot.opens("reader", "robot") == set()
    assert Holder.of(world, "bot").opens("reader", "robot") == {"reader", "robot"}
    assert statuses(world) == {
        "ca/default": ["valid"],
        "host/bot": ["revoked", "valid"],
        "host/web": ["revoked", "valid"],
    }

    world.write(content(key="ec-p384"))
    assert "key cannot change from ec-p256 to ec-p384" in world.run("plan").expect(4).said
    world.write(small())
    assert "mode cannot change from pca-new to self-signed" in world.run("plan").expect(4).said
    world.write(content())

    world.run("destroy", "--yes").expect()
    assert not world.leftovers()
    (authority,) = world.aws("acm-pca").list_certificate_authorities()["CertificateAuthorities"]
    assert authority["Status"] == "DELETED"


def test_one_that_is_there_has_to_be_active(world: World, company: Company) -> None:
    world.write(company.file)
    command = f"aws acm-pca get-certificate-authority-csr --certificate-authority-arn {company.arn}"
    said = world.run("plan").expect().said
    assert "its status is PENDING_CERTIFICATE" in said
    assert command in said
    refused = world.run("apply", "--yes").expect(1)
    assert command in refused.said
    assert world.stacks == {}
    company.activate()
    world.apply()
    world.settled()
    world.run("verify", "--all").expect()
    company.pca.update_certificate_authority(CertificateAuthorityArn=company.arn, Status="DISABLED")
    now = company.file
    now["hosts"]["new"] = {"roles": ["reader"]}
    world.write(now)
    assert f"--certificate-authority-arn {company.arn} --region {REGION} --status ACTIVE" in (
        world.run("apply", "--yes").expect(1).said
    )

    # Of a revocation, the half that needs no authority is done.
    web = Holder.of(world, "web")
    now = company.file
    del now["hosts"]["web"]
    world.write(now)
    said = world.run("apply", "--yes").expect(3).said
    assert "its status is DISABLED" in said
    assert web.refusal("reader")
    assert not crls(world)
    company.pca.update_certificate_authority(CertificateAuthorityArn=company.arn, Status="ACTIVE")
    world.apply()
    world.settled()
    assert "Certificate revoked" in web.refusal("reader")


def test_a_list_is_taken_over_once_it_is_published(world: World, company: Company, tmp_path: Path) -> None:
    company.activate()
    world.write(company.file)
    world.apply()
    certificate = load_certificate(world.objects["default/ca/default/certificate.pem"])
    web = Holder.of(world, "web")
    late = Late(world, company)
    now = company.file
    del now["hosts"]["web"]
    world.write(now)
    done = world.apply()
    assert "has not published its list yet" in done.said
    # The other half is done, and nothing is left to do but to wait.
    assert "Certificate revoked" not in web.refusal("reader") != ""
    assert not crls(world)
    assert statuses(world)["host/web"] == ["superseded"]
    world.run("plan", "--detailed-exitcode").expect(0)
    assert f"{OWN} is pending: revoked at AWS Private CA" in world.run("plan").expect().said
    status = envelopes.data("status", world.run("status", "--json").expect())
    assert status["pending_revocations"].keys() == {OWN}
    assert "is pending" in world.run("status").expect().said

    late.publish()
    plan = world.plan()
    assert plan.changes == {OWN: "update"}
    assert plan.reasons[OWN] == ("AWS Private CA has published its list",)
    world.apply()
    world.settled()
    (crl,) = crls(world)
    assert "revoked" in judged_by_openssl(tmp_path, certificate, web.certificate, crl["crlData"])
    assert "Certificate revoked" in web.refusal("reader")
    assert statuses(world)["host/web"] == ["revoked"]

    # The company's lists are good for eight days; from the fourth on a newer one is looked for.
    ahead = world.plan("--now", "+5d")
    assert ahead.changes == {}
    company.publish_lists(enabled=True)
    assert world.plan().changes == {}
    assert "has a newer one" in world.plan("--now", "+5d").reasons[OWN][0]


def test_without_lists_the_trust_policies_refuse_alone(world: World, company: Company) -> None:
    company.activate()
    company.publish_lists(enabled=False)
    world.write(company.file)
    assert "publishes no complete revocation list" in world.run("plan").expect().said
    world.apply()
    web = Holder.of(world, "web")
    now = company.file
    del now["hosts"]["web"]
    world.write(now)
    assert "What is revoked now is refused by the trust policies alone" in world.run("plan").expect().said
    world.apply()
    assert web.refusal("reader")
    assert "Give the CA a CRL configuration" in world.run("plan", "--detailed-exitcode").expect(0).said
    company.publish_lists(enabled=True)
    world.apply()
    world.settled()
    assert "Certificate revoked" in web.refusal("reader")


def test_a_host_with_a_request_of_its_own(world: World, company: Company) -> None:
    company.activate()
    key = PrivateKey.generate("ec-p256")

    def bring(name: str) -> None:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        pem = builder.sign(key.signing_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        (world.root / "tpm.pem").write_bytes(pem)

    now = company.file
    now["hosts"] = {"tpm": {"roles": ["reader"], "csr": "tpm.pem"}}
    world.write(now)
    bring("any")
    assert "the certificate must say 'CN=tpm' and nothing else" in world.run("validate").expect(1).said
    bring("tpm")
    world.apply()
    world.settled()
    pem = world.objects["default/hosts/tpm/certificate.pem"].decode()
    holder = Holder(world, load_certificate(pem), key)
    assert holder.opens("reader") == {"reader"}


def test_a_cluster_whose_issuer_it_is(world: World, company: Company) -> None:
    company.activate()
    ca = {"delivery": "pca", "pca_arn": company.arn}
    world.write(small(clusters={"prod": {"ca": ca, "workloads": {"shop/api": {"role": "reader"}}}}))
    world.apply()
    world.settled()
    folder = world.root / "manifests/prod"
    issuer = YAML(typ="safe").load(folder / "issuer.yaml")
    assert (issuer["kind"], issuer["spec"]["arn"]) == ("AWSPCAClusterIssuer", company.arn)
    certificate = YAML(typ="safe").load(folder / "shop/api/certificate.yaml")["spec"]
    assert certificate["issuerRef"]["group"] == "awspca.cert-manager.io"
    # There is no key of an authority anywhere.
    assert not list(folder.glob("*secret*"))
    anchors = world.aws("rolesanywhere").list_trust_anchors()["trustAnchors"]
    (source,) = (each["source"] for each in anchors if each["name"] == "iam-ra-default-cluster_prod")
    assert source["sourceData"] == {"acmPcaArn": company.arn}

    key = PrivateKey.generate("ec-p256")
    leaf = company.leaf(certificate["commonName"], key)
    files = [world.folder / each for each in ("tls.crt", "tls.key")]
    files[0].write_text(leaf)
    files[1].write_bytes(key.pem().reveal())
    pair = ("--certificate", str(files[0]), "--private-key", str(files[1]))
    world.run("verify", "workload/prod/shop/api", *pair).expect()
    files[0].write_text(company.leaf("prod.shop.other", key))
    world.run("verify", "workload/prod/shop/api", *pair).expect(1)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("operation", ["IssueCertificate", "GetCertificate", "RevokeCertificate"])
def test_killed_at_a_step(world: World, company: Company, operation: str, *, before: bool) -> None:
    """Each certificate that AWS issued is in the ledger by its serial, and what is to be revoked is, after one more apply."""
    company.activate()
    world.write(company.file)
    if operation in {"RevokeCertificate", "ImportCrl"}:
        world.apply()
        now = company.file
        del now["hosts"]["web"]
        world.write(now)
    assert Killed(world, operation, before=before).run("apply", "--yes") == -signal.SIGKILL
    world.remove("default/lock.json")
    world.apply()
    world.settled()
    issued = acmpca_backends[ACCOUNT][REGION]._authorities[company.arn].issued.values()
    assert {str(each.certificate.serial_number) for each in issued if not each.root} <= world.ledger().keys()
    assert "lost" not in {status for found in statuses(world).values() for status in found}
    world.run("verify", "--all").expect()


class Killed:
    """A command that is killed at its first call of an operation: before AWS hears of it, or before it hears the answer."""

    def __init__(self, world: World, operation: str, *, before: bool) -> None:
        self._world, self._operation, self._before = world, operation, before
        self._ready, self._pid = threading.Event(), 0
        if before:
            world.wire.before = self._meet
        else:
            world.wire.after = self._meet

    def _meet(self, request: Request) -> None:
        if request.operation == self._operation:
            self._ready.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            if self._before:
                raise Lost

    def run(self, *command: str) -> int:
        process = self._world.start(*command)
        self._pid = process.pid
        self._ready.set()
        code = finish(process).code
        rest(self._world.server)
        self._world.wire.clear()
        return code
