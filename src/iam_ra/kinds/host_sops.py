"""`host/x:sops`: the host's certificate and key as a SOPS file in the repository, mirrored in the bucket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.engine.address import Address
from iam_ra.engine.errors import IamRaError
from iam_ra.engine.part import Part, Ref
from iam_ra.kinds.base import register
from iam_ra.kinds.host_certificate import host_certificate, releasing
from iam_ra.kinds.host_key_file import HostKeyFile
from iam_ra.kinds.host_keys import ENTITIES, mirror_name
from iam_ra.kinds.role import role_stack
from iam_ra.kinds.trust_anchor import trust_anchor_arn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.config.model import Namespace
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run


@register
class HostSops(HostKeyFile):
    """A file that sops encrypts to whom the user's `.sops.yaml` says."""

    name = "host-sops"
    summary = "a host's certificate and private key as a SOPS-encrypted file in the repository"
    part: ClassVar[str] = "sops"
    mirror_prefix: ClassVar[str] = "sops-"
    setting: ClassVar[str] = "sops"

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:
        """Yield one part a host that gets a SOPS file."""
        for host in namespace.hosts.values():
            if "sops" in host.delivery:
                default = role_stack(host.default_role)
                inputs = {
                    "path": host.sops_path,
                    "recipients": list(repository.recipients(host.sops_path)),
                    "serial": Ref(host_certificate(host.name), "serial"),
                    "trust_anchor_arn": trust_anchor_arn(host.authority),
                    "profile_arn": Ref(default, "ProfileArn"),
                    "role_arn": Ref(default, "RoleArn"),
                    "region": namespace.region,
                }
                address = Address(f"{ENTITIES}{host.name}", self.part)
                yield Part(address, self.name, inputs, released_by=releasing(host))

    def mirror(self, serial: str) -> str:
        """Return the name of the bucket's copy."""
        return mirror_name(serial)

    def hindrances(self, change: Change, run: Run) -> Iterator[IamRaError]:
        """See that sops can do it, and that somebody may open the file."""
        try:
            _ = run.sops.binary
        except IamRaError as error:
            yield error
        problem = run.repository.recipients_problem(change.inputs["path"])
        if problem is not None:
            yield problem

    def encrypt(self, host: str, inputs: Mapping[str, Any], run: Run) -> bytes:
        """Encrypt certificate, key and what goes with the default role."""
        held = run.host_keys.obtain(host, inputs["serial"], inputs["path"])
        values = {
            "certificate": held.certificate.decode(),
            "private_key": held.key.pem(),
            **{name: inputs[name] for name in ("trust_anchor_arn", "profile_arn", "role_arn", "region")},
        }
        return run.sops.encrypt(values, Path(inputs["path"]), run.root)
