"""What botocore raises, said in our own words: which action on which service, why, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore import exceptions as boto

from iam_ra.engine.errors import AwsError, CredentialsError, PermissionDeniedError, UnreachableError

if TYPE_CHECKING:
    from botocore.model import OperationModel

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})
_REJECTED = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)
_NO_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.MetadataRetrievalError,
    boto.RefreshWithMFAUnsupportedError,
    boto.UnknownCredentialError,
)
# `aws login` came with botocore 1.41.
_LOGIN_OVER = (
    boto.TokenRetrievalError,
    boto.NoAuthTokenError,
    boto.SSOError,
    getattr(boto, "LoginError", boto.SSOError),
)
_UNREACHABLE = (boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError)
# Where IAM calls an action by another name. Source: Service Authorization Reference, "Actions defined by Amazon S3".
_ACTIONS = {
    "s3:DeleteObjects": "s3:DeleteObjectVersion",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjectsV2": "s3:ListBucket",
}


def note_service(parsed: dict[str, Any], model: OperationModel, **_: Any) -> None:
    """Keep the service's name in a response, so that an error can name the IAM action (a botocore event handler)."""
    parsed.setdefault("ResponseMetadata", {})["Service"] = model.service_model.signing_name


def code(error: boto.ClientError) -> str:
    """Return AWS's error code, such as `AccessDenied`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def message(error: boto.ClientError) -> str:
    """Return AWS's own words."""
    return str(error.response.get("Error", {}).get("Message", "")) or str(error)


def translate(error: boto.ClientError | boto.BotoCoreError) -> AwsError:
    """Return the error of our tree that says what `error` says."""
    if isinstance(error, boto.ClientError):
        return _refusal(error)
    if isinstance(error, _NO_CREDENTIALS):
        return CredentialsError(
            "no AWS credentials",
            why=str(error),
            fix="log in (`aws sso login`), or set AWS_PROFILE or --profile; for a trial: `iam-ra sandbox up`",
        )
    if isinstance(error, boto.ProfileNotFound):
        return CredentialsError(str(error), fix="name a profile that `aws configure list-profiles` shows")
    if isinstance(error, _LOGIN_OVER):
        return CredentialsError(
            "the login is over",
            why=str(error),
            fix="run `aws sso login` (or `aws login`), with your --profile",
        )
    if isinstance(error, _UNREACHABLE):
        return UnreachableError(
            "AWS does not answer",
            why=str(error),
            fix="check the network, the region and AWS_ENDPOINT_URL; is the sandbox up (`iam-ra sandbox status`)?",
        )
    return AwsError(
        f"{type(error).__name__}: {error}", why="the AWS client refused the call before sending it"
    )


def _refusal(error: boto.ClientError) -> AwsError:
    service = error.response.get("ResponseMetadata", {}).get("Service", "aws")
    call = f"{service}:{error.operation_name}"
    action = _ACTIONS.get(call, call)
    if code(error) in _REJECTED:
        return CredentialsError(
            f"AWS rejects the credentials ({code(error)})",
            why=message(error),
            fix="log in again, or use other credentials",
        )
    if code(error) in DENIED:
        return PermissionDeniedError(
            f"{action} is not allowed", why=message(error), fix=f"let the credentials' policy allow {action}"
        )
    return AwsError(f"{call} failed: {code(error)}", why=message(error))
