"""`host/x:aws-config`: a ready `~/.aws/config` for the host, in the repository."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.diff import Finding
from iam_ra.engine.part import Observed, Part, Presence, Recorded, Ref
from iam_ra.files import atomic
from iam_ra.files.aws_config import HostConfig, Profile, config_path, stamped, stamped_digest
from iam_ra.files.repository import bytes_digest
from iam_ra.kinds.base import Kind, register
from iam_ra.kinds.host_keys import ENTITIES
from iam_ra.kinds.repository_files import remove_file, strangers_file
from iam_ra.kinds.role import role_stack
from iam_ra.kinds.trust_anchor import trust_anchor_arn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Namespace
    from iam_ra.engine.errors import IamRaError
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run

PART = "aws-config"


@register
class HostAwsConfig(Kind):
    """A public file, made from names and ARNs alone; what is edited is written again."""

    name = "host-aws-config"
    summary = "a ready AWS config file for a host: a profile a role"

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part a host."""
        paths = namespace.host_paths
        for host in namespace.hosts.values():
            inputs = {
                "path": config_path(host.name),
                "region": namespace.region,
                "trust_anchor_arn": trust_anchor_arn(host.authority),
                "certificate_path": paths.certificate,
                "private_key_path": paths.private_key,
                "default_role": host.default_role,
                "roles": {
                    role: {
                        "role_arn": Ref(role_stack(role), "RoleArn"),
                        "profile_arn": Ref(role_stack(role), "ProfileArn"),
                        "session_duration": namespace.roles[role].session_duration,
                    }
                    for role in sorted(host.roles)
                },
            }
            yield Part(Address(f"{ENTITIES}{host.name}", PART), self.name, inputs)

    def observed(self, snapshot: Snapshot) -> Mapping[Address, Observed]:
        """Return the recorded files as they are in the repository."""
        return {
            address: Observed(Presence.PRESENT, {"file": file, "kind": self.name})
            for address, file in snapshot.files.items()
            if address.part == PART
        }

    def review(self, recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:  # noqa: ARG002
        """Find a file that is gone or not as it was written."""
        file = None if seen is None else seen.facts["file"]
        if file == recorded.outputs["file"]:
            return None
        was = "deleted" if file is None else "edited"
        return Finding(Action.UPDATE, (Reason(Cause.DRIFTED, f"{recorded.inputs['path']} was {was}"),))

    def preflight(self, change: Change, run: Run) -> Iterator[IamRaError]:
        """See that nobody else's file is in its place."""
        if change.desired is not None:
            host, path = change.address.entity.removeprefix(ENTITIES), change.inputs["path"]
            own = stamped_digest(run.root, host, run.lineage) if run.has_lineage else None
            yield from strangers_file(change, () if own is None else (own,), run, f"move {path} away")

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Write the file."""
        config = host_config(change.address.entity.removeprefix(ENTITIES), inputs)
        data = stamped(config, run.lineage).encode()
        atomic.write(Path(inputs["path"]), data, root=run.root)
        return {"file": bytes_digest(data)}

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Remove the file, unless somebody edited it."""
        path = recorded.inputs.get("path") or config_path(recorded.address.entity.removeprefix(ENTITIES))
        remove_file(replace(recorded, inputs={**recorded.inputs, "path": path}), run)


def host_config(host: str, inputs: Mapping[str, Any]) -> HostConfig:
    """Return what a host needs to know, from the inputs of its config file."""
    return HostConfig(
        host,
        inputs["region"],
        inputs["trust_anchor_arn"],
        inputs["certificate_path"],
        inputs["private_key_path"],
        inputs["default_role"],
        [Profile(name, **each) for name, each in inputs["roles"].items()],
    )
