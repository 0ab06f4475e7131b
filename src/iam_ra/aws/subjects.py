"""What Roles Anywhere remembers of who asked for sessions: subjects, and the certificates that they showed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from mypy_boto3_rolesanywhere import IAMRolesAnywhereClient

    from iam_ra.aws.session import Aws

# Roles Anywhere takes one call of this family a second.
MOST_ASKED: Final = 10


class Sought(NamedTuple):
    """A certificate that is looked for: its common name, its serial (decimal), and since when it is valid."""

    identity: str
    serial: str
    since: datetime


def let_in(aws: Aws, sought: Collection[Sought]) -> Mapping[str, datetime]:
    """Return when Roles Anywhere last let in those of the certificates that it did let in, by serial.

    One paged list, and of the subjects that were seen since their new certificate is valid, at most ten, those asked
    for whose certificate is oldest first; a refusal for going too fast ends the asking. So not every one is found.
    """
    found: dict[str, datetime] = {}
    # Who is told to slow down, or that this is not for him, had better stop: without an answer overlaps end on their day.
    with contextlib.suppress(ClientError):
        subjects = list(_listed(aws.rolesanywhere))
        asked = [
            (each, subject)
            for each in sorted(sought, key=lambda each: (each.since, each))
            for attributes, subject, when in subjects
            if f"CN={each.identity}" in attributes and when >= each.since
        ]
        for each, subject in asked[:MOST_ASKED]:
            detail = aws.rolesanywhere_once.get_subject(subjectId=subject)["subject"]
            for shown in detail.get("credentials", ()):
                if not shown.get("failed") and _is(each.serial, shown) and "seenAt" in shown:
                    found[each.serial] = shown["seenAt"]
    return found


def _listed(client: IAMRolesAnywhereClient) -> Iterator[tuple[frozenset[str], str, datetime]]:
    """Yield each subject's attributes, its id and when it was last seen. No name that we give has a comma in it."""
    for page in client.get_paginator("list_subjects").paginate():
        for each in page["subjects"]:
            if "x509Subject" in each and "lastSeenAt" in each and "subjectId" in each:
                # Texts in the form of RFC 4514, which puts a backslash before a plus sign.
                name = each["x509Subject"].replace("\\", "")
                attributes = frozenset(piece.strip() for piece in name.split(","))
                yield attributes, each["subjectId"], each["lastSeenAt"]


def _is(serial: str, shown: Mapping[str, Any]) -> bool:
    """Tell whether a certificate that was shown has this serial; the service does not say in which base it writes it."""
    text = str(shown.get("serialNumber", "")).replace(":", "")
    for base in (10, 16):
        with contextlib.suppress(ValueError):
            if int(text, base) == int(serial):
                return True
    return False
