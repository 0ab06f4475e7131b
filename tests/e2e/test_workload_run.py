"""From the file to credentials in a Pod: all is real but the cluster, whose part the tests play.

What iam-ra delivered signs as cert-manager would; AWS's helper runs with the arguments of the sidecar, and boto3 with the
variables of the app.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML
from tests.e2e.clients import clients
from tests.e2e.clients.clients import Machine
from tests.e2e.clients.estate import ACCOUNT, Attempt
from tests.e2e.world import READ_ONLY, small
from tests.kubernetes import kustomize, pods, running
from tests.kubernetes.cert_manager import issue

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.world import World

pytestmark = pytest.mark.tool("aws_signing_helper")

# Two clusters each have a workload of this name: only its own one may take the role.
IDENTITY = "payments.api"
FILE = small(
    roles={
        "reader": {"policies": [READ_ONLY], "session_duration": "15m"},
        "writer": {"policies": [READ_ONLY], "accept_role_session_name": True},
    },
    hosts={"web": {"roles": ["reader"], "delivery": ["secretsmanager"]}},
    clusters={
        "prod": {
            "workloads": {
                "payments/api": {
                    "identity": IDENTITY,
                    "roles": ["reader", "writer"],
                    "default_role": "reader",
                }
            }
        },
        "staging": {"workloads": {"payments/api": {"identity": IDENTITY, "role": "writer"}}},
    },
)


@pytest.fixture(scope="module")
def applied(standing: World) -> World:
    standing.recipients(standing.identity, regex="^(secrets|manifests)/")
    standing.write(FILE)
    standing.apply()
    return standing


def issued(world: World, cluster: str, common_name: str | None = None) -> dict[str, str]:
    """Return what a cluster makes of the workload's Certificate, or of one with another name."""
    folder = world.root / "manifests" / cluster
    authority: Any = world.open(folder / "ca-secret.sops.yaml")
    certificate = load(folder / "payments/api/certificate.yaml")
    if common_name:
        certificate["spec"]["commonName"] = common_name
    return issue(authority["stringData"], certificate)


def load(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def role_arn(role: str, session: str) -> str:
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/iam-ra-default-{role}/{session}"


def test_a_pod_gets_the_credentials_of_its_roles(applied: World) -> None:
    overlay = kustomize.overlay(
        applied.root / "app", "../manifests/prod/payments/api", [kustomize.foreign("Deployment")]
    )
    built = {each["kind"]: each for each in kustomize.build(overlay)}
    pod = pods.pod_of(built["Deployment"])
    config_maps = {built["ConfigMap"]["metadata"]["name"]: built["ConfigMap"]["data"]}
    machine = Machine(applied.home, applied.server, applied.folder / "none")
    files = applied.folder / "pod"
    files.mkdir()
    sidecar = pod["initContainers"][0]
    assert running.probe(sidecar, files) != 0
    running.mount(files, issued(applied, "prod"))
    assert running.probe(sidecar, files) == 0
    with running.serving(pod, "api", config_maps, files, machine.environ()) as app:
        reader = clients.app(machine, **app)
        writer = clients.app(
            machine, **{**app, "AWS_EC2_METADATA_SERVICE_ENDPOINT": app["IAM_RA_ENDPOINT_WRITER"]}
        )
    assert reader.arn is not None, reader.text
    assert reader.arn.startswith(role_arn("reader", ""))
    # The session bears the Pod's name where the role takes one.
    assert writer.arn == role_arn("writer", "api-7d4b9c-x2x"), writer.text


def test_nobody_elses_certificate_opens_the_role(applied: World) -> None:
    machine = Machine(applied.home, applied.server, applied.folder / "none")
    anywhere = applied.aws("rolesanywhere")
    anchors = {each["name"]: each["trustAnchorArn"] for each in anywhere.list_trust_anchors()["trustAnchors"]}
    profiles = {each["name"]: each["profileArn"] for each in anywhere.list_profiles()["profiles"]}

    def opened(secret: dict[str, str], anchor: str, *, chain: bool = False) -> clients.Outcome:
        files = applied.folder / "certificate"
        running.mount(files, secret)
        attempt = Attempt(
            certificate=files / "tls.crt",
            private_key=files / "tls.key",
            intermediates=files / "ca.crt" if chain else None,
            trust_anchor_arn=anchors[anchor],
            profile_arn=profiles["iam-ra-default-reader"],
            role_arn=applied.aws("iam").get_role(RoleName="iam-ra-default-reader")["Role"]["Arn"],
        )
        return clients.credential_process_http(machine, attempt)

    prod, staging, host = (
        f"iam-ra-default-{name}" for name in ("cluster_prod", "cluster_staging", "default")
    )
    assert opened(issued(applied, "prod"), prod).arn
    untrusted, unable = "Untrusted signing certificate", "Unable to assume role"
    cases = {
        "another cluster's, at this one's": (opened(issued(applied, "staging"), prod), untrusted),
        "the same with its chain": (opened(issued(applied, "staging"), prod, chain=True), untrusted),
        "another cluster's, at its own": (opened(issued(applied, "staging"), staging), unable),
        "a neighbour's": (opened(issued(applied, "prod", "payments.other"), prod), unable),
        "a host's, at the cluster's": (opened(issued(applied, "prod", "web"), prod), unable),
        "a host's, at the host's": (opened(issued(applied, "prod", "web"), host), untrusted),
        "the host's with its chain": (opened(issued(applied, "prod", "web"), host, chain=True), untrusted),
    }
    for case, (outcome, reason) in cases.items():
        assert outcome.arn is None, case
        assert reason in outcome.text, case
