"""`host/x:certificate-file`: the certificate of a host that gets nothing else with it, in the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.engine.errors import StateError
from iam_ra.engine.part import Part, Ref
from iam_ra.kinds.base import register
from iam_ra.kinds.host_certificate import host_certificate, releasing
from iam_ra.kinds.host_export import HostExport
from iam_ra.pki.certificate import load_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.config.model import Namespace
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run

PART = "certificate-file"


@register
class HostCertificateFile(HostExport):
    """PEM, with our mark before it: whatever reads PEM skips that."""

    name = "host-certificate-file"
    summary = "a host's certificate as a file in the repository, where its key is elsewhere or in an age file"
    part: ClassVar[str] = PART
    folder: ClassVar[str] = "exports/certificates"
    suffix: ClassVar[str] = ".pem"

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part a host that keeps its key, or gets it by age."""
        for host in namespace.hosts.values():
            if host.csr is not None or "age" in host.delivery:
                inputs = {
                    "path": self.path(host.name),
                    "serial": Ref(host_certificate(host.name), "serial"),
                }
                yield Part(self.address(host.name), self.name, inputs, released_by=releasing(host))

    def text(self, host: str, inputs: Mapping[str, Any], run: Run) -> str:
        """Return the certificate. Raises StateError when the bucket has another one."""
        pem = run.certificate_of(host)
        if str(load_certificate(pem).serial_number) != inputs["serial"]:
            raise StateError(
                f"the certificate of host/{host} in the bucket is not the one that was issued",
                why=f"{run.names.host_key(host, 'certificate.pem')} was changed",
                fix="run `iam-ra apply` again",
            )
        return pem.decode()
