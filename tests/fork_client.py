"""Ask a fork server for a start. Run as a script, it is the start of a program from a shell; so it imports next to nothing.

    python -IS fork_client.py DESCRIPTOR PROGRAM ARGUMENTS...

DESCRIPTOR is the client's end of the server's socket. The program has this process's folder, environment and standard
streams, and this process ends as the program does.
"""

from __future__ import annotations

import json
import os
import socket
import sys


def ask(
    control: socket.socket,
    program: str,
    arguments: list[str],
    cwd: str,
    environ: dict[str, str],
    streams: tuple[int, int, int],
) -> socket.socket:
    """Return where the server tells the process's id, and in the end its exit code: a line each."""
    mine, theirs = socket.socketpair()
    with theirs:
        socket.send_fds(control, [b"."], [theirs.fileno(), *streams])
    mine.sendall(json.dumps([program, arguments, cwd, environ]).encode())
    mine.shutdown(socket.SHUT_WR)
    return mine


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    answers = ask(control, sys.argv[2], sys.argv[3:], os.getcwd(), dict(os.environ), (0, 1, 2))  # noqa: PTH109 - see above
    _pid, code = map(int, answers.makefile("r"))
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()
