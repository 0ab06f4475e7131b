"""One account and region: who we are there, what time it is there, and a client a service."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from iam_ra import __version__
from iam_ra.aws.errors import note_failure, note_service, note_subject
from iam_ra.aws.rate import Paces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_rolesanywhere import IAMRolesAnywhereClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose credentials these are. `now` is AWS's clock when it answered."""

    account_id: str
    arn: str
    partition: str
    now: datetime


def default_region(profile: str | None, environ: Mapping[str, str]) -> str | None:
    """Return the region that the environment or the profile names; boto3 itself passes AWS_REGION over."""
    return environ.get("AWS_REGION") or boto3.session.Session(profile_name=profile).region_name


class Aws:
    """The clients of one region, each made when first needed. Safe to share between threads."""

    def __init__(self, region: str, profile: str | None = None, *, connections: int = 20) -> None:
        self.region = region
        self._session = boto3.session.Session(profile_name=profile, region_name=region)
        events = self._session.events
        events.register("provide-client-params.*", note_subject)
        events.register("after-call.*", note_service)
        events.register("after-call-error.*", note_failure)
        Paces().register(events)
        self._config = Config(
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=connections,
            user_agent_extra=f"iam-ra/{__version__}",
        )
        # Making a client is not thread safe, using it is.
        self._making = threading.Lock()
        self._asked = 0.0

    def _client(self, service: Any) -> Any:
        with self._making:
            return self._session.client(service, config=self._config)

    def endpoint_of(self, service: str) -> str:
        """Return the URL of a service: by the environment and the profile, else by the region."""
        return str(self._client(service).meta.endpoint_url)

    @cached_property
    def acm_pca(self) -> Any:
        """AWS Private CA's client."""
        return self._client("acm-pca")

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        """CloudFormation's client."""
        client: CloudFormationClient = self._client("cloudformation")
        return client

    @cached_property
    def iam(self) -> IAMClient:
        """IAM's client."""
        client: IAMClient = self._client("iam")
        return client

    @cached_property
    def kms(self) -> KMSClient:
        """KMS's client."""
        client: KMSClient = self._client("kms")
        return client

    @cached_property
    def rolesanywhere(self) -> IAMRolesAnywhereClient:
        """Roles Anywhere's client."""
        client: IAMRolesAnywhereClient = self._client("rolesanywhere")
        return client

    @cached_property
    def rolesanywhere_once(self) -> IAMRolesAnywhereClient:
        """Roles Anywhere's client for questions that are not worth asking twice."""
        with self._making:
            config = self._config.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
            client: IAMRolesAnywhereClient = self._session.client("rolesanywhere", config=config)
            return client

    @cached_property
    def s3(self) -> S3Client:
        """S3's client."""
        client: S3Client = self._client("s3")
        return client

    @cached_property
    def secretsmanager(self) -> SecretsManagerClient:
        """Secrets Manager's client."""
        client: SecretsManagerClient = self._client("secretsmanager")
        return client

    @cached_property
    def caller(self) -> Caller:
        """Who calls, asked once."""
        answer = self._client("sts").get_caller_identity()
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        self._asked = time.monotonic()
        # A laptop's wrong clock must neither post-date certificates nor steal leases.
        now = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
        return Caller(answer["Account"], answer["Arn"], answer["Arn"].split(":")[1], now.astimezone(UTC))

    def now(self) -> datetime:
        """Return AWS's time at this moment."""
        return self.caller.now + timedelta(seconds=time.monotonic() - self._asked)
