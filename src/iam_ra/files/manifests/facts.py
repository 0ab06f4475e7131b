"""What manifests say besides what the file says: it comes from AWS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """A role as a workload sees it. `session_duration` is in seconds."""

    role_arn: str
    profile_arn: str
    session_duration: int
    accept_role_session_name: bool = False


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """What the workloads of a cluster open. `roles` are by name, at least those of the workload that is rendered."""

    region: str
    trust_anchor_arn: str
    roles: Mapping[str, RoleFacts]
