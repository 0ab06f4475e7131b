"""Start Python programs without paying for their imports: they are imported once, and each start is a fork of that.

What comes of it is a process like any other: its own id, environment, folder and pipes, its own exit code, killed when it
is killed. Only what an interpreter does before the first line of a program is shared: its imports, its hash seed, and what
it reads of `PYTHON*`, `LANG` and `LC_*`.

This is the server, which is run as a script; `fork_client.py` asks it, for `programs.py`.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import time
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STREAMS = 3


class Start(NamedTuple):
    """What to run: a module, or a file that ends in `.py`."""

    program: str
    arguments: list[str]
    cwd: str
    environ: Mapping[str, str]


def serve(control: socket.socket, added: Mapping[str, str]) -> Start:
    """Fork whenever it is asked for. Return in the children only: what to run there.

    `added` is what the imports did to the environment, as they would do to that of each start.
    """
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(reading, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if reading in ready:
                os.read(reading, 4096)
                _reap(children)
            if control not in ready:
                continue
            client, streams = _accept(control)
            asked = Start(*json.loads(client.makefile("rb").read()))
            pid = os.fork()
            if pid == 0:
                break
            for stream in streams:
                os.close(stream)
            client.sendall(f"{pid}\n".encode())
            children[pid] = client
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for end in (reading, writing):
        os.close(end)
    for each in (control, client, *children.values()):
        each.close()
    _become(asked, streams, added)
    return asked


def _accept(control: socket.socket) -> tuple[socket.socket, list[int]]:
    said, descriptors, *_ = socket.recv_fds(control, 1, 1 + STREAMS)
    if not said:
        # Not the end of the interpreter: what is not needed any more need not be tidied up.
        os._exit(0)
    return socket.socket(fileno=descriptors[0]), descriptors[1:]


def _reap(children: dict[int, socket.socket]) -> None:
    for pid in list(children):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            with children.pop(pid) as client, contextlib.suppress(BrokenPipeError):
                client.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _become(asked: Start, streams: Iterable[int], added: Mapping[str, str]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # Files know from the first whether they are pipes.
    sys.stdout, sys.stderr = _over(1, sys.stdout), _over(2, sys.stderr, buffering=1)
    os.chdir(asked.cwd)
    os.environ.clear()
    os.environ.update({**asked.environ, **added})
    time.tzset()


def _over(descriptor: int, before: TextIO, buffering: int = -1) -> TextIO:
    return open(descriptor, "w", buffering, before.encoding, before.errors, closefd=False)


def _end(code: object) -> None:
    """Do what an interpreter does at its end but free everything, which would first copy all that is shared.

    Return where more is to be said than a number.
    """
    if code is not None and not isinstance(code, int):
        return
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


def main() -> NoReturn:
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    before = dict(os.environ)
    for name in sys.argv[2:]:
        # What cannot be imported is for the program to tell.
        with contextlib.suppress(Exception):
            import_module(name)
    added = {name: value for name, value in os.environ.items() if before.get(name) != value}
    gc.collect()
    gc.freeze()
    try:
        asked = serve(control, added)
    except KeyboardInterrupt:
        # Whoever interrupts the tests interrupts all that they started.
        os._exit(1)
    sys.argv[:] = [asked.program, *asked.arguments]
    is_file = asked.program.endswith(".py")
    # As python does.
    sys.path[0] = os.path.dirname(asked.program) if is_file else asked.cwd  # noqa: PTH120 - no more than that
    try:
        if is_file:
            runpy.run_path(asked.program, run_name="__main__")
        else:
            runpy.run_module(asked.program, run_name="__main__", alter_sys=True)
        sys.exit()
    except SystemExit as end:
        _end(end.code)
        raise


if __name__ == "__main__":
    main()
