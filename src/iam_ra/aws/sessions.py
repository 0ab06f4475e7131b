"""Sessions by certificate: CreateSession, which no SDK models, and who one is then."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from iam_ra.anywhere.keys import sign_with
from iam_ra.anywhere.signature import create_session_request
from iam_ra.aws.rate import Pace
from iam_ra.engine.errors import AwsError, PermissionDeniedError
from iam_ra.pki.secret import Secret

if TYPE_CHECKING:
    from cryptography import x509

    from iam_ra.anywhere.request import SessionRequest
    from iam_ra.aws.session import Aws
    from iam_ra.pki.keys import PrivateKey

# Source: AWS IAM Roles Anywhere User Guide, "Quotas": CreateSession, 10 a second.
CREATE_SESSION_RATE = 10.0
_TIMEOUT_SECONDS = 20
_DENIED = "AccessDeniedException"
_BAD = 300


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a session gives. `expiration` is ISO 8601."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret
    expiration: str


class Sessions:
    """Opens sessions in one region, at most `per_second` of them. Safe to use from several threads."""

    def __init__(self, aws: Aws, *, per_second: float = CREATE_SESSION_RATE) -> None:
        self._aws = aws
        self._endpoint = aws.endpoint_of("rolesanywhere")
        # A path of a bundle, which the stubs do not know.
        verify: Any = os.environ.get("AWS_CA_BUNDLE") or True
        self._http = URLLib3Session(
            verify=verify,
            proxies=get_environ_proxies(self._endpoint),
            timeout=_TIMEOUT_SECONDS,
            max_pool_connections=10,
        )
        self._pace = Pace(per_second)

    def open(self, request: SessionRequest, leaf: x509.Certificate, key: PrivateKey) -> Credentials:
        """Ask for a session with a certificate and its key.

        Raises PermissionDeniedError with the service's words when it refuses, AwsError for everything else.
        """
        self._pace.wait()
        host, sign = urlsplit(self._endpoint).netloc, sign_with(key.signing_key)
        signed = create_session_request(request, host=host, leaf=leaf, sign=sign, now=self._aws.now())
        url = f"{self._endpoint.rstrip('/')}{signed.path}"
        prepared = AWSRequest(signed.method, url, headers=dict(signed.headers), data=signed.body).prepare()
        answer = self._http.send(prepared)
        if answer.status_code >= _BAD:
            raise _refusal(answer.status_code, answer.headers.get("x-amzn-errortype", ""), answer.content)
        given = json.loads(answer.content)["credentialSet"][0]["credentials"]
        return Credentials(
            given["accessKeyId"],
            Secret(given["secretAccessKey"]),
            Secret(given["sessionToken"]),
            given["expiration"],
        )

    def caller_arn(self, credentials: Credentials) -> str:
        """Return who one is with these credentials (sts:GetCallerIdentity). Raises botocore's errors."""
        session = boto3.session.Session(
            credentials.access_key_id,
            credentials.secret_access_key.reveal().decode(),
            credentials.session_token.reveal().decode(),
            region_name=self._aws.region,
        )
        return session.client("sts").get_caller_identity()["Arn"]


def _refusal(status: int, kind: str, body: bytes) -> AwsError:
    try:
        answer = json.loads(body)
        message = str(answer.get("message") or answer.get("Message") or "")
    except (ValueError, AttributeError):
        message = body[:200].decode(errors="replace")
    name = kind.partition(":")[0]
    # A 403 without the service's own name for it is a proxy's, and says nothing about the role.
    error = PermissionDeniedError if name == _DENIED else AwsError
    return error(f"{name or status}: {message}", fix="ask `iam-ra explain HOST ROLE` why")
