"""What the kinds share that put a host's key into an encrypted file in the repository, mirrored in the bucket."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, unquote

from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.diff import Finding
from iam_ra.engine.part import Observed, Presence, Recorded
from iam_ra.files import atomic
from iam_ra.files.recipients import recipients_of
from iam_ra.files.repository import bytes_digest
from iam_ra.kinds.base import Kind
from iam_ra.kinds.host_keys import ENTITIES, unreadable_key
from iam_ra.kinds.repository_files import copy_reasons, remove_copied, remove_file, strangers_file, unedited

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.engine.errors import IamRaError
    from iam_ra.engine.plan import Change
    from iam_ra.kinds.run import Run

# The mirror's own metadata: where its file is, percent-encoded.
_PATH = "path"


class HostKeyFile(Kind):
    """A file that only its recipients can open. The bucket keeps the same bytes, so a lost file needs no key to return.

    Its inputs hold at least `path` and `serial`. `part` is the name of such parts, `mirror_prefix` how the names of its
    mirrors begin, and `setting` the key of the file that gives it another path.
    """

    part: ClassVar[str]
    mirror_prefix: ClassVar[str]
    setting: ClassVar[str]

    @abstractmethod
    def mirror(self, serial: str) -> str:
        """Return the name of the bucket's copy; it says whose key is in it."""

    @abstractmethod
    def hindrances(self, change: Change, run: Run) -> Iterator[IamRaError]:
        """Yield why the file could not be encrypted."""

    @abstractmethod
    def encrypt(self, host: str, inputs: Mapping[str, Any], run: Run) -> bytes:
        """Return the file's bytes. Raises ToolError, or KeyStoreError when the host's key cannot be read."""

    def observed(self, snapshot: Snapshot) -> Mapping[Address, Observed]:
        """Return the files that are recorded or mirrored, as they are in the repository and in the bucket."""
        prefix = f"{snapshot.names.namespace}/hosts/"
        mirrors: dict[Address, dict[str, str]] = {
            address: {} for address in snapshot.files if address.part == self.part
        }
        for key, etag in snapshot.objects.items():
            host, _, name = key.removeprefix(prefix).partition("/")
            if key.startswith(prefix) and name.startswith(self.mirror_prefix):
                mirrors.setdefault(Address(f"{ENTITIES}{host}", self.part), {})[name] = etag
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
        own = self.mirror(recorded.inputs["serial"])
        mirror = mirrors.get(own)
        reasons = [*copy_reasons(recorded, file, mirror)]
        if mirrors.keys() - {own}:
            reasons.append(
                Reason(Cause.INTERRUPTED, "an interrupted apply left another mirror in the bucket")
            )
        return Finding(Action.UPDATE, tuple(reasons)) if reasons else None

    def as_recorded(self, recorded: Recorded) -> Observed:
        """Take its one mirror to be there."""
        mirrors = {self.mirror(recorded.inputs["serial"]): recorded.outputs["mirror"]}
        seen = super().as_recorded(recorded)
        return replace(seen, facts={**seen.facts, "mirrors": mirrors})

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
        """See that it can be encrypted, and that nobody else's file is in its place."""
        if change.desired is None or change.action is Action.DELETE:
            return
        yield from self.hindrances(change, run)
        host = change.address.entity.removeprefix(ENTITIES)
        ours = map(bytes_digest, run.mirrors_of(host, self.mirror_prefix))
        remedy = f"move it away, or give the host another path: `{self.setting}: PATH`"
        yield from strangers_file(change, ours, run, remedy)

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Put the same bytes back if that is all; else encrypt, store the mirror, and only then write the file."""
        host, recorded = change.address.entity.removeprefix(ENTITIES), change.recorded
        data = None
        if recorded is not None and inputs == recorded.inputs:
            data = self._same_bytes(recorded, change, run)
        if data is None:
            data = self.encrypt(host, inputs, run)
        key = run.names.host_key(host, self.mirror(inputs["serial"]))
        etag = run.bucket.put(key, data, metadata={_PATH: quote(inputs["path"])})
        atomic.write(Path(inputs["path"]), data, root=run.root)
        self._drop_former(host, change, inputs, run)
        return {"file": bytes_digest(data), "mirror": etag}

    def recover(
        self, address: Address, seen: Observed, inputs: Mapping[str, Any] | None, run: Run
    ) -> Recorded | None:
        """Take up the mirror of the present certificate's key: it says where its file is, and for whom."""
        if inputs is None or self.mirror(inputs["serial"]) not in seen.facts["mirrors"]:
            return None
        name = self.mirror(inputs["serial"])
        stored = run.bucket.get(run.names.host_key(address.entity.removeprefix(ENTITIES), name))
        if stored is None:
            return None
        names = recipients_of(stored.data)
        known = {
            **inputs,
            "path": unquote(stored.metadata.get(_PATH, inputs["path"])),
            **({} if names is None else {"recipients": list(names.names)}),
        }
        outputs = {"file": bytes_digest(stored.data), "mirror": stored.etag}
        return Recorded(address, self.name, known, outputs)

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Remove the file, unless somebody edited it, and its mirrors."""
        host = recorded.address.entity.removeprefix(ENTITIES)
        if "path" in recorded.inputs:
            remove_file(recorded, run)
        for key in run.bucket.list(run.names.host_key(host, self.mirror_prefix)):
            if "path" not in recorded.inputs:
                self._remove_unrecorded(key, run)
            run.bucket.delete(key)

    def _remove_unrecorded(self, key: str, run: Run) -> None:
        """Remove the file that a killed apply wrote beside a mirror, if it still has the mirror's bytes."""
        stored = run.bucket.get(key)
        remove_copied("" if stored is None else unquote(stored.metadata.get(_PATH, "")), stored, run)

    def _same_bytes(self, recorded: Recorded, change: Change, run: Run) -> bytes | None:
        """Return the bytes that were last written, from the mirror or the file, or None when neither has them."""
        host = change.address.entity.removeprefix(ENTITIES)
        stored = run.bucket.get(run.names.host_key(host, self.mirror(recorded.inputs["serial"])))
        if stored is not None and bytes_digest(stored.data) == recorded.outputs["file"]:
            return bytes(stored.data)
        return unedited(recorded, run)

    def _drop_former(self, host: str, change: Change, inputs: Mapping[str, Any], run: Run) -> None:
        """Remove the file at the former path, and the mirrors of former certificates."""
        recorded, own = change.recorded, run.names.host_key(host, self.mirror(inputs["serial"]))
        if recorded is not None and recorded.inputs["path"] != inputs["path"]:
            remove_file(recorded, run)
        former: set[str] = set()
        if recorded is not None:
            former.add(run.names.host_key(host, self.mirror(recorded.inputs["serial"])))
        if any(reason.cause is Cause.INTERRUPTED for reason in change.reasons):
            former.update(run.bucket.list(run.names.host_key(host, self.mirror_prefix)))
        for key in sorted(former - {own}):
            run.bucket.delete(key)
