"""The sandbox as a WSGI application, and as a server in a thread of this process."""

from __future__ import annotations

import json
import logging
import pickle
import threading
import time
from email.utils import formatdate
from io import BytesIO
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs

from moto.core.exceptions import ServiceException

from iam_ra.engine.errors import SandboxError
from iam_ra.sandbox import backends, clock, expiry, loopback, pickling, propagation, snapshots, wire
from iam_ra.sandbox.call import FORM, Call, access_key_id, identify, signing_region
from iam_ra.sandbox.calls import CallLog
from iam_ra.sandbox.control import PREFIX, Control
from iam_ra.sandbox.faults import Fault, Faults, failure, throttling
from iam_ra.sandbox.http import CUT, HangUpError, HttpServer, where
from iam_ra.sandbox.limits import Limits
from iam_ra.sandbox.mount import Dispatcher
from iam_ra.sandbox.settings import DEFAULT_ACCOUNT, Settings
from iam_ra.sandbox.tls import make_tls

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("iam_ra.sandbox")

HTML = b"<!doctype html"
WARM = ("sts", "cloudformation", "s3", "iam", "rolesanywhere", "ssm", "secretsmanager", "kms")
# Locks are not fair: without a pause, requests that wait would not get in between.
PAUSE_SECONDS = 0.005
# How long saving waits for the stacks that are at work; less than `remote.SECONDS`.
REST_SECONDS = 30.0
SHOWN = 5
# One for the whole process, as moto's state is. Re-entrant, since services may call each other through the application.
LOCK = threading.RLock()
READS = ("Get", "List")
NO_SUCH_ROUTE = frozenset({404, 405})
# Status line, headers, body.
Answer = tuple[str, list[tuple[str, str]], bytes]


class Application:
    """moto's services and ours behind one lock.

    moto's backends are not thread-safe: requests are served one at a time.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.faults = Faults(settings.account_id)
        self.calls = CallLog()
        self._limits = Limits() if settings.real_limits else None
        self._control = Control(self.faults, self.calls, self.reset, self.save)
        self.servers: list[HttpServer] = []
        clock.install()
        self._dispatch = Dispatcher()
        loopback.connect(self, settings, LOCK)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request. Raises HangUpError where a fault, or a reset meanwhile, leaves it without an answer."""
        if environ["PATH_INFO"].startswith(PREFIX):
            return self._controlled(environ, start_response)
        started = time.perf_counter()
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        if self._settings.account_id != DEFAULT_ACCOUNT:
            environ.setdefault("HTTP_X_MOTO_ACCOUNT_ID", self._settings.account_id)
        with LOCK:
            _refuse_cut(environ)
            call = identify(environ, body)
        fault = None if loopback.LOOPBACK in environ else self.faults.meet(call)
        answer = self._met(fault, call, environ, body) if fault else self._limited(call, environ, body)
        self._note(call, answer, environ, started, fault)
        if answer is None:
            raise HangUpError(reset=fault is not None and fault.kind == "reset")
        status, headers, content = answer
        start_response(
            status, [(name, value) for name, value in headers if name.lower() != "date"] + [_date()]
        )
        return [content]

    def reset(self) -> None:
        """Forget everything: all accounts, all regions, all services, the faults; the clock shows the real time again.

        Connections end, and no call that arrived by one of them is served any more: what a killed client had asked for
        is not done in the world to come.
        """
        from moto.moto_api._internal.models import moto_api_backend  # noqa: PLC0415 (an internal of moto)

        with LOCK:
            for server in self.servers:
                server.cut()
            self.faults.clear()
            moto_api_backend.reset()
            propagation.reset()
            clock.reset()
            if self._limits is not None:
                self._limits.reset()

    def save(self, wait_seconds: float = REST_SECONDS) -> bytes:
        """Return all that is in the services, and the clock, as the bytes of a file; the faults and the log are not.

        No call is served meanwhile. Raises ValueError, with a sentence for the user, when stacks are still in progress
        after `wait_seconds`, and for what cannot be saved.
        """
        over = time.monotonic() + wait_seconds
        while True:
            with LOCK:
                stacks = backends.busy()
                if not stacks:
                    return self._pack()
            if time.monotonic() >= over:
                more = f" and {len(stacks) - SHOWN} more" if len(stacks) > SHOWN else ""
                raise ValueError(f"stacks are in progress: {', '.join(stacks[:SHOWN])}{more}")
            time.sleep(PAUSE_SECONDS)

    def load(self, data: bytes, name: str) -> None:
        """Put what was saved in the place of all that is there; `name` names the bytes in errors.

        Raises SandboxError, and leaves all as it is, for bytes that are damaged, or that other versions saved.
        """
        header, content = snapshots.unpack(data, name)
        with LOCK:
            try:
                for service in header.services:
                    self._dispatch.load(backends.package(service))
                tried = pickling.loads(content)
                backends.check(tried)
            except (pickle.UnpicklingError, KeyError, TypeError, ValueError) as error:
                wrong = str(error) if isinstance(error, pickle.UnpicklingError) else type(error).__name__
                raise SandboxError(
                    f"{name} is refused.",
                    why=f"It holds what iam-ra never saves: {wrong}.",
                    fix=snapshots.OWN,
                ) from error
            # What was tried cannot stay: a reset closes the files behind all objects of S3 that were ever made.
            backends.discard(tried)
            self.reset()
            backends.put(pickling.loads(content))
            self.faults.clear()

    @staticmethod
    def _pack() -> bytes:
        used = backends.used()
        try:
            content = pickling.dumps(backends.take())
        except pickle.PicklingError as error:
            raise ValueError(f"the sandbox holds an object that cannot be saved: {error}") from error
        return snapshots.pack(content, used.services, used.left_out)

    def warm_up(self) -> None:
        """Load the services that iam-ra calls, one at a time; requests go in between."""
        for service in WARM:
            with LOCK:
                self._dispatch.load(service)
            time.sleep(PAUSE_SECONDS)

    def _met(self, fault: Fault, call: Call, environ: WSGIEnvironment, body: bytes) -> Answer | None:
        """Answer a call that a fault meets; None for no answer."""
        content_type = environ.get("CONTENT_TYPE", "")
        said = failure(fault.kind, call.service, content_type)
        if said is not None:
            return _failure(call, content_type, said.status, said.code, said.message)
        if fault.kind == "reset":
            return None
        if fault.kind == "slow":
            self.faults.hold_up(fault)
            return self._limited(call, environ, body)
        self._limited(call, environ, body)
        self.faults.hold_up(fault)
        return None

    def _limited(self, call: Call, environ: WSGIEnvironment, body: bytes) -> Answer:
        if self._limits is not None and not self._limits.allow(call, signing_region(environ)):
            content_type = environ.get("CONTENT_TYPE", "")
            said = throttling(call.service, content_type)
            return _failure(call, content_type, said.status, said.code, said.message)
        with LOCK:
            _refuse_cut(environ)
            if self._settings.iam_delay_seconds and call.service == "iam":
                self._keep_role(environ, body)
            return self._serve(call, environ)

    def _keep_role(self, environ: WSGIEnvironment, body: bytes) -> None:
        from iam_ra.sandbox.rolesanywhere import stored  # noqa: PLC0415 (heavy, and only for those who want the delay)

        form = parse_qs(body.decode("utf-8", "replace"))
        if "RoleName" in form and not form.get("Action", [""])[0].startswith(READS):
            account = environ.get("HTTP_X_MOTO_ACCOUNT_ID", self._settings.account_id)
            stored.role_changes(account, form["RoleName"][0])

    def _note(
        self, call: Call, answer: Answer | None, environ: WSGIEnvironment, started: float, fault: Fault | None
    ) -> None:
        status = int(answer[0].partition(" ")[0]) if answer else 0
        milliseconds = (time.perf_counter() - started) * 1000
        inside = loopback.LOOPBACK in environ
        kind = fault.kind if fault else ""
        self.calls.add(call, status, milliseconds, by="cloudformation" if inside else "client", fault=kind)
        who = " by CloudFormation" if inside else ""
        why = f" (fault: {kind})" if kind else ""
        log.info("%s %s %d %.1f ms%s%s", call.service, call.operation, status, milliseconds, who, why)

    def _controlled(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status, answer = self._control.answer(environ)
        kind = "application/octet-stream" if isinstance(answer, bytes) else "application/json"
        start_response(status, [("Content-Type", kind), _date()])
        return [answer if isinstance(answer, bytes) else json.dumps(answer).encode()]

    def _serve(self, call: Call, environ: WSGIEnvironment) -> Answer:
        answer: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            answer[:] = [status, headers]

        content_type = environ.get("CONTENT_TYPE", "")
        if expiry.is_over(access_key_id(environ)):
            return _expired(call, content_type)
        try:
            content = b"".join(self._dispatch(environ, start_response))
        except ServiceException as error:
            return _failure(call, content_type, "400 Bad Request", error.code, error.message)
        except (NotImplementedError, ModuleNotFoundError):
            message = f"The sandbox does not offer {call.service} {call.operation}."
            return _failure(call, content_type, "501 Not Implemented", "NotImplemented", message)
        except Exception as error:  # noqa: BLE001 (whatever moto raises, a client gets an answer that it can read)
            message = f"The sandbox failed: {type(error).__name__} at {where(error)}."
            log.error("%s %s: %s", call.service, call.operation, message)  # noqa: TRY400 (a message may hold a secret)
            return _failure(call, content_type, "500 Internal Server Error", "InternalFailure", message)
        status, headers = answer
        code = int(status.partition(" ")[0])
        if code in NO_SUCH_ROUTE and content[: len(HTML)].lower() == HTML:
            message = f"{call.service} has no operation at this address."
            return _failure(call, content_type, status, "UnknownOperationException", message)
        return status, headers, content


def _refuse_cut(environ: WSGIEnvironment) -> None:
    if CUT in environ and environ[CUT]():
        raise HangUpError(reset=False)


def _date() -> tuple[str, str]:
    return "Date", formatdate(clock.now().timestamp(), usegmt=True)


def _expired(call: Call, content_type: str) -> Answer:
    # The older protocols have the older name. Source: AWS common error types.
    older = content_type.startswith(FORM) or call.service == "s3"
    code = "ExpiredToken" if older else "ExpiredTokenException"
    message = "The security token included in the request is expired"
    return _failure(call, content_type, "403 Forbidden", code, message)


def _failure(call: Call, content_type: str, status: str, code: str, message: str) -> Answer:
    headers, content = wire.serialise(call, content_type, code, message)
    return status, list(headers.items()), content


def create_app(settings: Settings) -> WSGIApplication:
    """Return a sandbox as a WSGI application. All applications of a process share one state: moto's."""
    return Application(settings)


class Server:
    """A sandbox that listens on two loopback ports, HTTP and HTTPS, in threads of this process, until it is closed."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._app = Application(self.settings)
        self._tls = make_tls()
        self._http = HttpServer(self.settings.host, self.settings.port, self._app)
        self._https = HttpServer(self.settings.host, 0, self._app, self._tls.context)
        self._app.servers += (self._http, self._https)
        self._threads = [self._listen(server) for server in (self._http, self._https)]

    @property
    def endpoint_url(self) -> str:
        """The URL for AWS_ENDPOINT_URL."""
        return f"http://{_address(self._http)}"

    @property
    def https_url(self) -> str:
        """The same over TLS, for clients that trust `authority_pem`."""
        return f"https://{_address(self._https)}"

    @property
    def authority_pem(self) -> str:
        """The certificate of the authority behind `https_url`: the content of the file that AWS_CA_BUNDLE names."""
        return self._tls.authority_pem

    @property
    def faults(self) -> Faults:
        """What is to fail; `reset` and `close` clear it."""
        return self._app.faults

    @property
    def calls(self) -> CallLog:
        """The last calls that were served."""
        return self._app.calls

    def turn_clock(self, to: str) -> datetime:
        """Set the clock and return its new time: `+90d` from where it stands, a date (ISO 8601, UTC), or `reset`.

        Raises ValueError for anything else.
        """
        return clock.turn(to)

    def reset(self) -> None:
        """Forget everything; the server goes on."""
        self._app.reset()

    def save(self, wait_seconds: float = REST_SECONDS) -> bytes:
        """Return all that is in the sandbox as the bytes of a file; see `snapshots`.

        Raises ValueError when stacks are still in progress after `wait_seconds`, and for what cannot be saved.
        """
        return self._app.save(wait_seconds)

    def load(self, data: bytes, name: str = "the snapshot") -> None:
        """Put what was saved in the place of all that is there. Raises SandboxError, and changes nothing, if it cannot."""
        self._app.load(data, name)

    def warm_up(self) -> None:
        """Load the services that iam-ra calls now rather than at their first request."""
        self._app.warm_up()

    def close(self) -> None:
        """Stop listening and end all connections."""
        self.faults.clear()
        for server, thread in zip((self._http, self._https), self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.close()

    @staticmethod
    def _listen(server: HttpServer) -> threading.Thread:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox", daemon=True
        )
        thread.start()
        return thread

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _address(server: HttpServer) -> str:
    host, port = server.server_address[:2]
    return f"{host!s}:{port}"
