"""The command line: parse, call, render. No command pays for the imports of another."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Run `iam-ra` with the arguments of this process, and end it with the exit code.

    SIGTERM and SIGHUP end it as Ctrl-C does: what is in flight is finished and recorded, the lock released.
    """
    from iam_ra.cli.app import run  # noqa: PLC0415 - whoever imports one command's module need not load the frame
    from iam_ra.cli.exits import INTERRUPTED  # noqa: PLC0415

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    code = run(sys.argv[1:])
    if code == INTERRUPTED:
        # Changes may still be under way in threads, for which the interpreter would wait.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
