from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from iam_ra.config import changes, cluster_changes
from iam_ra.config.edit import edited
from iam_ra.config.load import load
from iam_ra.config.shapes import keys_at
from iam_ra.engine.errors import ProtectedError, RefusedError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
version: 1
namespace: default
region: eu-west-1
roles:
  reader: {policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]}
clusters:
  prod:
    workloads:
      payments/api: {role: reader}  # pays
"""
DATA: dict[str, Any] = {
    "roles": {"reader": {}, "writer": {}},
    "clusters": {
        "prod": {
            "workloads": {
                "payments/api": {"role": "reader"},
                "shop/api": {"roles": ["reader", "writer"], "default_role": "reader"},
                "shop/web": {"role": "writer", "protect": "true"},
            }
        },
        "test": {},
    },
}
ONE: dict[str, Any] = {"roles": {"reader": {}}, "clusters": {"prod": {}}}


def onboard(data: dict[str, Any], name: str, **options: Any) -> changes.Changed:
    before = copy.deepcopy(data)
    found = cluster_changes.onboard_workload(data, name, **options)
    assert data == before
    return found


def workload(changed: changes.Changed) -> Any:
    _, cluster, key = changed.entities[0].split("/", 2)
    return changed.data["clusters"][cluster]["workloads"][key]


def test_a_cluster_is_set_up_once() -> None:
    found = cluster_changes.setup_cluster({}, "prod")
    assert found == changes.Changed({"clusters": {"prod": {}}}, ("cluster/prod",))
    assert cluster_changes.setup_cluster(found.data, "prod").data == found.data
    other = cluster_changes.setup_cluster({}, "prod", delivery="pca", pca_arn="arn:x")
    assert other.data["clusters"]["prod"] == {"ca": {"delivery": "pca", "pca_arn": "arn:x"}}
    with pytest.raises(RefusedError, match="another delivery"):
        cluster_changes.setup_cluster(found.data, "prod", delivery="cluster")
    with pytest.raises(UsageError, match="--pca-arn"):
        cluster_changes.setup_cluster({}, "prod", delivery="pca")


def test_the_only_cluster_and_the_only_role_are_taken_and_said() -> None:
    found = onboard(ONE, "api")
    assert found.entities == ("workload/prod/default/api", "cluster/prod:manifests")
    assert workload(found) == {"role": "reader", "sample_pod": "true"}
    assert found.told == (
        "--cluster prod: the only cluster of the file",
        "--role reader: the only role of the file",
    )
    for name in ("--cluster", "--role"):
        with pytest.raises(UsageError, match=f"{name} is missing"):
            onboard(DATA, "api", cluster=None if name == "--cluster" else "prod")
    with pytest.raises(UsageError, match="no cluster new"):
        onboard(DATA, "api", cluster="new", roles=["reader"])


def test_a_workload_with_all_options() -> None:
    found = onboard(ONE, "api", namespace="gateway", roles=["b", "a"], duration_hours=12, sample_pod=False)
    assert found.entities[0] == "workload/prod/gateway/api"
    assert workload(found) == {
        "roles": ["b", "a"],
        "default_role": "b",
        "certificate": {"duration": "12h"},
    }


def test_a_workload_that_is_there_is_changed_only_by_wish() -> None:
    options = {"cluster": "prod", "roles": ["writer"]}
    assert onboard(DATA, "payments/api", cluster="prod", roles=["reader"]).data == DATA
    with pytest.raises(RefusedError, match="with another role"):
        onboard(DATA, "payments/api", **options)
    found = onboard(DATA, "payments/api", overwrite=True, **options)
    assert workload(found) == {"role": "writer"}
    assert found.entities[2:] == ("role/reader",), "it is to stop naming the workload in the same apply"
    more = onboard(DATA, "payments/api", overwrite=True, cluster="prod", roles=["writer", "reader"])
    assert workload(more) == {"roles": ["reader", "writer"], "default_role": "writer"}


@pytest.mark.parametrize(
    ("name", "options", "entity"),
    [
        ("payments/api", {}, "workload/prod/payments/api"),
        ("api", {"namespace": "shop"}, "workload/prod/shop/api"),
        ("prod/payments/api", {"namespace": "payments"}, "workload/prod/payments/api"),
        ("workload/prod/payments/api", {}, "workload/prod/payments/api"),
        ("old", {"cluster": "prod"}, "workload/prod/default/old"),
    ],
)
def test_a_workload_goes(name: str, options: dict[str, Any], entity: str) -> None:
    found = cluster_changes.offboard_workload(DATA, name, **options)
    assert found.entities == (entity, "cluster/prod:manifests")
    assert entity.removeprefix("workload/prod/") not in found.data["clusters"]["prod"]["workloads"]


def test_an_option_that_contradicts_the_name_is_refused() -> None:
    with pytest.raises(UsageError, match="--namespace shop contradicts payments/api"):
        cluster_changes.offboard_workload(DATA, "payments/api", namespace="shop")
    with pytest.raises(UsageError, match="--cluster test contradicts prod/payments/api"):
        onboard(DATA, "prod/payments/api", cluster="test")


def test_which_workload_is_asked_where_several_have_the_name() -> None:
    with pytest.raises(UsageError, match="prod/payments/api, prod/shop/api"):
        cluster_changes.offboard_workload(DATA, "api")
    with pytest.raises(UsageError, match="no cluster of the file"):
        cluster_changes.offboard_workload(DATA, "old")
    with pytest.raises(ProtectedError):
        cluster_changes.offboard_workload(DATA, "web")


def test_a_cluster_with_workloads_goes_only_by_force() -> None:
    with pytest.raises(RefusedError, match="has workloads: payments/api, shop/api, shop/web"):
        cluster_changes.teardown_cluster(DATA, "prod")
    found = cluster_changes.teardown_cluster(DATA, "prod", force=True)
    assert list(found.data["clusters"]) == ["test"]
    assert found.entities == (
        "cluster/prod",
        "workload/prod/payments/api",
        "workload/prod/shop/api",
        "workload/prod/shop/web",
    )
    assert cluster_changes.teardown_cluster(DATA, "test").entities == ("cluster/test",)


def test_workloads_use_roles_too() -> None:
    data = {
        **DATA,
        "clusters": {"prod": {"workloads": {"shop/api": DATA["clusters"]["prod"]["workloads"]["shop/api"]}}},
    }
    with pytest.raises(RefusedError, match="in use by workload/prod/shop/api"):
        changes.delete_role(data, "reader")
    found = changes.delete_role(data, "reader", force=True)
    assert found.data["clusters"]["prod"]["workloads"]["shop/api"] == {
        "roles": ["writer"],
        "default_role": "writer",
    }
    with pytest.raises(RefusedError, match="the only role of workload/prod/payments/api"):
        changes.delete_role(DATA, "reader", force=True)


def test_the_file_is_right_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "iam-ra.yaml"
    path.write_text(TEXT, encoding="utf-8")
    data = {
        "version": "1",
        "namespace": "default",
        "region": "eu-west-1",
        "roles": {"reader": {"policies": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}},
        "clusters": {"prod": {"workloads": {"payments/api": {"role": "reader"}}}},
    }
    found = onboard(data, "web", namespace="shop", duration_hours=12)
    after = edited(TEXT, found.data, name="iam-ra.yaml", order=keys_at)
    assert after.startswith(TEXT)
    loaded = load(path, after).namespace.clusters["prod"].workloads
    assert list(loaded) == ["payments/api", "shop/web"]
    assert loaded["shop/web"].sample_pod
