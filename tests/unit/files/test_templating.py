from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateError

from iam_ra.engine.errors import InternalError
from iam_ra.files import templating
from iam_ra.pki.secret import Secret
from iam_ra.shipped import names, source

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


# Pages are HTML, which escapes by other rules: tests/unit/render/test_html.py.
@pytest.mark.parametrize("name", sorted(each for each in names() if not each.startswith("report/")))
def test_every_template_compiles_with_its_outputs_guarded(name: str) -> None:
    templating.compile_source(source(name))
    assert templating.source_digest(name) == hashlib.sha256(source(name).encode()).hexdigest()


def test_there_are_templates() -> None:
    assert any(name.startswith("cloudformation/") for name in names())


@pytest.mark.parametrize(
    "text",
    [
        "{{ name }}",
        "{{ name | upper }}",
        "{{ name | tojson | upper }}",
        '{{ "a" ~ name | tojson }}',
        "{{ name | tojson if name else name }}",
        "{{ name | tojson ~ name }}",
        "a\n{% for x in name %}{{ x }}{% endfor %}",
        "{% if name %}{% for x in name %}\n{{ x | safe }}{% endfor %}{% endif %}",
        "{% macro m(x) %}{{ x | tojson }}{% endmacro %}{{ m(name) }}",
        "{% set x %}{{ name }}{% endset %}{{ x | tojson }}",
    ],
)
def test_an_output_without_tojson_is_refused(text: str) -> None:
    with pytest.raises(TemplateError, match="an output must end in"):
        templating.compile_source(text)


@pytest.mark.parametrize(
    "text", ["{{ a.b | tojson }}", "{{ [1] | tojson(indent=2) }}", '{{ ("a" ~ b) | tojson }}', "x"]
)
def test_a_guarded_output_is_taken(text: str) -> None:
    templating.compile_source(text)


@pytest.mark.parametrize(
    "text", ["{% include 'cloudformation/init.json' %}", "{% extends 'a' %}", "{% import 'a' as b %}"]
)
def test_a_template_stands_alone(text: str) -> None:
    with pytest.raises((TemplateError, TypeError)):
        templating.compile_source(text).render()


@given(values)
def test_no_value_breaks_out(value: object) -> None:
    template = templating.compile_source(
        '{"before": 1, "value": {{ value | tojson }}, "after": [{{ value | tojson }}]}'
    )
    assert json.loads(template.render(value=value)) == {"before": 1, "value": value, "after": [value]}


def test_the_order_of_a_mapping_does_not_show() -> None:
    template = templating.compile_source("{{ value | tojson }}")
    assert template.render(value={"a": 1, "b": 2}) == template.render(value={"b": 2, "a": 1})


def test_a_missing_value_is_named() -> None:
    name = "cloudformation/init.json"
    with pytest.raises(InternalError) as caught:
        templating.render(name)
    assert name in caught.value.what
    assert "is undefined" in caught.value.why


def test_a_secret_cannot_be_rendered() -> None:
    with pytest.raises(TypeError, match="Secret has no form in JSON"):
        templating.compile_source("{{ value | tojson }}").render(value={"key": [Secret("PLANTED")]})


def test_an_unknown_template_is_named() -> None:
    for name in ("nope.json", "../pyproject.toml", "cloudformation"):
        with pytest.raises(InternalError, match="no template"):
            templating.render(name)
