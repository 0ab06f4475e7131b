"""The sandbox as a background process that belongs to a folder.

`<folder>/.iam-ra/` holds `sandbox.pid`, `sandbox.json` (where it is), `sandbox.pem` (the authority behind its HTTPS) and
`sandbox.log`. The process keeps a lock on its
pid file for as long as it lives: that lock, not the number in the file, says whether it runs, so a number that the
system has given to another process since is never mistaken for it. `up` and `down` lock the folder itself.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import select
import signal
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import iam_ra
from iam_ra.engine.errors import SandboxError
from iam_ra.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HEALTH_PATH = "/_sandbox/health"
SERVICE = "iam-ra-sandbox"
FOLDER = ".iam-ra"
PID, LOG, ENDPOINT, AUTHORITY = "sandbox.pid", "sandbox.log", "sandbox.json", "sandbox.pem"

START_SECONDS = 30.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.02
HEALTH_SECONDS = 2.0
LOG_LINES = 5
# What the process says instead of where it listens.
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a sandbox listens. `started` is an ISO 8601 time, `ca_bundle` the file for AWS_CA_BUNDLE."""

    url: str
    https_url: str
    ca_bundle: str
    pid: int
    started: str
    version: str


def up(folder: Path, settings: Settings | None = None, *, source: Path | None = None) -> Endpoint:
    """Start the folder's sandbox, or find it running; either way it answers when this returns.

    With a `source`, a file that was saved, it starts with what is in there.

    Raises SandboxError when moto is not installed, when the process does not start, when a sandbox of another version
    of iam-ra runs here, or any with a source given, and when the source cannot be loaded.
    """
    _need_moto(find_spec)
    state = _state_folder(folder)
    with _locked(state):
        running = status(folder)
        if running is not None:
            if source is not None:
                raise SandboxError(
                    "A sandbox runs here already.",
                    why="What was saved is loaded when it starts.",
                    fix="iam-ra sandbox down, then the same command again",
                )
            return _same_version(running)
        _end(state)
        return _start(state, settings or Settings(), source)


def down(folder: Path) -> bool:
    """End the folder's sandbox and remove its files; return whether one ran."""
    state = folder / FOLDER
    if not state.is_dir():
        return False
    with _locked(state):
        return _end(state)


def status(folder: Path) -> Endpoint | None:
    """Return where the folder's sandbox listens, or None when none runs or it does not answer."""
    state = folder / FOLDER
    pid = _owner(state)
    if pid is None:
        return None
    try:
        endpoint = Endpoint(**json.loads((state / ENDPOINT).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return endpoint if endpoint.pid == pid and _answers(endpoint) else None


def environment(endpoint: Endpoint, region: str, *, https: bool = False) -> dict[str, str | None]:
    """Return the variables that point AWS clients at a sandbox; None means unset."""
    secured = {"AWS_CA_BUNDLE": endpoint.ca_bundle} if https else {}
    return secured | {
        "AWS_ENDPOINT_URL": endpoint.https_url if https else endpoint.url,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PROFILE": None,
        "AWS_SESSION_TOKEN": None,
    }


def claim(state: Path) -> int:
    """Lock the pid file for the life of this process and write its id there; return the open descriptor.

    Raises BlockingIOError when another process holds it.
    """
    descriptor = os.open(state / PID, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def announce(state: Path, endpoint: Endpoint) -> None:
    """Write where this process listens."""
    temporary = state / f"{ENDPOINT}.new"
    temporary.write_text(json.dumps(asdict(endpoint), indent=2) + "\n")
    temporary.replace(state / ENDPOINT)


def publish(state: Path, authority_pem: str) -> str:
    """Write the certificate that clients of this process's HTTPS have to trust; return where."""
    file = state / AUTHORITY
    file.write_text(authority_pem)
    return str(file)


def _need_moto(find: Callable[[str], object | None]) -> None:
    if find("moto") is None:
        raise SandboxError(
            "The sandbox is not installed.",
            why="It needs moto, which is an extra of iam-ra.",
            fix="pip install 'iam-ra[sandbox]'",
        )


def _state_folder(folder: Path) -> Path:
    state = folder / FOLDER
    try:
        state.mkdir(mode=0o700, exist_ok=True)
        state.chmod(0o700)
        (state / ".gitignore").write_text("*\n")
    except OSError as error:
        raise SandboxError(
            f"The sandbox cannot keep its files in {state}.",
            why=f"{error.strerror}.",
            fix=f"Make {folder} a folder that you may write to.",
        ) from error
    return state


def _same_version(running: Endpoint) -> Endpoint:
    if running.version != iam_ra.__version__:
        raise SandboxError(
            f"A sandbox of iam-ra {running.version} runs here; this is iam-ra {iam_ra.__version__}.",
            why="Sandboxes of different versions may behave differently.",
            fix="iam-ra sandbox down && iam-ra sandbox up",
        )
    return running


def _start(state: Path, settings: Settings, source: Path | None) -> Endpoint:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    log = str(state / LOG)
    arguments = [
        "-P",
        "-m",
        "iam_ra.sandbox",
        str(state.resolve()),
        str(writing),
        json.dumps(asdict(settings)),
        *([] if source is None else [str(source.absolute())]),
    ]
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, *arguments],
        _environment(),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )
    os.close(writing)
    with os.fdopen(reading) as ready:
        readable, _, _ = select.select([ready], [], [], START_SECONDS)
        line = ready.readline() if readable else ""
    if not line:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise _no_start(state)
    told = json.loads(line)
    if REFUSED in told:
        os.waitpid(pid, 0)
        _end(state)
        raise SandboxError(**told[REFUSED])
    return Endpoint(**told)


def _no_start(state: Path) -> SandboxError:
    log = state / LOG
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:] if log.exists() else []
    return SandboxError(
        "The sandbox did not start.",
        why=" / ".join(line.strip() for line in lines) or "It said nothing.",
        fix=f"Read {log}, then try again.",
    )


def _environment() -> dict[str, str]:
    """Return our own environment without what would steer moto or the boto3 inside it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    return kept | {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def _end(state: Path) -> bool:
    pid = _owner(state)
    if pid is not None:
        _signal(state, pid, signal.SIGTERM)
        if not _gone(state, pid):
            _signal(state, pid, signal.SIGKILL)
            _gone(state, pid)
    for name in (PID, ENDPOINT, LOG, AUTHORITY):
        (state / name).unlink(missing_ok=True)
    return pid is not None


def _signal(state: Path, pid: int, number: signal.Signals) -> None:
    # Asked again, since the process may have ended by itself and its id may be another's by now.
    if _owner(state) == pid:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _gone(state: Path, pid: int) -> bool:
    deadline = time.monotonic() + STOP_SECONDS
    while _owner(state) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)
    return True


def _owner(state: Path) -> int | None:
    """Return the id of the process that holds the pid file, or None when nobody does."""
    try:
        with (state / PID).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read().strip()
                return int(text) if text.isdigit() else None
    except FileNotFoundError:
        pass
    return None


def _answers(endpoint: Endpoint) -> bool:
    parts = urlsplit(endpoint.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=HEALTH_SECONDS)
    try:
        connection.request("GET", HEALTH_PATH)
        health = json.load(connection.getresponse())
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return isinstance(health, dict) and (health.get("service"), health.get("pid")) == (SERVICE, endpoint.pid)


@contextmanager
def _locked(state: Path) -> Iterator[None]:
    descriptor = os.open(state, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
