"""`cluster/x:manifests` and `workload/x/y/z:manifests`: what their clusters read, as files in the repository.

The bucket has the list of a part's files, with their SHA-256, before the repository has the files: by it those are known
again that a killed apply wrote, wherever they are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iam_ra.config.model import WORKLOADS
from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.diff import Finding
from iam_ra.engine.errors import ConflictError
from iam_ra.engine.part import Observed, Part, Presence, Recorded, Ref
from iam_ra.engine.plan import Conflict
from iam_ra.files import atomic
from iam_ra.files.repository import bytes_digest, file_digest
from iam_ra.kinds.base import Kind, register
from iam_ra.kinds.init import INIT_STACK
from iam_ra.kinds.manifest_texts import cluster_settings, renderer, texts_of, workload_settings
from iam_ra.kinds.role import role_stack
from iam_ra.kinds.trust_anchor import trust_anchor_arn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Cluster, Namespace, Workload
    from iam_ra.engine.errors import IamRaError
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run

PART = "manifests"
_NAMED = 3


def workload_manifests_part(workload: Workload) -> Address:
    """Return the address of a workload's manifests."""
    return Address(workload.entity, PART)


def workload_conflicts(namespace: Namespace, recorded: Mapping[Address, Recorded]) -> Iterator[Conflict]:
    """Yield the workloads that want a name for which another namespace of their cluster has certificates.

    Nobody can revoke those: cert-manager issues them, so no ledger has their serials. Within one namespace whoever may
    ask for the one may ask for the other, too.
    """
    held = {
        (cluster, part.inputs["identity"]): (namespace_there, part)
        for address, part in recorded.items()
        if address.part == PART and address.entity.startswith(WORKLOADS)
        for _, cluster, namespace_there, _ in (address.entity.split("/"),)
    }
    for workload in (each for cluster in namespace.clusters.values() for each in cluster.workloads.values()):
        there, part = held.get((workload.cluster, workload.identity), (workload.namespace, None))
        if part is not None and there != workload.namespace:
            yield Conflict(
                workload_manifests_part(workload),
                f"certificates of {part.address.entity} say {workload.identity} too, and nothing revokes them before their "
                f"end, up to {part.inputs['duration']} away: whoever has them could take the roles of this workload; choose "
                "another identity",
                spreads=True,
            )


@register
class Manifests(Kind):
    """Public files. What is edited is written again; what is no longer rendered goes."""

    name = "manifests"
    summary = "the Kubernetes manifests of a cluster or of a workload, in the repository"

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield one part a cluster, and one a workload of a cluster that has an authority."""
        for cluster in namespace.clusters.values():
            inputs = {"template": renderer(), **cluster_settings(cluster)}
            yield Part(
                Address(cluster.scope, PART), self.name, inputs, (INIT_STACK,), protect=cluster.protect
            )
            if cluster.scope in namespace.authorities:
                for workload in cluster.workloads.values():
                    yield self._of_workload(workload, cluster, namespace)

    def _of_workload(self, workload: Workload, cluster: Cluster, namespace: Namespace) -> Part:
        roles = {role: namespace.roles[role] for role in workload.roles}
        inputs = {
            "template": renderer(),
            **workload_settings(workload, cluster),
            "region": namespace.region,
            "trust_anchor_arn": trust_anchor_arn(cluster.scope),
            "default_role": workload.roles[0],
            "roles": {
                name: {
                    "role_arn": Ref(role_stack(name), "RoleArn"),
                    "profile_arn": Ref(role_stack(name), "ProfileArn"),
                    "session_duration": role.session_duration,
                    "accept_role_session_name": role.accept_role_session_name,
                }
                for name, role in roles.items()
            },
        }
        return Part(
            workload_manifests_part(workload),
            self.name,
            inputs,
            # Nobody is told to use what still trusts somebody else.
            released_by=tuple(sorted(role_stack(role) for role in workload.roles)),
            protect=workload.protect,
        )

    def observed(self, snapshot: Snapshot) -> Mapping[Address, Observed]:
        """Return the parts with recorded files, or with a list in the bucket."""
        lists: dict[Address, str | None] = dict.fromkeys(snapshot.file_sets)
        for key, etag in snapshot.objects.items():
            entity = snapshot.names.manifests_of_key(key)
            if entity is not None:
                lists[Address(entity, PART)] = etag
        return {
            address: Observed(
                Presence.PRESENT,
                {"list": etag, "files": snapshot.file_sets.get(address, {}), "kind": self.name},
            )
            for address, etag in lists.items()
            if address.part == PART
        }

    def review(self, recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:  # noqa: ARG002
        """Find files that are gone or not as they were written."""
        there = {} if seen is None else seen.facts["files"]
        reasons = []
        for path, digest in sorted(recorded.outputs["files"].items()):
            if there.get(path) != digest:
                was = "deleted" if there.get(path) is None else "edited"
                reasons.append(Reason(Cause.DRIFTED, f"{path} was {was}"))
        more = len(reasons) - _NAMED
        if more > 0:
            reasons = [*reasons[:_NAMED], Reason(Cause.DRIFTED, f"and {more} more")]
        if seen is None or seen.facts["list"] != recorded.outputs["list"]:
            reasons.append(Reason(Cause.DRIFTED, "the list of its files in the bucket was changed"))
        return Finding(Action.UPDATE, tuple(reasons)) if reasons else None

    def preflight(self, change: Change, run: Run) -> Iterator[IamRaError]:
        """See that nobody else's files are in their places."""
        if change.desired is None:
            return
        entity, recorded = change.address.entity, change.recorded
        known = _listed(entity, run) if run.has_lineage else {}
        own = {} if recorded is None else recorded.outputs["files"]
        for path, text in texts_of(entity, run.clusters, run.names.namespace, change.inputs).items():
            there = file_digest(run.root / path)
            if path not in own and there not in {None, bytes_digest(text.encode()), *known.get(path, ())}:
                yield ConflictError(
                    f"{path} exists and iam-ra did not write it",
                    why=f"{change.address} would replace it",
                    fix=f"move {path} away, or give the cluster another folder: `folder: PATH`",
                )

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Write the files, and remove those that are no longer rendered unless somebody edited them."""
        entity, recorded = change.address.entity, change.recorded
        texts = texts_of(entity, run.clusters, run.names.namespace, inputs)
        wanted = {path: bytes_digest(text.encode()) for path, text in texts.items()}
        former = _listed(entity, run)
        if recorded is not None:
            for path, digest in recorded.outputs["files"].items():
                former.setdefault(path, set()).add(digest)
        both = {path: sorted({digest, *former.get(path, ())}) for path, digest in wanted.items()}
        _list(entity, {**{path: sorted(each) for path, each in former.items()}, **both}, run)
        for path, text in texts.items():
            atomic.write(Path(path), text.encode(), root=run.root)
        for path in sorted(former.keys() - wanted.keys()):
            _remove(change.address, path, former[path], run)
        etag = _list(entity, {path: [digest] for path, digest in wanted.items()}, run)
        return {"files": wanted, "list": etag}

    def recover(
        self,
        address: Address,
        seen: Observed,
        inputs: Mapping[str, Any] | None,
        run: Run,
    ) -> Recorded | None:
        """Take up the files on the list."""
        if inputs is None or seen.facts["list"] is None:
            return None
        files = {path: digests[-1] for path, digests in _sorted_lists(address.entity, run).items()}
        return Recorded(address, self.name, inputs, {"files": files, "list": seen.facts["list"]})

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Remove the files, unless somebody edited them, and their list."""
        entity = recorded.address.entity
        known = _listed(entity, run)
        for path, digest in recorded.outputs.get("files", {}).items():
            known.setdefault(path, set()).add(digest)
        for path, digests in sorted(known.items()):
            _remove(recorded.address, path, digests, run)
        run.bucket.delete(run.names.manifest_list(entity))


def _remove(address: Address, path: str, digests: set[str], run: Run) -> None:
    # One that is gone may have left empty folders, when an apply was killed.
    if file_digest(run.root / path) in {None, *digests}:
        atomic.remove(Path(path), root=run.root)
    else:
        run.report(address, f"{path} was edited; left alone")


def _list(entity: str, files: Mapping[str, list[str]], run: Run) -> str:
    """Put the list of an entity's files into the bucket; return its ETag."""
    data = json.dumps(files, indent=1, sort_keys=True).encode() + b"\n"
    return run.bucket.put(run.names.manifest_list(entity), data)


def _sorted_lists(entity: str, run: Run) -> Mapping[str, list[str]]:
    stored = run.bucket.get(run.names.manifest_list(entity))
    try:
        found = {} if stored is None else json.loads(stored.data)
        return {str(path): list(map(str, digests)) for path, digests in found.items()}
    except (ValueError, AttributeError, TypeError):
        # Somebody put something else there: nothing is known by it.
        return {}


def _listed(entity: str, run: Run) -> dict[str, set[str]]:
    """Return what iam-ra wrote, or was about to write, by the list in the bucket: SHA-256 by path."""
    return {path: set(digests) for path, digests in _sorted_lists(entity, run).items()}
