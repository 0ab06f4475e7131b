"""Laws that hold for every file: the order of entries never shows, and nothing but a ConfigError ever comes out."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from iam_ra.config.diagnostics import ConfigError
from iam_ra.config.load import Loaded, load

if TYPE_CHECKING:
    import random

EXAMPLE = (Path(__file__).parents[3] / "iam-ra.yaml.example").read_text()
CONTENT = json.loads(json.dumps(YAML(typ="safe", pure=True).load(EXAMPLE)))
CONTENT["clusters"] = {
    "prod": {
        "tags": {"team": "web", "site": "melbourne"},
        "workloads": {
            "shop/api": {
                "roles": ["admin", "readonly"],
                "default_role": "readonly",
                "containers": ["b", "a"],
            },
            "shop/job": {"role": "readonly"},
        },
    },
    "test": {
        "ca": {"delivery": "cluster"},
        "issuer": {"kind": "Issuer"},
        "workloads": {"a/b": {"role": "readonly"}},
    },
}
CONTENT["roles"]["admin"]["ca"] = ["default", "cluster/prod"]
# Lists whose order means something to AWS; all others are sets.
ORDERED = {"Statement", "Action"}

quick = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def shuffled(node: Any, rng: random.Random, key: str = "") -> Any:
    if isinstance(node, dict):
        pairs = [(name, shuffled(value, rng, name)) for name, value in node.items()]
        if key not in ORDERED and "Statement" not in node:
            rng.shuffle(pairs)
        return dict(pairs)
    if isinstance(node, list):
        items = [shuffled(each, rng, key) for each in node]
        if key not in ORDERED:
            rng.shuffle(items)
        return items
    return node


def outcome(path: Path, text: bytes) -> Loaded | ConfigError:
    path.write_bytes(text)
    try:
        return load(path)
    except ConfigError as error:
        broken = error
    # Every problem can be shown, whatever the file holds.
    assert broken.render()
    assert all(each.line >= 1 and each.column >= 1 and each.what for each in broken.diagnostics)
    return broken


def in_order(node: Any) -> list[Any]:
    """Return a value with the order of its mappings made visible."""
    if isinstance(node, dict):
        return [[key, in_order(value)] for key, value in node.items()]
    return [node]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("laws") / "iam-ra.yaml"


@given(rng=st.randoms(use_true_random=False))
@settings(quick, max_examples=60)
def test_the_order_of_entries_never_shows(path: Path, rng: random.Random) -> None:
    first = outcome(path, json.dumps(CONTENT).encode())
    second = outcome(path, json.dumps(shuffled(CONTENT, rng)).encode())
    assert isinstance(first, Loaded)
    assert isinstance(second, Loaded)
    assert first == second
    for section in ("authorities", "roles", "hosts", "clusters"):
        one, two = getattr(first.namespace, section), getattr(second.namespace, section)
        assert in_order(one) == in_order(two)
        assert [in_order(each.tags) for each in one.values()] == [
            in_order(each.tags) for each in two.values()
        ]


@given(st.binary(max_size=200))
@settings(quick, max_examples=200)
def test_random_bytes_never_crash(path: Path, text: bytes) -> None:
    outcome(path, text)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"%@`#?,<\n\t ~=.0", max_size=60))
@settings(quick, max_examples=300)
def test_random_yaml_never_crashes(path: Path, text: str) -> None:
    outcome(path, f"version: 1\nnamespace: n\nregion: us-east-1\nroles: {text}".encode())


LINES = EXAMPLE.splitlines(keepends=True)
SNIPPETS = (
    "*edge",
    "&edge ",
    "<<: ",
    "~",
    "[]",
    "{}",
    "- ",
    ": ",
    "'",
    '"',
    "\t",
    "\x00",
    "é",
    "no",
    "1",
    "!!x ",
    "---\n",
    "arn:aws:iam::aws:policy/X",
)


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """Return the example with lines dropped, doubled or swapped, and snippets put in or characters taken out."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        action = draw(st.sampled_from(["drop", "double", "swap", "insert", "cut"]))
        column = draw(st.integers(0, max(len(lines[at]) - 1, 0)))
        if action == "drop":
            lines[at] = "\n"
        elif action == "double":
            lines[at] *= 2
        elif action == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif action == "insert":
            lines[at] = lines[at][:column] + draw(st.sampled_from(SNIPPETS)) + lines[at][column:]
        else:
            lines[at] = lines[at][:column] + lines[at][column + draw(st.integers(1, 8)) :]
    return "".join(lines)


@given(mutations())
@settings(quick, max_examples=300)
def test_a_mutated_example_never_crashes(path: Path, text: str) -> None:
    outcome(path, text.encode())


VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e400,
    "",
    "a",
    "x" * 300,
    [],
    [[]],
    {},
    {"a": {}},
    ["a", "a"],
    [None],
    {"": 1},
    "\u2028",
    "é",
)


@st.composite
def distortions(draw: st.DrawFn) -> Any:
    """Return the example's content with values anywhere in it replaced by others of any type."""
    content = json.loads(json.dumps(CONTENT))
    for _ in range(draw(st.integers(1, 5))):
        node: Any = content
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if not isinstance(node[key], dict | list) or draw(st.integers(0, 3)) == 0:
                node[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
                break
            node = node[key]
    return content


@given(distortions())
@settings(quick, max_examples=300)
def test_values_of_any_type_anywhere_never_crash(path: Path, content: Any) -> None:
    outcome(path, json.dumps(content).encode())
