"""A plan and the outcome of an apply as JSON for programs; plan.schema.json and outcome.schema.json in docs/schema describe them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from iam_ra import __version__
from iam_ra.config.diagnostics import Diagnostic
from iam_ra.engine.action import Action
from iam_ra.engine.part import UNKNOWN, has_unknown
from iam_ra.render.drift import drift_json
from iam_ra.render.values import in_order

if TYPE_CHECKING:
    from iam_ra.engine.diff import FieldChange
    from iam_ra.engine.due import Due
    from iam_ra.engine.plan import Change
    from iam_ra.render.model import OutcomeDocument, PlanDocument
    from iam_ra.render.problems import Warning_

# Minor: something was added, which readers must pass over. Major: something they may rely on is gone.
FORMAT_VERSION: Final = "1.0"


def plan_json(document: PlanDocument) -> dict[str, Any]:
    """Return the plan as a JSON object; its changes stand in an order in which they can be made."""
    plan, header = document.plan, document.header
    return {
        **_heading(document),
        "ahead": None if header.ahead is None else moment(header.ahead),
        "lineage": document.lineage,
        "serial": document.serial,
        "checksum": document.checksum,
        "partial": bool(plan.left_out),
        "left_out": [str(each.address) for each in plan.left_out],
        "next_due": due_json(document.next_due),
        "changes": [_change(each) for each in plan.edits],
        "drift": drift_json(plan, document.ignored),
        "summary": {
            **{action.value: plan.counts.get(action, 0) for action in Action},
            "unchanged": plan.unchanged,
            "drifted": len(plan.drifted),
        },
        "applicable": document.is_applicable,
        "refusals": [each.as_dict() for each in document.refusals],
        "conflicts": [{"address": str(each.address), "text": each.text} for each in plan.conflicts],
        "warnings": [_warning(each) for each in document.warnings],
    }


def apply_json(document: OutcomeDocument) -> dict[str, Any]:
    """Return how an apply ended as a JSON object, each list in the order in which it happened."""
    outcome = document.outcome
    return {
        **_heading(document.planned),
        "seconds": round(document.seconds, 3),
        "complete": outcome.complete,
        "summary": {
            "done": len(outcome.done),
            "failed": len(outcome.failed),
            "skipped": len(outcome.skipped),
            "unchanged": document.planned.plan.unchanged,
        },
        "done": [made_json(each) for each in outcome.done],
        "failed": [
            {**made_json(each.change), "seconds": round(each.seconds, 3), "error": each.error.as_dict()}
            for each in outcome.failed
        ],
        "skipped": [
            {**made_json(each.change), "because": [str(address) for address in each.because]}
            for each in outcome.skipped
        ],
        "pending": [
            {"address": str(address), "text": text} for address, text in sorted(outcome.pending.items())
        ],
        "open_sessions": [
            {"entity": entity, "until": moment(until)} for entity, until in sorted(document.sessions.items())
        ],
    }


def due_json(due: Due | None) -> dict[str, str] | None:
    """Return what a day to come will ask for as a JSON object."""
    if due is None:
        return None
    return {"when": moment(due.when), "address": str(due.address), "what": due.what}


def moment(when: datetime) -> str:
    """Return a time as JSON has it, in UTC."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _heading(document: PlanDocument) -> dict[str, Any]:
    header = document.header
    return {
        "format_version": FORMAT_VERSION,
        "tool_version": __version__,
        "timestamp": moment(document.now),
        "namespace": header.namespace,
        "account_id": header.account_id or None,
        "region": header.region,
    }


def made_json(change: Change) -> dict[str, Any]:
    """Return what is done to which part as a JSON object."""
    return {
        "address": str(change.address),
        "entity": change.address.entity,
        "part": change.address.part,
        "kind": change.kind,
        "action": change.action.value,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        **made_json(change),
        "reasons": [{"cause": each.cause.value, "text": each.text} for each in change.reasons],
        "fields": [_field(each) for each in in_order(change.fields)],
        "after": [str(each) for each in change.after],
    }


def _field(change: FieldChange) -> dict[str, Any]:
    return {
        "path": change.path,
        "before": _known(change.before),
        "after": _known(change.after),
        "after_unknown": has_unknown(change.after),
    }


def _known(value: Any) -> Any:
    """Return `value` as plain JSON with null for whatever only apply will know."""
    if isinstance(value, Mapping):
        return {key: _known(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_known(item) for item in value]
    return None if value is UNKNOWN else value


def _warning(warning: Warning_) -> dict[str, Any]:
    if isinstance(warning, Diagnostic):
        return {key: value for key, value in warning.as_dict().items() if key != "severity"}
    return {"what": warning}
