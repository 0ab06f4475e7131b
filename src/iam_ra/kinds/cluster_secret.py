"""`cluster/x:secret`: the Secret with a cluster's authority, encrypted for the cluster, as a file in the repository."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iam_ra.config.model import CLUSTERS
from iam_ra.engine.action import Action
from iam_ra.engine.address import Address
from iam_ra.engine.diff import Finding
from iam_ra.engine.due import Due
from iam_ra.engine.errors import IamRaError, KeyStoreError
from iam_ra.engine.part import UNKNOWN, Observed, Part, Presence, Recorded
from iam_ra.files import atomic
from iam_ra.files.recipients import recipients_of
from iam_ra.files.repository import bytes_digest
from iam_ra.kinds.authority import authority_output
from iam_ra.kinds.base import Kind, register
from iam_ra.kinds.repository_files import copy_reasons, remove_file, strangers_file, unedited
from iam_ra.kinds.sealing import SEALED, SERIAL, SINCE, drop, keep, place_of, seal, sealed, unseal
from iam_ra.kinds.trust_anchor import trust_anchor_arn
from iam_ra.pki.certificate import load_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.aws.s3 import Stored
    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Namespace
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run
    from iam_ra.pki.secret import Secret

PART = "secret"
# What a Secret is sealed with: where one of these differs, it is another one.
_SAME = ("recipients", "namespace", "name", "serial")
_MIRROR = re.compile(r"secret-([1-9][0-9]*)\.yaml")


def cluster_secret(scope: str) -> Address:
    """Return the address of the Secret of a cluster's authority."""
    return Address(scope, PART)


@register
class ClusterSecret(Kind):
    """A Secret of which only `stringData` is encrypted, so that Flux can decrypt and apply it.

    It follows the trust anchor: no cluster signs by an authority that AWS does not know yet. The bytes come from the
    bucket; nothing is decrypted here, unless others are to be able to open it.
    """

    name = "cluster-secret"
    summary = "a cluster's authority as a SOPS-encrypted Kubernetes Secret in the repository"

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:
        """Yield one part a cluster whose authority iam-ra makes."""
        for cluster in namespace.clusters.values():
            authority = namespace.authorities.get(cluster.scope)
            if authority is None or authority.mode != "self-signed" or authority.current.key_store != SEALED:
                continue
            inputs = {
                "path": cluster.secret_path,
                "recipients": list(repository.recipients(cluster.secret_path)),
                "namespace": cluster.issuer.namespace,
                "name": cluster.secret_name,
                "generation": authority_output(authority, "generation"),
                "serial": authority_output(authority, "serial"),
            }
            yield Part(
                cluster_secret(cluster.scope),
                self.name,
                inputs,
                (trust_anchor_arn(cluster.scope).address,),
                protect=cluster.protect,
            )

    def observed(self, snapshot: Snapshot) -> Mapping[Address, Observed]:
        """Return the files that are recorded or mirrored, with the bucket's copies by generation."""
        mirrors: dict[Address, dict[str, str]] = {
            address: {} for address in snapshot.files if _is_secret(address)
        }
        for key, etag in snapshot.objects.items():
            scope, name = snapshot.names.authority_of_key(key) or ("", "")
            if found := _MIRROR.fullmatch(name):
                mirrors.setdefault(cluster_secret(scope), {})[found[1]] = etag
        return {
            address: Observed(
                Presence.PRESENT, {"mirrors": copies, "file": snapshot.files.get(address), "kind": self.name}
            )
            for address, copies in mirrors.items()
        }

    def as_recorded(self, recorded: Recorded) -> Observed:
        """Take the copy in the bucket to be where it was."""
        facts = {**recorded.outputs, "kind": self.name}
        mirrors = {str(recorded.inputs["generation"]): recorded.outputs["mirror"]}
        return Observed(Presence.PRESENT, {**facts, "mirrors": mirrors})

    def review(self, recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:  # noqa: ARG002
        """Find a file or a copy that is gone or not as it was written.

        Where both are gone nothing can be put back: the authority gets a new generation.
        """
        file = None if seen is None else seen.facts["file"]
        mirror = None if seen is None else seen.facts["mirrors"].get(str(recorded.inputs["generation"]))
        if file is None and mirror is None:
            return None
        reasons = tuple(copy_reasons(recorded, file, mirror))
        return Finding(Action.UPDATE, reasons) if reasons else None

    def due(self, recorded: Recorded, namespace: Namespace, now: datetime) -> Iterator[Due]:  # noqa: ARG002
        """Yield the end of the overlap with the generation before."""
        authority = namespace.authorities.get(recorded.address.entity)
        if authority is not None and authority.overlap is not None and len(authority.generations) > 1:
            until = datetime.fromisoformat(recorded.outputs["since"]) + authority.overlap
            yield Due(until, recorded.address, "replaced an earlier one, whose overlap is over then")

    def preflight(self, change: Change, run: Run) -> Iterator[IamRaError]:
        """See that it can be opened if it must be, and that nobody else's file is in its place."""
        if change.desired is None:
            return
        copies = list(_copies(change.address.entity, run)) if run.has_lineage else []
        # A generation that this very plan makes is sealed for these recipients.
        is_made = run.has_lineage and change.inputs["serial"] is not UNKNOWN
        problem = run.repository.recipients_problem(change.inputs["path"])
        if problem is not None:
            yield problem
        elif is_made and self._same_bytes(change, change.inputs, run) is None:
            try:
                _ = self._key(change, change.inputs, run)
            except IamRaError as error:
                yield KeyStoreError(
                    f"{change.inputs['path']} cannot be encrypted anew: {error.what}",
                    why=error.why,
                    fix=f"run it where a key opens the file, or begin a new generation, which is encrypted to whom "
                    f"`.sops.yaml` names now: `iam-ra apply --renew {change.address.entity}`",
                )
        ours = [bytes_digest(stored.data) for stored in copies]
        yield from strangers_file(change, ours, run, f"move {change.inputs['path']} away")

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Write the bytes that were sealed when the authority was made; seal the key again for other recipients."""
        scope, generation, recorded = change.address.entity, inputs["generation"], change.recorded
        is_same = recorded is not None and recorded.inputs["serial"] == inputs["serial"]
        since = recorded.outputs["since"] if recorded is not None and is_same else run.now.isoformat()
        data = self._same_bytes(change, inputs, run)
        if data is None:
            certificate = load_certificate(_certificate_of(scope, generation, run))
            data = seal(scope, generation, certificate, self._key(change, inputs, run), run)
        etag = keep(scope, generation, data, inputs["serial"], run, since=since)
        atomic.write(Path(inputs["path"]), data, root=run.root)
        if recorded is not None and recorded.inputs["path"] != inputs["path"]:
            remove_file(recorded, run)
        return {"file": bytes_digest(data), "mirror": etag, "since": since}

    def recover(
        self,
        address: Address,
        seen: Observed,
        inputs: Mapping[str, Any] | None,
        run: Run,
    ) -> Recorded | None:
        """Take up the newest copy: it says where its file is, and for whom."""
        numbers = [int(each) for each in seen.facts["mirrors"]]
        stored = sealed(address.entity, max(numbers), run) if numbers else None
        names = None if stored is None else recipients_of(stored.data)
        if inputs is None or stored is None or names is None:
            return None
        known = {
            **inputs,
            **place_of(stored.metadata),
            "recipients": list(names.names),
            "generation": max(numbers),
            "serial": stored.metadata.get(SERIAL, ""),
        }
        outputs = {
            "file": bytes_digest(stored.data),
            "mirror": stored.etag,
            "since": stored.metadata.get(SINCE) or run.now.isoformat(),
        }
        return Recorded(address, self.name, known, outputs)

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Remove the file, unless somebody edited it, and the copies in the bucket."""
        if "path" in recorded.inputs:
            remove_file(recorded, run)
        scope = recorded.address.entity
        for key in run.bucket.list(run.names.cluster_secret_mirror(scope)):
            if found := _MIRROR.fullmatch(key.rpartition("/")[2]):
                drop(scope, int(found[1]), run)

    def _same_bytes(self, change: Change, inputs: Mapping[str, Any], run: Run) -> bytes | None:
        """Return bytes that were sealed before, for the same recipients and under the same name, or None."""
        stored = sealed(change.address.entity, inputs["generation"], run)
        recorded = change.recorded
        if recorded is not None and all(recorded.inputs[name] == inputs[name] for name in _SAME):
            is_it = stored is not None and bytes_digest(stored.data) == recorded.outputs["file"]
            return stored.data if stored is not None and is_it else unedited(recorded, run)
        return stored.data if stored is not None and _described(stored) == _wanted(inputs) else None

    def _key(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Secret:
        """Return the key in the bucket's copy, or in the file. Raises KeyStoreError or ToolError when neither opens."""
        stored = sealed(change.address.entity, inputs["generation"], run)
        data = stored.data if stored is not None else None
        if data is None and change.recorded is not None:
            data = unedited(change.recorded, run)
        if data is None:
            raise KeyStoreError(
                f"no copy of {inputs['path']} is left",
                why="neither the repository nor the bucket has it",
                fix=f"begin a new generation: `iam-ra apply --renew {change.address.entity}`",
            )
        return unseal(data, inputs["path"], run)


def _is_secret(address: Address) -> bool:
    return address.part == PART and address.entity.startswith(CLUSTERS)


def _described(stored: Stored) -> Mapping[str, Any] | None:
    """Return what a copy says of itself, as the inputs name it."""
    names, place = recipients_of(stored.data), place_of(stored.metadata)
    if names is None:
        return None
    said = {"recipients": list(names.names), "serial": stored.metadata.get(SERIAL), **place}
    return {name: said[name] for name in _SAME}


def _wanted(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: inputs[name] for name in _SAME}


def _copies(scope: str, run: Run) -> Iterator[Stored]:
    """Yield the bucket's copies of every generation."""
    for key in run.bucket.list(run.names.cluster_secret_mirror(scope)):
        stored = run.bucket.get(key)
        if stored is not None:
            yield stored


def _certificate_of(scope: str, generation: int, run: Run) -> bytes:
    stored = run.bucket.get(run.names.authority_key(scope, generation))
    if stored is None:
        raise KeyStoreError(
            f"the certificate of {scope} is not in the bucket",
            why=f"{run.names.authority_key(scope, generation)} is missing",
            fix="run iam-ra apply again: it restores that",
        )
    return stored.data
