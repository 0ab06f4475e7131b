"""What `--json` writes, held against its published schema with nothing undocumented in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from tests.e2e.world import Result

SCHEMAS = Path(__file__).parents[2] / "docs/schema"


def schema(command: str) -> Any:
    return json.loads((SCHEMAS / f"{command}.schema.json").read_text(encoding="utf-8"))


def data(command: str, result: Result) -> Any:
    """Return the data of a command's envelope."""
    problems = [
        f"{each.json_path}: {each.message}"
        for each in Draft202012Validator(_closed(schema(command))).iter_errors(result.json)
    ]
    assert not problems, problems
    return result.json["data"]


def _closed(node: Any) -> Any:
    """Return a schema with every object closed."""
    if isinstance(node, list):
        return [_closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {key: _closed(each) for key, each in node.items()}
    if found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found
