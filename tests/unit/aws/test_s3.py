from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from tests.unit.aws.s3_client import FakeS3, bucket_on, client_error

from iam_ra.aws.s3 import ConditionFailedError
from iam_ra.engine.errors import AwsError


def test_what_is_put_is_got() -> None:
    bucket = bucket_on(FakeS3())
    etag = bucket.put("k", b"data")
    stored = bucket.get("k")
    assert stored is not None
    assert (stored.data, stored.etag) == (b"data", etag)


def test_nothing_is_got_where_nothing_is() -> None:
    client = FakeS3()
    assert bucket_on(client).get("k") is None
    client.exists = False
    assert bucket_on(client).get("k") is None


def test_a_write_if_absent_loses_against_another() -> None:
    client = FakeS3()
    client.write("k", b"theirs")
    with pytest.raises(ConditionFailedError):
        bucket_on(client).put("k", b"ours", if_absent=True)
    assert client.content("k") == b"theirs"


@pytest.mark.parametrize("gone", [True, False])
def test_a_write_if_match_loses_against_a_change_and_a_deletion(gone: bool) -> None:
    client = FakeS3()
    bucket = bucket_on(client)
    etag = bucket.put("k", b"1")
    if gone:
        bucket.delete("k")
    else:
        client.write("k", b"theirs")
    with pytest.raises(ConditionFailedError):
        bucket.put("k", b"2", if_match=etag)


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "PreconditionFailed", "412", "409"])
def test_every_way_to_say_that_a_condition_failed_is_understood(code: str) -> None:
    client = FakeS3()

    def refuse(operation: str, key: str) -> None:  # noqa: ARG001
        if operation == "put_object":
            raise client_error(code)

    client.before = refuse
    with pytest.raises(ConditionFailedError):
        bucket_on(client).put("k", b"", if_absent=True)


@pytest.mark.parametrize("lost", [1, 2])
def test_a_write_whose_answer_was_lost_has_succeeded(lost: int) -> None:
    client = FakeS3()
    bucket = bucket_on(client)
    client.loses_answers = lost
    etag = bucket.put("k", b"1", if_absent=True)
    client.loses_answers = lost
    assert bucket.put("k", b"2", if_match=etag)
    assert client.content("k") == b"2"
    assert len(client.versions["k"]) == 2


def test_a_write_to_no_bucket_is_no_lost_race() -> None:
    client = FakeS3()
    client.exists = False
    with pytest.raises(ClientError, match="NoSuchBucket"):
        bucket_on(client).put("k", b"", if_absent=True)


def test_other_errors_go_through() -> None:
    client = FakeS3()

    def refuse(operation: str, key: str) -> None:
        raise client_error("AccessDenied", operation, key)

    client.before = refuse
    bucket = bucket_on(client)
    for call in (
        lambda: bucket.get("k"),
        lambda: bucket.put("k", b""),
        lambda: bucket.delete("k"),
        bucket.empty,
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()


def test_a_deletion_of_what_is_gone_is_fine_and_of_anothers_is_not() -> None:
    client = FakeS3()
    bucket = bucket_on(client)
    bucket.delete("k")
    etag = bucket.put("k", b"1")
    client.write("k", b"theirs")
    with pytest.raises(ConditionFailedError):
        bucket.delete("k", if_match=etag)
    assert client.content("k") == b"theirs"
    client.exists = False
    bucket.delete("k")


def test_a_list_goes_through_all_pages_under_its_prefix() -> None:
    client = FakeS3()
    etags = {f"a/{n}": client.write(f"a/{n}", b"") for n in range(8)}
    client.write("b/1", b"")
    assert bucket_on(client).list("a/") == etags
    assert client.calls["list_objects_v2"] == 3


def test_a_list_shows_the_present_version() -> None:
    client = FakeS3()
    client.write("a", b"1")
    etag = client.write("a", b"2")
    assert bucket_on(client).list("") == {"a": etag}


def test_empty_deletes_every_version_and_the_last_ones_last() -> None:
    client = FakeS3()
    for n in range(1_200):
        client.write(f"{n:04}", b"")
        client.write(f"{n:04}", b"")
    client.write("0500/state", b"")
    client.write("0500/lock", b"")
    bucket_on(client).empty(last=("0500/state", "0500/lock"))
    assert not client.versions
    assert set(client.purged[-2:]) == {"0500/state", "0500/lock"}
    assert client.calls["delete_objects"] == 4


def test_empty_of_no_bucket_is_fine() -> None:
    client = FakeS3()
    client.exists = False
    bucket_on(client).empty()


def test_empty_says_what_could_not_be_deleted_and_leaves_the_last_ones() -> None:
    client = FakeS3()
    for key in ("a", "held", "state"):
        client.write(key, b"")
    client.refuses_to_delete = {"held"}
    with pytest.raises(AwsError, match="held: AccessDenied"):
        bucket_on(client).empty(last=("state",))
    assert "state" in client.versions


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted", "409"])
def test_a_conflict_is_no_lost_race_where_there_was_no_condition(code: str) -> None:
    client = FakeS3()

    def refuse(operation: str, key: str) -> None:
        raise client_error(code, operation, key)

    client.before = refuse
    for call in (lambda: bucket_on(client).put("k", b""), lambda: bucket_on(client).delete("k")):
        with pytest.raises(ClientError, match=code):
            call()
