"""The state: what iam-ra remembers of every part that it made, as one JSON object."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from iam_ra import __version__
from iam_ra.engine.address import Address
from iam_ra.engine.errors import StateError
from iam_ra.engine.part import Recorded

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "1.0"


@dataclass(frozen=True)
class State:
    """The recorded parts of one namespace.

    `lineage` names this history for ever; `serial` counts its writes, 0 before the first one.
    """

    namespace: str
    lineage: str
    serial: int = 0
    parts: Mapping[Address, Recorded] = field(default_factory=dict)

    @classmethod
    def fresh(cls, namespace: str, lineage: str | None = None) -> State:
        """Begin a history; with `lineage`, the one that the init stack already carries."""
        return cls(namespace, lineage or str(uuid.uuid4()))

    def to_json(self) -> bytes:
        """Return the stored form: sorted, so that two versions differ only where the world does."""
        document = {
            "format_version": FORMAT,
            "tool_version": __version__,
            "namespace": self.namespace,
            "lineage": self.lineage,
            "serial": self.serial,
            "parts": {str(address): _dump(part) for address, part in sorted(self.parts.items())},
        }
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes, namespace: str) -> State:
        """Read the stored form. Raises StateError when it is damaged, foreign or from a newer iam-ra."""
        try:
            document = json.loads(data)
            version = str(document["format_version"])
            if version.partition(".")[0] != FORMAT.partition(".")[0]:
                raise StateError(
                    f"the state has format {version}; this iam-ra ({__version__}) reads format {FORMAT}",
                    why=f"iam-ra {document.get('tool_version', 'of another version')} wrote it",
                    fix="use that version of iam-ra, or a newer one",
                )
            if document["namespace"] != namespace:
                raise StateError(
                    f"the state belongs to namespace {document['namespace']}, not to {namespace}",
                    fix="give each namespace a bucket of its own; was an object copied by hand?",
                )
            parts = {
                Address.parse(name): _load(Address.parse(name), entry)
                for name, entry in document["parts"].items()
            }
            return cls(namespace, str(document["lineage"]), int(document["serial"]), parts)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateError(
                "the state cannot be read",
                why=f"it is damaged: {type(error).__name__}: {error}",
                fix="restore an earlier version of state.json in the bucket (it is versioned)",
            ) from error


def _dump(part: Recorded) -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": part.kind, "inputs": part.inputs, "outputs": part.outputs}
    if part.depends_on:
        entry["depends_on"] = [str(each) for each in part.depends_on]
    if part.released_by:
        entry["released_by"] = [str(each) for each in part.released_by]
    if part.protect:
        entry["protect"] = True
    return entry


def _load(address: Address, entry: Mapping[str, Any]) -> Recorded:
    if not isinstance(entry["inputs"], dict) or not isinstance(entry["outputs"], dict):
        raise TypeError(f"inputs and outputs of {address} must be objects")
    return Recorded(
        address,
        str(entry["kind"]),
        entry["inputs"],
        entry["outputs"],
        tuple(Address.parse(each) for each in entry.get("depends_on", ())),
        tuple(Address.parse(each) for each in entry.get("released_by", ())),
        bool(entry.get("protect", False)),
    )
