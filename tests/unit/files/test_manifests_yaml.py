"""What is written is what every parser of YAML reads: 1.1 as in Go's, here PyYAML's, and 1.2, here ruamel's."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from iam_ra.engine.errors import InternalError
from iam_ra.files.manifests.documents import data
from iam_ra.files.manifests.yaml import dump
from iam_ra.pki.secret import Secret

AWKWARD = (
    *(
        "on",
        "NO",
        "y",
        "1:30",
        "0x1f",
        "1e3",
        ".inf",
        "~",
        "null",
        "<<",
        "=",
        "2001-01-01",
        "0o7",
        "1_000",
        "",
    ),
    *(
        "a: b",
        "a #b",
        "- a",
        "--- a",
        "---",
        "...",
        "--port",
        "-1",
        "--1",
        "a:",
        ":a",
        "%a",
        "a::b",
        "a : b",
        "? a",
    ),
    *("\nfoo", "foo\n\nbar", "  a\nb\n", "a\n b\n", "a\n\n", "a\n\n\nb", "\n", "a\tb\nc", "a \nb", "# a\nb"),
    *(
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "@a",
        "`a",
        "{a",
        "[a",
        "a, b",
        "'a'",
        '"a"',
        "\\",
        "é",
        "🦊",
        "\u2028",
        "\x00",
        "\x7f",
    ),
)
texts = (
    st.text()
    | st.text(alphabet="ab \n-:#'\"{}[]&*!|>%@`,?~0123456789.eExXonyNO\t=<_")
    | st.sampled_from(AWKWARD)
)
# Keys that are longer than 1,024 characters as written are no keys to YAML.
keys = texts.map(lambda text: text[:80])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=150)
@given(values)
def test_every_parser_reads_what_was_meant(value: Any) -> None:
    text = dump(value)
    assert text.isascii()
    assert yaml.safe_load(text) == value
    assert YAML(typ="safe", pure=True).load(text) == value


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_texts_stay_texts_wherever_they_stand(text: str) -> None:
    value = {text: text, "list": [text, [text], {text: [text]}]}
    assert yaml.safe_load(dump(value)) == value
    assert YAML(typ="safe", pure=True).load(dump(value)) == value


def test_it_looks_as_people_write_it() -> None:
    value = {
        "name": "api",
        "args": ["serve", "--port", "9911", "arn:aws:iam::1:role/x"],
        "env": [{"name": "A", "value": "http://127.0.0.1:9911"}],
        "script": "has(a)\n&& b\n",
        "none": {},
        "mode": 292,
    }
    assert dump(value) == (
        'name: api\nargs:\n- serve\n- --port\n- "9911"\n- arn:aws:iam::1:role/x\n'
        "env:\n- name: A\n  value: http://127.0.0.1:9911\nscript: |\n  has(a)\n  && b\nnone: {}\nmode: 292\n"
    )


@pytest.mark.parametrize("value", [1.5, Secret("PLANTED"), {"a": b"x"}, [object()]])
def test_what_has_no_form_is_refused(value: Any) -> None:
    with pytest.raises(InternalError, match="cannot be written") as caught:
        dump(value)
    assert "PLANTED" not in str(caught.value)


@pytest.mark.parametrize("text", AWKWARD)
def test_a_text_passes_a_template(text: str) -> None:
    (document,) = data("configmap", name=text, namespace="n", data={text: f"{text}🦊\\ud83e"})
    assert document["metadata"]["name"] == text
    assert document["data"] == {text: f"{text}🦊\\ud83e"}
