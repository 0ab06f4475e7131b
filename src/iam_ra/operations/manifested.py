"""The manifests that an apply wrote, as one stream for `kubectl apply -f -`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iam_ra.engine.address import Address
from iam_ra.files.manifests import is_resource
from iam_ra.kinds.manifests import PART

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from iam_ra.operations.workplace import Workplace


def manifested(workplace: Workplace, names: Iterable[str]) -> str:
    """Return the resources of clusters and workloads, as they are in the repository; what clusters say comes first."""
    state = workplace.state()
    parts = {} if state is None else state.parts
    entities = sorted({name.partition(":")[0] for name in names})
    recorded = (parts.get(Address(entity, PART)) for entity in entities)
    texts = [
        (workplace.namespace.root / path).read_text(encoding="utf-8")
        for part in recorded
        if part is not None
        for path in resources(part.outputs["files"])
    ]
    return "".join(f"---\n{text.removeprefix('---' + chr(10))}" for text in texts)


def resources(paths: Iterable[str]) -> Iterator[str]:
    """Yield the paths of manifests that kubectl can apply, in order."""
    yield from sorted(filter(is_resource, paths))
