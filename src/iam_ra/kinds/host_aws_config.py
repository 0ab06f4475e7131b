"""`host/x:aws-config`: a ready `~/.aws/config` for the host, in the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.engine.part import Part, Ref
from iam_ra.files.aws_config import FOLDER, SUFFIX, HostConfig, Profile, aws_config, config_path
from iam_ra.kinds.base import register
from iam_ra.kinds.host_export import HostExport
from iam_ra.kinds.role import role_stack
from iam_ra.kinds.trust_anchor import trust_anchor_arn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.config.model import Namespace
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run

PART = "aws-config"


@register
class HostAwsConfig(HostExport):
    """A public file, made from names and ARNs alone."""

    name = "host-aws-config"
    summary = "a ready AWS config file for a host: a profile a role"
    part: ClassVar[str] = PART
    folder: ClassVar[str] = FOLDER
    suffix: ClassVar[str] = SUFFIX

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
            yield Part(self.address(host.name), self.name, inputs)

    def text(self, host: str, inputs: Mapping[str, Any], run: Run) -> str:  # noqa: ARG002 - the inputs say everything
        """Return the config."""
        return aws_config(host_config(host, inputs))


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
