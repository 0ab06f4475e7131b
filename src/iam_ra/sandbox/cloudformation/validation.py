"""Checks of requests before anything is done. Source: botocore model cloudformation 2010-05-15 and AWS's quotas."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from iam_ra.sandbox import loopback
from iam_ra.sandbox.cloudformation.errors import InsufficientCapabilitiesError, ValidationError, not_offered

if TYPE_CHECKING:
    from iam_ra.sandbox.cloudformation.template import Template

STACK_NAME = r"[a-zA-Z][-a-zA-Z0-9]*"
LONGEST = 128
INLINE_BYTES = 51_200
URL_BYTES = 1_048_576
MAX_TAGS = 50
LONGEST_TAG_VALUE = 256
ON_FAILURE = ("DO_NOTHING", "ROLLBACK", "DELETE")
CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
NOT_OFFERED = (
    "Parameters",
    "NotificationARNs",
    "ResourceTypes",
    "StackPolicyBody",
    "StackPolicyURL",
    "StackPolicyDuringUpdateBody",
    "StackPolicyDuringUpdateURL",
    "TimeoutInMinutes",
    "RollbackConfiguration",
    "RetainExceptOnCreate",
    "DeploymentConfig",
    "DeletionMode",
    "ForceRollback",
)


def refuse_unknown(params: dict[str, Any]) -> None:
    """Refuse the options that AWS has and the sandbox does not, by name."""
    for option in NOT_OFFERED:
        if params.get(option):
            raise not_offered(f"the option {option}")


def stack_name(name: str) -> None:
    """Refuse a name that no stack can have."""
    if not re.fullmatch(STACK_NAME, name):
        raise constraint(name, "stackName", f"Member must satisfy regular expression pattern: {STACK_NAME}")
    if len(name) > LONGEST:
        raise constraint(name, "stackName", f"Member must have length less than or equal to {LONGEST}")


def on_failure(params: dict[str, Any]) -> str:
    """Return what a failed creation leads to: ROLLBACK, DELETE or DO_NOTHING."""
    if "OnFailure" in params and "DisableRollback" in params:
        raise ValidationError("Only one of DisableRollback and OnFailure can be specified.")
    choice = str(params.get("OnFailure", "DO_NOTHING" if params.get("DisableRollback") else "ROLLBACK"))
    if choice not in ON_FAILURE:
        raise constraint(
            choice, "onFailure", f"Member must satisfy enum value set: [{', '.join(ON_FAILURE)}]"
        )
    return choice


def tags(members: list[dict[str, str]]) -> dict[str, str]:
    """Return a stack's tags by key."""
    if len(members) > MAX_TAGS:
        raise constraint(members, "tags", f"Member must have length less than or equal to {MAX_TAGS}")
    found: dict[str, str] = {}
    for index, member in enumerate(members, 1):
        key, value = member.get("Key", ""), member.get("Value", "")
        for name, text, longest in (("key", key, LONGEST), ("value", value, LONGEST_TAG_VALUE)):
            place = f"tags.{index}.member.{name}"
            if not text:
                raise constraint(text, place, "Member must have length greater than or equal to 1")
            if len(text) > longest:
                raise constraint(text, place, f"Member must have length less than or equal to {longest}")
        if key.lower().startswith("aws:"):
            raise ValidationError("aws: prefixed tag key names are not allowed for external use.")
        if key in found:
            raise ValidationError(f"Duplicate tag keys found: {key}. Please provide unique tag keys.")
        found[key] = value
    return found


def capabilities(given: list[str], template: Template) -> tuple[str, ...]:
    """Return the acknowledged capabilities; refuse if the template needs one that is not among them."""
    for capability in given:
        if capability not in CAPABILITIES:
            allowed = ", ".join(CAPABILITIES)
            raise constraint(
                given,
                "capabilities",
                f"Member must satisfy constraint: [Member must satisfy enum value set: [{allowed}]]",
            )
    needed = template.capabilities
    if needed and "CAPABILITY_NAMED_IAM" not in given and not set(needed) & set(given):
        raise InsufficientCapabilitiesError(f"Requires capabilities : [{', '.join(needed)}]")
    return tuple(given)


def template_text(params: dict[str, Any], region: str, account: str) -> str:
    """Return the text of the template in the request, or the one in S3 that it names."""
    body, url = params.get("TemplateBody"), params.get("TemplateURL")
    if (body is None) == (url is None):
        raise ValidationError("Either Template URL or Template Body must be specified.")
    if url is not None:
        return _fetched(str(url), region, account)
    text = str(body)
    if not text:
        raise constraint(text, "templateBody", "Member must have length greater than or equal to 1")
    if len(text.encode()) > INLINE_BYTES:
        raise constraint(
            text, "templateBody", f"Member must have length less than or equal to {INLINE_BYTES}"
        )
    return text


def _fetched(url: str, region: str, account: str) -> str:
    parts = urlsplit(url)
    host, path = parts.hostname or "", unquote(parts.path).lstrip("/")
    bucket, dot, _ = host.partition(".s3")
    if dot and host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        key = path
    else:
        bucket, _, key = path.partition("/")
    if not bucket or not key or parts.scheme not in {"http", "https"}:
        raise ValidationError("TemplateURL must be a supported URL.")
    try:
        answer = loopback.client("s3", region, account).get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        raise ValidationError(
            "S3 error: Access Denied\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
        ) from error
    content: bytes = answer["Body"].read()
    if len(content) > URL_BYTES:
        raise ValidationError(f"Template may not exceed {URL_BYTES} bytes in size.")
    return content.decode()


def constraint(value: Any, place: str, rule: str) -> ValidationError:
    """Return the refusal of a value that breaks a constraint of the API's model."""
    return ValidationError(
        f"1 validation error detected: Value '{value}' at '{place}' failed to satisfy constraint: {rule}"
    )
