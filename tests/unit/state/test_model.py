from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iam_ra.engine.address import Address
from iam_ra.engine.errors import StateError
from iam_ra.engine.part import Recorded
from iam_ra.state.model import State

LINEAGE = "6f0c4d1e-0000-4000-8000-000000000001"

texts = st.text(min_size=1, max_size=8)
leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)
objects = st.dictionaries(texts, values, max_size=4)
addresses = st.builds(Address, texts.filter(lambda text: ":" not in text), texts)
records = st.builds(
    Recorded,
    addresses,
    texts,
    objects,
    objects,
    st.lists(addresses, max_size=3).map(tuple),
    st.lists(addresses, max_size=3).map(tuple),
    st.booleans(),
)


def part(address: str = "role/a:stack") -> Recorded:
    return Recorded(Address.parse(address), "role-stack", {"v": [1, None]}, {"RoleArn": "arn"})


def document(**changes: Any) -> bytes:
    found = json.loads(State("default", LINEAGE, 7, {part().address: part()}).to_json())
    return json.dumps({**found, **changes}).encode()


@given(st.lists(records, max_size=5), st.integers(0))
def test_what_is_written_is_read_back(recorded: list[Recorded], serial: int) -> None:
    state = State("default", LINEAGE, serial, {each.address: each for each in recorded})
    assert State.from_json(state.to_json(), "default") == state


@given(st.lists(records, max_size=5))
def test_the_order_of_parts_never_shows(recorded: list[Recorded]) -> None:
    parts = {each.address: each for each in recorded}
    turned = dict(reversed(list(parts.items())))
    assert State("default", LINEAGE, 1, parts).to_json() == State("default", LINEAGE, 1, turned).to_json()


def test_a_fresh_state_has_a_lineage_of_its_own_or_the_stacks() -> None:
    assert State.fresh("default").lineage != State.fresh("default").lineage
    assert State.fresh("default", LINEAGE) == State("default", LINEAGE, 0, {})


def test_a_newer_minor_format_is_read_and_a_newer_major_one_refused() -> None:
    assert State.from_json(document(format_version="1.7", more="things"), "default").serial == 7
    with pytest.raises(StateError, match=r"format 2\.0") as error:
        State.from_json(document(format_version="2.0", tool_version="9.9", parts="other"), "default")
    assert "9.9" in error.value.why
    assert "newer" in error.value.fix


def test_anothers_state_is_refused() -> None:
    with pytest.raises(StateError, match="belongs to namespace other, not to default"):
        State.from_json(document(namespace="other"), "default")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"\xff\xfe",
        b"{}",
        document(parts=None),
        document(parts=[]),
        document(parts={"no address": {}}),
        document(parts={"a:b": {}}),
        document(parts={"a:b": None}),
        document(parts={"a:b": {"kind": "k", "inputs": [], "outputs": {}}}),
        document(parts={"a:b": {"kind": "k", "inputs": {}, "outputs": "x"}}),
        document(parts={"a:b": {"kind": "k", "inputs": {}, "outputs": {}, "depends_on": [1]}}),
        document(serial="many"),
        document(serial=None),
    ],
)
def test_damage_is_said_with_the_way_back(data: bytes) -> None:
    with pytest.raises(StateError, match="cannot be read") as error:
        State.from_json(data, "default")
    assert "damaged" in error.value.why
    assert "earlier version" in error.value.fix


@pytest.mark.parametrize("length", range(0, len(document()), 17))
def test_a_truncated_state_is_never_taken_for_a_whole_one(length: int) -> None:
    with pytest.raises(StateError):
        State.from_json(document()[:length], "default")
