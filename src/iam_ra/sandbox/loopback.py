"""boto3 clients that call the sandbox's own application, in this process and without sockets.

CloudFormation's resource handlers use them, so that what a stack makes is validated and refused by the services
themselves.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from iam_ra.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import WSGIApplication

    from botocore.awsrequest import AWSPreparedRequest

ENDPOINT = "http://sandbox"
LOOPBACK = "iam_ra.sandbox.loopback"
"""The WSGI environ key that marks a call as made by the sandbox itself."""

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    s3={"addressing_style": "path"},
    user_agent="cloudformation.amazonaws.com",
    parameter_validation=True,
)
# CloudFormation's handlers share the account's rates with everybody else, and outlast throttling for minutes.
_PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 10})


class AbandonedError(Exception):
    """The world that the caller worked for was reset; the call was not made."""


class _World:
    """The application that the clients call, and the clients made so far."""

    def __init__(self) -> None:
        self.app: WSGIApplication | None = None
        self.settings = Settings()
        self.serving: AbstractContextManager[Any] = nullcontext()
        self.lock = threading.Lock()
        self.clients: dict[tuple[str, str, str, bool], Any] = {}


_world = _World()
_caller = threading.local()


class _Body(BytesIO):
    """A response body in the shape that botocore reads: urllib3's."""

    def stream(self, amt: int = 65536, **_: Any) -> Any:
        while chunk := self.read(amt):
            yield chunk


def connect(
    app: WSGIApplication,
    settings: Settings | None = None,
    serving: AbstractContextManager[Any] | None = None,
) -> None:
    """Make `app` the application that all clients call from now on.

    `serving` is the re-entrant lock under which the application serves each request and resets. With it, no call made
    for a world that was reset meanwhile reaches the new one.
    """
    _world.app = app
    _world.settings = settings or Settings()
    _world.serving = serving or nullcontext()


@contextmanager
def working_for(over: threading.Event) -> Iterator[None]:
    """Make calls of this thread raise AbandonedError once `over` is set."""
    _caller.over = over
    try:
        yield
    finally:
        _caller.over = None


def settings() -> Settings:
    """Return the settings of the connected sandbox."""
    return _world.settings


def client(service: str, region: str, account: str) -> Any:
    """Return the boto3 client of one service, region and account; made once, safe to share between threads."""
    key = (service, region, account, _world.settings.real_limits)
    with _world.lock:
        if key not in _world.clients:
            _world.clients[key] = _make(*key)
        return _world.clients[key]


@cache
def session() -> boto3.Session:
    """Return the session of this process: each one reads the list of all endpoints anew. To be used under a lock."""
    return boto3.Session(aws_access_key_id="cloudformation", aws_secret_access_key="cloudformation")  # noqa: S106


def _make(service: str, region: str, account: str, limited: bool) -> Any:
    made = session().client(
        service,  # type: ignore[call-overload]
        region_name=region,
        endpoint_url=ENDPOINT,
        config=_CONFIG.merge(_PATIENT) if limited else _CONFIG,
    )
    made.meta.events.register("before-send", lambda request, **_: _send(request, account))
    return made


def _send(request: AWSPreparedRequest, account: str) -> AWSResponse:
    if _world.app is None:
        raise RuntimeError("loopback.connect(app) has not been called")
    answer: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
        answer[:] = [status, headers]
        return answer.append

    over = getattr(_caller, "over", None)
    with _world.serving:
        if over is not None and over.is_set():
            raise AbandonedError
        content = b"".join(_world.app(_environ(request, account), start_response))
    status, headers = answer
    return AWSResponse(str(request.url), int(status.partition(" ")[0]), _headers(headers), _Body(content))


def _headers(headers: list[tuple[str, str]]) -> Any:
    from botocore.compat import HTTPHeaders  # noqa: PLC0415 (not exported by botocore's stubs)

    made = HTTPHeaders()
    for name, value in headers:
        made[name] = value
    return made


def _environ(request: AWSPreparedRequest, account: str) -> dict[str, Any]:
    parts = urlsplit(str(request.url))
    body = _bytes(request.body)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(parts.path, "latin-1") or "/",
        "RAW_URI": request.url,
        "REQUEST_URI": parts.path + ("?" + parts.query if parts.query else ""),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": parts.netloc,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": None,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        LOOPBACK: True,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        text = _text(value)
        if key == "CONTENT_TYPE":
            environ[key] = text
        elif key != "CONTENT_LENGTH":
            environ[f"HTTP_{key}"] = text
    environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
    return environ


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body.read()) if hasattr(body, "read") else bytes(body)
