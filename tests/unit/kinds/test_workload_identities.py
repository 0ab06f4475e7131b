"""Identities of workloads: none opens what its next owner is given, for as long as certificates say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.kinds.samples import namespace, parts

from iam_ra.engine.part import Recorded
from iam_ra.kinds.manifests import workload_conflicts

if TYPE_CHECKING:
    from pathlib import Path

    from iam_ra.config.model import Namespace

HEAD = "roles: {a: {}, b: {}}\nclusters:\n"


def conflicts(before: Namespace, after: Namespace) -> dict[str, str]:
    known = {
        each.address: Recorded(each.address, each.kind, each.inputs, {}) for each in parts(before).values()
    }
    return {str(each.address): each.text for each in workload_conflicts(after, known)}


def test_an_identity_does_not_move_to_another_namespace(tmp_path: Path) -> None:
    life = "certificate: {duration: 20d}"
    before = namespace(
        tmp_path, f"{HEAD}  prod: {{workloads: {{shop/api: {{role: a, identity: api, {life}}}}}}}\n"
    )
    after = namespace(tmp_path, f"{HEAD}  prod: {{workloads: {{bank/api: {{role: b, identity: api}}}}}}\n")
    found = conflicts(before, after)
    assert list(found) == ["workload/prod/bank/api:manifests"]
    text = found["workload/prod/bank/api:manifests"]
    assert "certificates of workload/prod/shop/api say api too" in text
    assert "20d" in text


def test_who_could_ask_for_the_name_anyway_may_have_it(tmp_path: Path) -> None:
    before = namespace(tmp_path, f"{HEAD}  prod: {{workloads: {{shop/api: {{role: a, identity: api}}}}}}\n")
    same = "shop/web: {role: b, identity: api}"
    assert not conflicts(before, before)
    assert not conflicts(before, namespace(tmp_path, f"{HEAD}  prod: {{workloads: {{{same}}}}}\n"))
    # Another cluster has another authority.
    assert not conflicts(before, namespace(tmp_path, f"{HEAD}  test: {{workloads: {{bank/{same[5:]}}}}}\n"))
