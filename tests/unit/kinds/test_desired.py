from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML
from tests.unit.kinds.samples import NOW, known_values, namespace, parts

from iam_ra.engine.diff import make_plan
from iam_ra.engine.part import references, resolve
from iam_ra.kinds.base import all_kinds

if TYPE_CHECKING:
    from iam_ra.engine.address import Address
    from iam_ra.engine.part import Part

EXAMPLE = Path(__file__).parents[3] / "iam-ra.yaml.example"
MINIMAL = "roles:\n  admin: {}\nhosts:\n  web: {roles: [admin]}\n"
HOSTLESS = "roles:\n  admin: {}\n"
SOPS_ONLY = "defaults: {delivery: [sops]}\nroles:\n  admin: {}\nhosts:\n  web: {roles: [admin]}\n"
SCOPES = (
    "certificate_authorities:\n  default: {}\n  factory: {}\n"
    "roles:\n  admin: {}\n  robot: {}\n"
    "hosts:\n"
    "  web: {roles: [robot, admin], default_role: admin}\n"
    "  arm: {roles: [robot], ca: factory, identity: arm.example.com}\n"
    "  leg: {roles: [robot], ca: factory}\n"
)


def example() -> str:
    text = EXAMPLE.read_text(encoding="utf-8")
    return text[text.index("\ndefaults:") :]


FILES = {"minimal": MINIMAL, "no host": HOSTLESS, "sops": SOPS_ONLY, "scopes": SCOPES, "example": example()}


def addresses(found: dict[Address, Part], entity: str) -> set[str]:
    return {address.part for address in found if address.entity == entity}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_the_parts_of_a_file_can_be_made(tmp_path: Path, text: str) -> None:
    found = parts(namespace(tmp_path, text))
    for address, part in found.items():
        for each in references(part.inputs):
            assert each.address in found, f"{address} refers to {each.address}"
        assert set(part.depends_on) <= found.keys()
        assert set(part.released_by) <= found.keys()
    plan = make_plan(found.values(), {}, {}, all_kinds(), NOW)
    assert len(plan.changes) == len(found)
    assert str(plan.changes[0].address) == "init:stack"


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_inputs_survive_the_state(tmp_path: Path, text: str) -> None:
    for part in parts(namespace(tmp_path, text)).values():
        inputs = resolve(part.inputs, known_values)
        assert json.loads(json.dumps(inputs, allow_nan=False)) == inputs


def shuffled(value: Any, shuffler: random.Random) -> Any:
    """Return the same file with its mappings, and the lists in it that are sets, in another order."""
    if isinstance(value, dict):
        entries = [
            (key, each if key.endswith(("policies", "policy")) else shuffled(each, shuffler))
            for key, each in value.items()
        ]
        return dict(shuffler.sample(entries, len(entries)))
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return shuffler.sample(value, len(value))
    return value


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_the_order_of_entries_never_changes_the_parts(tmp_path: Path, text: str) -> None:
    first = parts(namespace(tmp_path, text))
    yaml = YAML(typ="safe", pure=True)
    for seed in range(4):
        turned = shuffled(yaml.load(text), random.Random(seed))  # noqa: S311
        lines = [f"{key}: {json.dumps(each)}\n" for key, each in turned.items()]
        assert parts(namespace(tmp_path, "".join(lines))) == first


def test_a_host_has_what_it_is_delivered_by(tmp_path: Path) -> None:
    both = parts(namespace(tmp_path, MINIMAL))
    assert addresses(both, "host/web") >= {"certificate", "stack", "secrets", "sops"}
    sops = parts(namespace(tmp_path, SOPS_ONLY))
    assert addresses(both, "host/web") - addresses(sops, "host/web") == {"stack", "secrets"}


def test_an_authority_is_there_without_being_written(tmp_path: Path) -> None:
    assert addresses(parts(namespace(tmp_path, HOSTLESS)), "ca/default") == {"certificate", "stack"}


def test_a_role_trusts_exactly_the_files_hosts_each_by_its_own_authority(tmp_path: Path) -> None:
    found = {str(address): part for address, part in parts(namespace(tmp_path, SCOPES)).items()}
    trust = found["role/robot:stack"].inputs["trust"]
    assert [(each["trust_anchor"].address.entity, each["identities"]) for each in trust] == [
        ("ca/default", ["web"]),
        ("ca/factory", ["arm.example.com", "leg"]),
    ]
    (admin,) = found["role/admin:stack"].inputs["trust"]
    assert admin["identities"] == ["web"]


def test_a_role_without_hosts_trusts_nobody(tmp_path: Path) -> None:
    found = {str(address): part for address, part in parts(namespace(tmp_path, HOSTLESS)).items()}
    assert found["role/admin:stack"].inputs["trust"] == []


def test_a_host_goes_only_after_its_roles_let_go_of_it(tmp_path: Path) -> None:
    for address, part in parts(namespace(tmp_path, SCOPES)).items():
        if address.entity == "host/web" and address.part in {"certificate", "stack", "secrets", "sops"}:
            assert [str(each) for each in part.released_by] == ["role/admin:stack", "role/robot:stack"]


def test_a_sops_file_speaks_of_the_default_role(tmp_path: Path) -> None:
    found = {str(address): part for address, part in parts(namespace(tmp_path, SCOPES)).items()}
    assert found["host/web:sops"].inputs["role_arn"].address.entity == "role/admin"


@pytest.mark.parametrize(
    ("entry", "entity"),
    [("roles:\n  a: {protect: true}\n", "role/a"), ("certificate_authorities:\n  default: {protect: true}\nroles:\n  a: {}\n", "ca/default"),
     ("roles:\n  a: {}\nhosts:\n  web: {roles: [a], protect: true}\n", "host/web")],
)  # fmt: skip
def test_protection_is_on_a_part_of_the_entity_and_of_no_other(
    tmp_path: Path, entry: str, entity: str
) -> None:
    found = parts(namespace(tmp_path, entry))
    assert {address.entity for address, part in found.items() if part.protect} == {entity}


def test_no_part_holds_key_material(tmp_path: Path) -> None:
    for part in parts(namespace(tmp_path, example())).values():
        assert "PRIVATE KEY" not in repr(part)
