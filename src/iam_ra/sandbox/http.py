"""The HTTP side of the sandbox: a WSGI server on a loopback port that keeps connections open.

werkzeug's own server closes each connection and waits 10 ms to drain it; a run of iam-ra makes hundreds of calls.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any, cast

from moto.moto_server.werkzeug_app import MotoRequestHandler

from iam_ra.sandbox.patches import ARRIVED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ssl import SSLContext
    from wsgiref.types import WSGIApplication

log = logging.getLogger("iam_ra.sandbox")

BODILESS = frozenset({204, 304})
HANDSHAKE_SECONDS = 10.0
CUT = "iam_ra.sandbox.cut"
"""The WSGI environ key of what tells whether a request's connection has been cut since it arrived."""
# On, and for no time: whatever is unsent is thrown away, and the other side is told so (RST).
NO_LINGER = struct.pack("ii", 1, 0)


class HangUpError(Exception):
    """Raised by the application for a request that gets no answer."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset


class HttpServer(ThreadingMixIn, TCPServer):
    """A threaded HTTP/1.1 server of one WSGI application; one thread a connection. With a TLS context, HTTPS."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    # What moto's request handler asks its server for.
    multithread = True
    multiprocess = False
    _server_version = "iam-ra-sandbox"

    def __init__(self, host: str, port: int, app: WSGIApplication, tls: SSLContext | None = None) -> None:
        self.app = app
        self.ssl_context = tls
        self._connections: set[socket.socket] = set()
        self._own = threading.local()
        super().__init__((host, port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that closing the server can end it."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread: a client that says nothing keeps nobody else waiting."""
        if self.ssl_context is not None:
            try:
                request = self._secured(request, self.ssl_context)
            except OSError:
                # Such as a client that does not trust the sandbox's authority, and says so itself.
                self.shutdown_request(request)
                return
        self._own.connection = request
        super().process_request_thread(request, client_address)

    def _secured(self, connection: socket.socket, context: SSLContext) -> socket.socket:
        connection.settimeout(HANDSHAKE_SECONDS)
        secured = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._connections.discard(connection)
        self._connections.add(secured)
        try:
            secured.do_handshake()
        except OSError:
            self.shutdown_request(secured)
            raise
        secured.settimeout(None)
        return secured

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that has ended."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what went wrong, by its type alone; a client that went away is nothing wrong."""
        del request, client_address
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError | TimeoutError):
            log.error("a request failed: %s at %s", type(error).__name__, where(error))

    def is_open(self, connection: socket.socket) -> bool:
        """Tell whether a connection is still served."""
        return connection in self._connections

    def cut(self) -> None:
        """End all connections but the one whose request the calling thread serves."""
        own = getattr(self._own, "connection", None)
        for connection in list(self._connections):
            if connection is own:
                continue
            self._connections.discard(connection)
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self) -> None:
        """Stop listening and end the connections that clients keep open."""
        self.server_close()
        self.cut()


class Handler(MotoRequestHandler):
    """Reads one request whole, hands it to the application, writes the answer whole."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle_expect_100(self) -> bool:
        """Ask for the body at once; the reply to come waits in the buffer."""
        BaseHTTPRequestHandler.handle_expect_100(self)
        self.wfile.flush()
        return True

    def run_wsgi(self) -> None:
        """Answer one request."""
        environ = self.make_environ()
        environ[ARRIVED] = time.perf_counter()
        environ[CUT] = lambda: not cast(HttpServer, self.server).is_open(self.connection)
        body = self._body(environ)
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        answer: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            answer[:] = [status, headers]
            return answer.append

        try:
            chunks: Iterable[bytes] = self.server.app(environ, start_response)
        except HangUpError as error:
            self._hang_up(reset=error.reset)
            return
        try:
            content = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        self._answer(answer[0], answer[1], content)

    def _hang_up(self, *, reset: bool) -> None:
        """End the connection without an answer; a reset is one that the client cannot mistake for a regular end."""
        self.close_connection = True
        if not reset:
            return
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        # The files over the socket would keep it open.
        os.close(self.connection.detach())

    def _body(self, environ: dict[str, Any]) -> bytes:
        if environ.get("wsgi.input_terminated"):
            return bytes(environ["wsgi.input"].read())
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = self.rfile.read(length) if length else b""
        if len(body) < length:
            raise ConnectionResetError("the client went away in the middle of its request")
        return body

    def _answer(self, status: str, headers: list[tuple[str, str]], content: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response_only(int(code), reason)
        sized = False
        for name, value in headers:
            sized = sized or name.lower() == "content-length"
            self.send_header(name, value)
        if not sized and int(code) not in BODILESS:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is http.server's)
        """Write nothing: the application logs its calls itself."""


def where(error: BaseException) -> str:
    """Return the file and line that raised, which unlike the message of an error can hold no secret."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"
