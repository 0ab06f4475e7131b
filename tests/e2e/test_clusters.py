"""A cluster's authority: made and delivered as an encrypted Secret, renewed, restored, taken away; or born in the cluster."""

from __future__ import annotations

import os
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyrage
import pytest
from ruamel.yaml import YAML
from tests.e2e import envelopes
from tests.e2e.test_survives import unlock
from tests.e2e.wire import Lost
from tests.e2e.world import finish, rest, small

from iam_ra.pki.certificate import certificate_pem, common_name, load_bundle, load_certificate
from iam_ra.pki.keys import PrivateKey
from iam_ra.pki.leaf import LeafRequest, new_serial
from iam_ra.pki.secret import Secret
from iam_ra.pki.signer import KeySigner

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.wire import Request
    from tests.e2e.world import World

SEALED = "manifests/prod/ca-secret.sops.yaml"
MIRROR = "default/clusters/prod/secret-{}.yaml"
BORN = "manifests/prod/ca.pem"


def with_cluster(**cluster: Any) -> dict[str, Any]:
    workloads = {"shop/api": {"role": "reader"}}
    return small(clusters={"prod": {"workloads": workloads, **cluster}})


def begin(world: World, **cluster: Any) -> None:
    world.recipients(world.identity, regex="^(secrets|manifests|clusters)/")
    world.write(with_cluster(**cluster))


def delivered(world: World) -> tuple[str, PrivateKey]:
    """Return certificate and key as the cluster would have them; they belong together."""
    data: Any = world.open(world.root / SEALED)["stringData"]
    key = PrivateKey.from_pem(Secret(data["tls.key"].encode()))
    assert data["tls.crt"] == data["ca.crt"]
    assert load_certificate(data["tls.crt"]).public_key() == key.public_key
    return data["tls.crt"], key


def anchored(world: World) -> list[str]:
    """Return the certificates in the cluster's trust anchor."""
    anchors = world.aws("rolesanywhere").list_trust_anchors()["trustAnchors"]
    (anchor,) = (each for each in anchors if each["name"] == "iam-ra-default-cluster_prod")
    bundle: str = anchor["source"]["sourceData"]["x509CertificateData"]
    return [certificate_pem(each) for each in load_bundle(bundle)]


def generations(world: World) -> list[str]:
    return [common_name(load_certificate(each).subject)[-2:] for each in anchored(world)]


def trusted(world: World) -> dict[str, list[str]]:
    """Return whom the role trusts, by the trust anchor's name."""
    names = {
        each["trustAnchorArn"]: each["name"]
        for each in world.aws("rolesanywhere").list_trust_anchors()["trustAnchors"]
    }
    policy = world.aws("iam").get_role(RoleName="iam-ra-default-reader")["Role"]["AssumeRolePolicyDocument"]
    found = {}
    for statement in policy["Statement"]:
        if statement["Effect"] == "Allow":
            condition = statement["Condition"]
            identities = condition["StringEquals"]["aws:PrincipalTag/x509Subject/CN"]
            found[names[condition["ArnEquals"]["aws:SourceArn"]]] = (
                [identities] if isinstance(identities, str) else identities
            )
    return found


def test_a_life_of_a_delivered_authority(world: World) -> None:
    begin(world, tags={"team": "platform"})
    world.apply()
    world.settled()
    # Whoever reads the file sees all but the secret, and Kubernetes takes it as it is.
    text = (world.root / SEALED).read_text()
    shown = YAML(typ="safe").load(text)
    assert (shown["kind"], shown["type"]) == ("Secret", "kubernetes.io/tls")
    assert (shown["metadata"]["namespace"], shown["metadata"]["name"]) == ("cert-manager", "iam-ra-ca")
    assert all(value.startswith("ENC[") for value in shown["stringData"].values())
    first, _ = delivered(world)
    assert anchored(world) == [first]
    assert load_certificate(first).subject == load_certificate(first).issuer
    assert trusted(world) == {
        "iam-ra-default-default": ["web"],
        "iam-ra-default-cluster_prod": ["prod.shop.api"],
    }
    anchors = world.aws("rolesanywhere").list_trust_anchors()["trustAnchors"]
    settings = {
        each["event"]: each["enabled"]
        for anchor in anchors
        if anchor["name"] == "iam-ra-default-cluster_prod"
        for each in anchor["notificationSettings"]
    }
    assert settings == {"CA_CERTIFICATE_EXPIRY": True, "END_ENTITY_CERTIFICATE_EXPIRY": False}
    # The ledger names it.
    assert [each["entity"] for each in world.ledger().values() if each["pem"] == first] == ["cluster/prod"]

    restored(world)
    encrypted_for_another(world)
    renewed_in_time(world)
    lost_and_removed(world)


def restored(world: World) -> None:
    # What is lost or edited comes back byte for byte, without any key.
    text = (world.root / SEALED).read_text()
    (world.root / SEALED).unlink()
    assert world.plan().reasons == {"cluster/prod:secret": (f"{SEALED} was deleted",)}
    world.apply()
    assert (world.root / SEALED).read_text() == text
    (world.root / SEALED).write_text(text + "# mine\n")
    world.apply()
    assert (world.root / SEALED).read_text() == text
    world.remove(MIRROR.format(1))
    world.apply()
    assert world.objects[MIRROR.format(1)].decode() == text


def encrypted_for_another(world: World) -> None:
    (first,) = anchored(world)
    # Another recipient, and no key here that opens it: a new generation is the way.
    world.identity = pyrage.x25519.Identity.generate()
    world.recipients(world.identity, regex="^(secrets/hosts|manifests)/")
    said = world.run("apply", "--yes", "--target", "cluster/prod").expect(1).said
    assert "cannot be encrypted anew" in said
    assert "iam-ra apply --renew cluster/prod" in said
    world.apply("--renew", "cluster/prod", "--target", "cluster/prod")
    second, _ = delivered(world)
    # Workloads hold certificates of the first one until they renew theirs.
    assert anchored(world) == [first, second]
    assert generations(world) == ["G1", "G2"]

    # A third one finds no room.
    assert (
        "no room for a third generation"
        in world.run("apply", "--yes", "--renew", "cluster/prod").expect(4).said
    )
    world.server.turn_clock("+31d")
    plan = world.plan("--target", "cluster/prod")
    assert plan.changes == {"cluster/prod:stack": "update", "cluster/prod:certificate": "delete"}
    world.apply("--target", "cluster/prod")
    assert anchored(world) == [second]
    assert MIRROR.format(1) not in world.objects


def renewed_in_time(world: World) -> None:
    # Renewed by the calendar: its certificate joins first, the Secret follows.
    world.server.turn_clock("+310d")
    plan = world.plan("--target", "cluster/prod")
    assert plan.changes == {
        "cluster/prod:certificate-3": "create",
        "cluster/prod:stack": "update",
        "cluster/prod:secret": "update",
    }
    order = list(plan.changes)
    assert order.index("cluster/prod:stack") < order.index("cluster/prod:secret")
    world.apply("--target", "cluster/prod")
    assert generations(world) == ["G2", "G3"]
    assert (
        load_certificate(delivered(world)[0])
        .subject.rfc4514_string()
        .startswith("CN=iam-ra default cluster/prod G3")
    )


def lost_and_removed(world: World) -> None:
    # Losing a cluster costs one line, and removing it leaves nothing.
    world.write(with_cluster(disabled=True))
    world.apply("--target", "cluster/prod")
    anchors = world.aws("rolesanywhere").list_trust_anchors()["trustAnchors"]
    assert {each["name"]: each["enabled"] for each in anchors} == {
        "iam-ra-default-default": True,
        "iam-ra-default-cluster_prod": False,
    }
    world.write(small())
    world.apply()
    assert not (world.root / "manifests").exists()
    assert "iam-ra-default-cluster-prod" not in world.stacks
    assert not [key for key in world.objects if "clusters/" in key]
    assert list(trusted(world)) == ["iam-ra-default-default"]


@pytest.mark.parametrize(
    ("at", "hears"), [("certificate.pem", True), ("secret-1.yaml", True), ("trust-anchor", False)]
)
def test_killed_in_the_middle_of_the_first_apply(world: World, at: str, *, hears: bool) -> None:
    begin(world)
    process = world.start("apply", "--yes")

    def kill(request: Request) -> None:
        of_cluster = "clusters/prod" in request.path or b"iam-ra-default-cluster-prod" in request.body
        is_it = request.path.endswith(at) or (at == "trust-anchor" and request.operation == "CreateStack")
        if request.is_write and of_cluster and is_it:
            os.kill(process.pid, signal.SIGKILL)
            if not hears:
                raise Lost

    if hears:
        world.wire.after = kill
    else:
        world.wire.before = kill
    assert finish(process).code != 0
    rest(world.server)
    world.wire.clear()
    unlock(world)
    world.apply()
    world.settled()
    certificate, _ = delivered(world)
    assert anchored(world) == [certificate]
    # The ledger names each certificate that was ever made.
    assert certificate in [each["pem"] for each in world.ledger().values()]


# Born in the cluster


def made_there(path: Path, key: Path) -> None:
    """Make what cert-manager's SelfSigned issuer makes, and bring its certificate over."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not key.exists():
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key))
    usage = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    openssl(
        "req", "-x509", "-key", str(key), "-subj", "/CN=iam-ra", *usage, "-days", "365", "-out", str(path)
    )


def openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)  # noqa: S607
    assert done.returncode == 0, done.stderr


def test_an_authority_that_is_born_in_its_cluster(world: World) -> None:
    begin(world, ca={"delivery": "cluster"})
    said = world.apply().said
    assert "kubectl get secret iam-ra-ca --namespace cert-manager" in said
    assert "iam-ra-default-cluster-prod" not in world.stacks
    assert list(trusted(world)) == ["iam-ra-default-default"]
    world.settled()

    made_there(world.root / BORN, world.folder / "first.key")
    first = (world.root / BORN).read_text()
    world.apply()
    world.settled()
    assert anchored(world) == [first]
    assert trusted(world)["iam-ra-default-cluster_prod"] == ["prod.shop.api"]
    assert [each["entity"] for each in world.ledger().values() if each["pem"] == first] == ["cluster/prod"]

    # A file that is lost takes nothing from anybody.
    (world.root / BORN).unlink()
    result = world.run("plan", "--detailed-exitcode").expect(0)
    assert "is gone; what was applied stays" in result.said

    # cert-manager renewed it: both count until the overlap is over.
    made_there(world.root / BORN, world.folder / "second.key")
    second = (world.root / BORN).read_text()
    assert world.plan().reasons["cluster/prod:certificate-2"] == ("the cluster made another certificate",)
    world.apply()
    world.settled()
    assert anchored(world) == [first, second]
    world.server.turn_clock("+31d")
    world.apply()
    world.settled()
    assert anchored(world) == [second]

    # Another cluster must not have the same key.
    content = with_cluster(ca={"delivery": "cluster"})
    (world.root / "manifests/test").mkdir()
    (world.root / "manifests/test/ca.pem").write_text(first)
    world.write({**content, "clusters": {"test": {"ca": {"delivery": "cluster"}}}})
    world.run("plan").expect(0)
    (world.root / "manifests/test/ca.pem").write_text(second)
    assert "has the key of cluster/prod" in world.run("plan").expect(4).said
    world.write(content)

    # From now on iam-ra makes it.
    (world.root / BORN).unlink()
    world.write(with_cluster())
    world.apply()
    world.settled()
    assert generations(world)[1:] == ["G3"]
    assert anchored(world) == [second, delivered(world)[0]]


# Manifests


def manifests(world: World) -> dict[str, str]:
    folder = world.root / "manifests"
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_manifests_follow_the_file(world: World) -> None:
    begin(world)
    world.apply()
    world.settled()
    first = manifests(world)
    arns = world.stack_outputs("iam-ra-default-role-reader")
    config = YAML(typ="safe").load(first["prod/shop/api/configmap.yaml"])["data"]
    anchor = world.stack_outputs("iam-ra-default-cluster-prod")["TrustAnchorArn"]
    assert (config["TRUST_ANCHOR_ARN"], config["ROLE_ARN_READER"]) == (anchor, arns["RoleArn"])

    printed(world, first)
    explained(world)
    # Edited, deleted: put right, by nobody's key; a stranger's file stays.
    issuer, patch = (world.root / "manifests/prod" / name for name in ("issuer.yaml", "shop/api/patch.yaml"))
    (world.root / "manifests/prod/mine.yaml").write_text("mine")
    issuer.write_text("edited")
    patch.unlink()
    assert world.plan().reasons == {
        "cluster/prod:manifests": ("manifests/prod/issuer.yaml was edited",),
        "workload/prod/shop/api:manifests": ("manifests/prod/shop/api/patch.yaml was deleted",),
    }
    world.apply()
    world.settled()
    assert manifests(world) == {**first, "prod/mine.yaml": "mine"}

    # What is no longer rendered goes, what is moved moves.
    sidecar = {"port": 9912}
    workloads = {"shop/api": {"role": "reader", "kind": "Deployment"}, "shop/new": {"role": "reader"}}
    world.write(with_cluster(sidecar=sidecar, workloads=workloads, folder="clusters/prod"))
    plan = world.plan()
    assert plan.fields("workload/prod/shop/api:manifests")["sidecar.port"] == (9911, 9912)
    world.apply()
    world.settled()
    assert manifests(world) == {"prod/mine.yaml": "mine"}
    assert not (world.root / "clusters/prod/shop/api/patch-cronjob.yaml").exists()
    assert "9912" in (world.root / "clusters/prod/shop/api/patch.yaml").read_text()

    # Nobody else gets the name that certificates say.
    taken = {"bank/api": {"role": "reader", "identity": "prod.shop.new"}}
    world.write(with_cluster(sidecar=sidecar, folder="clusters/prod", workloads=taken))
    assert "certificates of workload/prod/shop/new say prod.shop.new too" in world.run("plan").expect(4).said

    # Offboarding cuts the trust policy, and then takes the files.
    world.write(
        with_cluster(sidecar=sidecar, folder="clusters/prod", workloads={"shop/new": {"role": "reader"}})
    )
    plan = world.plan()
    assert list(plan.changes)[-1] == "workload/prod/shop/api:manifests"
    said = world.apply("--end-sessions").said
    assert "may not take it" in said
    assert trusted(world)["iam-ra-default-cluster_prod"] == ["prod.shop.new"]
    assert not (world.root / "clusters/prod/shop/api").exists()


def printed(world: World, first: dict[str, str]) -> None:
    """See the same on stdout, for kubectl; the key only on request, and into a pipe."""
    result = world.run("k8s", "render", "prod").expect()
    kinds = [each["kind"] for each in YAML(typ="safe").load_all(result.stdout)]
    assert {"ClusterIssuer", "ValidatingAdmissionPolicy", "Certificate", "ConfigMap"} <= set(kinds)
    assert not {"Component", "Kustomization", "Secret"} & set(kinds)
    alone = world.run("k8s", "render", "prod", "shop/api", "--json").expect()
    assert [each["text"] for each in envelopes.data("k8s-render", alone)["manifests"]] == [
        first["prod/shop/api/certificate.yaml"],
        first["prod/shop/api/configmap.yaml"],
    ]
    opened = world.run("k8s", "render", "prod", "--decrypt", SOPS_AGE_KEY=str(world.identity)).expect()
    (secret,) = (each for each in YAML(typ="safe").load_all(opened.stdout) if each["kind"] == "Secret")
    assert secret["stringData"]["tls.crt"] == delivered(world)[0]
    assert "sops" not in secret
    assert opened.stdout.endswith(result.stdout)
    # Anybody can encrypt for the cluster: what iam-ra did not write in the bucket does not go to kubectl.
    kept = world.objects[MIRROR.format(1)]
    world.put(MIRROR.format(1), b"kind: ClusterRoleBinding\n")
    again = world.run("k8s", "render", "prod", "--decrypt", SOPS_AGE_KEY=str(world.identity)).expect()
    assert again.stdout == opened.stdout
    world.put(MIRROR.format(1), kept)
    world.run("k8s", "render", "prod", "shop/other").expect(64)


def explained(world: World) -> None:
    """Judge and try the workload by what cert-manager would issue, and by what it issued."""
    name, identity = "workload/prod/shop/api", "prod.shop.api"
    status = envelopes.data("status", world.run("status", "--json").expect())
    assert status["roles"] == {"reader": ["host/web", name]}
    assert "would give the role" in world.run("explain", name).expect().said
    authority, key = delivered(world)
    signer = KeySigner(load_certificate(authority), key.signing_key)
    files = [world.folder / each for each in ("tls.crt", "tls.key")]
    pair = ("--certificate", str(files[0]), "--private-key", str(files[1]))
    for subject, code in ((identity, 0), ("prod.shop.other", 1)):
        own = PrivateKey.generate("ec-p256")
        request = LeafRequest(subject, own.public_key, new_serial(), datetime.now(UTC), timedelta(hours=24))
        files[0].write_text(certificate_pem(signer.sign_leaf(request)))
        files[1].write_bytes(own.pem().reveal())
        world.run("explain", name, "reader", *pair[:2]).expect(code)
        found = envelopes.data(
            "verify", world.run("verify", name, *pair, "--negative", "--json").expect(code)
        )
        assert [(each["host"], each["role"]) for each in found["attempts"]] == [(name, "reader")]
    world.run("verify", name).expect(64)
    # A host's certificate is of another authority.
    files[0].write_bytes(world.objects["default/hosts/web/certificate.pem"])
    assert "✗" in world.run("explain", name, *pair[:2]).expect(1).said


def test_files_of_a_killed_apply_are_known_again(world: World) -> None:
    begin(world)
    process = world.start("apply", "--yes")

    def kill(request: Request) -> None:
        # The list is written once more when all files are there.
        is_list = request.is_write and request.path.endswith("clusters/prod/workloads/shop/api.json")
        if is_list and "prod/shop/api/kustomization.yaml" in manifests(world):
            os.kill(process.pid, signal.SIGKILL)
            raise Lost

    world.wire.before = kill
    assert finish(process).code != 0
    rest(world.server)
    world.wire.clear()
    unlock(world)
    written = manifests(world)
    assert written
    world.write(small())
    world.apply()
    world.settled()
    assert manifests(world) == {}
    assert not [key for key in world.objects if "clusters/" in key]


def test_a_strangers_file_is_never_overwritten(world: World) -> None:
    begin(world)
    mine = world.root / "manifests/prod/issuer.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    said = world.run("apply", "--yes").expect(1).said
    assert "manifests/prod/issuer.yaml exists and iam-ra did not write it" in said
    assert mine.read_text() == "mine"
    assert not world.stacks
