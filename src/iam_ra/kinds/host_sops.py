"""`host/x:sops`: the host's certificate and key as a SOPS file in the repository, mirrored in the bucket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.diff import Finding
from iam_ra.engine.errors import IamRaError
from iam_ra.engine.part import Observed, Part, Presence, Recorded, Ref
from iam_ra.files import atomic
from iam_ra.files.repository import Repository, bytes_digest, file_digest
from iam_ra.kinds.base import Kind, register
from iam_ra.kinds.host_certificate import host_certificate, releasing
from iam_ra.kinds.host_keys import ENTITIES, mirror_name, unreadable_key
from iam_ra.kinds.repository_files import remove_file, strangers_file
from iam_ra.kinds.role import role_stack
from iam_ra.kinds.trust_anchor import trust_anchor_arn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Namespace
    from iam_ra.engine.plan import Change
    from iam_ra.kinds.run import Run

_PART = "sops"
_MIRROR_PREFIX = "sops-"
# The mirror's own metadata: where its file is, percent-encoded.
_PATH = "path"


@register
class HostSops(Kind):
    """A file that only its recipients can open. The bucket keeps the same bytes, so a lost file needs no key to return."""

    name = "host-sops"
    summary = "a host's certificate and private key as a SOPS-encrypted file in the repository"

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
                address = Address(f"{ENTITIES}{host.name}", _PART)
                yield Part(address, self.name, inputs, released_by=releasing(host))

    def observed(self, snapshot: Snapshot) -> Mapping[Address, Observed]:
        """Return the files that are recorded or mirrored, as they are in the repository and in the bucket."""
        prefix = f"{snapshot.names.namespace}/hosts/"
        mirrors: dict[Address, dict[str, str]] = {
            address: {} for address in snapshot.files if address.part == _PART
        }
        for key, etag in snapshot.objects.items():
            host, _, name = key.removeprefix(prefix).partition("/")
            if key.startswith(prefix) and name.startswith(_MIRROR_PREFIX):
                mirrors.setdefault(Address(f"{ENTITIES}{host}", _PART), {})[name] = etag
        return {
            address: Observed(
                Presence.PRESENT, {"mirrors": found, "file": snapshot.files.get(address), "kind": self.name}
            )
            for address, found in mirrors.items()
        }

    def review(self, recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:  # noqa: ARG002
        """Find a file or a mirror that is gone or not as it was written."""
        file = None if seen is None else seen.facts["file"]
        mirrors = {} if seen is None else seen.facts["mirrors"]
        own = mirror_name(recorded.inputs["serial"])
        mirror = mirrors.get(own)
        reasons = []
        if file != recorded.outputs["file"]:
            was = "deleted" if file is None else "edited"
            reasons.append(Reason(Cause.DRIFTED, f"{recorded.inputs['path']} was {was}"))
        if mirror != recorded.outputs["mirror"]:
            was = "deleted" if mirror is None else "changed"
            reasons.append(Reason(Cause.DRIFTED, f"its mirror in the bucket was {was}"))
        if mirrors.keys() - {own}:
            reasons.append(
                Reason(Cause.INTERRUPTED, "an interrupted apply left another mirror in the bucket")
            )
        return Finding(Action.UPDATE, tuple(reasons)) if reasons else None

    def closer_look(self, change: Change, run: Run) -> Iterator[tuple[Address, Mapping[str, Any]]]:
        """See whether the key can be read, where the same bytes cannot just be put back."""
        recorded = change.recorded
        if (
            recorded is not None
            and change.inputs == recorded.inputs
            and self._same_bytes(recorded, change, run)
        ):
            return
        yield from unreadable_key(change, run)

    def preflight(self, change: Change, run: Run) -> Iterator[IamRaError]:
        """See that sops can do it, that somebody may open the file, and that nobody else's file is in its place."""
        if change.desired is None or change.action is Action.DELETE:
            return
        path = change.inputs["path"]
        try:
            _ = run.sops.binary
        except IamRaError as error:
            yield error
        problem = run.repository.recipients_problem(path)
        if problem is not None:
            yield problem
        host = change.address.entity.removeprefix(ENTITIES)
        ours = map(bytes_digest, run.mirrors_of(host, _MIRROR_PREFIX))
        yield from strangers_file(
            change, ours, run, "move it away, or give the host another path: `sops: PATH`"
        )

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Put the same bytes back if that is all; else encrypt, store the mirror, and only then write the file."""
        host, recorded = change.address.entity.removeprefix(ENTITIES), change.recorded
        data = None
        if recorded is not None and inputs == recorded.inputs:
            data = self._same_bytes(recorded, change, run)
        if data is None:
            data = self._encrypt(host, inputs, run)
        key = run.names.host_key(host, mirror_name(inputs["serial"]))
        etag = run.bucket.put(key, data, metadata={_PATH: quote(inputs["path"])})
        atomic.write(Path(inputs["path"]), data, root=run.root)
        self._drop_former(host, change, inputs, run)
        return {"file": bytes_digest(data), "mirror": etag}

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Remove the file, unless somebody edited it, and its mirrors."""
        host = recorded.address.entity.removeprefix(ENTITIES)
        if "path" in recorded.inputs:
            remove_file(recorded, run)
        for key in run.bucket.list(run.names.host_key(host, _MIRROR_PREFIX)):
            if "path" not in recorded.inputs:
                self._remove_unrecorded(key, run)
            run.bucket.delete(key)

    def _remove_unrecorded(self, key: str, run: Run) -> None:
        """Remove the file that a killed apply wrote beside a mirror, if it still has the mirror's bytes."""
        stored = run.bucket.get(key)
        path = "" if stored is None else unquote(stored.metadata.get(_PATH, ""))
        if stored is not None and path and file_digest(run.root / path) == bytes_digest(stored.data):
            atomic.remove(Path(path), root=run.root)

    def _encrypt(self, host: str, inputs: Mapping[str, Any], run: Run) -> bytes:
        held = run.host_keys.obtain(host, inputs["serial"], inputs["path"])
        values = {
            "certificate": held.certificate.decode(),
            "private_key": held.key.pem(),
            **{name: inputs[name] for name in ("trust_anchor_arn", "profile_arn", "role_arn", "region")},
        }
        return run.sops.encrypt(values, Path(inputs["path"]), run.root)

    def _same_bytes(self, recorded: Recorded, change: Change, run: Run) -> bytes | None:
        """Return the bytes that were last written, from the mirror or the file, or None when neither has them."""
        host = change.address.entity.removeprefix(ENTITIES)
        stored = run.bucket.get(run.names.host_key(host, mirror_name(recorded.inputs["serial"])))
        if stored is not None and bytes_digest(stored.data) == recorded.outputs["file"]:
            return bytes(stored.data)
        path: Path = run.root / recorded.inputs["path"]
        if file_digest(path) == recorded.outputs["file"]:
            return path.read_bytes()
        return None

    def _drop_former(self, host: str, change: Change, inputs: Mapping[str, Any], run: Run) -> None:
        """Remove the file at the former path, and the mirrors of former certificates."""
        recorded, own = change.recorded, run.names.host_key(host, mirror_name(inputs["serial"]))
        if recorded is not None and recorded.inputs["path"] != inputs["path"]:
            remove_file(recorded, run)
        former: set[str] = set()
        if recorded is not None:
            former.add(run.names.host_key(host, mirror_name(recorded.inputs["serial"])))
        if any(reason.cause is Cause.INTERRUPTED for reason in change.reasons):
            former.update(run.bucket.list(run.names.host_key(host, _MIRROR_PREFIX)))
        for key in sorted(former - {own}):
            run.bucket.delete(key)
