from __future__ import annotations

import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

if TYPE_CHECKING:
    from iam_ra.sandbox.server import Server


def error(raised: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = raised.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.conforms("STS: The caller's account is told.", source="AWS STS API Reference: GetCallerIdentity")
def test_caller_identity(aws: Any) -> None:
    answer = aws("sts").get_caller_identity()
    assert answer["Account"] == "123456789012"
    date = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    assert abs(datetime.now(UTC) - date) < timedelta(seconds=5)


def test_health_is_json_and_says_who_it_is(sandbox: Server) -> None:
    connection = http.client.HTTPConnection(urlsplit(sandbox.endpoint_url).netloc)
    connection.request("GET", "/_sandbox/health")
    answer = connection.getresponse()
    assert (answer.status, json.load(answer)["service"]) == (200, "iam-ra-sandbox")
    connection.close()


def test_connections_stay_open(sandbox: Server) -> None:
    connection = http.client.HTTPConnection(urlsplit(sandbox.endpoint_url).netloc)
    connection.connect()
    opened = connection.sock
    for _ in range(3):
        connection.request("GET", "/_sandbox/health")
        connection.getresponse().read()
    assert connection.sock is opened
    connection.close()


@pytest.mark.conforms(
    "All services: An operation that is not offered is refused in the protocol of its service.",
    source="botocore: response parsers",
)
@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("kms", "describe_custom_key_stores", {}),
        ("iam", "generate_service_last_accessed_details", {"Arn": "arn:aws:iam::123456789012:role/r"}),
        ("secretsmanager", "validate_resource_policy", {"ResourcePolicy": "{}"}),
        ("lambda", "list_code_signing_configs", {}),
    ],
)
def test_an_operation_that_nobody_wrote_fails_as_botocore_expects(
    aws: Any, service: str, operation: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(aws(service), operation)(**arguments)
    code, status = error(raised)
    assert (code, status) in {("NotImplemented", 501), ("UnknownOperationException", 404)}


@pytest.mark.conforms(
    "S3: A chunked upload with trailing checksum arrives whole.", source="Amazon S3 API Reference: PutObject"
)
def test_a_chunked_upload_arrives_whole(sandbox: Server, aws: Any) -> None:
    aws("s3").create_bucket(Bucket="here")
    connection = http.client.HTTPConnection(urlsplit(sandbox.endpoint_url).netloc)
    scope = "Credential=test/20260101/us-east-1/s3/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"}
    connection.request("PUT", "/here/k", body=iter([b"abc", b"def"]), headers=headers, encode_chunked=True)
    assert connection.getresponse().read() == b""
    connection.close()
    assert aws("s3").get_object(Bucket="here", Key="k")["Body"].read() == b"abcdef"


def test_a_client_that_waits_to_be_asked_for_its_body_is_asked_at_once(aws: Any) -> None:
    aws("s3").create_bucket(Bucket="here")
    started = time.monotonic()
    aws("s3").put_object(Bucket="here", Key="k", Body=b"x" * 3_000_000)
    assert time.monotonic() - started < 1, "botocore gives up waiting for 100 Continue after a second"
    assert aws("s3").head_object(Bucket="here", Key="k")["ContentLength"] == 3_000_000


def test_a_failure_inside_is_an_error_of_the_service(aws: Any) -> None:
    with pytest.raises(ClientError) as raised:
        aws("secretsmanager").list_secrets(NextToken="no number")
    assert error(raised) == ("InternalFailure", 500)
    assert "ValueError at " in raised.value.response["Error"]["Message"]


def test_reset_forgets(sandbox: Server, aws: Any) -> None:
    aws("s3").create_bucket(Bucket="here")
    sandbox.reset()
    assert aws("s3").list_buckets()["Buckets"] == []


def test_half_a_request_is_none(sandbox: Server) -> None:
    before = sandbox.calls.last(1)
    host, port = urlsplit(sandbox.endpoint_url).netloc.split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: sts\r\nContent-Length: 43\r\n\r\nAction=GetCallerIdent")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert sandbox.calls.last(1) == before


def test_what_is_under_way_at_a_reset_is_not_done_after_it(sandbox: Server, aws: Any) -> None:
    slow = sandbox.faults.add("slow", "s3", "CreateBucket", seconds=30)
    s3 = aws("s3")
    with ThreadPoolExecutor() as pool:
        late = pool.submit(s3.create_bucket, Bucket="late")
        # Idle connections of clients that live on end too, and the clients see it before they call again.
        s3.list_buckets()
        while not slow.hits:
            time.sleep(0.01)
        sandbox.reset()
        with pytest.raises(ConnectionClosedError):
            late.result()
    assert s3.list_buckets()["Buckets"] == []


def test_who_resets_is_answered_and_goes_on(sandbox: Server, aws: Any) -> None:
    connection = http.client.HTTPConnection(urlsplit(sandbox.endpoint_url).netloc)
    connection.connect()
    opened = connection.sock
    for _ in range(2):
        aws("s3").create_bucket(Bucket="here")
        connection.request("POST", "/_sandbox/reset", "{}", {"Content-Type": "application/json"})
        assert connection.getresponse().read() == b"{}"
        assert aws("s3").list_buckets()["Buckets"] == []
    assert connection.sock is opened
    connection.close()


def test_requests_are_served_one_at_a_time(
    sandbox: Server, aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, most = 0, 0
    serve = sandbox._app._dispatch

    def watched(environ: Any, start_response: Any) -> Any:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.01)
        answer = serve(environ, start_response)
        inside -= 1
        return answer

    monkeypatch.setattr(sandbox._app, "_dispatch", watched)
    sts = aws("sts")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: sts.get_caller_identity(), range(16)))
    assert most == 1


def test_eight_threads_over_several_services(aws: Any) -> None:
    s3, ssm, secrets, iam = aws("s3"), aws("ssm"), aws("secretsmanager"), aws("iam")
    s3.create_bucket(Bucket="shared")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "rolesanywhere.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    def work(worker: int) -> None:
        for turn in range(6):
            name = f"w{worker}-{turn}"
            s3.put_object(Bucket="shared", Key=name, Body=b"x" * 1000)
            ssm.put_parameter(Name=f"/{name}", Value="v", Type="String")
            secrets.create_secret(Name=name, SecretString="s")
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy)
            assert s3.list_objects_v2(Bucket="shared")["KeyCount"]
            assert iam.list_roles()["Roles"]
            assert secrets.list_secrets()["SecretList"]
            ssm.delete_parameter(Name=f"/{name}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert s3.list_objects_v2(Bucket="shared")["KeyCount"] == 48
