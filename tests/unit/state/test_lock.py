from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from tests.unit.aws.s3_client import FakeS3, bucket_on

from iam_ra.engine.errors import LockHeldError
from iam_ra.state.lock import Lock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "default/lock.json"


def lock_on(client: FakeS3, operation: str = "apply") -> Lock:
    return Lock(bucket_on(client), KEY, operation, NOW)


def test_the_lock_says_who_holds_it_and_goes_at_the_end() -> None:
    client = FakeS3()
    with lock_on(client) as lock:
        found = json.loads(client.content(KEY))
        assert found["id"] == lock.info.id
        assert found["operation"] == "apply"
        assert found["since"] == "2026-01-01T00:00:00+00:00"
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
        assert f"aws s3 rm s3://the-bucket/{KEY}" in error.value.fix
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


def test_a_lock_of_a_newer_format_still_says_who_holds_it() -> None:
    client = FakeS3()
    with lock_on(client, "rotate") as first:
        info = json.loads(client.content(KEY))
        client.write(KEY, json.dumps({**info, "lease": "2026-01-01T00:02:00+00:00"}).encode())
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


def test_a_lock_that_somebody_deleted_is_fine() -> None:
    client = FakeS3()
    with lock_on(client):
        del client.versions[KEY]
    assert KEY not in client.versions


def test_a_forgotten_lock_is_not_looked_for() -> None:
    client = FakeS3()
    with lock_on(client) as lock:
        client.exists = False
        lock.forget()
    assert not client.calls["delete_object"]


def test_a_lock_that_goes_while_it_is_asked_for_is_said() -> None:
    client = FakeS3()
    client.write(KEY, b"theirs")

    def vanish(operation: str, key: str) -> None:
        if operation == "get_object":
            client.versions.pop(key, None)

    client.before = vanish
    with pytest.raises(LockHeldError, match="a moment ago"), lock_on(client):
        pytest.fail("taken")


def test_a_lock_whose_answer_was_lost_is_ours() -> None:
    client = FakeS3()
    client.loses_answers = 1
    with lock_on(client):
        assert KEY in client.versions
    assert KEY not in client.versions
