"""What goes over the wire between iam-ra and the sandbox: counted, kept, denied, or the moment to kill the caller."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from iam_ra.sandbox import wire as serialiser
from iam_ra.sandbox.call import Call, identify
from iam_ra.sandbox.process import HEALTH_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

READS = ("Get", "List", "Describe", "Head")


@dataclass(frozen=True, slots=True)
class Request:
    """One request as iam-ra sent it; `ours` tells iam-ra's own from those of a test's clients."""

    service: str
    operation: str
    method: str
    path: str
    body: bytes
    ours: bool

    @property
    def is_write(self) -> bool:
        return not self.operation.startswith(READS)

    @property
    def is_lock(self) -> bool:
        return self.service == "s3" and self.path.endswith("/lock.json")


class Wire:
    """Stands in front of the sandbox's application."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._guard = threading.Lock()
        self.clear()

    def clear(self) -> None:
        self.requests: list[Request] = []
        self.denied: set[tuple[str, str]] = set()
        self.before: Callable[[Request], None] = lambda _: None
        self.after: Callable[[Request], None] = lambda _: None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == HEALTH_PATH:
            return self._app(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        call = identify(environ, body)
        ours = "iam-ra/" in environ.get("HTTP_USER_AGENT", "")
        request = Request(
            call.service, call.operation, environ["REQUEST_METHOD"], environ["PATH_INFO"], body, ours
        )
        if ours:
            with self._guard:
                self.requests.append(request)
            self.before(request)
            if (call.service, call.operation) in self.denied:
                return _deny(call, environ, start_response)
        answer = list(self._app(environ, start_response))
        if ours:
            self.after(request)
        return answer

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """How often iam-ra called each operation."""
        return Counter((each.service, each.operation) for each in self.requests)

    @property
    def writes(self) -> list[Request]:
        """iam-ra's requests that may change something, but for those of the lock."""
        return [each for each in self.requests if each.is_write and not each.is_lock]


def _deny(call: Call, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    headers, content = serialiser.serialise(
        call, environ.get("CONTENT_TYPE", ""), "AccessDeniedException", "User is not authorized"
    )
    start_response("403 Forbidden", list(headers.items()))
    return [content]
