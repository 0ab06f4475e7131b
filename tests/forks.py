"""Processes that a fork server starts; see fork_server.py."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tests import fork_client

if TYPE_CHECKING:
    from collections.abc import Mapping

FORK_SERVER = Path(__file__).with_name("fork_server.py")


class Running(Protocol):
    """A process that was started, by this or by `subprocess.Popen`."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int: ...
    def communicate(self, *, timeout: float | None = None) -> tuple[str, str]: ...
    def kill(self) -> None: ...


class Forked:
    """A process that the server forked."""

    def __init__(self, answers: socket.socket, pipes: tuple[int, ...]) -> None:
        self._answers = answers.makefile("r")
        answers.close()
        self._pipes: dict[int, list[bytes]] = {pipe: [] for pipe in pipes}
        self._code: int | None = None
        self.pid = int(self._answers.readline())

    @property
    def returncode(self) -> int:
        if self._code is None:
            self._code = int(self._answers.readline())
            self._answers.close()
        return self._code

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def communicate(self, *, timeout: float | None = None) -> tuple[str, str]:
        """Read both pipes to their ends and wait. Raises subprocess.TimeoutExpired; may be called again after it."""
        end = None if timeout is None else time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            for pipe in self._pipes:
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                left = None if end is None else max(end - time.monotonic(), 0)
                ready = selector.select(left)
                if not ready and timeout is not None:
                    raise subprocess.TimeoutExpired(str(self.pid), timeout)
                for key, _ in ready:
                    chunk = os.read(key.fd, 65536)
                    self._pipes[key.fd].append(chunk)
                    if not chunk:
                        selector.unregister(key.fd)
        for pipe in self._pipes:
            os.close(pipe)
        stdout, stderr = (b"".join(chunks).decode() for chunks in self._pipes.values())
        self._pipes = {}
        _ = self.returncode
        return stdout, stderr


class ForkServer:
    """The client's side. Closing it ends the server, and leaves alone what it started."""

    def __init__(self, *modules: str, environ: Mapping[str, str]) -> None:
        self.control, theirs = socket.socketpair()
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, str(FORK_SERVER), str(theirs.fileno()), *modules],
                env=environ,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def start(self, program: str, *arguments: str, cwd: Path, environ: Mapping[str, str]) -> Forked:
        """Do what `python -m MODULE ARGUMENTS` or `python FILE ARGUMENTS` does, with nothing to read, and with pipes for what it prints."""
        nothing = os.open(os.devnull, os.O_RDONLY)
        (stdout, writing_out), (stderr, writing_err) = os.pipe(), os.pipe()
        streams = (nothing, writing_out, writing_err)
        answers = fork_client.ask(self.control, program, list(arguments), str(cwd), dict(environ), streams)
        for each in streams:
            os.close(each)
        return Forked(answers, (stdout, stderr))

    def close(self) -> None:
        # A shell may still have this end of it.
        self.control.shutdown(socket.SHUT_WR)
        self.control.close()
        self._server.wait()
