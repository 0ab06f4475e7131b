"""A plan as a file: made in one place, read by people, applied in another, and only if it is still the same plan.

The file holds what the plan shows, and of each change a fingerprint of all that it rests on: what was recorded, what was
seen, what would be made. Apply plans again under the lock and compares. The file itself decides nothing; it can at most
stop an apply.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from iam_ra import __version__
from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.drift import Drift
from iam_ra.engine.due import Due
from iam_ra.engine.errors import PlanFileError, StalePlanError
from iam_ra.engine.part import UNKNOWN, Part, Recorded
from iam_ra.engine.plan import Change, Plan

if TYPE_CHECKING:
    from pathlib import Path

    from iam_ra.config.model import Namespace
    from iam_ra.operations.planning import Planned

FORMAT: Final = "1.0"
_UNKNOWN: Final = {"iam-ra:unknown": True}
# The moment of planning, where it stands in an input: another run has another one.
_NOW: Final = "(now)"
_MOST_NAMED = 10


@dataclass(frozen=True)
class SavedPlan:
    """What a plan file says. `file` is the SHA-256 of the file that was planned, `made` when that was (ISO 8601), `asked` what it was made with."""

    namespace: str
    region: str
    account_id: str
    lineage: str | None
    serial: int
    made: str
    file: str
    asked: Mapping[str, Any]
    checksum: str
    touched: Mapping[str, str]
    plan: Plan
    next_due: Due | None


def checksum(planned: Planned) -> str:
    """Return the checksum of a plan: two plans with one checksum make the same of the same (64 hex digits).

    Days and runs do not change it, what is recorded, seen and wanted of its changes does.
    """
    snapshot = planned.snapshot
    whole = {
        "namespace": snapshot.names.namespace,
        "account": snapshot.caller.account_id,
        "lineage": snapshot.lineage,
        "touched": _fingerprints(planned),
    }
    return _digest(whole)


def write(planned: Planned, namespace: Namespace, asked: Mapping[str, Any]) -> bytes:
    """Return the plan file: canonical JSON without any secret, its own digest at the end of it.

    `asked` is what the plan was made with, as JSON.
    """
    plan, snapshot, due = planned.plan, planned.snapshot, planned.next_due
    document: dict[str, Any] = {
        "format_version": FORMAT,
        "tool_version": __version__,
        "namespace": namespace.name,
        "region": namespace.region,
        "account_id": snapshot.caller.account_id,
        "lineage": snapshot.lineage,
        "serial": 0 if planned.state is None else planned.state.serial,
        "made": snapshot.caller.now.isoformat(),
        "file": file_digest(namespace.file),
        "asked": _plain(asked),
        "checksum": checksum(planned),
        "touched": _fingerprints(planned),
        "changes": [_dump(each) for each in plan.changes],
        "settled": sorted(map(str, plan.settled)),
        "left_out": [_dump(each) for each in plan.left_out],
        "next_due": None if due is None else [due.when.isoformat(), str(due.address), due.what],
    }
    document["digest"] = _digest(document)
    return _canonical(document) + b"\n"


def load(file: Path) -> SavedPlan:
    """Read a plan file from the disk. Raises PlanFileError as `read` does, and when there is none."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise PlanFileError(
            f"{file} cannot be read",
            why=error.strerror or str(error),
            fix="write one with `iam-ra plan -o FILE`",
        ) from error
    return read(data, str(file))


def read(data: bytes, name: str) -> SavedPlan:
    """Read a plan file. Raises PlanFileError when it is none, is damaged, was edited, or is from a newer iam-ra."""
    try:
        document = json.loads(data)
        version = document["format_version"]
        if version.partition(".")[0] != FORMAT.partition(".")[0]:
            raise PlanFileError(
                f"{name} has format {version}; this iam-ra ({__version__}) reads format {FORMAT}",
                why=f"iam-ra {document.get('tool_version', 'of another version')} wrote it",
                fix="plan again with the iam-ra that applies",
            )
        digest = document.pop("digest")
        if digest != _digest(document):
            raise PlanFileError(
                f"{name} was changed since it was written",
                why="its content does not fit the digest in it",
                fix="plan again",
            )
        return _load(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PlanFileError(
            f"{name} is no plan file of iam-ra, or is not whole",
            why=f"{type(error).__name__}: {error}",
            fix="write one with `iam-ra plan -o FILE`",
        ) from error


def check_place(saved: SavedPlan, namespace: Namespace, account_id: str) -> None:
    """Raise StalePlanError unless a plan is of this file, as it is now, and of this account."""
    found = {
        "namespace": (saved.namespace, namespace.name),
        "region": (saved.region, namespace.region),
        "account": (saved.account_id, account_id),
    }
    others = [f"{what} {was}, not {now}" for what, (was, now) in found.items() if was != now]
    if others:
        raise StalePlanError(
            f"the plan is for {' and '.join(others)}; nothing was changed",
            fix="apply it where it was made, or plan again here",
        )
    if saved.file != file_digest(namespace.file):
        raise StalePlanError(
            f"{namespace.file.name} is not as it was when the plan was made; nothing was changed",
            fix="check out the version that was planned, or plan again",
        )


def narrowed(saved: SavedPlan, planned: Planned) -> Planned:
    """Return what was planned just now with the changes of the saved plan alone.

    Raises StalePlanError, which names the differences, unless those are the same changes on the same ground.
    """
    serial = 0 if planned.state is None else planned.state.serial
    if (saved.lineage, saved.serial) != (planned.snapshot.lineage, serial):
        raise StalePlanError(
            "the plan is stale: something was applied since it was made; nothing was changed",
            why=f"it was made on state {saved.serial} of {saved.lineage or 'nothing'}, and now there is state {serial} of "
            f"{planned.snapshot.lineage or 'nothing'}",
            fix="plan again",
        )
    plan = planned.plan.selected({Address.parse(each) for each in saved.touched} & _addresses(planned.plan))
    planned = replace(planned, plan=plan)
    now = _fingerprints(planned)
    different = [
        f"{address} {'was changed meanwhile' if address in now else 'has nothing to be done any more'}"
        for address, known in saved.touched.items()
        if now.get(address) != known
    ]
    if different:
        more = f", and {len(different) - _MOST_NAMED} more" if len(different) > _MOST_NAMED else ""
        raise StalePlanError(
            "the plan is stale: the world is not as it was when the plan was made; nothing was changed",
            why=f"{'; '.join(different[:_MOST_NAMED])}{more}",
            fix="plan again and look at what is different",
        )
    return planned


def check_checksum(wanted: str, planned: Planned) -> None:
    """Raise StalePlanError unless a plan has this checksum."""
    found = checksum(planned)
    if wanted != found:
        raise StalePlanError(
            "the plan made just now is not the one that was agreed to; nothing was changed",
            why=f"its checksum is {found}, not {wanted}",
            fix="look at the plan above, and give its checksum if it is what you want",
        )


def file_digest(file: Path) -> str:
    """Return the SHA-256 of the file that plans are made from."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _addresses(plan: Plan) -> set[Address]:
    return {change.address for change in plan.changes}


def _fingerprints(planned: Planned) -> dict[str, str]:
    """Return by address what each change rests on."""
    now = planned.snapshot.caller.now.isoformat()
    found = {}
    for change in planned.plan.changes:
        known, seen = change.recorded, planned.plan.observed.get(change.address)
        ground = {
            "action": change.action.value,
            "kind": change.kind,
            "causes": sorted({reason.cause.value for reason in change.reasons}),
            "inputs": change.inputs,
            "protect": change.desired is not None and change.desired.protect,
            "recorded": None if known is None else [known.inputs, known.outputs, known.protect],
            "seen": None if seen is None else [seen.presence.value, seen.facts, seen.note],
            "drift": [[each.field, each.expected, each.found] for each in change.drift],
        }
        found[str(change.address)] = _digest(_plain(ground, now))
    return dict(sorted(found.items()))


def _plain(value: Any, now: str = "") -> Any:
    """Return `value` as JSON; sets sorted, UNKNOWN as a mark, the moment of planning as a word."""
    if value is UNKNOWN:
        return _UNKNOWN
    if isinstance(value, Mapping):
        return {str(key): _plain(item, now) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        value = sorted(value, key=repr)
    if isinstance(value, list | tuple):
        return [_plain(item, now) for item in value]
    if isinstance(value, datetime):
        value = value.isoformat()
    return _NOW if now and value == now else value


def _dump(change: Change) -> dict[str, Any]:
    known = change.recorded
    return {
        "address": str(change.address),
        "kind": change.kind,
        "action": change.action.value,
        "reasons": [{"cause": each.cause.value, "text": each.text} for each in change.reasons],
        "inputs": _plain(change.inputs),
        "recorded": None if known is None else _plain(known.inputs),
        "protect": [
            known is not None and known.protect,
            change.desired is not None and change.desired.protect,
        ],
        "after": [str(each) for each in change.after],
        "losing": change.losing,
        "drift": [asdict(each) for each in change.drift],
        "drift_only": change.drift_only,
    }


def _load(document: Mapping[str, Any]) -> SavedPlan:
    changes = tuple(map(_change, document["changes"]))
    recorded = {each.address: each.recorded for each in changes if each.recorded is not None}
    settled = {address: _settled(address) for address in map(Address.parse, document["settled"])}
    left_out = tuple(map(_change, document["left_out"]))
    return SavedPlan(
        **{
            name: document[name]
            for name in ("namespace", "region", "account_id", "lineage", "serial", "made", "file", "asked")
        },
        checksum=document["checksum"],
        touched=dict(document["touched"]),
        plan=Plan(changes, recorded, settled, left_out=left_out),
        next_due=_due(document.get("next_due")),
    )


def _due(entry: Sequence[str] | None) -> Due | None:
    if entry is None:
        return None
    when, address, what = entry
    return Due(datetime.fromisoformat(when), Address.parse(address), what)


def _change(entry: Mapping[str, Any]) -> Change:
    address = Address.parse(entry["address"])
    was, becomes = entry["protect"]
    known = entry["recorded"]
    inputs = _with_unknown(entry["inputs"])
    return Change(
        address,
        entry["kind"],
        Action(entry["action"]),
        tuple(Reason(Cause(each["cause"]), each["text"]) for each in entry["reasons"]),
        inputs=inputs,
        desired=Part(address, entry["kind"], inputs, protect=becomes),
        recorded=None if known is None else Recorded(address, entry["kind"], known, {}, protect=was),
        after=tuple(map(Address.parse, entry["after"])),
        losing=entry["losing"],
        drift=tuple(Drift(**each) for each in entry["drift"]),
        drift_only=entry["drift_only"],
    )


def _settled(address: Address) -> Recorded:
    return Recorded(address, "", {}, {})


def _with_unknown(value: Any) -> Any:
    if value == _UNKNOWN:
        return UNKNOWN
    if isinstance(value, dict):
        return {key: _with_unknown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_unknown(item) for item in value]
    return value


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _digest(value: Any) -> str:
    return hashlib.sha256(_canonical(value)).hexdigest()
