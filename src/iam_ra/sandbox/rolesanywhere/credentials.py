"""The credentials of a session, such that moto's IAM and STS know whose they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from moto.iam.models import iam_backends
from moto.sts.models import AssumedRole, sts_backends

from iam_ra.anywhere.arn import parse_arn
from iam_ra.anywhere.session import MAX_POLICY_CHARACTERS, policy_characters
from iam_ra.sandbox import expiry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """What a session may be and do."""

    role_arn: str
    region: str
    session_name: str
    source_identity: str
    duration_seconds: int
    tags: Mapping[str, str]
    policy: str | None
    policy_arns: tuple[str, ...]

    @property
    def packed_policy_size(self) -> int:
        """The percentage of the quota that the session's policies take. How AWS packs is its own; here text counts."""
        return math.ceil(100 * policy_characters(self.policy, self.policy_arns) / MAX_POLICY_CHARACTERS)


class RoleSession(AssumedRole):
    """An assumed role of moto that also remembers what narrows and describes it."""

    def __init__(self, grant: Grant) -> None:
        role = parse_arn(grant.role_arn)
        super().__init__(
            account_id=role.account,
            region_name=grant.region,
            access_key=iam_backends[role.account][role.partition].create_temp_access_key(),
            role_session_name=grant.session_name,
            role_arn=grant.role_arn,
            policy=grant.policy or "",
            duration=grant.duration_seconds,
            external_id="",
        )
        self.access_key.role_arn = grant.role_arn
        self.source_identity = grant.source_identity
        self.tags = dict(grant.tags)
        self.policy_arns = grant.policy_arns

    @property
    def end(self) -> datetime:
        """When the credentials end, to the second."""
        return self.expiration.replace(microsecond=0, tzinfo=UTC)


def issue(grant: Grant) -> RoleSession:
    """Make the credentials of a session."""
    session = RoleSession(grant)
    sts_backends[session.account_id][session.partition].assumed_roles.append(session)
    expiry.note(session.access_key_id, session.end)
    return session
