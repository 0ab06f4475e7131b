"""A client of our own, for what the others cannot send."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.e2e.clients.estate import Estate, key

from iam_ra.anywhere.keys import sign_with
from iam_ra.anywhere.request import HttpRequest, SessionRequest
from iam_ra.anywhere.signature import create_session_request

if TYPE_CHECKING:
    from cryptography import x509

    from iam_ra.sandbox.server import Server


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def error(self) -> tuple[int, str, str]:
        return self.status, self.headers["x-amzn-errortype"], self.body["message"]

    @property
    def credentials(self) -> dict[str, str]:
        made: dict[str, str] = self.body["credentialSet"][0]["credentials"]
        return made


class Caller:
    """A host that signs with its certificate."""

    def __init__(self, server: Server, estate: Estate, leaf: x509.Certificate) -> None:
        self.url, self.pem = server.endpoint_url, server.authority_pem
        self.estate, self.leaf = estate, leaf
        self.asks = SessionRequest(estate.anchor, estate.profiles["reader"], estate.roles["reader"])

    def ask(self, **changes: Any) -> Answer:
        return self.send(self.signed(**changes))

    def signed(self, **changes: Any) -> HttpRequest:
        return create_session_request(
            replace(self.asks, **changes),
            host=urlsplit(self.url).netloc,
            leaf=self.leaf,
            sign=sign_with(key("ec-p256").signing_key),
            now=datetime.now(UTC),
        )

    def send(self, request: HttpRequest) -> Answer:
        parts = urlsplit(self.url)
        address = (parts.hostname or "", parts.port)
        if parts.scheme == "https":
            context = ssl.create_default_context(cadata=self.pem)
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(*address, context=context)
        else:
            connection = http.client.HTTPConnection(*address)
        connection.request(request.method, request.path, request.body, dict(request.headers))
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, headers, json.loads(response.read()))
        connection.close()
        return answer
