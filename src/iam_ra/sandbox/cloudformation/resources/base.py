"""What a resource type's handler is, and what it is asked."""

from __future__ import annotations

import json
import secrets
import string
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.sandbox import loopback

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.sandbox.cloudformation.schema import Schema

SUFFIX_LENGTH = 12
NOT_FOUND = frozenset(
    {
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NotFoundException",
        "ParameterNotFound",
        "ResourceNotFoundException",
    }
)


class HandlerError(Exception):
    """A handler refuses; `code` is one of CloudFormation's handler error codes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Made:
    """What a resource is known by: its physical id (what Ref gives) and its attributes (what Fn::GetAtt gives)."""

    physical_id: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """One resource to create, update or delete.

    `tags` holds the stack's and the resource's own tags, and CloudFormation's where the type takes those.
    `announce` tells the engine the physical id before the handler is done, so that a failure later in the handler
    leaves nothing behind.
    """

    account: str
    region: str
    partition: str
    stack_name: str
    logical_id: str
    properties: dict[str, Any]
    tags: dict[str, str]
    physical_id: str = ""
    previous: dict[str, Any] = field(default_factory=dict)
    previous_tags: dict[str, str] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    announce: Callable[[str], None] = lambda _: None

    def client(self, service: str) -> Any:
        """Return a boto3 client of the stack's account and region."""
        return loopback.client(service, self.region, self.account)

    def arn(self, service: str, resource: str, region: str | None = None) -> str:
        """Return an ARN in the stack's account and region."""
        place = self.region if region is None else region
        return f"arn:{self.partition}:{service}:{place}:{self.account}:{resource}"

    def generated_name(self, longest: int) -> str:
        """Return a name as CloudFormation makes them: stack, logical id, random suffix."""
        alphabet = string.ascii_letters + string.digits
        suffix = "".join(secrets.choice(alphabet) for _ in range(SUFFIX_LENGTH))
        return f"{self.stack_name}-{self.logical_id}"[: longest - SUFFIX_LENGTH - 1] + f"-{suffix}"

    @property
    def removed_tags(self) -> list[str]:
        """The tag keys that an update takes away."""
        return sorted(set(self.previous_tags) - set(self.tags))


class Handler(ABC):
    """Creates, updates and deletes one type of resource by calling its service.

    `create_only` names the properties whose change needs a replacement, `name_property` the one that gives the resource
    a custom name. Services' errors (botocore ClientError) are left to the engine, which words them as AWS does.
    """

    type: ClassVar[str]
    schema: ClassVar[Schema]
    create_only: ClassVar[frozenset[str]] = frozenset()
    name_property: ClassVar[str] = ""
    attributes: ClassVar[frozenset[str]] = frozenset()
    taggable: ClassVar[bool] = True
    system_tags: ClassVar[bool] = True
    gone: ClassVar[frozenset[str]] = NOT_FOUND

    @abstractmethod
    def create(self, request: Request) -> Made:
        """Make the resource."""

    @abstractmethod
    def update(self, request: Request) -> Made:
        """Make the resource at `request.physical_id` have the request's properties."""

    @abstractmethod
    def delete(self, request: Request) -> None:
        """Remove the resource; a service's answer with a code in `gone` counts as done."""

    def own_tags(self, properties: dict[str, Any]) -> dict[str, str]:
        """Return the tags that the resource's properties declare."""
        declared = properties.get("Tags") or []
        return (
            dict(declared) if isinstance(declared, dict) else {tag["Key"]: tag["Value"] for tag in declared}
        )


def pairs(tags: dict[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Return tags in the list form of a service's API."""
    return [{key: name, value: text} for name, text in tags.items()]


def document_text(document: Any) -> str:
    """Return a JSON document that may be an object or its text as text."""
    return document if isinstance(document, str) else json.dumps(document)


def not_found(kind: str, identifier: str) -> HandlerError:
    """Return the failure of an update whose resource is gone."""
    return HandlerError(
        "NotFound", f"Resource of type '{kind}' with identifier '{identifier}' was not found."
    )


def already_exists(kind: str, identifier: str) -> HandlerError:
    """Return the failure of a creation whose resource is there already."""
    return HandlerError(
        "AlreadyExists", f"Resource of type '{kind}' with identifier '{identifier}' already exists."
    )
