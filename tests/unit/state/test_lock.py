from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.unit.aws.s3_client import FakeS3, bucket_on

from iam_ra.engine.errors import LeaseLostError, LockHeldError, RefusedError
from iam_ra.state.lock import LEASE, MARGIN, Lock, LockInfo, held_lock, unlock

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "default/lock.json"


class Clock:
    """AWS's time and monotonic seconds, which stand still until somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.meanwhile: Callable[[], object] = lambda: None

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.meanwhile()


def lock_on(
    client: FakeS3, operation: str = "apply", clock: Clock | None = None, timeout: float = 0.0
) -> Lock:
    time = clock or Clock()
    return Lock(
        bucket_on(client), KEY, operation, time.now, timeout=timeout, clock=time.monotonic, sleep=time.sleep
    )


def left_behind(client: FakeS3, until: datetime) -> LockInfo:
    """Leave a lock whose holder is dead."""
    info = LockInfo("dead", "eve", "box", "apply", NOW.isoformat(), until.isoformat())
    client.write(KEY, json.dumps(asdict(info)).encode())
    return info


def test_the_lock_says_who_holds_it_and_goes_at_the_end() -> None:
    client = FakeS3()
    with lock_on(client) as lock:
        found = json.loads(client.content(KEY))
        assert found["id"] == lock.info.id
        assert found["operation"] == "apply"
        assert found["since"] == "2026-01-01T00:00:00+00:00"
        assert found["lease_until"] == "2026-01-01T00:02:00+00:00"
        assert found["holder"]
        assert found["host"]
    assert KEY not in client.versions


def test_one_of_two_is_refused_with_who_holds_it_and_since_when() -> None:
    client = FakeS3()
    with lock_on(client, "destroy") as first:
        with pytest.raises(LockHeldError) as error, lock_on(client):
            pytest.fail("two hold the lock")
        assert error.value.exit_code == 4
        assert first.info.id in error.value.why
        assert "destroy" in error.value.why
        assert "2026-01-01" in error.value.why
        assert f"iam-ra unlock {first.info.id}" in error.value.fix
        assert json.loads(client.content(KEY))["id"] == first.info.id
    with lock_on(client):
        pass


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"id": 1}', b"\xff"])
def test_a_lock_that_cannot_be_read_is_held_all_the_same(data: bytes) -> None:
    client = FakeS3()
    client.write(KEY, data)
    with pytest.raises(LockHeldError, match="nothing was changed") as error, lock_on(client):
        pytest.fail("taken")
    assert error.value.why == "the lock object cannot be read"
    assert "iam-ra unlock --force" in error.value.fix


def test_a_lock_of_a_newer_format_still_says_who_holds_it() -> None:
    client = FakeS3()
    with lock_on(client, "rotate") as first:
        info = json.loads(client.content(KEY))
        client.write(KEY, json.dumps({**info, "ticket": 7}).encode())
        with pytest.raises(LockHeldError) as error, lock_on(client):
            pytest.fail("taken")
    assert first.info.id in error.value.why


@pytest.mark.parametrize("error", [ValueError("boom"), KeyboardInterrupt(), SystemExit(1)])
def test_it_is_released_on_every_way_out(error: BaseException) -> None:
    client = FakeS3()
    with pytest.raises(type(error)), lock_on(client):
        raise error
    assert KEY not in client.versions


def test_a_lock_that_another_took_over_is_left_to_them() -> None:
    client = FakeS3()
    with lock_on(client):
        client.write(KEY, b"theirs")
    assert client.content(KEY) == b"theirs"


# The lease


def test_a_dead_holders_lock_is_taken_over_when_its_lease_is_past_by_s3s_clock() -> None:
    client = FakeS3()
    left_behind(client, NOW + LEASE)
    client.date = NOW + LEASE
    with pytest.raises(LockHeldError), lock_on(client):
        pytest.fail("taken while the lease lasts")
    client.date = NOW + LEASE + timedelta(seconds=1)
    with lock_on(client) as lock:
        assert json.loads(client.content(KEY))["id"] == lock.info.id
    assert KEY not in client.versions


def test_without_s3s_date_nothing_is_taken_over() -> None:
    client = FakeS3()
    left_behind(client, NOW - timedelta(days=1))
    client.date = None
    with pytest.raises(LockHeldError), lock_on(client):
        pytest.fail("taken")


def test_renewing_moves_the_end_of_the_lease() -> None:
    client, clock = FakeS3(), Clock()
    with lock_on(client, clock=clock) as lock:
        clock.sleep(60)
        lock.renew()
        assert json.loads(client.content(KEY))["lease_until"] == "2026-01-01T00:03:00+00:00"
        clock.sleep(60)
        lock.check()


def test_a_holder_that_could_not_renew_stops_half_a_minute_before_others_may_begin() -> None:
    client, clock = FakeS3(), Clock()
    with lock_on(client, clock=clock) as lock:
        clock.sleep((LEASE - MARGIN).total_seconds() - 1)
        lock.check()
        clock.sleep(1)
        with pytest.raises(LeaseLostError) as error:
            lock.check()
        assert error.value.exit_code == 1
        # What was lost does not come back by a late renewal.
        lock.renew()
        with pytest.raises(LeaseLostError):
            lock.check()


def test_a_holder_whose_lock_was_taken_over_begins_nothing_more() -> None:
    client = FakeS3()
    with lock_on(client) as lock:
        left_behind(client, NOW + LEASE)
        lock.renew()
        with pytest.raises(LeaseLostError):
            lock.check()
    assert json.loads(client.content(KEY))["id"] == "dead"


def test_a_forgotten_lock_is_neither_checked_nor_released() -> None:
    client = FakeS3()
    with lock_on(client) as lock:
        lock.forget()
        lock.check()
        lock.renew()
    assert json.loads(client.content(KEY))["id"] == lock.info.id


def test_it_waits_for_another_to_finish() -> None:
    client, clock = FakeS3(), Clock()
    with lock_on(client) as first:
        clock.meanwhile = lambda: first.__exit__(None, None, None) if clock.seconds > 30 else None
        with lock_on(client, clock=clock, timeout=60):
            assert 30 < clock.seconds < 40


def test_it_waits_no_longer_than_it_was_told() -> None:
    client, clock = FakeS3(), Clock()
    with lock_on(client):
        with pytest.raises(LockHeldError), lock_on(client, clock=clock, timeout=60):
            pytest.fail("taken")
        assert 50 < clock.seconds <= 60


# Unlock


def test_unlock_takes_the_lock_with_this_id_away() -> None:
    client = FakeS3()
    left_behind(client, NOW)
    found = unlock(bucket_on(client), KEY, "dead")
    assert found is not None
    assert found.holder == "eve"
    assert KEY not in client.versions


@pytest.mark.parametrize("lock_id", ["other", None])
def test_unlock_leaves_another_lock_alone(lock_id: str | None) -> None:
    client = FakeS3()
    left_behind(client, NOW)
    with pytest.raises(RefusedError, match="not the lock") as error:
        unlock(bucket_on(client), KEY, lock_id)
    assert "eve@box" in error.value.why
    assert KEY in client.versions


def test_unlock_without_a_lock_says_so() -> None:
    with pytest.raises(RefusedError, match="nobody holds"):
        unlock(bucket_on(FakeS3()), KEY, "dead")


def test_a_lock_that_cannot_be_read_is_unlocked_without_an_id() -> None:
    client = FakeS3()
    client.write(KEY, b"{")
    held = held_lock(bucket_on(client), KEY)
    assert held is not None
    assert held[0] is None
    with pytest.raises(RefusedError):
        unlock(bucket_on(client), KEY, "dead")
    assert unlock(bucket_on(client), KEY, None) is None
    assert KEY not in client.versions
