from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from iam_ra.config.reference import REFERENCE_FILE, SCHEMA_FILE, reference, schema_text
from iam_ra.config.schema import schema

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "iam-ra.yaml.example"
RENEW = "renew it: python -m iam_ra.config.reference"


def validator() -> Draft7Validator:
    made = schema()
    Draft7Validator.check_schema(made)
    return Draft7Validator(made)


def read(text: str) -> Any:
    # As an editor reads it: the pure parser, because the C one refuses `[arn:aws:x]`.
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(text)))


def properties() -> set[str]:
    """Return every key that the schema knows, but for those of policy documents."""
    made = schema()
    models = [made, *made["definitions"].values()]
    return {key for model in models for key in model["properties"]}


def objects(node: Any) -> list[dict[str, Any]]:
    found = [node] if isinstance(node, dict) else []
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return found + [each for child in children for each in objects(child)]


def test_it_is_draft_07_and_accepts_the_example() -> None:
    assert schema()["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema()["$id"].startswith("https://")
    assert not list(validator().iter_errors(read(EXAMPLE.read_text())))


@pytest.mark.parametrize(
    "broken",
    [
        "roles: {}",
        "version: 2\nnamespace: n\nregion: us-east-1",
        "version: 1\nnamespace: N\nregion: us-east-1",
        "version: 1\nnamespace: n\nregion: us-est-1",
        "version: 1\nnamespace: n\nregion: us-east-1\nhost: {}",
        "version: 1\nnamespace: n\nregion: us-east-1\nhosts: {h1: {}}",
        "version: 1\nnamespace: n\nregion: us-east-1\nhosts: {h_1: {roles: [a]}}",
        "version: 1\nnamespace: n\nregion: us-east-1\nhosts: {h1: {roles: []}}",
        "version: 1\nnamespace: n\nregion: us-east-1\nhosts: {h1: {roles: [a], certificate: {validity: 90}}}",
        "version: 1\nnamespace: n\nregion: us-east-1\nhosts: {h1: {roles: [a], sops: secrets/h1.json}}",
        "version: 1\nnamespace: n\nregion: us-east-1\nroles: {r: {protect: no}}",
        "version: 1\nnamespace: n\nregion: us-east-1\nroles: {r: {policies: [x]}}",
        "version: 1\nnamespace: n\nregion: us-east-1\nroles: {r: {session_policy: {Version: 1}}}",
        "version: 1\nnamespace: n\nregion: us-east-1\nroles: {r: {description: null}}",
        "version: 1\nnamespace: n\nregion: us-east-1\nlimits: {max_delete_percent: 101}",
        "version: 1\nnamespace: n\nregion: us-east-1\nroles: {r: {tags: {'a#': b}}}",
    ],
)
def test_it_refuses(broken: str) -> None:
    assert list(validator().iter_errors(read(broken)))


def test_every_key_has_a_description_and_an_example_that_fits() -> None:
    made = schema()
    for name, model in {"file": made, **made["definitions"]}.items():
        assert model["description"], name
        for key, value in model["properties"].items():
            assert value.get("description") or "allOf" in value, (name, key)
            assert value.get("examples"), (name, key)
            check = Draft7Validator({**value, "definitions": made["definitions"]})
            for sample in [*value["examples"], *([value["default"]] if "default" in value else [])]:
                assert check.is_valid(sample), (name, key, sample)


def test_references_stand_alone_since_draft_07_ignores_their_neighbours() -> None:
    assert all(set(each) == {"$ref"} for each in objects(schema()) if "$ref" in each)


def test_the_example_shows_every_key() -> None:
    text = EXAMPLE.read_text()
    missing = {key for key in properties() if not re.search(rf"(^|[\s{{#]){key}:", text, re.MULTILINE)}
    assert not missing


def test_the_example_protects_nothing() -> None:
    # It is applied and destroyed as it is.
    assert not re.search(r"^\s*protect:", EXAMPLE.read_text(), re.MULTILINE)


def test_the_committed_schema_is_up_to_date() -> None:
    assert (ROOT / "docs" / SCHEMA_FILE).read_text() == schema_text(), RENEW


def test_the_committed_reference_is_up_to_date() -> None:
    assert (ROOT / "docs" / REFERENCE_FILE).read_text() == reference(), RENEW


def test_the_links_of_the_reference_lead_somewhere() -> None:
    text = reference()
    heads = {re.sub(r"[`.<>]", "", head).lower() for head in re.findall("^## (.*)$", text, re.MULTILINE)}
    assert set(re.findall(r"\(#([^)]*)\)", text)) <= heads
