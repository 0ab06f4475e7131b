"""`iam-ra` on the PATH of scripts, each start a fork of one process that has imported everything (tests/programs.py)."""

from __future__ import annotations

import json
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests import programs

if TYPE_CHECKING:
    from types import TracebackType

# What is on the PATH: it hands over what it was called with, and gives back what came of it.
_COMMAND = """\
#!{python} -SE
import json, os, socket, sys
there = socket.socket(socket.AF_UNIX)
there.connect({address!r})
there.sendall(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode())
there.shutdown(socket.SHUT_WR)
code, stdout, stderr = json.load(there.makefile("rb"))
sys.stdout.write(stdout)
sys.stderr.write(stderr)
sys.exit(code)
"""


class OnPath:
    """A folder with the command `iam-ra`, which works while this is open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "bin"
        self._address = folder / "iam-ra.socket"

    def __enter__(self) -> Self:
        self.folder.mkdir()
        command = self.folder / "iam-ra"
        text = _COMMAND.format(python=sys.executable, address=str(self._address))
        command.write_text(text, encoding="utf-8")
        command.chmod(0o755)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self._address))
        self._listening.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            with client:
                arguments, cwd, environ = json.load(client.makefile("rb"))
                done = programs.run("iam_ra", *arguments, cwd=Path(cwd), environ=environ)
                client.sendall(json.dumps([done.returncode, done.stdout, done.stderr]).encode())
