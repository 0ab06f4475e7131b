"""What becomes of a certificate, by the ledger and the state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.aws.s3_client import FakeS3, bucket_on

from iam_ra.aws.naming import Names
from iam_ra.engine.address import Address
from iam_ra.engine.errors import StateError
from iam_ra.engine.part import Recorded
from iam_ra.state.certificates import Status, certificates
from iam_ra.state.ledger import Entry, Ledger, Written

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def day(number: int) -> str:
    return (NOW + number * DAY).isoformat()


def written(serial: int, begin: int = -10, end: int = 80, *, is_signed: bool = True) -> Written:
    entry = Entry(
        str(serial), "web", "host/web", "default", 1, "f", day(begin), day(end), "why", day(begin), "run"
    )
    return Written(entry, is_signed)


EARLIER = [{"serial": "2", "until": day(3)}, {"serial": "3", "until": day(0)}]
PARTS = {
    each.address: each
    for each in (
        Recorded(
            Address("host/web", "certificate"),
            "",
            {},
            {"serial": "1", "not_after": day(80), "earlier": EARLIER},
        ),
        Recorded(
            Address("ca/default", "revocations-2"),
            "",
            {"revoked": {"4": {"reason": "superseded", "when": day(-1)}}},
            {},
        ),
    )
}


@pytest.mark.parametrize(
    ("entry", "status", "more"),
    [
        (written(1), Status.VALID, {}),
        (written(2), Status.OVERLAP, {"until": day(3)}),
        (written(3), Status.SUPERSEDED, {}),
        (written(4), Status.REVOKED, {"revoked": day(-1), "reason": "superseded"}),
        (written(4, -90, 0), Status.EXPIRED, {"revoked": day(-1), "reason": "superseded"}),
        (written(5), Status.SUPERSEDED, {}),
        (written(6, is_signed=False), Status.LOST, {}),
        (written(6, -90, 0, is_signed=False), Status.LOST, {}),
    ],
)
def test_a_certificate_s_status(entry: Written, status: Status, more: dict[str, str]) -> None:
    (found,) = certificates([entry], PARTS, NOW)
    assert found.status is status
    shown = {"until": found.until, "revoked": found.revoked, "reason": found.reason}
    assert shown == {"until": "", "revoked": "", "reason": "", **more}


def test_the_ledger_is_in_order_of_entities_and_age() -> None:
    root = Written(replace(written(9).entry, entity="ca/default"), True)
    found = certificates([written(1), written(2, -20), root], PARTS, NOW)
    assert [each.serial for each in found] == ["9", "2", "1"]
    assert found[0].serial_hex == f"{9:040x}"


def test_entries_are_read_back_with_whether_they_were_signed() -> None:
    client = FakeS3()
    ledger = Ledger(bucket_on(client), Names("default"))
    entries = [written(number).entry for number in range(1, 40)]
    for entry in entries:
        ledger.intend(entry)
    ledger.signed(entries[0], b"pem")
    found = ledger.read()
    assert {each.entry.serial: each.is_signed for each in found} == {
        entry.serial: entry is entries[0] for entry in entries
    }
    assert {each.entry for each in found} == set(entries)


def test_a_damaged_entry_is_named() -> None:
    client = FakeS3()
    bucket = bucket_on(client)
    Ledger(bucket, Names("default")).intend(written(1).entry)
    (key,) = client.versions
    bucket.put(key, b"{}")
    with pytest.raises(StateError) as caught:
        Ledger(bucket, Names("default")).read()
    assert key in caught.value.why


def test_what_a_private_ca_was_asked_is_a_line_until_its_serial_is_known() -> None:
    intent = replace(written(1).entry, serial="", token="a" * 36)
    (line,) = certificates([Written(intent, False)], PARTS, NOW)
    assert (line.serial, line.serial_hex, line.token, line.status) == ("", "", "a" * 36, Status.LOST)
    named = replace(intent, serial="1")
    (line,) = certificates([Written(intent, False), Written(named, True)], PARTS, NOW)
    assert (line.serial, line.token, line.status) == ("1", "a" * 36, Status.VALID)


def test_what_is_not_published_is_not_revoked_yet() -> None:
    pending = Recorded(
        Address("ca/other", "revocations"),
        "",
        {"revoked": {"5": {"reason": "superseded", "when": day(-1)}}},
        {"pending": "later", "unpublished": ["5"]},
    )
    (line,) = certificates([written(5)], {**PARTS, pending.address: pending}, NOW)
    assert (line.status, line.revoked) == (Status.SUPERSEDED, "")
