"""The handlers' declared properties against the CloudFormation registry's resource schemas that cfn-lint ships."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from iam_ra.sandbox.cloudformation.resources import HANDLERS
from iam_ra.sandbox.cloudformation.schema import boolean, coerce, integer, string, structure, violations

LOCATION = find_spec("cfnlint")
assert LOCATION is not None
assert LOCATION.origin is not None
SCHEMAS = Path(LOCATION.origin).parent / "data" / "schemas"
CONSTRAINTS = ("minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum")
# Where the registry calls a list of tags an object, or leaves the type open.
KINDS = {"integer": {"integer", "number"}, "mapping": {"object"}, "document": {"object", "string"}}


def _registry(kind: str) -> dict[str, Any]:
    index = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text())
    found: dict[str, Any] = json.loads((SCHEMAS / "resources" / f"{index[kind]}.json").read_text())
    return found


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return _resolved(root["definitions"][schema["$ref"].rpartition("/")[2]], root)
    if "oneOf" in schema:
        options = [_resolved(option, root) for option in schema["oneOf"]]
        return {
            "type": "object",
            "properties": {key: value for each in options for key, value in each["properties"].items()},
        }
    return schema


def _compare(ours: dict[str, Any], theirs: dict[str, Any], root: dict[str, Any], path: str) -> None:
    theirs = _resolved(theirs, root)
    kinds = theirs.get("type", ours["type"])
    declared = set(kinds) if isinstance(kinds, list) else {kinds}
    assert declared & KINDS.get(ours["type"], {ours["type"]}) or ours["type"] == "document", (path, declared)
    if "enum" in ours:
        assert set(ours["enum"]) <= set(theirs["enum"]), path
        return
    for constraint in CONSTRAINTS:
        if constraint in theirs and ours["type"] != "document" and theirs[constraint] != 0:
            assert ours.get(constraint) == theirs[constraint], (path, constraint)
    if ours["type"] == "array":
        _compare(ours["items"], theirs["items"], root, f"{path}[]")
    if ours["type"] == "object":
        read_only = (
            {each.rpartition("/")[2] for each in root.get("readOnlyProperties", [])} if path == "" else set()
        )
        assert set(ours["properties"]) | ours["not_offered"] == set(theirs["properties"]) - read_only, path
        assert not set(ours["properties"]) & ours["not_offered"], path
        assert set(ours["required"]) == set(theirs.get("required", [])), path
        for key, schema in ours["properties"].items():
            _compare(schema, theirs["properties"][key], root, f"{path}/{key}")


@pytest.mark.conforms(
    "CloudFormation: Properties are those of the resource schemas.",
    source="CloudFormation resource schemas, as cfn-lint ships them",
)
@pytest.mark.parametrize("kind", sorted(HANDLERS))
def test_properties_are_those_of_the_registry(kind: str) -> None:
    root = _registry(kind)
    _compare(HANDLERS[kind].schema, {**root, "type": "object"}, root, "")


@pytest.mark.conforms(
    "CloudFormation: What replaces a resource is what the schemas call create-only.",
    source="CloudFormation resource schemas, as cfn-lint ships them",
)
@pytest.mark.parametrize("kind", sorted(HANDLERS))
def test_create_only_properties_are_those_of_the_registry(kind: str) -> None:
    root = _registry(kind)
    names = {each.rpartition("/")[2] for each in root.get("createOnlyProperties", [])}
    assert HANDLERS[kind].create_only == names & set(HANDLERS[kind].schema["properties"])


@pytest.mark.conforms(
    "CloudFormation: Fn::GetAtt knows the attributes of the schemas.",
    source="CloudFormation resource schemas, as cfn-lint ships them",
)
@pytest.mark.parametrize("kind", sorted(HANDLERS))
def test_attributes_can_be_got_on_aws(kind: str) -> None:
    root = _registry(kind)
    names = {each.rpartition("/")[2] for each in root.get("readOnlyProperties", [])}
    # Documented besides the registry: SSM's Type and Value.
    assert HANDLERS[kind].attributes <= names | {"Type", "Value"}


@pytest.mark.conforms(
    "CloudFormation: Tags of a stack go where the schemas say.",
    source="CloudFormation resource schemas, as cfn-lint ships them",
)
@pytest.mark.parametrize("kind", sorted(HANDLERS))
def test_tags_go_where_the_registry_says(kind: str) -> None:
    tagging = _registry(kind).get("tagging", {})
    assert HANDLERS[kind].taggable == tagging["taggable"]
    system = bool(tagging.get("cloudFormationSystemTags"))
    if kind != "AWS::S3::Bucket" and tagging["taggable"]:
        assert HANDLERS[kind].system_tags == system


SCHEMA = structure({"n": integer(1, 3), "b": boolean(), "s": string(minLength=2, pattern="^a")}, "n")


@pytest.mark.conforms(
    "CloudFormation: Scalars of another type are converted where that loses nothing.",
    source="AWS CloudFormation User Guide: Template format",
)
def test_scalars_are_converted_as_cloudformation_does() -> None:
    assert coerce(SCHEMA, {"n": "2", "b": "True", "s": 12}) == {"n": 2, "b": True, "s": "12"}
    assert coerce(string(), True) == "true"
    assert coerce(integer(), "x") == "x"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"n": 2}, []),
        ({"n": 0}, ["#/n: 0 is not greater or equal to 1"]),
        ({"n": 4}, ["#/n: 4 is not less or equal to 3"]),
        ({"n": True}, ["#/n: expected type: Integer, found: Boolean"]),
        ({"n": 1, "s": "a"}, ["#/s: expected minLength: 2, actual: 1"]),
        ({"n": 1, "s": "bb"}, ["#/s: failed validation constraint for keyword [pattern]"]),
        ({"n": 1, "b": None}, ["#/b: expected type: Boolean, found: Null"]),
        ([], ["#: expected type: JSONObject, found: JSONArray"]),
    ],
)
def test_violations(value: Any, found: list[str]) -> None:
    assert list(violations(SCHEMA, value)) == found
