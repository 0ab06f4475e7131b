"""Parts, the nodes of the graph: as the file wants them, as the state remembers them, as AWS shows them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from iam_ra.engine.action import Reason
    from iam_ra.engine.address import Address
    from iam_ra.engine.drift import Drift

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
# Nearly all that stands in inputs. They are passed over at once: a plan asks each value what it is several times.
_PLAIN = (str, int, float, NoneType)
# To ask for the usual one first is far cheaper than to ask for any of them.
_MAPPINGS = (dict, Mapping)


class Unknown(Enum):
    """The one value that stands for what only apply can know."""

    UNKNOWN = "(known after apply)"

    def __repr__(self) -> str:
        return self.value


UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Ref:
    """An output of another part, standing in an input until that part is done."""

    address: Address
    output: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part as the file wants it.

    `inputs` is JSON, with `Ref`s anywhere inside; a change in it is a change of the part. `depends_on` holds the parts
    that must be done first beyond those that `inputs` refers to. `released_by` holds the parts whose changes must be
    done before this one may be deleted. `protect` guards the whole entity. `because` says why the part is new or its
    inputs are other ones than recorded, where that is no edit of the file but a day that came or a wish of the user;
    `undated` are those inputs that differ for it, as they would be without it, so that edits show beside it (when it
    is empty, all that differs is put down to `because`). `forced` says why the part changes whatever its inputs are.
    """

    address: Address
    kind: str
    inputs: Mapping[str, Any]
    depends_on: tuple[Address, ...] = ()
    released_by: tuple[Address, ...] = ()
    protect: bool = False
    because: tuple[Reason, ...] = ()
    undated: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    forced: tuple[Reason, ...] = ()

    @property
    def upstream(self) -> tuple[Address, ...]:
        """Every part that must be done before this one, in the order of addresses."""
        return tuple(sorted({ref.address for ref in references(self.inputs)}.union(self.depends_on)))


@dataclass(frozen=True, slots=True)
class Recorded:
    """A part as the state remembers it: what it was made from and what it gave."""

    address: Address
    kind: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    depends_on: tuple[Address, ...] = ()
    released_by: tuple[Address, ...] = ()
    protect: bool = False


class Presence(Enum):
    """What the snapshot shows of a part; one that it does not show is not observed at all."""

    PRESENT = "present"
    BROKEN = "broken"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Observed:
    """A part as the snapshot shows it.

    `facts` are the outputs that can be seen, to be compared with the recorded ones. `note` says in a sentence what is
    the matter with a part that is broken or foreign. `drift` are the settings below that are not as recorded.
    """

    presence: Presence
    facts: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    note: str = ""
    drift: tuple[Drift, ...] = ()


def references(value: Any) -> list[Ref]:
    """Return each `Ref` that stands anywhere in `value`, in the order in which they stand there."""
    found: list[Ref] = []
    _collect(value, found)
    return found


def _collect(value: Any, found: list[Ref]) -> None:
    if isinstance(value, Ref):
        found.append(value)
    elif isinstance(value, _MAPPINGS):
        for item in value.values():
            if not isinstance(item, _PLAIN):
                _collect(item, found)
    elif isinstance(value, list | tuple):
        for item in value:
            if not isinstance(item, _PLAIN):
                _collect(item, found)


def resolve(value: Any, lookup: Callable[[Ref], Any]) -> Any:
    """Return `value` with each `Ref` in it replaced by what `lookup` gives for it."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Ref):
        return lookup(value)
    if isinstance(value, _MAPPINGS):
        return {
            key: item if isinstance(item, _PLAIN) else resolve(item, lookup) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [item if isinstance(item, _PLAIN) else resolve(item, lookup) for item in value]
    return value


def unknown_references(wanted: Any, resolved: Any) -> Iterator[Ref]:
    """Yield each `Ref` in `wanted` that became UNKNOWN in `resolved`, which is `wanted` with its references replaced."""
    if isinstance(wanted, Ref):
        if resolved is UNKNOWN:
            yield wanted
    elif isinstance(wanted, Mapping):
        for key, item in wanted.items():
            yield from unknown_references(item, resolved[key])
    elif isinstance(wanted, list | tuple):
        for item, known in zip(wanted, resolved, strict=True):
            yield from unknown_references(item, known)


def has_unknown(value: Any) -> bool:
    """Tell whether UNKNOWN stands anywhere in `value`."""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(has_unknown(item) for item in value)
    return value is UNKNOWN


def digest(value: Any) -> str:
    """Return the SHA-256 of `value` as canonical JSON, in hex."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
