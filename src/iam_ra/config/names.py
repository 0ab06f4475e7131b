"""The names in a file, also in one that is not valid: for whoever completes words, in a hurry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.config.source import Source

# Of an entity's own key; a workload's has its namespace before it. Whatever else stands there, no shell gets to see it.
_KEY = re.compile("[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
_WORKLOAD = re.compile("[a-z0-9]([a-z0-9-]*[a-z0-9])?/[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_SECTIONS: Final[Mapping[str, str]] = {
    "ca": "certificate_authorities",
    "role": "roles",
    "host": "hosts",
    "cluster": "clusters",
}


def names(source: Source) -> Mapping[str, tuple[str, ...]]:
    """Return the names of a file by kind: `ca`, `role`, `host`, `cluster`, and `workload` as `prod/payments/api`."""
    data = source.data if isinstance(source.data, dict) else {}
    found = {kind: tuple(_keys(data.get(section))) for kind, section in _SECTIONS.items()}
    if data and not found["ca"]:
        found["ca"] = ("default",)
    found["workload"] = tuple(
        f"{cluster}/{name}"
        for cluster in found["cluster"]
        for name in _keys(_part(data["clusters"][cluster], "workloads"), _WORKLOAD)
    )
    return found


def _part(data: Any, key: str) -> Any:
    return data.get(key) if isinstance(data, dict) else None


def _keys(data: Any, key: re.Pattern[str] = _KEY) -> Iterator[str]:
    if isinstance(data, dict):
        yield from (each for each in data if key.fullmatch(each))
