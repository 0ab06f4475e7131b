from __future__ import annotations

import inspect
import json
from string import Formatter
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore import exceptions as boto
from botocore.awsrequest import AWSResponse, HTTPHeaders
from botocore.retries import standard

from iam_ra.aws.errors import (
    THROTTLED,
    code,
    message,
    note_failure,
    note_service,
    note_subject,
    translate,
)
from iam_ra.engine.errors import (
    AwsError,
    CredentialsError,
    PermissionDeniedError,
    ThrottledError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.model import OperationModel


def every_class() -> Iterator[type[boto.BotoCoreError]]:
    for _, each in sorted(inspect.getmembers(boto, inspect.isclass)):
        if issubclass(each, boto.BotoCoreError):
            yield each


def made(kind: type[boto.BotoCoreError]) -> boto.BotoCoreError:
    fields = {
        field.partition(".")[0]: f"<{field}>" for _, field, _, _ in Formatter().parse(kind.fmt) if field
    }
    extra: dict[str, Any] = {"last_response": {}} if kind is boto.WaiterError else {"error": "<error>"}
    return kind(**{**extra, **fields})


EXPECTED = {
    boto.NoCredentialsError: CredentialsError,
    boto.PartialCredentialsError: CredentialsError,
    boto.CredentialRetrievalError: CredentialsError,
    boto.MetadataRetrievalError: CredentialsError,
    boto.ProfileNotFound: CredentialsError,
    boto.SSOTokenLoadError: CredentialsError,
    boto.UnauthorizedSSOTokenError: CredentialsError,
    boto.TokenRetrievalError: CredentialsError,
    boto.NoAuthTokenError: CredentialsError,
    boto.RefreshWithMFAUnsupportedError: CredentialsError,
    boto.EndpointConnectionError: UnreachableError,
    boto.ConnectionClosedError: UnreachableError,
    boto.ConnectTimeoutError: UnreachableError,
    boto.ReadTimeoutError: UnreachableError,
    boto.SSLError: UnreachableError,
    boto.ProxyConnectionError: UnreachableError,
    boto.ResponseStreamingError: UnreachableError,
    boto.IncompleteReadError: UnreachableError,
}


@pytest.mark.parametrize("kind", list(every_class()), ids=lambda kind: kind.__name__)
def test_every_error_of_the_client_becomes_one_of_ours(kind: type[boto.BotoCoreError]) -> None:
    error = made(kind)
    ours = translate(error)
    assert isinstance(ours, EXPECTED.get(kind, AwsError))
    assert str(error) in f"{ours.what} {ours.why}"
    assert ours.id.startswith("IRA20")


@pytest.mark.parametrize("kind", EXPECTED, ids=lambda kind: kind.__name__)
def test_what_the_user_can_put_right_says_how(kind: type[boto.BotoCoreError]) -> None:
    assert translate(made(kind)).fix


def refusal(
    error_code: str,
    operation: str = "CreateStack",
    service: str | None = "cloudformation",
    text: str = "because",
) -> boto.ClientError:
    metadata = {} if service is None else {"Service": service}
    response: Any = {"Error": {"Code": error_code, "Message": text}, "ResponseMetadata": metadata}
    return boto.ClientError(response, operation)


@pytest.mark.parametrize(
    "error_code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"]
)
def test_a_denied_action_is_named(error_code: str) -> None:
    ours = translate(refusal(error_code))
    assert isinstance(ours, PermissionDeniedError)
    assert ours.id == "IRA2002"
    assert ours.what == "cloudformation:CreateStack is not allowed"
    assert ours.why == "because"
    assert "cloudformation:CreateStack" in ours.fix


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("ListObjectsV2", "s3:ListBucket"),
        ("ListObjectVersions", "s3:ListBucketVersions"),
        ("DeleteObjects", "s3:DeleteObjectVersion"),
        ("PutObject", "s3:PutObject"),
    ],
)
def test_an_action_has_the_name_that_a_policy_takes(operation: str, action: str) -> None:
    assert translate(refusal("AccessDenied", operation, "s3")).what == f"{action} is not allowed"


@pytest.mark.parametrize(
    "error_code",
    [
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ],
)
def test_rejected_credentials_are_no_missing_permission(error_code: str) -> None:
    ours = translate(refusal(error_code))
    assert isinstance(ours, CredentialsError)
    assert error_code in ours.what


@pytest.mark.parametrize("error_code", ["ValidationError", "LimitExceededException", "500", ""])
def test_any_other_refusal_keeps_what_aws_says(error_code: str) -> None:
    ours = translate(refusal(error_code))
    assert type(ours) is AwsError
    assert ours.what == f"cloudformation:CreateStack failed: {error_code}"
    assert ours.why == "because"


def test_an_answer_without_anything_is_still_an_error() -> None:
    error = boto.ClientError({}, "CreateStack")
    assert code(error) == ""
    assert "CreateStack" in message(error)
    assert translate(error).what == "aws:CreateStack failed: "


def test_the_service_is_noted_where_errors_look_for_it() -> None:
    class Service:
        signing_name = "cloudformation"

    class Operation:
        service_model = Service

    parsed: dict[str, Any] = {"Error": {"Code": "AccessDenied", "Message": "no"}}
    note_service(parsed, cast("OperationModel", Operation), extra=1)
    assert translate(boto.ClientError(cast("Any", parsed), "ListStacks")).what == (
        "cloudformation:ListStacks is not allowed"
    )


@pytest.mark.parametrize("error_code", sorted(THROTTLED))
def test_throttling_is_told_from_other_refusals(error_code: str) -> None:
    ours = translate(refusal(error_code))
    assert isinstance(ours, ThrottledError)
    assert "cloudformation:CreateStack" in ours.what
    assert "--parallelism" in ours.fix


def test_what_we_call_throttling_botocore_calls_so_too() -> None:
    known: set[str] = set(cast("Any", standard).ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    # Botocore takes it for throttling, AWS for any limit: of most, waiting does not help.
    assert known - THROTTLED == {"LimitExceededException"}
    assert known >= THROTTLED


def test_a_denial_names_what_aws_names() -> None:
    said = (
        "User: arn:aws:iam::123456789012:user/me is not authorized to perform: s3:GetObjectVersion on resource: "
        '"arn:aws:s3:::b/default/state.json" because no identity-based policy allows the s3:GetObjectVersion action'
    )
    ours = translate(refusal("AccessDenied", "GetObject", "s3", said))
    assert ours.what == "s3:GetObjectVersion is not allowed on arn:aws:s3:::b/default/state.json"
    assert "s3:GetObjectVersion" in ours.fix
    assert "iam-ra permissions" in ours.fix


class Answers:
    """A client of AWS whose service answers everything with one error."""

    def __init__(self, status: int = 403, error_code: str = "AccessDenied", *, keys: bool = True) -> None:
        self.status, self.error_code = status, error_code
        key = "test" if keys else None
        session = boto3.session.Session(key, key, region_name="eu-central-1")
        if not keys:
            # Not those of the machine that runs the test.
            cast("Any", session)._session.get_component("credential_provider").providers = []
        events: Any = session.events
        events.register("provide-client-params.*", note_subject)
        events.register("after-call.*", note_service)
        events.register("after-call-error.*", note_failure)
        events.register_last("before-send.*", self.answer)
        self.session = session

    def answer(self, request: Any, **_: Any) -> Any:
        body = json.dumps({"__type": self.error_code, "message": "no"}).encode()
        if "s3" in request.url:
            body = f"<Error><Code>{self.error_code}</Code><Message>no</Message></Error>".encode()
        return AWSResponse(request.url, self.status, HTTPHeaders(), Body(body))


class Body:
    """An answer's bytes as botocore reads them."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def stream(self) -> list[bytes]:
        return [self.data]


CALLS: list[tuple[str, Callable[[Any], object], str]] = [
    ("s3", lambda s3: s3.get_object(Bucket="b", Key="k/x"), "s3:GetObject is not allowed on b/k/x"),
    (
        "s3",
        lambda s3: s3.list_objects_v2(Bucket="b", Prefix="default/"),
        "s3:ListBucket is not allowed on b/default/",
    ),
    (
        "secretsmanager",
        lambda client: client.describe_secret(SecretId="/iam-ra/x"),
        "secretsmanager:DescribeSecret is not allowed on /iam-ra/x",
    ),
    ("secretsmanager", lambda client: client.list_secrets(), "secretsmanager:ListSecrets is not allowed"),
]


@pytest.mark.parametrize(("service", "call", "what"), CALLS)
def test_insufficient_credentials_are_said_with_action_and_resource(
    service: str, call: Callable[[Any], object], what: str
) -> None:
    with pytest.raises(boto.ClientError) as caught:
        call(Answers().session.client(cast("Any", service)))
    assert translate(caught.value).what == what


def test_expired_credentials_are_said_with_the_call() -> None:
    with pytest.raises(boto.ClientError) as caught:
        Answers(400, "ExpiredTokenException").session.client("secretsmanager").describe_secret(SecretId="/x")
    ours = translate(caught.value)
    assert isinstance(ours, CredentialsError)
    assert ours.what == (
        "AWS rejects the credentials for secretsmanager:DescribeSecret on /x (ExpiredTokenException)"
    )


def test_missing_credentials_are_said_with_the_call() -> None:
    with pytest.raises(boto.NoCredentialsError) as caught:
        Answers(keys=False).session.client("secretsmanager").describe_secret(SecretId="/x")
    assert translate(caught.value).what == "no AWS credentials (secretsmanager:DescribeSecret on /x)"
