"""The containers that serve credentials, one a role, and what the app is told about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iam_ra.files.manifests import names
from iam_ra.files.manifests.documents import data

if TYPE_CHECKING:
    from iam_ra.config.model import Cluster, Workload
    from iam_ra.files.manifests.facts import ClusterFacts

# A refresh, which waits for AWS, takes longer than the one second and the one attempt that boto3 gives a metadata service.
_TIMEOUT_SECONDS = 5
_ATTEMPTS = 3


def config(workload: Workload, facts: ClusterFacts) -> dict[str, str]:
    """Return what the ConfigMap of a workload holds: ARNs by the names of variables."""
    arns = {"TRUST_ANCHOR_ARN": facts.trust_anchor_arn}
    for role in workload.roles:
        suffix = names.env_suffix(role)
        arns[f"PROFILE_ARN_{suffix}"] = facts.roles[role].profile_arn
        arns[f"ROLE_ARN_{suffix}"] = facts.roles[role].role_arn
    return arns


def containers(
    workload: Workload, cluster: Cluster, facts: ClusterFacts, *, is_alone: bool = False
) -> list[Any]:
    """Return the containers, that of the default role first. With `is_alone` they need no ConfigMap."""
    given = config(workload, facts)
    arns = given if is_alone else {name: f"$({name})" for name in given}
    return [
        data(
            "sidecar",
            name=names.SIDECAR if index == 0 else f"{names.SIDECAR}-{role.lower()}",
            image=cluster.sidecar.image,
            is_native=cluster.sidecar.style == "native",
            port=cluster.sidecar.port + index,
            trust_anchor_arn=arns["TRUST_ANCHOR_ARN"],
            profile_arn=arns[f"PROFILE_ARN_{names.env_suffix(role)}"],
            role_arn=arns[f"ROLE_ARN_{names.env_suffix(role)}"],
            session_duration=facts.roles[role].session_duration,
            names_session=facts.roles[role].accept_role_session_name,
            config_map=None if is_alone else names.owned(workload),
        )[0]
        for index, role in enumerate(workload.roles)
    ]


def app_env(workload: Workload, cluster: Cluster, facts: ClusterFacts) -> list[dict[str, str]]:
    """Return the variables of the app: the default role for each SDK, and where the other roles are.

    The endpoint ends without a slash, which Java refuses. Some SDKs read one name of the region, some the other.
    """
    port = cluster.sidecar.port
    env = {
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{port}",
        "AWS_EC2_METADATA_V1_DISABLED": "true",
        "AWS_METADATA_SERVICE_TIMEOUT": str(_TIMEOUT_SECONDS),
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS": str(_ATTEMPTS),
        "AWS_REGION": facts.region,
        "AWS_DEFAULT_REGION": facts.region,
    }
    for index, role in enumerate(workload.roles[1:], start=1):
        env[f"IAM_RA_ENDPOINT_{names.env_suffix(role)}"] = f"http://127.0.0.1:{port + index}"
    return [{"name": name, "value": value} for name, value in env.items()]
