"""What the kinds share that write a host's public files into the repository, under `exports/`."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.diff import Finding
from iam_ra.engine.part import Observed, Presence, Recorded
from iam_ra.files import atomic
from iam_ra.files.repository import bytes_digest
from iam_ra.files.stamp import stamped, stamped_digest, stamped_files
from iam_ra.kinds.base import Kind
from iam_ra.kinds.host_keys import ENTITIES
from iam_ra.kinds.repository_files import remove_file, strangers_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.engine.errors import IamRaError
    from iam_ra.engine.plan import Change
    from iam_ra.kinds.run import Run


class HostExport(Kind):
    """A public file; what is edited is written again. Its first lines prove whose it is, also where no apply recorded it.

    `part` is the name of such parts; their files are `{folder}/{host}{suffix}`, which is their input `path`.
    """

    part: ClassVar[str]
    folder: ClassVar[str]
    suffix: ClassVar[str]

    @abstractmethod
    def text(self, host: str, inputs: Mapping[str, Any], run: Run) -> str:
        """Return what the file says."""

    def address(self, host: str) -> Address:
        """Return the address of a host's part."""
        return Address(f"{ENTITIES}{host}", self.part)

    def path(self, host: str) -> str:
        """Return where a host's file lies, relative to the root."""
        return f"{self.folder}/{host}{self.suffix}"

    def written(self, root: Path, lineage: str) -> Mapping[Address, str]:
        """Return the files that this lineage wrote and nobody edited, recorded or not, with their SHA-256."""
        found = stamped_files(root, self.folder, self.suffix, lineage)
        return {self.address(host): digest for host, digest in found.items()}

    def data(self, host: str, inputs: Mapping[str, Any], run: Run) -> bytes:
        """Return the file's bytes, with the mark by which its writer knows it."""
        return stamped(self.text(host, inputs, run), host, run.lineage).encode()

    def own_digest(self, path: Path, host: str, lineage: str) -> str | None:
        """Return the SHA-256 of a file that this lineage wrote for a host and nobody edited, or None."""
        return stamped_digest(path, host, lineage)

    def observed(self, snapshot: Snapshot) -> Mapping[Address, Observed]:
        """Return the recorded files, and those that bear our mark, as they are in the repository."""
        return {
            address: Observed(Presence.PRESENT, {"file": file, "kind": self.name})
            for address, file in snapshot.files.items()
            if address.part == self.part
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
            own = self.own_digest(run.root / path, host, run.lineage) if run.has_lineage else None
            yield from strangers_file(change, () if own is None else (own,), run, f"move {path} away")

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Write the file."""
        data = self.data(change.address.entity.removeprefix(ENTITIES), inputs, run)
        atomic.write(Path(inputs["path"]), data, root=run.root)
        return {"file": bytes_digest(data)}

    def recover(
        self, address: Address, seen: Observed, inputs: Mapping[str, Any] | None, run: Run
    ) -> Recorded | None:
        """Take up a file that says what the file here asks for, and nothing else."""
        if inputs is None:
            return None
        data = self.data(address.entity.removeprefix(ENTITIES), inputs, run)
        return (
            super().recover(address, seen, inputs, run) if seen.facts["file"] == bytes_digest(data) else None
        )

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Remove the file, unless somebody edited it."""
        path = recorded.inputs.get("path") or self.path(recorded.address.entity.removeprefix(ENTITIES))
        remove_file(replace(recorded, inputs={**recorded.inputs, "path": path}), run)
