"""Every CloudFormation template: accepted by cfn-lint, and proof against whatever stands in its values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.kinds.samples import ANCHOR, KEY, blueprint, namespace, parts
from tests.unit.templates.linting import lint

from iam_ra.aws.naming import Names
from iam_ra.shipped import names, source

if TYPE_CHECKING:
    from collections.abc import Mapping


EVERYTHING = Path(__file__).parents[3] / "iam-ra.yaml.example"
MINIMAL = "roles:\n  admin: {}\nhosts:\n  web: {roles: [admin]}\n"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": "arn:aws:s3:::${aws:username}/*"}],
}
LARGEST_TEMPLATE = 51_200

# What each kind of stack is made from; MARK stands where the user, or AWS, puts a text.
MARK = "~~MARK~~"
INPUTS: dict[str, dict[str, Any]] = {
    "init-stack": {"template": "t"},
    "trust-anchor-stack": {
        "template": "t",
        "certificates": [f"1{MARK}"],
        "enabled": True,
        "notifications": [{"event": f"2{MARK}", "enabled": True, "threshold": 45}],
        "tags": {f"3{MARK}": f"4{MARK}"},
    },
    "role-stack": {
        "template": "t",
        "policies": [f"1{MARK}", f"2{MARK}"],
        "inline_policies": {f"3{MARK}": {"Statement": [{"Sid": f"4{MARK}", f"5{MARK}": [f"6{MARK}"]}]}},
        "permissions_boundary": f"7{MARK}",
        "session_policy": {"Statement": f"8{MARK}"},
        "session_duration": 3600,
        "accept_role_session_name": False,
        "enabled": True,
        "description": f"9{MARK}",
        "trust": [{"trust_anchor": f"a{MARK}", "identities": [f"b{MARK}", f"c{MARK}"]}],
        "tags": {f"d{MARK}": f"e{MARK}"},
    },
    "authority-key": {"template": "t", "key_spec": f"1{MARK}", "tags": {f"2{MARK}": f"3{MARK}"}},
    "host-stack": {"template": "t", "kms_key": f"1{MARK}", "tags": {f"2{MARK}": f"3{MARK}"}},
}
ENTITIES = {
    "init-stack": "init",
    "trust-anchor-stack": "ca/",
    "role-stack": "role/",
    "authority-key": "ca/",
    "host-stack": "host/",
}

HOSTILE = [
    '"',
    "'",
    "\\",
    '","Enabled":false,"x":"',
    "\n\r\t\x00\x1f\x7f",
    "{{ digest }}",
    "{% raw %}",
    "{# #}",
    "${AWS::Region}",
    "${TrustAnchor}",
    "</script><!--&amp;",
    '{"Ref": "AWS::AccountId"}',
    '{"Fn::GetAtt": ["Role", "Arn"]}',
    "!Ref Role",
    "Fn::Transform",
    "Zürich, Žluťoučký, 東京",
    "🦊‍🔥",
    "\u2028\u2029\ufeff\u202e",
    "x" * 200,
    "null",
    "true",
    "",
    " ",
]


def stacks_of(folder: Path, text: str) -> list[tuple[str, str]]:
    return [
        (str(address), blueprint(part.kind, address.entity, part.inputs).template)
        for address, part in parts(namespace(folder, text)).items()
        if address.part == "stack"
    ]


def filled(value: Any, text: str) -> Any:
    """Put a text where the mark stands: in values and in keys, also in those of JSON within a text."""
    if isinstance(value, dict):
        return {filled(key, text): filled(each, text) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, text) for each in value]
    if isinstance(value, str) and value.startswith("{") and MARK in value:
        return json.dumps(
            filled(json.loads(value), text), ensure_ascii=False, separators=(",", ":"), sort_keys=True
        )
    return value.replace(MARK, text) if isinstance(value, str) else value


def drawn(kind: str, inputs: Mapping[str, Any], name: str, space: str) -> tuple[Any, Mapping[str, str]]:
    entity = ENTITIES[kind] if kind == "init-stack" else f"{ENTITIES[kind]}{name}"
    made = blueprint(kind, entity, inputs, Names(space))
    template = json.loads(made.template)
    assert len(template["Outputs"].pop("Digest")["Value"]) == 64
    return template, made.tags


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_stands_where_it_belongs_and_changes_nothing_else(kind: str, text: str) -> None:
    benign, benign_tags = drawn(kind, INPUTS[kind], f"f{MARK}", f"0{MARK}")
    hostile, hostile_tags = drawn(kind, filled(INPUTS[kind], text), f"f{text}", f"0{text}")
    assert hostile == filled(benign, text)
    assert hostile_tags == filled(dict(benign_tags), text)


@settings(deadline=None, max_examples=50)
@given(st.text(), st.sampled_from(sorted(INPUTS)))
def test_any_text_stands_where_it_belongs_and_changes_nothing_else(text: str, kind: str) -> None:
    benign, _ = drawn(kind, INPUTS[kind], f"f{MARK}", f"0{MARK}")
    hostile, _ = drawn(kind, filled(INPUTS[kind], text), f"f{text}", f"0{text}")
    assert hostile == filled(benign, text)


def marks(value: Any) -> set[str]:
    return {text.split(MARK)[0][-1] for text in json.dumps(value).split('"') if MARK in text}


@pytest.mark.parametrize("kind", INPUTS)
def test_every_input_reaches_the_stack(kind: str) -> None:
    template, tags = drawn(kind, INPUTS[kind], f"f{MARK}", f"0{MARK}")
    given_marks = marks(INPUTS[kind])
    assert given_marks <= marks(template) | marks(dict(tags))


def walk(value: Any) -> list[Any]:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(found for each in children for found in walk(each))]


@pytest.mark.parametrize("kind", INPUTS)
def test_no_value_stands_in_an_intrinsic_function_that_reads_it(kind: str) -> None:
    template, _ = drawn(kind, INPUTS[kind], f"f{MARK}", f"0{MARK}")
    for each in walk(template):
        if isinstance(each, dict):
            functions = {key for key in each if key == "Ref" or key.startswith("Fn::")}
            assert functions <= {"Ref", "Fn::GetAtt", "Fn::Join"}
            if functions - {"Fn::Join"}:
                assert MARK not in json.dumps(each)


def test_there_are_no_parameters_conditions_or_mappings() -> None:
    for kind, inputs in INPUTS.items():
        template, _ = drawn(kind, inputs, "web", "default")
        assert template.keys() == {"AWSTemplateFormatVersion", "Description", "Resources", "Outputs"}


@pytest.mark.parametrize(
    "text", [MINIMAL, EVERYTHING.read_text(encoding="utf-8")], ids=["minimal", "everything"]
)
def test_cfn_lint_accepts_every_stack_of_a_file(tmp_path: Path, text: str) -> None:
    body = text[text.index("\ndefaults:") :] if "\ndefaults:" in text else text
    found = stacks_of(tmp_path, body)
    assert len(found) >= 4
    for address, template in found:
        assert not lint(template), address


def test_cfn_lint_accepts_hostile_texts_where_a_file_may_have_them(tmp_path: Path) -> None:
    text = (
        "roles:\n"
        "  admin:\n"
        '    description: "quotes \' \\" and {{ digest }} </script> é"\n'
        "    inline_policies:\n"
        "      all:\n"
        "        Version: '2012-10-17'\n"
        '        Statement: {Effect: Allow, Action: "*", Resource: "arn:aws:s3:::${aws:username}/*"}\n'
        "hosts:\n  web: {roles: [admin], identity: a=b+c@d.e_f}\n"
    )
    for address, template in stacks_of(tmp_path, text):
        assert not lint(template), address


@pytest.mark.parametrize("name", sorted(each for each in names() if each.startswith("cloudformation/")))
def test_a_template_has_a_digest_and_substitutes_nothing(name: str) -> None:
    assert '"Digest"' in source(name)
    assert "Fn::Sub" not in source(name)


def test_the_largest_role_fits_cloudformation() -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/" + "x" * 85}
    inputs = {
        **INPUTS["role-stack"],
        "policies": [f"arn:aws:iam::123456789012:policy/{'p' * 120}-{n:02}" for n in range(25)],
        "inline_policies": {"all": {"Version": "2012-10-17", "Statement": [statement] * 64}},
        "permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess",
        "session_policy": POLICY,
        "trust": [{"trust_anchor": ANCHOR, "identities": [f"host-{n:04}.example.com" for n in range(350)]}],
    }
    made = blueprint("role-stack", "role/admin", inputs)
    assert len(made.template.encode()) < LARGEST_TEMPLATE


def test_the_parts_of_a_stack_follow_the_file(tmp_path: Path) -> None:
    found = dict(stacks_of(tmp_path, MINIMAL))
    assert set(found) == {"init:stack", "ca/default:stack", "role/admin:stack", "host/web:stack"}
    host = json.loads(found["host/web:stack"])["Resources"]
    assert {each["Properties"]["KmsKeyId"] for each in host.values()} == {KEY}
    assert {each["Properties"]["Name"] for each in host.values()} == {
        "/iam-ra/default/hosts/web/certificate",
        "/iam-ra/default/hosts/web/private-key",
    }
