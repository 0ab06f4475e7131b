"""`iam-ra k8s`: the clusters of the file, and their workloads."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from iam_ra.cli import exits
from iam_ra.cli.entities import CLUSTER, ROLE, WORKLOAD
from iam_ra.cli.k8s_list import clusters
from iam_ra.cli.k8s_render import render
from iam_ra.cli.options import Command, Group, Options, pass_options
from iam_ra.cli.running import workplace_for
from iam_ra.cli.verbs import How, carry, plain, plain_all, verb_options

if TYPE_CHECKING:
    from iam_ra.config.changes import Changed

_DELIVERIES = ("sops", "cluster", "pca")


@click.group("k8s", cls=Group)
def command() -> None:
    """Look after Kubernetes clusters and their workloads.

    What changes the file also applies just that, and writes manifests; nothing here talks to a cluster.
    """


@command.command("setup", cls=Command)
@click.argument("name", type=CLUSTER)
@click.option(
    "--delivery", type=click.Choice(_DELIVERIES), help="How the cluster gets its authority; else sops."
)
@click.option("--pca-arn", metavar="ARN", help="The private CA; needed with --delivery pca.")
@verb_options
@pass_options
def setup(options: Options, name: str, delivery: str | None, pca_arn: str | None, how: How) -> int:
    """Give the cluster NAME an authority and an issuer.

    Writes the manifests to stdout, for `kubectl apply -f -`, and all else to stderr. The Secret with the
    authority's key is not among them: it is in the repository, encrypted.
    """
    from iam_ra.config import cluster_changes  # noqa: PLC0415 - ruamel.yaml is part of no --help

    cluster = plain("cluster", name)
    code = carry(
        options,
        "k8s setup",
        lambda data: cluster_changes.setup_cluster(data, cluster, delivery=delivery, pca_arn=pca_arn),
        how,
        result=lambda entities: _manifests(options, entities),
    )
    if code == exits.OK and how.apply and not options.json:
        _say_secret(options, cluster)
    return code


@command.command("onboard", cls=Command)
@click.argument("name", metavar="WORKLOAD")
@click.option(
    "--role",
    "roles",
    metavar="NAME",
    type=ROLE,
    multiple=True,
    help="A role that it may take; may be given several times.",
)
@click.option("--default-role", metavar="NAME", type=ROLE, help="The one of several that its app finds.")
@click.option("--cluster", metavar="NAME", type=CLUSTER, help="The cluster that it runs in.")
@click.option(
    "-k",
    "--namespace",
    metavar="NAME",
    help="Its namespace in the cluster; else default, or as WORKLOAD says.",
)
@click.option(
    "--duration-hours",
    type=click.IntRange(1, 8760),
    metavar="HOURS",
    help="How long its certificates are valid; else 24.",
)
@click.option("--no-sample-pod", is_flag=True, help="Make no Pod that tries it out.")
@click.option("--overwrite", is_flag=True, help="Change a workload that is in the file already.")
@verb_options
@pass_options
def onboard(
    options: Options,
    name: str,
    roles: tuple[str, ...],
    default_role: str | None,
    cluster: str | None,
    namespace: str | None,
    duration_hours: int | None,
    no_sample_pod: bool,
    overwrite: bool,
    how: How,
) -> int:
    """Give the WORKLOAD certificates and roles.

    WORKLOAD is NAME or NAMESPACE/NAME. Writes the manifests to stdout, for `kubectl apply -f -`, and all else
    to stderr. The patch that gives a Deployment its sidecar is a kustomize component beside them in the
    repository.
    """
    from iam_ra.config import cluster_changes  # noqa: PLC0415 - ruamel.yaml is part of no --help

    return carry(
        options,
        "k8s onboard",
        lambda data: cluster_changes.onboard_workload(
            data,
            name,
            cluster=cluster and plain("cluster", cluster),
            namespace=namespace,
            roles=plain_all("role", roles),
            default_role=default_role and plain("role", default_role),
            duration_hours=duration_hours,
            sample_pod=not no_sample_pod,
            overwrite=overwrite,
        ),
        how,
        result=lambda entities: _manifests(options, entities),
    )


@command.command("offboard", cls=Command)
@click.argument("name", metavar="WORKLOAD", type=WORKLOAD)
@click.option("--cluster", metavar="NAME", type=CLUSTER, help="The cluster that it runs in.")
@click.option("-k", "--namespace", metavar="NAME", help="Its namespace in the cluster.")
@verb_options
@pass_options
def offboard(options: Options, name: str, cluster: str | None, namespace: str | None, how: How) -> int:
    """Take every role from the WORKLOAD, and remove its manifests.

    WORKLOAD is NAME or NAMESPACE/NAME.
    """
    from iam_ra.config import cluster_changes  # noqa: PLC0415 - ruamel.yaml is part of no --help

    entities: list[str] = []

    def change(data: dict[str, Any]) -> Changed:
        found = cluster_changes.offboard_workload(
            data, name, cluster=cluster and plain("cluster", cluster), namespace=namespace
        )
        entities.extend(found.entities)
        return found

    code = carry(options, "k8s offboard", change, how)
    if code == exits.OK and how.apply and not options.json:
        _say_leftovers(entities[0])
    return code


@command.command("teardown", cls=Command)
@click.argument("name", type=CLUSTER)
@click.option("--force", is_flag=True, help="Let its workloads go with it.")
@verb_options
@pass_options
def teardown(options: Options, name: str, force: bool, how: How) -> int:
    """Remove the cluster NAME, its authority and its manifests.

    Refused while it has workloads, unless they go with it by --force.
    """
    from iam_ra.config import cluster_changes  # noqa: PLC0415 - ruamel.yaml is part of no --help

    cluster = plain("cluster", name)
    return carry(
        options,
        "k8s teardown",
        lambda data: cluster_changes.teardown_cluster(data, cluster, force=force),
        how,
    )


command.add_command(clusters)
command.add_command(render)


def _manifests(options: Options, entities: tuple[str, ...]) -> str:
    from iam_ra.operations.manifested import manifested  # noqa: PLC0415 - boto3 is slow, and no part of --help

    return manifested(workplace_for(options, options.load()), entities)


def _say_leftovers(entity: str) -> None:
    """Tell how to delete what `kubectl apply` made: nothing here talks to a cluster."""
    from iam_ra.files.manifests.names import owned_by  # noqa: PLC0415 - part of no --help

    *_, namespace, name = entity.split("/")
    click.echo(
        "\nWhat the cluster has of it opens nothing any more. To delete it there:\n"
        f"  kubectl delete -n {namespace} certificate,configmap,secret {owned_by(name)}",
        err=True,
    )


def _say_secret(options: Options, name: str) -> None:
    """Tell how the cluster gets what is on no stdout."""
    cluster = options.load().namespace.clusters[name]
    if cluster.delivery == "sops":
        from iam_ra.render.style import wrap  # noqa: PLC0415 - part of no --help

        path = shlex.quote(cluster.secret_path)
        said = wrap(f"The authority's key is in {path}, encrypted. Flux decrypts it by itself; by hand:")
        click.echo(
            "\n".join(["", *said, f"  sops decrypt {path} |", "    kubectl apply --server-side -f -"]),
            err=True,
        )
