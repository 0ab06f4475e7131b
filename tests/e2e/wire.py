"""What goes over the wire between iam-ra and the sandbox: counted, kept, denied, late, or the moment to kill the caller."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, replace
from email.utils import format_datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from tests.e2e.handlers import OPERATIONS, asked_for, types_in

from iam_ra.aws.permissions import actions_of
from iam_ra.sandbox import wire as serialiser
from iam_ra.sandbox.call import Call, identify
from iam_ra.sandbox.process import HEALTH_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
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
    query: str = ""

    @property
    def actions(self) -> tuple[str, ...]:
        """The IAM actions that it needs, its own first."""
        versioned = self.operation == "GetObject" and "versionId=" in self.query
        return actions_of(f"{self.service}:{'GetObjectVersion' if versioned else self.operation}")

    @property
    def is_write(self) -> bool:
        return not self.operation.startswith(READS)

    @property
    def is_lock(self) -> bool:
        return self.service == "s3" and self.path.endswith("/lock.json")


class Lost(Exception):  # noqa: N818 - no error of the test
    """Raised by `before`: the sandbox never hears of the request."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: str
    headers: list[tuple[str, str]]
    body: list[bytes]

    @classmethod
    def of(cls, app: WSGIApplication, environ: WSGIEnvironment) -> _Answer:
        began: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            began.append((status, headers))
            return lambda _: None

        body = list(app(environ, start))
        return cls(*began[-1], body)


class Wire:
    """Stands in front of the sandbox's application."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._guard = threading.Lock()
        # The actions that were ever needed, by iam-ra or for a stack of the types; `clear` leaves them.
        self.needed: set[str] = set()
        self.types: frozenset[str] = frozenset()
        self.clear()

    def clear(self) -> None:
        self.requests: list[Request] = []
        self.denied: set[tuple[str, str]] = set()
        # What these answer first, they answer for ever.
        self.lagging: set[tuple[str, str]] = set()
        self._answers: dict[tuple[str, str], _Answer] = {}
        # The time that AWS says it is, where it is asked for.
        self.now: datetime | None = None
        self.allows: Callable[[Request], bool] = lambda _: True
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
            call.service,
            call.operation,
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"],
            body,
            ours,
            environ.get("QUERY_STRING", ""),
        )
        if ours:
            with self._guard:
                self.requests.append(request)
                self._note(request)
            try:
                self.before(request)
            except Lost:
                return _deny(call, environ, start_response)
            if (call.service, call.operation) in self.denied or not self.allows(request):
                return _deny(call, environ, start_response)
        answer = self._answer(call, environ) if ours else _Answer.of(self._app, environ)
        if ours:
            self.after(request)
        start_response(answer.status, answer.headers)
        return answer.body

    def _note(self, request: Request) -> None:
        self.needed.update(request.actions)
        if request.service == "cloudformation" and request.operation in OPERATIONS:
            self.types |= types_in(request.body)
            self.needed |= asked_for(request.operation, self.types)

    def _answer(self, call: Call, environ: WSGIEnvironment) -> _Answer:
        key = (call.service, call.operation)
        answer = self._answers.get(key) or _Answer.of(self._app, environ)
        if key in self.lagging:
            self._answers[key] = answer
        if call.operation == "GetCallerIdentity" and self.now is not None:
            others = [each for each in answer.headers if each[0].lower() != "date"]
            return replace(answer, headers=[*others, ("Date", format_datetime(self.now, usegmt=True))])
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
