"""What botocore raises, said in our own words: which action on which service, why, and what to do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botocore import exceptions as boto

from iam_ra.aws.permissions import actions_of
from iam_ra.engine.errors import (
    AwsError,
    CredentialsError,
    PermissionDeniedError,
    ThrottledError,
    UnreachableError,
)

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
# The codes that botocore takes for "slower" and tries again on. Source: botocore.retries.standard.
THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
# AWS's words for what is denied. Source: IAM User Guide, "Troubleshoot access denied error messages".
_DENIAL = re.compile(
    r"not authorized to perform: (?P<action>[\w-]+:\w+)(?: on resource: \"?(?P<resource>[^\s\"]+))?"
)
# Parameters that say what a call is about, the first that it has.
_SUBJECTS = [
    "StackName",
    "SecretId",
    "RoleName",
    "KeyId",
    "resourceArn",
    "trustAnchorId",
    "profileId",
    "crlId",
    "subjectId",
    "Name",
    "name",
]
_SUBJECT = "iam_ra_subject"
_CALL = "call: "


def note_subject(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    """Remember what a call is about, from its parameters (a botocore event handler)."""
    place = [str(params[name]) for name in ("Bucket", "Key", "Prefix") if params.get(name)]
    about = [str(params[name]) for name in _SUBJECTS if params.get(name)]
    context[_SUBJECT] = "/".join(place) or next(iter(about), "")


def note_failure(exception: BaseException, context: dict[str, Any], event_name: str = "", **_: Any) -> None:
    """Put the call's name onto an exception that has none, such as one for want of credentials (an event handler)."""
    service, operation = event_name.split(".")[1:3] if event_name.count(".") > 1 else ("", "")
    subject = context.get(_SUBJECT, "")
    exception.add_note(f"{_CALL}{service.replace('-', '')}:{operation}{f' on {subject}' if subject else ''}")


def note_service(
    parsed: dict[str, Any], model: OperationModel, context: dict[str, Any] | None = None, **_: Any
) -> None:
    """Keep the service's name and the call's subject in a response, for errors to name (a botocore event handler)."""
    metadata = parsed.setdefault("ResponseMetadata", {})
    metadata["Service"] = model.service_model.signing_name
    metadata["Subject"] = (context or {}).get(_SUBJECT, "")


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
            f"no AWS credentials{_for(error)}",
            why=str(error),
            fix="log in (`aws sso login`), or set AWS_PROFILE or --profile; for a trial: `iam-ra sandbox up`",
        )
    if isinstance(error, boto.ProfileNotFound):
        return CredentialsError(str(error), fix="name a profile that `aws configure list-profiles` shows")
    if isinstance(error, _LOGIN_OVER):
        return CredentialsError(
            f"the login is over{_for(error)}",
            why=str(error),
            fix="run `aws sso login` (or `aws login`), with your --profile",
        )
    if isinstance(error, _UNREACHABLE):
        return UnreachableError(
            f"AWS does not answer{_for(error)}",
            why=str(error),
            fix="check the network, the region and AWS_ENDPOINT_URL; is the sandbox up (`iam-ra sandbox status`)?",
        )
    return AwsError(
        f"{type(error).__name__}: {error}",
        why=f"the AWS client refused the call before sending it{_for(error)}",
        fix="look at the AWS variables and profiles that are set: `aws configure list`",
    )


def _for(error: BaseException) -> str:
    """Return ` (sts:GetCallerIdentity)`, the call that an exception ended, where it is known."""
    notes = (note.removeprefix(_CALL) for note in getattr(error, "__notes__", ()) if note.startswith(_CALL))
    return "".join(f" ({note})" for note in notes)


def _refusal(error: boto.ClientError) -> AwsError:
    metadata = error.response.get("ResponseMetadata", {})
    call = f"{metadata.get('Service', 'aws')}:{error.operation_name}"
    subject = str(metadata.get("Subject", ""))
    on = f" on {subject}" if subject else ""
    if code(error) in _REJECTED:
        return CredentialsError(
            f"AWS rejects the credentials for {call}{on} ({code(error)})",
            why=message(error),
            fix="log in again, or use other credentials",
        )
    if code(error) in DENIED:
        return _denial(error, call, subject)
    if code(error) in THROTTLED:
        return ThrottledError(
            f"AWS takes no more calls of {call}{on} for now: {code(error)}",
            why=f"{message(error)}; it was tried {metadata.get('RetryAttempts', 0) + 1} times, slower each time",
            fix="wait a minute and run the command again; apply goes slower with --parallelism 2",
        )
    return AwsError(f"{call} failed{on}: {code(error)}", why=message(error))


def _denial(error: boto.ClientError, call: str, subject: str) -> PermissionDeniedError:
    """Name the action and the resource: as AWS does, else those of the call."""
    said = _DENIAL.search(message(error))
    action = said["action"] if said else next(iter(actions_of(call)), call)
    resource = (said and said["resource"]) or subject
    return PermissionDeniedError(
        f"{action} is not allowed{f' on {resource}' if resource else ''}",
        why=message(error),
        fix=f"let the credentials' policy allow {action}: `iam-ra permissions apply` (or `plan`) prints all of it",
    )
