"""Clusters in plans: what their parts are made of, which generations they need, and who loses what."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.kinds.samples import NOW, namespace, parts, snapshot

from iam_ra.config.model import Cluster, Issuer, Sidecar, Workload
from iam_ra.engine.address import Address
from iam_ra.engine.part import Recorded
from iam_ra.kinds.authority import authority_certificate
from iam_ra.kinds.cluster_born import born_warnings, with_born
from iam_ra.kinds.cluster_secret import cluster_secret
from iam_ra.kinds.generations import generation_conflicts, with_generations
from iam_ra.kinds.manifest_texts import cluster_settings, texts_of, workload_settings
from iam_ra.kinds.memory import NO_WISHES, Wishes
from iam_ra.kinds.sessions import losses

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from iam_ra.config.model import Generation, Namespace

DAY = timedelta(days=1)
ADDRESS = {"cluster", "namespace", "name"}
# Of a cluster: what no manifest shows.
UNTOLD = {"tags", "workloads"}
SCOPE = "cluster/prod"
FILE = """
roles: {reader: {}, writer: {}}
clusters:
  prod:
    approver_policy: true
    workloads:
      shop/api: {roles: [reader, writer], default_role: reader, network_policy: true, sample_pod: true, helm_values: true}
      shop/job: {role: reader, delivery: csi}
"""
SAID = {
    "region": "ap-southeast-2",
    "trust_anchor_arn": "arn:anchor",
    "roles": {
        role: {
            "role_arn": f"arn:{role}",
            "profile_arn": f"arn:{role}-profile",
            "session_duration": 3600,
            "accept_role_session_name": False,
        }
        for role in ("reader", "writer")
    },
}


@pytest.fixture
def loaded(tmp_path: Path) -> Namespace:
    return namespace(tmp_path, FILE)


def test_the_parts_of_a_cluster_and_what_each_waits_for(loaded: Namespace) -> None:
    found = parts(loaded)
    mine = {str(each) for each in found if each.entity.startswith(("cluster/", "workload/"))}
    assert mine == {
        "cluster/prod:certificate",
        "cluster/prod:stack",
        "cluster/prod:secret",
        "cluster/prod:manifests",
        "workload/prod/shop/api:manifests",
        "workload/prod/shop/job:manifests",
    }
    anchor = Address(SCOPE, "stack")
    # No cluster signs by an authority that AWS does not know yet.
    assert found[anchor].upstream == (authority_certificate(SCOPE, 1),)
    assert anchor in found[cluster_secret(SCOPE)].upstream
    api = found[Address("workload/prod/shop/api", "manifests")]
    roles = tuple(Address(f"role/{role}", "stack") for role in ("reader", "writer"))
    assert set(api.upstream) == {anchor, *roles}
    # Files go when nobody trusts the workload any more.
    assert api.released_by == roles


# Every setting that shows in a manifest is an input of its part


def changed(value: Any, name: str) -> Any:
    """Return another value for a field."""
    known = {
        "delivery": "cluster" if isinstance(value, Cluster) else "csi",
        "issuer": Issuer("ClusterIssuer", "other", "elsewhere"),
        "sidecar": Sidecar("r.example/h:2", "container", 4000),
        "kind": "Deployment",
        "pca_arn": "arn:aws:acm-pca:us-east-1:1:certificate-authority/x",
        "containers": ("x", "y"),
    }
    before = getattr(value, name)
    if name in known:
        return known[name]
    if isinstance(before, bool):
        return not before
    return (
        before + DAY if isinstance(before, timedelta) else f"{before}x" if isinstance(before, str) else None
    )


@pytest.mark.parametrize("name", sorted({each.name for each in fields(Workload)} - ADDRESS - {"roles"}))
def test_a_workloads_manifests_follow_each_setting(loaded: Namespace, name: str) -> None:
    cluster = loaded.clusters["prod"]
    before = cluster.workloads["shop/api"]
    value = changed(before, name)
    after = replace(before, **{name: value})
    entity = "workload/prod/shop/api"

    def texts(workload: Workload) -> Mapping[str, str]:
        one = replace(cluster, workloads={"shop/api": workload})
        return texts_of(entity, {"prod": one}, "default", SAID)

    if texts(before) != texts(after):
        assert workload_settings(before, cluster) != workload_settings(after, cluster)


@pytest.mark.parametrize("name", sorted({each.name for each in fields(Cluster)} - ADDRESS - UNTOLD))
def test_manifests_follow_each_setting_of_a_cluster(loaded: Namespace, name: str) -> None:
    before = loaded.clusters["prod"]
    value = changed(before, name)
    if name == "ca":
        before = replace(before, delivery="cluster")
        value = replace(before.ca, validity=90 * DAY)
    after = replace(before, **{name: value})
    one, two = ({"prod": each} for each in (before, after))
    if texts_of(SCOPE, one, "default", {}) != texts_of(SCOPE, two, "default", {}):
        assert cluster_settings(before) != cluster_settings(after)
    entity, workload = "workload/prod/shop/job", before.workloads["shop/job"]
    if texts_of(entity, one, "default", SAID) != texts_of(entity, two, "default", SAID):
        assert workload_settings(workload, before) != workload_settings(workload, after)


# Generations


def generation(number: int, made: int, life: int = 365) -> tuple[Address, Recorded]:
    """Return a recorded generation, made and ending so many days from now."""
    address = authority_certificate(SCOPE, number)
    inputs = {"mode": "self-signed", "key_store": "secret", "key": "ec-p256", "validity": "1y"}
    outputs = {
        "certificate": f"pem {number}",
        "not_before": (NOW + made * DAY).isoformat(),
        "not_after": (NOW + (made + life) * DAY).isoformat(),
    }
    return address, Recorded(address, "authority-certificate", inputs, outputs)


def delivered(number: int, since: int) -> tuple[Address, Recorded]:
    address = cluster_secret(SCOPE)
    outputs = {"file": "f", "mirror": "m", "since": (NOW + since * DAY).isoformat()}
    return address, Recorded(address, "cluster-secret", {"generation": number, "path": "p"}, outputs)


def numbers(
    loaded: Namespace, *recorded: tuple[Address, Recorded], wishes: Wishes = NO_WISHES, mirrors: bool = True
) -> list[int]:
    return [each.number for each in generations_of(loaded, dict(recorded), wishes, mirrors=mirrors)]


def generations_of(
    loaded: Namespace,
    recorded: Mapping[Address, Recorded],
    wishes: Wishes = NO_WISHES,
    *,
    mirrors: bool = True,
) -> tuple[Generation, ...]:
    keys = {f"default/clusters/prod/secret-{each}.yaml": "e" for each in range(1, 5)} if mirrors else {}
    found = with_generations(loaded, recorded, snapshot(objects=keys), wishes, NOW)
    return found.authorities[SCOPE].generations


def test_the_former_generation_leaves_when_its_overlap_is_over(loaded: Namespace) -> None:
    both = (generation(1, -320), generation(2, -20))
    assert numbers(loaded, *both, delivered(2, -20)) == [1, 2]
    assert numbers(loaded, *both, delivered(2, -31)) == [2]


def test_what_was_not_delivered_yet_ends_nothing(loaded: Namespace) -> None:
    both = (generation(1, -320), generation(2, -40))
    assert numbers(loaded, *both, delivered(1, -320)) == [1, 2]
    # A killed apply may have delivered without a record: that counts from the day that it was made.
    assert numbers(loaded, *both) == [2]
    assert numbers(loaded, both[0], generation(2, -20)) == [1, 2]


def test_the_next_generation_begins_in_time(loaded: Namespace) -> None:
    assert numbers(loaded, generation(1, -304), delivered(1, -304)) == [1]
    assert numbers(loaded, generation(1, -306), delivered(1, -306)) == [1, 2]


def test_an_authority_whose_secret_is_lost_is_followed(loaded: Namespace) -> None:
    assert numbers(loaded, generation(1, -10), delivered(1, -10), mirrors=False) == [1, 2]


def test_a_third_generation_waits_for_room(loaded: Namespace) -> None:
    known = dict([generation(1, -100), generation(2, -10), delivered(2, -10)])
    wishes = Wishes(renew=frozenset({SCOPE}))
    seen = snapshot(objects={"default/clusters/prod/secret-2.yaml": "e"})
    (conflict,) = generation_conflicts(loaded, known, seen, wishes, NOW)
    assert "no room for a third generation" in conflict.text
    assert "write a shorter `overlap`" in conflict.text


def test_an_authority_stays_until_the_cluster_has_made_another(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, FILE.replace("approver_policy: true", "ca: {delivery: cluster}"))
    assert SCOPE not in with_born(loaded, {}).authorities
    known = dict([generation(1, -10), delivered(1, -10)])
    waiting = with_born(loaded, known)
    assert waiting.authorities[SCOPE].key_store == "secret"
    assert Address("workload/prod/shop/api", "manifests") in parts(waiting)
    assert [each.number for each in generations_of(waiting, known)] == [1]
    (warning,) = born_warnings(loaded, known, NOW)
    assert "its former authority stays" in warning


# Sessions


def test_workloads_lose_what_is_taken_from_them(tmp_path: Path) -> None:
    address = Address("workload/prod/shop/api", "manifests")
    recorded = {address: Recorded(address, "manifests", {"identity": "prod.shop.api", **SAID}, {"files": {}})}

    def lost(text: str) -> set[tuple[str, str]]:
        return {(each.entity, each.role) for each in losses(namespace(tmp_path, text), recorded)}

    assert lost(FILE) == set()
    assert lost(FILE.replace("[reader, writer]", "[reader]")) == {(address.entity, "writer")}
    both = {(address.entity, "reader"), (address.entity, "writer")}
    assert lost(FILE.replace("shop/api", "shop/new")) == both
    assert lost(FILE.replace("network_policy: true", "disabled: true")) == both
    assert lost(FILE.replace("approver_policy: true", "disabled: true")) == both
