"""What the verbs of `iam-ra k8s` mean for the data of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iam_ra.config.changes import (
    CLUSTERS,
    WORKLOADS,
    Changed,
    default_of,
    entry_at,
    gone,
    losing,
    merged,
    section,
    the_only,
    the_role,
)
from iam_ra.config.edit import with_value
from iam_ra.config.nodes import Plain
from iam_ra.engine.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMESPACE = "default"


def setup_cluster(
    data: Mapping[str, Any], name: str, *, delivery: str | None = None, pca_arn: str | None = None
) -> Changed:
    """Add a cluster; one that is there must be as asked."""
    if (pca_arn is not None) != (delivery == "pca"):
        raise UsageError(
            "--pca-arn is missing" if pca_arn is None else "--pca-arn says nothing without --delivery pca",
            fix="--delivery pca needs the ARN of the private CA",
        )
    given = {"delivery": delivery, "pca_arn": pca_arn}
    wanted = {key: value for key, value in given.items() if value is not None}
    if name in section(data, CLUSTERS):
        there = {"delivery": "sops", **section(entry_at(data, (CLUSTERS, name)), "ca")}
        different = [key for key, value in wanted.items() if there.get(key) != value]
        if different:
            raise RefusedError(
                f"cluster/{name} is in the file already, with another {' and '.join(different)}",
                fix="edit the file, and read what `iam-ra plan` says about it",
            )
        return Changed(data, (f"cluster/{name}",))
    return Changed(with_value(data, (CLUSTERS, name), {"ca": wanted} if wanted else {}), (f"cluster/{name}",))


def teardown_cluster(data: Mapping[str, Any], name: str, *, force: bool = False) -> Changed:
    """Take a cluster out, with `force` also its workloads. Raises RefusedError while it has any."""
    inside = list(section(entry_at(data, (CLUSTERS, name)), WORKLOADS))
    if inside and not force:
        raise RefusedError(
            f"cluster/{name} has workloads: {', '.join(inside)}",
            why="they would lose their roles with it",
            fix=f"offboard them first, or let them go with it: `iam-ra k8s teardown {name} --force`",
        )
    changed = gone(data, (CLUSTERS, name), f"cluster/{name}")
    return Changed(
        changed.data, (*changed.entities, *(f"workload/{name}/{key}" for key in inside)), changed.told
    )


def onboard_workload(
    data: Mapping[str, Any],
    name: str,
    *,
    cluster: str | None = None,
    namespace: str | None = None,
    roles: Sequence[str] = (),
    default_role: str | None = None,
    duration_hours: int | None = None,
    sample_pod: bool = True,
    overwrite: bool = False,
) -> Changed:
    """Add a workload. One that is there is left as it is, if it is as asked, or changed with `overwrite`."""
    told: list[str] = []
    cluster, namespace, plain = _place(name, cluster, namespace)
    if cluster is None:
        cluster, sentence = the_only(data, CLUSTERS, "cluster", "--cluster", "`iam-ra k8s setup CLUSTER`")
        told.append(sentence)
    if cluster not in section(data, CLUSTERS):
        raise UsageError(f"the file has no cluster {cluster}", fix=f"`iam-ra k8s setup {cluster}`")
    key = f"{namespace or NAMESPACE}/{plain}"
    path = (CLUSTERS, cluster, WORKLOADS, key)
    known = entry_at(data, path)
    if not roles and not known:
        role, sentence = the_role(data)
        roles = [role]
        told.append(sentence)
    wanted = dict(known)
    if roles:
        _give(wanted, roles, default_role, told)
    if duration_hours is not None:
        wanted["certificate"] = {**section(known, "certificate"), "duration": f"{duration_hours}h"}
    if not known and sample_pod:
        wanted["sample_pod"] = Plain("true")
    elif not sample_pod:
        wanted.pop("sample_pod", None)
    different = [each for each in {**known, **wanted} if known.get(each) != wanted.get(each)]
    if known and different and not overwrite:
        raise RefusedError(
            f"workload/{cluster}/{key} is in the file already, with another {' and '.join(different)}",
            fix="give --overwrite to change it",
        )
    entities = (*_entities(cluster, key), *losing(data, known, wanted))
    return Changed(with_value(data, path, wanted), entities, tuple(told))


def offboard_workload(
    data: Mapping[str, Any], name: str, *, cluster: str | None = None, namespace: str | None = None
) -> Changed:
    """Take a workload out, wherever it is, as long as only one has the name."""
    cluster, namespace, plain = _place(name, cluster, namespace)
    found = [
        (each, key)
        for each, entry in section(data, CLUSTERS).items()
        if cluster in {None, each}
        for key in section(entry if isinstance(entry, dict) else {}, WORKLOADS)
        if key.partition("/")[2] == plain and namespace in {None, key.partition("/")[0]}
    ]
    if len(found) > 1:
        raise UsageError(
            f"which {name} is meant? there are {', '.join(f'{each}/{key}' for each, key in found)}",
            fix="name it as one of these",
        )
    told: tuple[str, ...] = ()
    if found:
        ((there, key),) = found
        if None in {cluster, namespace}:
            told = (f"workload/{there}/{key}: the only {name} of the file",)
    elif cluster is None:
        raise UsageError(
            f"no cluster of the file has a workload {name}",
            fix="if it is in the state only, name it as CLUSTER/NAMESPACE/NAME",
        )
    else:
        there, key = cluster, f"{namespace or NAMESPACE}/{plain}"
    changed = gone(data, (CLUSTERS, there, WORKLOADS, key), f"workload/{there}/{key}")
    return Changed(changed.data, _entities(there, key), (*told, *changed.told))


def _entities(cluster: str, key: str) -> tuple[str, ...]:
    """Return what a verb for a workload is about: it, and what its cluster says of it, such as who may ask for its name."""
    return f"workload/{cluster}/{key}", f"cluster/{cluster}:manifests"


def _give(wanted: dict[str, Any], roles: Sequence[str], default_role: str | None, told: list[str]) -> None:
    """Write roles as the file has them: `role` for one, `roles` with a default for several."""
    single = wanted.get("role")
    before = wanted.pop("roles", None) or ([single] if single else None)
    names = merged(before, roles)
    if len(names) == 1 and default_role is None:
        wanted.pop("default_role", None)
        wanted["role"] = names[0]
        return
    wanted.pop("role", None)
    wanted["roles"] = names
    default = default_role or default_of(wanted, names, roles[0], told)
    if default is not None:
        wanted["default_role"] = default


def _place(name: str, cluster: str | None, namespace: str | None) -> tuple[str | None, str | None, str]:
    """Return cluster, namespace and name of `api`, `payments/api`, `prod/payments/api` or the whole address."""
    *above, plain = name.removeprefix("workload/").split("/")
    said = dict(zip(("namespace", "cluster"), reversed(above), strict=False))
    given = {"namespace": namespace, "cluster": cluster}
    for option, value in given.items():
        if value is not None and said.get(option, value) != value:
            raise UsageError(f"--{option} {value} contradicts {name}", fix="leave one of the two out")
    return cluster or said.get("cluster"), namespace or said.get("namespace"), plain
