from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.unit.aws.s3_client import FakeS3, bucket_on

from iam_ra.aws.naming import Names
from iam_ra.engine.errors import StateError
from iam_ra.state import history
from iam_ra.state.ledger import Entry, Issued, Ledger, issued_in

NAMES = Names("default")
ENTRY = Entry(
    serial="255",
    identity="web.example.com",
    entity="host/web",
    authority="default",
    generation=2,
    authority_fingerprint="f" * 64,
    not_before="2026-01-01T00:00:00+00:00",
    not_after="2027-01-01T01:00:00+01:00",
    why="new in the file",
    written="2026-01-01T00:00:00+00:00",
    run="8f14e45f",
)
PLACE = f"default/ledger/default/2/web/{'0' * 38}ff-20260101T000000Z-20270101T000000Z"


def test_an_intent_is_public_and_complete() -> None:
    client = FakeS3()
    Ledger(bucket_on(client), NAMES).intend(ENTRY)
    found = json.loads(client.content(f"{PLACE}.json"))
    assert found.pop("format_version") == "1.0"
    assert Entry(**found) == ENTRY


@pytest.mark.parametrize("units", [(), ("admin",), ("admin", "json", "pem", "read-only")])
def test_a_key_says_which_roles_the_certificate_says(units: tuple[str, ...]) -> None:
    client = FakeS3()
    ledger = Ledger(bucket_on(client), NAMES)
    entry = replace(ENTRY, units=units)
    ledger.intend(entry)
    ledger.signed(entry, b"pem")
    (issued,) = issued_in(client.versions, NAMES)
    assert issued.units == units
    assert issued.serial == "255"
    assert ledger.certificate("default", 2, "web", "255") == b"pem"


def test_a_serial_is_taken_once() -> None:
    client = FakeS3()
    ledger = Ledger(bucket_on(client), NAMES)
    ledger.intend(ENTRY)
    with pytest.raises(StateError, match="nothing was signed for host/web"):
        ledger.intend(replace(ENTRY, identity="other.example.com"))
    assert json.loads(client.content(f"{PLACE}.json"))["identity"] == "web.example.com"


def test_authorities_may_use_one_serial() -> None:
    client = FakeS3()
    ledger = Ledger(bucket_on(client), NAMES)
    ledger.intend(ENTRY)
    ledger.intend(replace(ENTRY, authority="factory"))
    assert len(client.versions) == 2


def test_a_signed_certificate_stands_beside_its_intent() -> None:
    client = FakeS3()
    ledger = Ledger(bucket_on(client), NAMES)
    ledger.signed(ENTRY, b"pem")
    assert client.content(f"{PLACE}.pem") == b"pem"
    assert ledger.certificate("default", 2, "web", "255") == b"pem"


def test_a_certificate_that_is_not_there_is_said() -> None:
    with pytest.raises(StateError, match="no certificate 255 of ca/default") as error:
        Ledger(bucket_on(FakeS3()), NAMES).certificate("default", 2, "web", "255")
    assert PLACE.partition("-2026")[0] in error.value.why


def test_a_listing_tells_of_every_certificate() -> None:
    client = FakeS3()
    ledger = Ledger(bucket_on(client), NAMES)
    for entry in (ENTRY, replace(ENTRY, entity="ca/default", generation=1, serial=str(2**159 - 1))):
        ledger.intend(entry)
        ledger.signed(entry, b"pem")
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    others = ["default/ledger/x.json", "default/state.json", "other/ledger/default/1/web/00-1-2.json"]
    assert list(issued_in(sorted([*client.versions, *others]), NAMES)) == [
        Issued("default", 1, "", str(2**159 - 1), begin, end),
        Issued("default", 2, "web", "255", begin, end),
    ]


def test_history_has_an_object_an_apply_named_by_its_time() -> None:
    client = FakeS3()
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    history.write(bucket_on(client), NAMES, now, "abc", {"operation": "apply"})
    history.write(bucket_on(client), NAMES, now, "def", {"operation": "apply"})
    assert sorted(client.versions) == [
        "default/history/20260102T030405Z-abc.json",
        "default/history/20260102T030405Z-def.json",
    ]
    found = json.loads(client.content("default/history/20260102T030405Z-abc.json"))
    assert found == {"format_version": "1.0", "operation": "apply"}


INTENT = replace(ENTRY, serial="", token="0123456789abcdef" * 2 + "0123", csr="request")


def test_what_a_private_ca_is_asked_stands_under_its_token_and_then_under_the_serial() -> None:
    client = FakeS3()
    ledger = Ledger(bucket_on(client), NAMES)
    ledger.intend(INTENT)
    assert list(issued_in(client.versions, NAMES)) == []
    since = datetime(2025, 12, 31, tzinfo=UTC)
    assert ledger.unnamed(ENTRY, since) == [INTENT]
    assert ledger.unnamed(ENTRY, datetime(2026, 1, 2, tzinfo=UTC)) == []
    assert ledger.unnamed(replace(ENTRY, entity="host/other"), since) == []

    named = replace(INTENT, serial="255", csr="")
    ledger.intend(named)
    assert ledger.unnamed(ENTRY, since) == []
    assert ledger.unsigned(ENTRY) == [named]
    ledger.signed(named, b"pem")
    assert ledger.unsigned(ENTRY) == []
    assert [each.serial for each in issued_in(client.versions, NAMES)] == ["255"]
    assert {(each.entry, each.is_signed) for each in ledger.read()} == {(INTENT, False), (named, True)}
