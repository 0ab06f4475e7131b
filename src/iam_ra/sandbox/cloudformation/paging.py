"""Pages of lists, and the tokens between them: what is in one is nobody's business, as on AWS."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, TypeVar

from iam_ra.sandbox.cloudformation.errors import ValidationError

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = 100

T = TypeVar("T")


def page(items: Sequence[T], token: str | None, operation: str) -> tuple[Sequence[T], str | None]:
    """Return the page of a list at a token (None: the first one), and the token of the next page, if there is one.

    Raises ValidationError for a token that the operation never gave.
    """
    start = _position(token, operation) if token else 0
    end = start + PAGE
    return items[start:end], _token(end, operation) if end < len(items) else None


def _token(position: int, operation: str) -> str:
    return base64.urlsafe_b64encode(f"{operation}/{position}".encode()).decode()


def _position(token: str, operation: str) -> int:
    try:
        found, _, text = base64.b64decode(token, altchars=b"-_", validate=True).decode("ascii").partition("/")
    except (binascii.Error, ValueError):
        found = text = ""
    if found != operation or not text.isdecimal():
        raise ValidationError("Invalid NextToken")
    return int(text)
