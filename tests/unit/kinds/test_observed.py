from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.kinds.samples import LINEAGE, NAMES, NOW, init_stack, secret, snapshot, stack

from iam_ra.aws.naming import LINEAGE_TAG, NAMESPACE_TAG
from iam_ra.aws.stacks import DEAD
from iam_ra.engine.action import Action, Cause
from iam_ra.engine.address import Address
from iam_ra.engine.part import Observed, Presence, Recorded
from iam_ra.kinds.base import all_kinds
from iam_ra.kinds.host_keys import mirror_name, version_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.engine.diff import Finding

SERIAL = "255"
CERTIFICATE = "/iam-ra/default/hosts/web/certificate"
PRIVATE_KEY = "/iam-ra/default/hosts/web/private-key"
SECRETS = (secret(CERTIFICATE), secret(PRIVATE_KEY))
MIRROR = f"default/hosts/web/{mirror_name(SERIAL)}"


def seen_in(world: Snapshot) -> dict[str, Observed]:
    """Return what all kinds see, by address; no two may see the same part."""
    found: dict[str, Observed] = {}
    for kind in all_kinds().values():
        for address, seen in kind.observed(world).items():
            assert str(address) not in found
            found[str(address)] = seen
            if seen.presence is not Presence.FOREIGN:
                assert seen.facts["kind"] == kind.name
    return found


def recorded(address: str, outputs: Mapping[str, Any], inputs: Mapping[str, Any] | None = None) -> Recorded:
    kinds = {
        "certificate": "host-certificate",
        "secrets": "host-secrets",
        "sops": "host-sops",
        "aws-config": "host-aws-config",
    }
    place = Address.parse(address)
    kind = "authority-certificate" if place.entity.startswith("ca/") else kinds[place.part]
    return Recorded(place, kind, inputs or {}, outputs)


def review(known: Recorded, world: Snapshot) -> Finding | None:
    kind = all_kinds()[known.kind]
    return kind.review(known, kind.observed(world).get(known.address), world.caller.now)


def causes(found: Finding | None) -> list[Cause]:
    return [] if found is None else [reason.cause for reason in found.reasons]


def test_an_empty_world_shows_nothing() -> None:
    assert not seen_in(snapshot())


def test_every_stack_of_ours_is_the_part_that_its_name_says() -> None:
    world = snapshot(
        init_stack(),
        stack("iam-ra-default-rootca", address="ca/default:stack"),
        stack("iam-ra-default-rootca-factory"),
        stack("iam-ra-default-role-admin"),
        stack("iam-ra-default-host-web", outputs={"Digest": "d"}),
        roles=frozenset({"iam-ra-default-admin"}),
        secrets=SECRETS,
    )
    found = seen_in(world)
    assert set(found) == {
        "init:stack",
        "ca/default:stack",
        "ca/factory:stack",
        "role/admin:stack",
        "host/web:stack",
        "host/web:secrets",
    }
    assert {each.presence for each in found.values()} == {Presence.PRESENT}
    assert found["host/web:stack"].facts["Digest"] == "d"


def test_a_stack_of_an_authority_that_could_not_be_ours_is_not_taken_for_the_default_one() -> None:
    world = snapshot(
        init_stack(), stack("iam-ra-default-rootca"), stack("iam-ra-default-rootca-default", tags={})
    )
    assert seen_in(world)["ca/default:stack"].presence is Presence.PRESENT


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {NAMESPACE_TAG: "default"},
        {NAMESPACE_TAG: "default", LINEAGE_TAG: "another"},
        {NAMESPACE_TAG: "other", LINEAGE_TAG: LINEAGE},
    ],
)
def test_a_stack_with_our_name_and_other_tags_is_foreign(tags: dict[str, str]) -> None:
    found = seen_in(snapshot(init_stack(), stack("iam-ra-default-role-admin", tags=tags)))
    assert found["role/admin:stack"].presence is Presence.FOREIGN
    assert "iam-ra-default-role-admin" in found["role/admin:stack"].note


@pytest.mark.parametrize("lineage", [LINEAGE, None])
def test_what_an_earlier_life_of_the_namespace_left_is_foreign_with_the_way_to_delete_it(
    lineage: str | None,
) -> None:
    stray = stack("iam-ra-default-host-old", tags={NAMESPACE_TAG: "default", LINEAGE_TAG: "0-0"})
    world = replace(snapshot(*([init_stack()] if lineage else []), stray), lineage=lineage)
    seen = seen_in(world)["host/old:stack"]
    assert seen.presence is Presence.FOREIGN
    assert "an earlier life of this namespace left" in seen.note
    command = "aws cloudformation delete-stack --stack-name iam-ra-default-host-old --region ap-southeast-2"
    assert command in seen.note


@pytest.mark.parametrize("tags", [{}, {NAMESPACE_TAG: "default"}, {NAMESPACE_TAG: "x", LINEAGE_TAG: "0-0"}])
def test_a_stack_that_somebody_else_made_is_not_from_an_earlier_life(tags: dict[str, str]) -> None:
    seen = seen_in(snapshot(init_stack(), stack("iam-ra-default-host-old", tags=tags)))["host/old:stack"]
    assert "delete-stack" not in seen.note
    assert not seen.facts


def test_an_init_stack_that_another_made_is_foreign() -> None:
    foreign = stack("iam-ra-default-init", tags={}, uuid=LINEAGE)
    assert seen_in(snapshot(foreign))["init:stack"].presence is Presence.FOREIGN


@pytest.mark.parametrize("status", sorted(DEAD))
def test_a_stack_beyond_repair_is_broken(status: str) -> None:
    world = snapshot(init_stack(), stack("iam-ra-default-role-admin", status))
    found = seen_in(world)["role/admin:stack"]
    assert found.presence is Presence.BROKEN
    assert status in found.note


def test_a_role_of_our_name_without_a_stack_is_foreign_and_a_longer_name_is_another() -> None:
    found = seen_in(
        snapshot(init_stack(), roles=frozenset({"iam-ra-default-admin", "iam-ra-other-admin", "x"}))
    )
    assert found.keys() == {"init:stack", "role/admin:stack"}
    assert found["role/admin:stack"].presence is Presence.FOREIGN


def test_a_stack_whose_role_is_gone_is_broken() -> None:
    world = snapshot(init_stack(), stack("iam-ra-default-role-admin"))
    assert seen_in(world)["role/admin:stack"].presence is Presence.BROKEN


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"])
def test_a_stack_in_progress_may_still_lack_what_it_is_making(status: str) -> None:
    world = snapshot(
        init_stack(), stack("iam-ra-default-host-web", status), stack("iam-ra-default-role-admin", status)
    )
    found = seen_in(world)
    assert found["host/web:stack"].presence is Presence.PRESENT
    assert found["role/admin:stack"].presence is Presence.PRESENT


@pytest.mark.parametrize("left", SECRETS)
def test_a_host_stack_without_one_of_its_secrets_is_broken(left: Any) -> None:
    world = snapshot(init_stack(), stack("iam-ra-default-host-web"), secrets=(left,))
    assert seen_in(world)["host/web:stack"].presence is Presence.BROKEN


@pytest.mark.parametrize("is_deleted", [True, False])
def test_secrets_without_their_stack_are_not_ours_or_on_their_way_out(is_deleted: bool) -> None:
    world = snapshot(init_stack(), secrets=(secret(PRIVATE_KEY, is_deleted=is_deleted),))
    assert seen_in(world).keys() == {"init:stack"}


def secrets_of(version: str | None, *, is_deleted: bool = False) -> Snapshot:
    pair = (secret(CERTIFICATE, version), secret(PRIVATE_KEY, version, is_deleted=is_deleted))
    return snapshot(init_stack(), stack("iam-ra-default-host-web"), secrets=pair)


def test_values_that_were_changed_lost_or_scheduled_are_drift() -> None:
    token = version_token(SERIAL)
    known = recorded("host/web:secrets", {"certificate_version": token, "private_key_version": token})
    assert review(known, secrets_of(token)) is None
    assert causes(review(known, secrets_of("0" * 40))) == [Cause.DRIFTED]
    assert causes(review(known, secrets_of(None))) == [Cause.DRIFTED]
    assert causes(review(known, secrets_of(token, is_deleted=True))) == [Cause.DRIFTED]
    assert causes(review(known, snapshot(init_stack()))) == [Cause.MISSING]


def leaf(**outputs: Any) -> Recorded:
    end = NOW + timedelta(days=365)
    known = {
        "serial": SERIAL,
        "not_after": end.isoformat(),
        "object": '"1"',
        "earlier": [],
        "ends_with_authority": False,
        **outputs,
    }
    return recorded(
        "host/web:certificate",
        known,
        {"renew_before": "60d", "ca": "default", "generation": 1, "identity": "web"},
    )


def bucket(etag: str | None = '"1"', *, mirrored: bool = True) -> Snapshot:
    objects = {} if etag is None else {"default/hosts/web/certificate.pem": etag}
    if mirrored:
        objects[MIRROR] = '"m"'
    return snapshot(objects=objects)


def test_a_certificate_is_left_alone_while_all_is_well() -> None:
    assert review(leaf(), bucket()) is None


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(days=60, seconds=1), []),
        (timedelta(days=60), [Cause.RENEWAL]),
        (timedelta(days=1), [Cause.RENEWAL]),
        (timedelta(days=-9), [Cause.RENEWAL]),
    ],
)
def test_a_certificate_is_renewed_from_its_day_on(left: timedelta, expected: list[Cause]) -> None:
    assert causes(review(leaf(not_after=(NOW + left).isoformat()), bucket())) == expected


def test_a_certificate_that_ends_with_its_authority_is_not_renewed_again_and_again() -> None:
    end = (NOW + timedelta(days=1)).isoformat()
    assert review(leaf(not_after=end, ends_with_authority=True), bucket()) is None


def test_a_copy_that_was_changed_or_deleted_is_put_right() -> None:
    assert causes(review(leaf(), bucket('"2"'))) == [Cause.DRIFTED]
    assert causes(review(leaf(), bucket(None))) == [Cause.DRIFTED]


def test_a_key_without_any_copy_is_lost() -> None:
    assert causes(review(leaf(), bucket(mirrored=False))) == [Cause.KEY_LOST]


@pytest.mark.parametrize(
    ("version", "is_deleted", "expected"),
    [
        (version_token(SERIAL), False, []),
        (version_token(SERIAL), True, [Cause.KEY_LOST]),
        (version_token("7"), False, [Cause.KEY_LOST]),
        (None, False, [Cause.KEY_LOST]),
        ("written-by-hand", False, [Cause.KEY_LOST]),
    ],
)
def test_a_secret_is_a_copy_if_its_version_is_the_serial(
    version: str | None, is_deleted: bool, expected: list[Cause]
) -> None:
    world = snapshot(
        objects={"default/hosts/web/certificate.pem": '"1"'},
        secrets=(secret(PRIVATE_KEY, version, is_deleted=is_deleted),),
    )
    assert causes(review(leaf(), world)) == expected


def test_an_overlap_that_is_over_changes_nothing_of_the_certificate_itself() -> None:
    past = (NOW - timedelta(days=1)).isoformat()
    over = {"serial": "1", "ca": "default", "identity": "old", "until": past}
    assert review(leaf(earlier=[over]), bucket()) is None


def test_an_authority_is_seen_by_its_certificate_in_the_bucket() -> None:
    objects = {
        "default/ca/default/certificate.pem": '"1"',
        "default/ca/factory/certificate.pem": '"2"',
        "default/ca/certificate.pem": '"3"',
        "default/ca/a/b/other.pem": '"4"',
        "default/ledger/default/00.json": '"5"',
        "default/state.json": '"6"',
        "default/lock.json": '"7"',
        "default/history/x.json": '"8"',
    }
    assert seen_in(snapshot(objects=objects)).keys() == {"ca/default:certificate", "ca/factory:certificate"}
    known = recorded("ca/default:certificate", {"object": '"1"'})
    assert review(known, snapshot(objects=objects)) is None
    assert causes(
        review(known, snapshot(objects={**objects, "default/ca/default/certificate.pem": '"9"'}))
    ) == [Cause.DRIFTED]
    assert causes(review(known, snapshot())) == [Cause.DRIFTED]


@pytest.mark.parametrize(
    ("file", "mirror", "notes"),
    [
        ("f", '"m"', []),
        (None, '"m"', ["web.yaml was deleted"]),
        ("other", '"m"', ["web.yaml was edited"]),
        ("f", '"n"', ["its mirror in the bucket was changed"]),
        ("f", None, ["its mirror in the bucket was deleted"]),
        (None, None, ["web.yaml was deleted", "its mirror in the bucket was deleted"]),
    ],
)
def test_a_sops_file_and_its_mirror_are_watched(
    file: str | None, mirror: str | None, notes: list[str]
) -> None:
    known = recorded("host/web:sops", {"file": "f", "mirror": '"m"'}, {"path": "web.yaml", "serial": SERIAL})
    objects = {} if mirror is None else {MIRROR: mirror}
    found = review(known, snapshot(objects=objects, files={known.address: file}))
    assert [reason.text for reason in (found.reasons if found else ())] == notes
    assert found is None or found.action is Action.UPDATE


def test_a_mirror_without_a_record_is_what_a_killed_apply_left() -> None:
    found = seen_in(snapshot(objects={MIRROR: '"m"'}))
    assert found.keys() == {"host/web:sops"}


@pytest.mark.parametrize("kind", all_kinds())
def test_hostile_objects_secrets_and_stacks_stop_nobody(kind: str) -> None:
    odd = [
        "default/hosts/",
        "default/hosts//certificate.pem",
        "default/ca//certificate.pem",
        "default/",
        "x",
        "default/hosts/a/b/c",
    ]
    world = snapshot(
        stack("iam-ra-default-role-", tags={}),
        stack("iam-ra-default-host-a-b", tags={}),
        roles=frozenset({"iam-ra-default-", "iam-ra-default"}),
        secrets=(secret("/iam-ra/default/hosts/"), secret("/iam-ra/default/hosts/a/b/private-key", "zz")),
        objects=dict.fromkeys(odd, '"1"'),
    )
    for seen in all_kinds()[kind].observed(world).values():
        assert seen.presence in Presence


def test_names_and_reviews_agree_on_the_namespace() -> None:
    assert NAMES.host_key("web", mirror_name(SERIAL)) == MIRROR
