from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from tests.unit.render import samples

from iam_ra.config.diagnostics import ConfigError, Diagnostic
from iam_ra.engine.action import Action, Cause
from iam_ra.engine.address import Address
from iam_ra.engine.errors import IamRaError, PreflightError, ProtectedError, ToolError
from iam_ra.engine.events import Failed, Skipped
from iam_ra.engine.execute import Outcome
from iam_ra.engine.part import UNKNOWN
from iam_ra.render.json import apply_json, plan_json
from iam_ra.render.model import OutcomeDocument
from iam_ra.render.problems import error_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.engine.plan import Plan

SCHEMAS = Path(__file__).parents[3] / "docs/schema"
SCHEMA = json.loads((SCHEMAS / "plan.schema.json").read_text())
PLANS: list[Callable[[], Plan]] = [
    samples.first_apply,
    samples.edited_role,
    samples.removed_host,
    samples.replaced_anchor,
    samples.drift,
    samples.drift_below,
    samples.protection,
    samples.conflict,
    samples.hostile,
    samples.plan,
]


def as_json(plan: Plan, **more: Any) -> dict[str, Any]:
    return plan_json(samples.document(plan, **more))


def closed(schema: Any) -> Any:
    """Return the schema with every object closed, so that nothing undocumented passes."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(each) for key, each in schema.items()}
    if found.get("type") == "object":
        found["additionalProperties"] = False
    return found


def problems(value: Any, schema: Any = SCHEMA) -> list[str]:
    return [
        f"{each.json_path}: {each.message}"
        for each in Draft202012Validator(closed(schema)).iter_errors(value)
    ]


@pytest.mark.parametrize("name", ["plan", "outcome", "error"])
def test_the_schema_is_one(name: str) -> None:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["$id"].endswith(f"/docs/schema/{name}.schema.json")
    assert {key: SCHEMA["$defs"][key] for key in schema["$defs"] if key != "made"} == {
        key: value for key, value in schema["$defs"].items() if key != "made"
    }


@pytest.mark.parametrize("make", PLANS, ids=lambda make: make.__name__)
def test_plans_are_as_documented_and_hold_nothing_else(make: Callable[[], Plan]) -> None:
    value = json.loads(json.dumps(as_json(make())))
    assert problems(value) == []


def test_refusals_and_warnings_are_as_documented() -> None:
    diagnostic = Diagnostic(
        "warning", "IRA1173", "iam-ra.yaml", 12, 5, "hosts.web", "cut to 20d", "why", "fix"
    )
    value = as_json(
        samples.removed_host(), refusals=[ProtectedError("no")], warnings=["the clock is off", diagnostic]
    )
    assert problems(value) == []
    assert value["applicable"] is False
    assert value["refusals"][0]["id"] == "IRA4002"
    assert [each["what"] for each in value["warnings"]] == ["the clock is off", "cut to 20d"]


def test_readers_must_accept_more_than_is_documented() -> None:
    value = copy.deepcopy(as_json(samples.first_apply()))
    value["later"] = value["changes"][0]["later"] = 1
    assert not list(Draft202012Validator(SCHEMA).iter_errors(value))
    assert problems(value)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value.pop("serial"),
        lambda value: value["changes"][0].update(action="read"),
        lambda value: value["changes"][0]["reasons"].clear(),
        lambda value: value["summary"].update(create="1"),
        lambda value: value.update(format_version="2.0"),
    ],
)
def test_the_schema_refuses_what_is_no_plan(spoil: Callable[[Any], Any]) -> None:
    value = as_json(samples.first_apply())
    spoil(value)
    assert list(Draft202012Validator(SCHEMA).iter_errors(value))


def test_every_cause_and_action_is_documented() -> None:
    change = SCHEMA["$defs"]["change"]["properties"]
    assert change["action"]["enum"] == [each.value for each in Action]
    assert change["reasons"]["items"]["properties"]["cause"]["examples"] == [each.value for each in Cause]


def test_unknown_values_are_null_and_said_to_be_unknown() -> None:
    change = samples.create(
        "host/web:sops", {"known": "x", "inside": {"arn": UNKNOWN, "n": 1}, "whole": UNKNOWN}
    )
    fields = {each["path"]: each for each in as_json(samples.plan(change))["changes"][0]["fields"]}
    assert fields["known"]["after_unknown"] is False
    assert fields["inside"] == {
        "path": "inside",
        "before": None,
        "after": {"arn": None, "n": 1},
        "after_unknown": True,
    }
    assert fields["whole"] == {"path": "whole", "before": None, "after": None, "after_unknown": True}


@pytest.mark.parametrize(
    "make",
    [samples.first_apply, samples.edited_role, samples.removed_host, samples.conflict, samples.drift_below],
)
def test_a_plan_as_json_looks_as_agreed(make: Callable[[], Plan], golden: Callable[[str, str], None]) -> None:
    value = {**as_json(make()), "tool_version": "0.0.0"}
    golden(f"{make.__name__}.json", json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def test_an_outcome_tells_what_happened() -> None:
    plan = samples.first_apply()
    done, failed, skipped, *_ = plan.changes
    outcome = Outcome(
        [done],
        [Failed(failed, ToolError("no sops", fix="Install it."), 1.23456)],
        [Skipped(skipped, (Address.parse("ca/default:certificate"),))],
        pending={done.address: "AWS lists it later"},
    )
    sessions = {"host/old": samples.NOW}
    value = apply_json(OutcomeDocument(samples.document(plan), outcome, 2, "iam-ra apply", sessions))
    assert problems(value, json.loads((SCHEMAS / "outcome.schema.json").read_text())) == []
    assert value["open_sessions"] == [{"entity": "host/old", "until": "2026-03-04T05:06:07Z"}]
    assert value["complete"] is False
    assert value["summary"] == {"done": 1, "failed": 1, "skipped": 1, "unchanged": 0}
    assert value["failed"][0]["error"] == {
        "id": "IRA1200",
        "what": "no sops",
        "why": "",
        "fix": "Install it.",
    }
    assert value["failed"][0]["seconds"] == 1.235
    assert value["skipped"][0]["because"] == ["ca/default:certificate"]
    assert value["timestamp"] == "2026-03-04T05:06:07Z"


@pytest.mark.parametrize(
    "error",
    [
        ToolError("no sops"),
        PreflightError([ToolError("no sops"), ProtectedError("no")]),
        ConfigError(
            "iam-ra.yaml", [Diagnostic("error", "IRA1160", "iam-ra.yaml", 1, 2, "hosts", "x", "y", "z")]
        ),
    ],
    ids=lambda each: each.id,
)
def test_errors_are_as_documented(error: IamRaError) -> None:
    assert problems(error_json(error), json.loads((SCHEMAS / "error.schema.json").read_text())) == []
