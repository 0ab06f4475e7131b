"""Conditional writes that happen at the same time."""

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from iam_ra.sandbox.server import Server

BUCKET = "state"
WRITERS = 16
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00"
)
# So long that the server has surely begun to read.
ARRIVING_SECONDS = 0.3


@pytest.fixture
def s3(aws: Any) -> Any:
    client = aws("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


class SlowWrite:
    """A PutObject whose second half is sent later."""

    def __init__(self, sandbox: Server, key: str, **conditions: str) -> None:
        self._connection = http.client.HTTPConnection(
            sandbox.endpoint_url.removeprefix("http://"), timeout=20
        )
        self._connection.putrequest("PUT", f"/{BUCKET}/{key}")
        headers = {"Authorization": SIGNED, "Content-Length": "8"} | conditions
        for name, value in headers.items():
            self._connection.putheader(name, value)
        self._connection.endheaders(b"half")
        time.sleep(ARRIVING_SECONDS)

    def finish(self) -> tuple[int, str]:
        self._connection.send(b"half")
        answer = self._connection.getresponse()
        found = answer.status, answer.read().decode()
        self._connection.close()
        return found


def outcome(call: Any) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "written"


@pytest.mark.conforms(
    "S3: Of sixteen writers with one condition one wins, the others get 412.",
    source="Amazon S3 API Reference: PutObject",
)
@pytest.mark.parametrize("present", [False, True])
def test_one_of_many_writers_wins(s3: Any, present: bool) -> None:
    condition = {"IfNoneMatch": "*"}
    if present:
        condition = {"IfMatch": s3.put_object(Bucket=BUCKET, Key="k", Body=b"0")["ETag"]}
    with ThreadPoolExecutor(WRITERS) as pool:
        calls = [
            lambda n=n: s3.put_object(Bucket=BUCKET, Key="k", Body=f"writer {n}".encode(), **condition)
            for n in range(WRITERS)
        ]
        outcomes = sorted(pool.map(outcome, calls))
    assert outcomes == ["PreconditionFailed"] * (WRITERS - 1) + ["written"]


@pytest.mark.conforms(
    "S3: A conditional write that meets a deletion gets 409 ConditionalRequestConflict.",
    source="Amazon S3 API Reference: PutObject",
)
def test_a_write_that_meets_a_deletion_conflicts(sandbox: Server, s3: Any) -> None:
    etag = s3.put_object(Bucket=BUCKET, Key="k", Body=b"0")["ETag"]
    writes = [
        SlowWrite(sandbox, "k", **{"If-None-Match": "*"}),
        SlowWrite(sandbox, "k", **{"If-Match": etag}),
    ]
    plain, other = SlowWrite(sandbox, "k"), SlowWrite(sandbox, "j", **{"If-None-Match": "*"})
    s3.delete_object(Bucket=BUCKET, Key="k")
    for write in writes:
        status, body = write.finish()
        assert (status, "<Code>ConditionalRequestConflict</Code>" in body) == (409, True)
    assert [plain.finish()[0], other.finish()[0]] == [200, 200]


def test_a_write_after_a_deletion_does_not(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"0")
    s3.delete_object(Bucket=BUCKET, Key="k")
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"1", IfNoneMatch="*")
    assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"1"
