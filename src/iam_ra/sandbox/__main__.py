"""The background process: `python -m iam_ra.sandbox STATE_FOLDER READY_FD SETTINGS_JSON [SOURCE]`.

It is started by `process.up`. SOURCE is a file that was saved, by its absolute path.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import iam_ra
from iam_ra.engine.errors import SandboxError
from iam_ra.sandbox import process, snapshots
from iam_ra.sandbox.server import Server
from iam_ra.sandbox.settings import Settings

ARGUMENTS = (3, 4)


def main(arguments: list[str]) -> None:
    """Listen until SIGTERM; tell the descriptor READY_FD where, as one line of JSON, once requests are answered.

    Where the source cannot be loaded, that line says why.
    """
    state, ready, settings = Path(arguments[0]), int(arguments[1]), Settings(**json.loads(arguments[2]))
    os.setsid()
    os.chdir("/")
    _log()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    process.claim(state)
    with Server(settings) as server:
        if len(arguments) > min(ARGUMENTS):
            try:
                server.load(snapshots.read(Path(arguments[-1])), arguments[-1])
            except SandboxError as error:
                _tell(ready, {process.REFUSED: {"what": error.what, "why": error.why, "fix": error.fix}})
                return
        endpoint = process.Endpoint(
            url=server.endpoint_url,
            https_url=server.https_url,
            ca_bundle=process.publish(state, server.authority_pem),
            pid=os.getpid(),
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            version=iam_ra.__version__,
        )
        process.announce(state, endpoint)
        _tell(ready, asdict(endpoint))
        threading.Thread(target=server.warm_up, name="warm-up", daemon=True).start()
        stop.wait()


def _tell(ready: int, told: dict[str, Any]) -> None:
    with os.fdopen(ready, "w") as pipe:
        pipe.write(json.dumps(told) + "\n")


def _log() -> None:
    """Write our own lines to standard error, which is the log file, and nobody else's: theirs may hold values."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    ours = logging.getLogger("iam_ra.sandbox")
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    ours.propagate = False
    logging.getLogger().addHandler(logging.NullHandler())


if __name__ == "__main__":
    if len(sys.argv) - 1 not in ARGUMENTS:
        sys.exit(__doc__)
    main(sys.argv[1:])
