"""Programs that end in the middle: killed at a call to AWS, or before a file is written or a program started.

Run as a script, this file is `iam-ra`, killed before the n-th time (`KILL_AT`) that it touches a file or starts a program.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

# A script's folder is on the path, the repository is not.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests import programs
from tests.e2e.wire import Lost
from tests.e2e.world import finish

if TYPE_CHECKING:
    from tests.e2e.wire import Request
    from tests.e2e.world import Result, World

# Seconds; a machine may have much else to do.
PATIENCE = 300
KILL_AT, COUNT_IN, ROOT = "KILL_AT", "COUNT_IN", "KILL_ROOT"
# Of the interpreter's audit events those that change a file, and the start of a program.
_TOUCHES = frozenset(
    {
        "os.chmod",
        "os.link",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.truncate",
        "subprocess.Popen",
    }
)


class AtCall:
    """Kills a process at the n-th call of an operation: before the sandbox hears of it, or after and before it answers."""

    def __init__(self, world: World, operation: tuple[str, str], nth: int, *, before: bool) -> None:
        self._world, self._operation, self._left, self._before = world, operation, nth, before
        self._pid, self.killed = 0, False
        self._ready, self._guard = threading.Event(), threading.Lock()
        if before:
            world.wire.before = self._count
        else:
            world.wire.after = self._count

    def _count(self, request: Request) -> None:
        self._ready.wait(10)
        with self._guard:
            self._left -= (request.service, request.operation) == self._operation
            if self._left == 0 and not self.killed:
                self.killed = True
                os.kill(self._pid, signal.SIGKILL)
            if self.killed and self._before:
                raise Lost

    def run(self, *command: str) -> Result:
        process = self._world.start(*command)
        self._pid = process.pid
        self._ready.set()
        result = finish(process, PATIENCE)
        self._world.wire.before = self._world.wire.after = lambda _: None
        return result


def run_touching(world: World, *command: str, kill_at: int = 0) -> tuple[Result, int]:
    """Run a command, killed before it touches a file for the n-th time; return also how often it did."""
    count = world.folder / "count"
    environ = {**world.environ, KILL_AT: str(kill_at), COUNT_IN: str(count), ROOT: str(world.folder)}
    process = programs.start(__file__, *command, cwd=world.root, environ=environ)
    result = finish(process, PATIENCE)
    touched = len(count.read_bytes()) if count.exists() else 0
    count.unlink(missing_ok=True)
    return result, touched


class _Touches:
    """Counts in a file, one byte each, so that the count outlives the kill."""

    def __init__(self, kill_at: int, count_in: str, root: str) -> None:
        self._kill_at, self._root = kill_at, root
        self._count = os.open(count_in, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._so_far = 0
        self._guard = threading.Lock()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if not flags & (os.O_WRONLY | os.O_RDWR) or not str(path).startswith(self._root):
                return
        elif event not in _TOUCHES or (
            event != "subprocess.Popen" and not str(arguments[0]).startswith(self._root)
        ):
            return
        with self._guard:
            self._so_far += 1
            os.write(self._count, b".")
            if self._so_far == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.addaudithook(_Touches(int(os.environ[KILL_AT]), os.environ[COUNT_IN], os.environ[ROOT]))
    sys.path[0] = str(Path.cwd())
    runpy.run_module("iam_ra", run_name="__main__", alter_sys=True)
