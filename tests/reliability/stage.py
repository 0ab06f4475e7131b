"""A sandbox and the worlds on it: a scenario is made ready once, and put back before each trial."""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote_plus

from cryptography import x509
from tests import programs
from tests.e2e.wire import Wire
from tests.e2e.world import World, close_clients, rest
from tests.reliability.picture import picture

from iam_ra.sandbox.server import Server
from iam_ra.sandbox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.e2e.wire import Request
    from tests.reliability.picture import Picture
    from tests.reliability.scenarios import Scenario

# The shortest that still shows each stack in progress first.
OPERATION_SECONDS = 0.01
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


@dataclass(frozen=True, slots=True)
class Ready:
    """A world as it is before a scenario's command, and after it when nothing disturbs it."""

    world: World
    aws: bytes
    folder: Path
    calls: tuple[Request, ...]
    files: int
    after: Picture


class Stage:
    """One sandbox in this process, for one trial at a time."""

    def __init__(self, server: Server, wire: Wire, folder: Path) -> None:
        self.server = server
        self.wire = wire
        self._folder = folder
        self._ready: dict[str, Ready] = {}
        self._closing = ExitStack()

    @classmethod
    def open(cls) -> Self:
        """Start a sandbox of its own. The caller closes the stage."""
        closing = ExitStack()
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        closing.callback(close_clients)
        closing.callback(programs.close)
        server = closing.enter_context(Server(Settings(operation_seconds=OPERATION_SECONDS)))
        wire = Wire(server._app)
        server._http.app = wire
        server.warm_up()
        stage = cls(server, wire, folder)
        stage._closing = closing
        return stage

    def close(self) -> None:
        self._closing.close()

    def ready(self, scenario: Scenario) -> Ready:
        """Return a scenario made ready, and the picture of how it ends undisturbed; made once."""
        if scenario.name not in self._ready:
            self._begin()
            world = World(self._folder / scenario.name, self.server, self.wire).begin()
            scenario.prepare(world)
            rest(self.server)
            kept = self._folder / f"{scenario.name}.kept"
            shutil.copytree(world.folder, kept, symlinks=True)
            aws = self.server.save()
            self.wire.clear()
            world.run(*scenario.command).expect()
            calls = tuple(self.wire.requests)
            rest(self.server)
            after = picture(world)
            self._ready[scenario.name] = Ready(world, aws, kept, calls, 0, after)
        return self._ready[scenario.name]

    def restore(self, ready: Ready) -> World:
        """Put a world back to the moment before its command."""
        self._begin()
        self.server.load(ready.aws)
        shutil.rmtree(ready.world.folder)
        shutil.copytree(ready.folder, ready.world.folder, symlinks=True)
        return ready.world

    def _begin(self) -> None:
        rest(self.server)
        self.wire.clear()
        self.server.reset()


def certificates_in(requests: Iterable[Request]) -> set[int]:
    """Return the serials of all certificates that requests carried."""
    texts = (each.body.decode("utf-8", "replace") for each in requests if b"BEGIN" in each.body)
    # A form's body, and JSON within JSON.
    decoded = (unquote_plus(text) if "BEGIN+" in text else text for text in texts)
    plain = [text.replace("\\\\n", "\n").replace("\\n", "\n") for text in decoded]
    return {
        x509.load_pem_x509_certificate(found.encode()).serial_number
        for text in plain
        for found in _PEM.findall(text)
    }
