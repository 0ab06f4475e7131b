"""`host/x:age`: the host's private key, and it alone, as an age file in the repository, mirrored in the bucket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.engine.address import Address
from iam_ra.engine.errors import IamRaError
from iam_ra.engine.part import Part, Ref
from iam_ra.kinds.base import register
from iam_ra.kinds.host_certificate import host_certificate, releasing
from iam_ra.kinds.host_key_file import HostKeyFile
from iam_ra.kinds.host_keys import ENTITIES, age_mirror_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.config.model import Namespace
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run


@register
class HostAge(HostKeyFile):
    """A file as agenix takes it: one secret, PKCS #8 PEM. The certificate lies in `exports/`, for it is no secret."""

    name = "host-age"
    summary = "a host's private key as an age-encrypted file in the repository"
    part: ClassVar[str] = "age"
    mirror_prefix: ClassVar[str] = "age-"
    setting: ClassVar[str] = "age"

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part a host that gets an age file."""
        for host in namespace.hosts.values():
            if "age" in host.delivery:
                inputs = {
                    "path": host.age_path,
                    "recipients": list(host.age_recipients),
                    "serial": Ref(host_certificate(host.name), "serial"),
                }
                address = Address(f"{ENTITIES}{host.name}", self.part)
                yield Part(address, self.name, inputs, released_by=releasing(host))

    def mirror(self, serial: str) -> str:
        """Return the name of the bucket's copy."""
        return age_mirror_name(serial)

    def hindrances(self, change: Change, run: Run) -> Iterator[IamRaError]:  # noqa: ARG002 - the same for every host
        """See that age is there."""
        try:
            _ = run.age.binary
        except IamRaError as error:
            yield error

    def encrypt(self, host: str, inputs: Mapping[str, Any], run: Run) -> bytes:
        """Encrypt the key."""
        held = run.host_keys.obtain(host, inputs["serial"], inputs["path"])
        return run.age.encrypt(held.key.pem(), inputs["recipients"], Path(inputs["path"]))
