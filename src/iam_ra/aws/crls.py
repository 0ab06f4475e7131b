"""The revocation lists that Roles Anywhere knows: all of them in bulk, single ones imported, replaced and deleted.

Source: botocore model rolesanywhere 2018-05-10.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from iam_ra.aws.errors import code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_rolesanywhere import IAMRolesAnywhereClient

# Source: AWS IAM Roles Anywhere User Guide, "Quotas".
MAX_PER_ANCHOR = 2


@dataclass(frozen=True, slots=True)
class CrlInfo:
    """A revocation list; `data` is PEM."""

    id: str
    arn: str
    name: str
    anchor_arn: str
    enabled: bool
    data: bytes

    @property
    def digest(self) -> str:
        """The SHA-256 of its bytes, in hex."""
        return hashlib.sha256(self.data).hexdigest()


class Crls:
    """The revocation lists of a region. Safe to use from several threads."""

    def __init__(self, client: IAMRolesAnywhereClient) -> None:
        self._client = client

    def list(self) -> tuple[CrlInfo, ...]:
        """Return all of them, whoever imported them."""
        pages = self._client.get_paginator("list_crls").paginate()
        return tuple(
            CrlInfo(
                each["crlId"],
                each["crlArn"],
                each["name"],
                each.get("trustAnchorArn", ""),
                bool(each["enabled"]),
                bytes(each["crlData"]),
            )
            for page in pages
            for each in page["crls"]
        )

    def load(self, name: str, anchor_arn: str, data: bytes, tags: Mapping[str, str]) -> str:
        """Import a new one, enabled, and return its id."""
        answer = self._client.import_crl(
            name=name,
            trustAnchorArn=anchor_arn,
            crlData=data,
            enabled=True,
            tags=[{"key": key, "value": value} for key, value in sorted(tags.items())],
        )
        return answer["crl"]["crlId"]

    def replace(self, known: CrlInfo, data: bytes) -> str:
        """Put new bytes into one, and see that it is enabled; return its id."""
        self._client.update_crl(crlId=known.id, crlData=data)
        if not known.enabled:
            self._client.enable_crl(crlId=known.id)
        return known.id

    def delete(self, crl_id: str) -> None:
        """Delete one; one that is gone is fine."""
        try:
            self._client.delete_crl(crlId=crl_id)
        except ClientError as error:
            if code(error) != "ResourceNotFoundException":
                raise

    def tags(self, crl: CrlInfo) -> dict[str, str]:
        """Return the tags of one."""
        answer = self._client.list_tags_for_resource(resourceArn=crl.arn)
        return {each["key"]: each["value"] for each in answer.get("tags", [])}
