"""What all resources of the service have in common, and a shelf to keep them on."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from moto.moto_api._internal import mock_random

from iam_ra.sandbox import clock
from iam_ra.sandbox.rolesanywhere.errors import NotFoundError, ValidationError

if TYPE_CHECKING:
    from datetime import datetime

# How many items a list answers with when it is not told. AWS does not say.
PAGE = 50

Request = dict[str, Any]
Answer = dict[str, Any]


def now() -> datetime:
    """Return the time for createdAt, updatedAt and lastSeenAt."""
    return clock.now()


@dataclass(frozen=True, slots=True)
class Scope:
    """Where resources live: their ARNs begin with it."""

    account_id: str
    region: str
    partition: str

    def arn(self, kind: str, identifier: str) -> str:
        """Return the ARN of one resource."""
        return f"arn:{self.partition}:rolesanywhere:{self.region}:{self.account_id}:{kind}/{identifier}"


@dataclass(kw_only=True)
class Record:
    """One resource."""

    id: str
    arn: str
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(init=False)
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.updated_at = self.created_at

    def touch(self) -> None:
        """Note that the resource has changed."""
        self.updated_at = now()


R = TypeVar("R", bound=Record)


class Shelf(Generic[R]):
    """All resources of one kind in one account and region, in the order of their creation."""

    def __init__(self, scope: Scope, kind: str, noun: str, quota: int | None = None) -> None:
        self._scope = scope
        self._kind = kind
        self._noun = noun
        self._quota = quota
        self._records: dict[str, R] = {}

    def new_identity(self) -> tuple[str, str]:
        """Return an id and an ARN for a resource to come; refuse past the quota.

        How AWS words a reached quota is not documented; the model leaves ValidationException.
        """
        if self._quota is not None and len(self._records) >= self._quota:
            raise ValidationError(f"The quota of {self._quota} {self._noun}s in this Region is reached.")
        identifier = str(mock_random.uuid4())
        return identifier, self._scope.arn(self._kind, identifier)

    def add(self, record: R) -> None:
        """Keep a resource."""
        self._records[record.id] = record

    def find(self, identifier: str) -> R:
        """Return a resource by its id or its ARN."""
        own = self._scope.arn(self._kind, "")
        key = identifier.removeprefix(own)
        if key not in self._records:
            raise NotFoundError(f"{self._noun.capitalize()} with ID {identifier} was not found.")
        return self._records[key]

    def remove(self, identifier: str) -> R:
        """Forget a resource, and return it a last time."""
        return self._records.pop(self.find(identifier).id)

    def __iter__(self) -> Any:
        return iter(self._records.values())

    def page(self, request: Request) -> tuple[list[R], str | None]:
        """Return the items that a list call asks for, and the token of the next page."""
        size = request.get("pageSize") or PAGE
        if size < 1:
            raise ValidationError("pageSize must be at least 1.")
        start = _offset(request.get("nextToken"))
        items = list(islice(self._records.values(), start, start + size))
        end = start + len(items)
        return items, _token(end) if end < len(self._records) else None


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"offset:{offset}".encode()).decode()


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token).decode().removeprefix("offset:"))
    except (binascii.Error, ValueError):
        raise ValidationError("The nextToken is invalid.") from None


def tags_of(request: Request) -> dict[str, str]:
    """Return the tags of a create call."""
    return {tag["key"]: tag["value"] for tag in request.get("tags") or []}


def refuse_newer(request: Request) -> None:
    """Refuse what newer models add and this sandbox does not do, rather than pass over it in silence."""
    if request.get("aliasName"):
        raise ValidationError("Aliases are not offered by this sandbox.")
    if request.get("crlDpRevocationEnabled"):
        raise ValidationError("CRL distribution points are not followed by this sandbox.")
