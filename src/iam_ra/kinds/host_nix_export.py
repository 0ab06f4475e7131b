"""`host/x:nix`: what the Nix modules need to know about the host, in the repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.engine.errors import StateError
from iam_ra.engine.part import Part, Ref
from iam_ra.files.aws_config import Profile
from iam_ra.files.nix_export import (
    FOLDER,
    SUFFIX,
    Certificate,
    HostOutputs,
    PrivateKey,
    document,
    marked,
    marked_digest,
    marked_files,
)
from iam_ra.kinds.base import register
from iam_ra.kinds.host_certificate import host_certificate
from iam_ra.kinds.host_export import HostExport
from iam_ra.kinds.role import role_stack
from iam_ra.kinds.trust_anchor import trust_anchor_arn
from iam_ra.pki.certificate import load_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from iam_ra.config.model import Host, Namespace
    from iam_ra.engine.address import Address
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run

NAME = "host-nix-export"
PART = "nix"


@register
class HostNixExport(HostExport):
    """JSON, which has no comments: its mark is a member of its own."""

    name = NAME
    summary = "what the Nix modules need to know about a host, its certificate included"
    part: ClassVar[str] = PART
    folder: ClassVar[str] = FOLDER
    suffix: ClassVar[str] = SUFFIX

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part a host."""
        for host in namespace.hosts.values():
            inputs = {
                "path": self.path(host.name),
                "namespace": namespace.name,
                "region": namespace.region,
                "trust_anchor_arn": trust_anchor_arn(host.authority),
                "serial": Ref(host_certificate(host.name), "serial"),
                "private_key": _private_key(host, namespace.host_paths.private_key),
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

    def written(self, root: Path, lineage: str) -> Mapping[Address, str]:
        """Return the files that this lineage wrote and nobody edited, recorded or not, with their SHA-256."""
        return {self.address(host): digest for host, digest in marked_files(root, lineage).items()}

    def data(self, host: str, inputs: Mapping[str, Any], run: Run) -> bytes:
        """Return the file's bytes, its mark among them."""
        return marked(self.text(host, inputs, run), run.lineage).encode()

    def own_digest(self, path: Path, host: str, lineage: str) -> str | None:
        """Return the SHA-256 of a file that this lineage wrote for a host and nobody edited, or None."""
        return marked_digest(path, host, lineage)

    def text(self, host: str, inputs: Mapping[str, Any], run: Run) -> str:
        """Return the JSON object. Raises StateError when the bucket has another certificate."""
        pem = run.certificate_of(host)
        certificate = load_certificate(pem)
        if str(certificate.serial_number) != inputs["serial"]:
            raise StateError(
                f"the certificate of host/{host} in the bucket is not the one that was issued",
                why=f"{run.names.host_key(host, 'certificate.pem')} was changed",
                fix="run `iam-ra apply` again",
            )
        outputs = HostOutputs(
            inputs["namespace"],
            host,
            inputs["region"],
            inputs["trust_anchor_arn"],
            Certificate(pem.decode(), inputs["serial"], certificate.not_valid_after_utc.isoformat()),
            PrivateKey(**{"sops": None, "age": None, **inputs["private_key"]}),
            inputs["default_role"],
            [Profile(name, **each) for name, each in inputs["roles"].items()],
        )
        return document(outputs)


def exported_files(change: Change) -> Iterator[str]:
    """Yield the files of the repository that the Nix modules read because of a change."""
    if change.kind == NAME and change.desired is not None:
        key = change.inputs["private_key"]
        yield from (change.inputs["path"], *(key[form] for form in ("sops", "age") if form in key))


def _private_key(host: Host, path: str) -> Mapping[str, str]:
    """Return where the host's private key is: on the host, and in which encrypted files of the repository."""
    files = {"sops": host.sops_path, "age": host.age_path}
    return {"path": path, **{form: file for form, file in files.items() if form in host.delivery}}
