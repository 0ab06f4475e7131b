"""`ca/x:key-file`: an authority's key as a SOPS file in the repository, mirrored in the bucket; a part a generation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from iam_ra.engine.action import Action, Reason
from iam_ra.engine.diff import Finding
from iam_ra.engine.errors import IamRaError
from iam_ra.engine.part import Observed, Part, Presence, Recorded
from iam_ra.files import atomic
from iam_ra.files.recipients import recipients_of
from iam_ra.files.repository import bytes_digest
from iam_ra.kinds.authority import ENTITIES, KEY_FILE, authority_key_file, number_of, unneeded
from iam_ra.kinds.base import Kind, register
from iam_ra.kinds.init import INIT_STACK
from iam_ra.kinds.repository_files import copy_reasons, remove_copied, remove_file, strangers_file, unedited
from iam_ra.kinds.run import PATH
from iam_ra.pki.authority import authority_subject
from iam_ra.pki.keys import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Namespace
    from iam_ra.engine.address import Address
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run
    from iam_ra.pki.secret import Secret


@register
class AuthoritySops(Kind):
    """A key that whoever can open its file can sign with. It is made here, and on the disk as ciphertext only.

    The bucket has the same bytes before the repository does: a file that is lost needs no key to come back.
    """

    name = "authority-sops"
    summary = "an authority's private key as a SOPS-encrypted file in the repository"

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:
        """Yield one part a generation whose key is in a SOPS file."""
        for authority in namespace.authorities.values():
            for each in authority.generations:
                if each.key_store == "sops":
                    inputs = {
                        "path": each.sops_path,
                        "recipients": list(repository.recipients(each.sops_path)),
                        "key": each.key,
                    }
                    yield Part(
                        authority_key_file(authority.name, each.number),
                        self.name,
                        inputs,
                        (INIT_STACK,),
                        protect=authority.protect,
                        because=each.because,
                    )

    def observed(self, snapshot: Snapshot) -> Mapping[Address, Observed]:
        """Return the files that are recorded or mirrored, as they are in the repository and in the bucket."""
        form = re.compile(r"key-([1-9][0-9]*)\.yaml")
        mirrors: dict[Address, str | None] = {
            address: None
            for address in snapshot.files
            if address.entity.startswith(ENTITIES) and address.part.startswith(KEY_FILE)
        }
        for key, etag in snapshot.objects.items():
            scope, name = snapshot.names.authority_of_key(key) or ("", "")
            if found := form.fullmatch(name):
                mirrors[authority_key_file(scope, int(found[1]))] = etag
        return {
            address: Observed(
                Presence.PRESENT, {"mirror": etag, "file": snapshot.files.get(address), "kind": self.name}
            )
            for address, etag in mirrors.items()
        }

    def review(self, recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:  # noqa: ARG002
        """Find a file or a mirror that is gone or not as it was written.

        Where both are gone nothing can be put back: the authority gets a new generation.
        """
        file = None if seen is None else seen.facts["file"]
        mirror = None if seen is None else seen.facts["mirror"]
        if file is None and mirror is None:
            return None
        reasons = tuple(copy_reasons(recorded, file, mirror))
        return Finding(Action.UPDATE, reasons) if reasons else None

    def leaving(self, recorded: Recorded, now: datetime) -> Reason | None:
        """Tell a generation that has had its day from an authority that is removed."""
        return unneeded(number_of(recorded.address), now)

    def preflight(self, change: Change, run: Run) -> Iterator[IamRaError]:
        """See that sops can do it, that the file can be opened if it must be, and that nobody else's is in its place."""
        if change.desired is None:
            return
        path = change.inputs["path"]
        try:
            _ = run.sops.binary
            data = self._same_bytes(change, change.inputs, run)
            if data is None and self._exists(change, run):
                run.sops_keys.load(*_of(change.address), self._file(change, run))
        except IamRaError as error:
            yield error
        problem = run.repository.recipients_problem(path)
        if problem is not None:
            yield problem
        mirror = (
            run.bucket.get(run.names.authority_key_mirror(*_of(change.address))) if run.has_lineage else None
        )
        ours = [] if mirror is None else [bytes_digest(mirror.data)]
        yield from strangers_file(
            change, ours, run, "move it away, or give the authority another path: `sops: PATH`"
        )

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Put the same bytes back if that is all; else encrypt, store the mirror, and only then write the file."""
        scope, generation = _of(change.address)
        data = self._same_bytes(change, inputs, run)
        if data is None:
            data = self._encrypt(scope, generation, change, inputs, run)
        key = run.names.authority_key_mirror(scope, generation)
        etag = run.bucket.put(key, data, metadata={PATH: quote(inputs["path"])})
        atomic.write(Path(inputs["path"]), data, root=run.root)
        if change.recorded is not None and change.recorded.inputs["path"] != inputs["path"]:
            remove_file(change.recorded, run)
        return {"file": bytes_digest(data), "mirror": etag}

    def recover(
        self,
        address: Address,
        seen: Observed,  # noqa: ARG002 - the mirror says more
        inputs: Mapping[str, Any] | None,
        run: Run,
    ) -> Recorded | None:
        """Take up the mirror: it says where its file is, and for whom."""
        stored = run.bucket.get(run.names.authority_key_mirror(*_of(address)))
        names = None if stored is None else recipients_of(stored.data)
        if inputs is None or stored is None or names is None:
            return None
        path = unquote(stored.metadata.get(PATH, inputs["path"]))
        known = {**inputs, "path": path, "recipients": list(names.names)}
        return Recorded(address, self.name, known, {"file": bytes_digest(stored.data), "mirror": stored.etag})

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Remove the file, unless somebody edited it, and its mirror."""
        key = run.names.authority_key_mirror(*_of(recorded.address))
        if "path" in recorded.inputs:
            remove_file(recorded, run)
        else:
            stored = run.bucket.get(key)
            remove_copied("" if stored is None else unquote(stored.metadata.get(PATH, "")), stored, run)
        run.bucket.delete(key)

    def _encrypt(
        self, scope: str, generation: int, change: Change, inputs: Mapping[str, Any], run: Run
    ) -> bytes:
        """Encrypt the key that there is, or one that is made now."""
        if self._exists(change, run):
            key = run.sops_keys.load(scope, generation, self._file(change, run))
        else:
            key = PrivateKey.generate(inputs["key"])
            run.sops_keys.remember(scope, generation, key)
        subject = authority_subject(run.names.namespace, scope, generation)
        values: dict[str, str | Secret] = {"authority": subject.rfc4514_string(), "private_key": key.pem()}
        return run.sops.encrypt(values, Path(inputs["path"]), run.root)

    def _exists(self, change: Change, run: Run) -> bool:
        """Tell whether the key was made before: it is recorded, or a killed apply left its mirror."""
        if change.recorded is not None:
            return True
        return (
            run.has_lineage
            and run.bucket.get(run.names.authority_key_mirror(*_of(change.address))) is not None
        )

    def _same_bytes(self, change: Change, inputs: Mapping[str, Any], run: Run) -> bytes | None:
        """Return bytes that were written before and are for the same recipients, or None."""
        if not run.has_lineage:
            return None
        recorded = change.recorded
        stored = run.bucket.get(run.names.authority_key_mirror(*_of(change.address)))
        if recorded is None:
            # A killed apply's, if the recipients are still the same.
            names = None if stored is None else recipients_of(stored.data)
            is_same = names is not None and list(names.names) == inputs["recipients"]
            return stored.data if stored is not None and is_same else None
        if recorded.inputs["recipients"] != inputs["recipients"]:
            return None
        if stored is not None and bytes_digest(stored.data) == recorded.outputs["file"]:
            return stored.data
        return self._file(change, run)

    def _file(self, change: Change, run: Run) -> bytes | None:
        """Return the bytes of the recorded file, if they are those that iam-ra wrote."""
        return None if change.recorded is None else unedited(change.recorded, run)


def _of(address: Address) -> tuple[str, int]:
    """Return an authority's name and the generation of a part of this kind."""
    return address.entity.removeprefix(ENTITIES), number_of(address)
