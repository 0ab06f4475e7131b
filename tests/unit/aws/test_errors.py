from __future__ import annotations

import inspect
from string import Formatter
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore import exceptions as boto

from iam_ra.aws.errors import code, message, note_service, translate
from iam_ra.engine.errors import AwsError, CredentialsError, PermissionDeniedError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.mark.parametrize("error_code", ["ValidationError", "Throttling", "LimitExceededException", "500", ""])
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
