"""Which generations an authority has: by the calendar, by the file, by a wish, and by what hosts still need."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.kinds.samples import NAMES, NOW, namespace, parts, snapshot, stack

from iam_ra.engine.action import Cause
from iam_ra.engine.address import Address
from iam_ra.engine.part import Recorded
from iam_ra.kinds.authority import authority_certificate, authority_key, authority_key_file, revocation_list
from iam_ra.kinds.base import all_kinds
from iam_ra.kinds.generations import generation_conflicts, generation_warnings, with_generations
from iam_ra.kinds.host_certificate import host_certificate
from iam_ra.kinds.memory import NO_WISHES, Wishes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.config.model import Authority, Namespace

DAY = timedelta(days=1)
# Lives of 90 days: renew_before of the authority is 150 days.
SPEC = "defaults: {certificate: {validity: 90d, overlap: 10d}}\n"
FILE = (
    SPEC + "certificate_authorities: {default: {validity: 3y}}\nroles: {a: {}}\nhosts: {web: {roles: [a]}}\n"
)
ROTATE = Wishes(renew=frozenset({"ca/default"}))


def certificate(number: int = 1, *, ends: timedelta = 1000 * DAY, **inputs: str) -> Recorded:
    address = authority_certificate("default", number)
    settings = {"mode": "self-signed", "key_store": "file", "key": "ec-p256", "validity": "3y", **inputs}
    outputs = {"not_after": (NOW + ends).isoformat(), "certificate": f"G{number}", "serial": f"ca{number}"}
    return Recorded(address, "authority-certificate", settings, outputs)


def host(
    name: str, generation: int, *earlier: tuple[int, timedelta], serial: str = "7", ends: timedelta = 90 * DAY
) -> Recorded:
    outputs = {
        "serial": serial,
        "not_after": (NOW + ends).isoformat(),
        "earlier": [
            {"ca": "default", "generation": each, "serial": "1", "until": (NOW + until).isoformat()}
            for each, until in earlier
        ],
    }
    inputs = {"ca": "default", "generation": generation}
    return Recorded(host_certificate(name), "host-certificate", inputs, outputs)


def anchor(*certificates: str) -> Recorded:
    address = Address("ca/default", "stack")
    return Recorded(address, "trust-anchor-stack", {"certificates": list(certificates)}, {})


def state(*known: Recorded) -> dict[Address, Recorded]:
    return {part.address: part for part in known}


def authority(
    loaded: Namespace,
    known: Iterable[Recorded],
    wishes: Wishes = NO_WISHES,
    seen: Snapshot | None = None,
    now: datetime = NOW,
) -> Authority:
    found = with_generations(loaded, state(*known), seen or snapshot(), wishes, now)
    return found.authorities["default"]


def numbers(each: Authority) -> list[int]:
    return [generation.number for generation in each.generations]


def conflicts(loaded: Namespace, known: Iterable[Recorded], wishes: Wishes = NO_WISHES) -> dict[str, str]:
    found = generation_conflicts(loaded, state(*known), snapshot(), wishes, NOW)
    return {str(each.address): each.text for each in found}


# Beginning


def test_the_first_one_is_as_the_file_says(tmp_path: Path) -> None:
    (only,) = authority(namespace(tmp_path, FILE), ()).generations
    assert (only.number, only.key_store, only.validity, only.because) == (1, "file", 3 * 365 * DAY, ())


@pytest.mark.parametrize(("days", "expected"), [(151, [1]), (150, [1, 2]), (1, [1, 2]), (0, [1, 2])])
def test_the_calendar_begins_the_next_one(tmp_path: Path, days: int, expected: list[int]) -> None:
    found = authority(namespace(tmp_path, FILE), (certificate(ends=days * DAY), host("web", 1)))
    assert numbers(found) == expected
    reasons = found.current.because
    assert [each.cause for each in reasons] == [Cause.RENEWAL] * (len(expected) - 1)
    assert all("to be followed since" in each.text and "ends on 2026" in each.text for each in reasons)


def test_a_wish_begins_the_next_one_once(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, FILE)
    assert numbers(authority(loaded, (certificate(), host("web", 1)), ROTATE)) == [1, 2]
    # What a killed apply began in the bucket is what was wished for.
    begun = snapshot(objects={NAMES.authority_key("default", 2): "e"})
    assert numbers(authority(loaded, (certificate(), host("web", 1)), ROTATE, begun)) == [1, 2]
    # Nothing is there to follow yet, and others' wishes are others'.
    assert numbers(authority(loaded, (), ROTATE)) == [1]
    assert numbers(authority(loaded, (certificate(),), Wishes(renew=frozenset({"ca/lab", "host/web"})))) == [
        1
    ]


@pytest.mark.parametrize(
    ("recorded", "text"),
    [
        ({"key_store": "kms"}, "key_store kms → file"),
        ({"key": "rsa-4096"}, "key rsa-4096 → ec-p256"),
        ({"validity": "10y"}, "validity 10y → 3y"),
    ],
)
def test_an_edit_of_the_file_begins_the_next_one(tmp_path: Path, recorded: dict[str, Any], text: str) -> None:
    found = authority(namespace(tmp_path, FILE), (certificate(**recorded), host("web", 1)))
    old, new = found.generations
    assert [(each.cause, each.text) for each in new.because] == [
        (Cause.EDITED, f"changed in the file: {text}")
    ]
    assert (new.key_store, new.key, new.validity) == ("file", "ec-p256", 3 * 365 * DAY)
    # The old one is as it was made: the plan after the apply is empty.
    assert (old.key_store, old.key) == (recorded.get("key_store", "file"), recorded.get("key", "ec-p256"))


def test_one_that_nobody_uses_goes_at_once(tmp_path: Path) -> None:
    found = authority(namespace(tmp_path, FILE), (certificate(), anchor("G1")), ROTATE)
    assert numbers(found) == [2]
    assert [each.text for each in found.turnover] == [
        "generation 2 joins",
        "by 2026-01-01 no live certificate needs generation 1 any more",
    ]


# Ending


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (host("web", 2, (1, DAY)), [1, 2]),
        (host("web", 2, (1, timedelta(0))), [2]),
        (host("web", 2), [2]),
        (host("web", 1), [1, 2]),
        (host("web", 1, ends=timedelta(0)), [2]),
        (host("gone", 1), [2]),
        (host("gone", 2, (1, DAY)), [2]),
    ],
)
def test_an_old_one_stays_as_long_as_a_host_needs_it(
    tmp_path: Path, known: Recorded, expected: list[int]
) -> None:
    found = authority(namespace(tmp_path, FILE), (certificate(), certificate(2), known))
    assert numbers(found) == expected
    assert found.current.because == ()


def test_what_a_killed_apply_may_have_delivered_counts_for_an_overlap(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, FILE)
    known = (certificate(), certificate(2), host("web", 2))
    for age, serial, expected in (
        (timedelta(days=9), "2", [1, 2]),
        (timedelta(days=11), "2", [2]),
        (timedelta(days=9), "7", [2]),
    ):
        begin, end = (f"{NOW - age + life:%Y%m%dT%H%M%SZ}" for life in (timedelta(0), 90 * DAY))
        key = NAMES.ledger_key(f"default/1/web/{int(serial):040x}-{begin}-{end}.json")
        assert numbers(authority(loaded, known, seen=snapshot(objects={key: "e"}))) == expected


def test_what_was_revoked_counts_no_more(tmp_path: Path) -> None:
    begin, end = (f"{NOW + life:%Y%m%dT%H%M%SZ}" for life in (-DAY, 90 * DAY))
    key = NAMES.ledger_key(f"default/1/web/{2:040x}-{begin}-{end}.json")
    entry = {"reason": "key_compromise", "when": NOW.isoformat(), "not_after": (NOW + DAY).isoformat()}
    listed = Recorded(
        revocation_list("default", 1), "revocation-list", {"generation": 1, "revoked": {"2": entry}}, {}
    )
    known = (certificate(), certificate(2), host("web", 2))
    loaded, view = namespace(tmp_path, FILE), snapshot(objects={key: "e"})
    assert numbers(authority(loaded, known, seen=view)) == [1, 2]
    assert numbers(authority(loaded, (*known, listed), seen=view)) == [2]


def test_what_goes_says_since_when_and_for_whom(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, FILE)
    known = (certificate(), certificate(2), host("web", 2), anchor("G1", "G2"))
    found = authority(loaded, known)
    assert [each.cause for each in found.turnover] == [Cause.OVERLAP_OVER]
    wanted = parts(with_generations(loaded, state(*known), snapshot(), NO_WISHES, NOW))
    assert authority_certificate("default", 1) not in wanted
    reason = all_kinds()["authority-certificate"].leaving(certificate(), NOW)
    assert reason is not None
    assert reason.text == "by 2026-01-01 no live certificate needs generation 1 any more"


# No third one


def test_the_file_cannot_have_a_third_one(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, FILE)
    known = (certificate(), certificate(2, key_store="kms"), host("web", 2, (1, 5 * DAY)))
    assert numbers(authority(loaded, known)) == [1, 2]
    (text,) = conflicts(loaded, known).values()
    assert "changed in the file: key_store kms → file" in text
    assert "host/web needs generation 1 until 2026-01-06 00:00 UTC at the latest" in text
    assert "iam-ra apply --renew host/web" in text
    assert conflicts(loaded, known[:2], ROTATE) == {}
    assert conflicts(loaded, known, ROTATE).keys() == {"ca/default:certificate-3"}


def test_the_calendar_waits_for_its_turn(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, FILE)
    known = (certificate(), certificate(2, ends=100 * DAY), host("web", 2, (1, 5 * DAY)))
    assert numbers(authority(loaded, known)) == [1, 2]
    assert conflicts(loaded, known) == {}
    (warning,) = generation_warnings(loaded, state(*known), snapshot(), NO_WISHES, NOW)
    assert warning.startswith(
        "ca/default waits: generation 2 ends on 2026-04-11, to be followed since 2025-11-12"
    )
    later = (certificate(), certificate(2, ends=100 * DAY), host("web", 2))
    assert numbers(authority(loaded, later)) == [2, 3]
    assert not list(generation_warnings(loaded, state(*later), snapshot(), NO_WISHES, NOW))


def test_one_that_nobody_got_a_certificate_of_makes_room(tmp_path: Path) -> None:
    known = (certificate(), certificate(2, key_store="kms"), host("web", 1))
    assert numbers(authority(namespace(tmp_path, FILE), known)) == [1, 3]


# Key stores


SOPS = FILE.replace("validity: 3y", "validity: 3y, key_store: sops")
KMS = FILE.replace("validity: 3y", "validity: 3y, key_store: kms")


MIRRORED = snapshot(objects={NAMES.authority_key_mirror("default", 1): "e"})


def key_file(number: int, path: str) -> Recorded:
    return Recorded(authority_key_file("default", number), "authority-sops", {"path": path}, {})


def test_each_generation_has_a_key_of_its_own_in_its_own_store(tmp_path: Path) -> None:
    known = (certificate(key_store="sops"), key_file(1, "old/place.yaml"), host("web", 1))
    loaded = with_generations(namespace(tmp_path, KMS), state(*known), MIRRORED, NO_WISHES, NOW)
    wanted = parts(loaded)
    assert wanted[authority_key_file("default", 1)].inputs["path"] == "old/place.yaml"
    assert wanted[authority_key("default", 2)].inputs["key_spec"] == "ECC_NIST_P256"
    signing = wanted[host_certificate("web")].upstream
    assert authority_key("default", 2) in signing
    assert authority_key_file("default", 1) not in signing


def test_the_sops_file_of_a_later_generation_is_beside_the_first(tmp_path: Path) -> None:
    known = (certificate(key_store="sops"), key_file(1, "secrets/ca/default/iam-ra.yaml"), host("web", 1))
    old, new = authority(namespace(tmp_path, SOPS), known, ROTATE, MIRRORED).generations
    assert (old.sops_path, new.sops_path) == (
        "secrets/ca/default/iam-ra.yaml",
        "secrets/ca/default/iam-ra-2.yaml",
    )
    # The one that signs moves with the file's word.
    moved = SOPS.replace("key_store: sops", "key_store: sops, sops: k/ca.yml")
    (only,) = authority(namespace(tmp_path, moved), known, seen=MIRRORED).generations
    assert only.sops_path == "k/ca.yml"


@pytest.mark.parametrize(
    ("text", "seen", "key_store"),
    [
        (FILE, {}, "file"),
        (KMS, {}, "file"),
        (FILE, {"objects": {NAMES.authority_key_mirror("default", 2): "e"}}, "sops"),
        (FILE, {"stacks": [stack(NAMES.authority_key_stack("default", 2))]}, "kms"),
        (FILE, {"stacks": [stack(NAMES.authority_key_stack("default", 2), tags={})]}, "file"),
    ],
)
def test_where_the_key_is_of_one_that_a_killed_apply_began(
    tmp_path: Path, text: str, seen: Mapping[str, Any], key_store: str
) -> None:
    objects = {NAMES.authority_key("default", 2): "e", **seen.get("objects", {})}
    view = snapshot(*seen.get("stacks", ()), objects=objects)
    found = authority(namespace(tmp_path, text), (certificate(), host("web", 1)), seen=view)
    assert [(each.number, each.key_store) for each in found.generations] == [(1, "file"), (2, key_store)]


def test_a_key_that_is_lost_for_good_is_followed(tmp_path: Path) -> None:
    name = NAMES.authority_key_stack("default", 1)
    kms = (
        certificate(key_store="kms"),
        Recorded(authority_key("default", 1), "authority-key", {}, {}),
        host("web", 1),
    )
    loaded = namespace(tmp_path, KMS)
    assert numbers(authority(loaded, kms, seen=snapshot(stack(name)))) == [1]
    for view in (snapshot(), snapshot(stack(name, "DELETE_FAILED"))):
        found = authority(loaded, kms, seen=view)
        assert numbers(found) == [1, 2]
        assert [each.cause for each in found.current.because] == [Cause.KEY_LOST]
    sops = (certificate(key_store="sops"), key_file(1, "secrets/ca/default/iam-ra.yaml"), host("web", 1))
    loaded = namespace(tmp_path, SOPS)
    mirror = {NAMES.authority_key_mirror("default", 1): "e"}
    file = {authority_key_file("default", 1): "digest"}
    assert numbers(authority(loaded, sops, seen=snapshot(objects=mirror))) == [1]
    assert numbers(authority(loaded, sops, seen=snapshot(files=file))) == [1]
    assert numbers(authority(loaded, sops)) == [1, 2]


def test_another_authority_is_another_matter(tmp_path: Path) -> None:
    text = FILE.replace("default: {validity: 3y}", "default: {validity: 3y}, lab: {}")
    known = (certificate(), host("web", 1))
    found = with_generations(namespace(tmp_path, text), state(*known), snapshot(), ROTATE, NOW).authorities
    assert [numbers(each) for each in found.values()] == [[1, 2], [1]]


def test_an_authority_of_another_mode_has_one(tmp_path: Path) -> None:
    loaded = namespace(tmp_path, FILE)
    private = replace(loaded.authorities["default"], mode="pca-new")
    loaded = replace(loaded, authorities={"default": private})
    known = (certificate(ends=DAY, mode="pca-new"), host("web", 1))
    assert numbers(authority(loaded, known, ROTATE)) == [1]
    (warning,) = generation_warnings(loaded, state(*known), snapshot(), ROTATE, NOW)
    assert warning.startswith("ca/default ends on 2026-01-02")
