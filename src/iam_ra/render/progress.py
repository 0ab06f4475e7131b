"""What happens during an apply, as it happens: a live table on a terminal, else one line an event.

A listener is a context manager: it is shown from `with` on, and tidied away at its end. It never raises: an apply must
not stop half way because nobody reads what it says.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, Self, cast

from iam_ra.engine.action import Action
from iam_ra.engine.events import Done, Failed, Progress, Skipped, Started
from iam_ra.render.running import PRESENT, Pulse, Running
from iam_ra.render.style import Style, harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from rich.console import ConsoleRenderable

    from iam_ra.engine.events import Event

PAST: Final = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.REPLACE: "replaced",
    Action.DELETE: "deleted",
}
HEARTBEAT_SECONDS: Final = 30.0


class ProgressListener(Protocol):
    """What the executor tells its events to."""

    def __call__(self, event: Event, /) -> None:
        """Show one event. Called from several threads."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Show no more."""


def listener(
    stream: IO[str],
    *,
    color: bool,
    verbose: bool = False,
    total: int = 0,
    environ: Mapping[str, str] = os.environ,
) -> ProgressListener:
    """Return the listener that suits `stream`; `total` is how many changes there are, when that is known."""
    if stream.isatty() and environ.get("TERM", "dumb") not in {"dumb", "unknown"}:
        return RichProgress(stream, color=color, total=total)
    return PlainProgress(stream, color=color, verbose=verbose)


class _Unbreakable:
    """A stream that swallows what nobody reads any more: rich ends the process at a broken pipe."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class PlainProgress:
    """One line an event; after `heartbeat` silent seconds a line that says what is still under way."""

    def __init__(
        self,
        stream: IO[str],
        *,
        color: bool = False,
        verbose: bool = False,
        heartbeat: float = HEARTBEAT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = _Unbreakable(stream)
        self._style = Style(color)
        self._verbose = verbose
        self._running = Running(clock)
        self._lock = threading.Lock()
        self._pulse = Pulse(heartbeat, self._beat)

    def __call__(self, event: Event, /) -> None:
        """Write the event's line, if it has one."""
        with self._lock:
            self._running.note(event)
            line = self._line(event)
            if line is not None:
                self._write(line)

    def __enter__(self) -> Self:
        """Begin to beat."""
        self._pulse.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Stop beating."""
        self._pulse.__exit__(kind, error, trace)

    def _line(self, event: Event) -> str | None:
        if isinstance(event, Started):
            return (
                f"{harmless(str(event.change.address))}  {PRESENT[event.change.action]}"
                if self._verbose
                else None
            )
        if isinstance(event, Progress):
            return f"{harmless(str(event.address))}  {harmless(event.text)}" if self._verbose else None
        return ending(event, self._style)

    def _write(self, line: str) -> None:
        self._pulse.told()
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def _beat(self) -> None:
        with self._lock:
            for address, doing, seconds in self._running.rows():
                self._write(f"{harmless(address)}  still {harmless(doing)}, {seconds:.0f}s")


class RichProgress:
    """A live table of what is under way; what has ended stays above it, a line each."""

    def __init__(
        self,
        stream: IO[str],
        *,
        color: bool = True,
        total: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from rich.console import Console  # noqa: PLC0415 - 50 ms that only an apply on a terminal pays
        from rich.live import Live  # noqa: PLC0415

        self._style = Style(color)
        self._total = total
        self._running = Running(clock)
        self._lock = threading.RLock()
        self._console = Console(
            file=cast(IO[str], _Unbreakable(stream)),
            highlight=False,
            markup=False,
            emoji=False,
            color_system="standard" if color else None,
            force_terminal=True,
        )
        self._live = Live(
            console=self._console,
            get_renderable=self._table,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,
        )

    def __call__(self, event: Event, /) -> None:
        """Show the event."""
        from rich.text import Text  # noqa: PLC0415 - see above

        with self._lock:
            self._running.note(event)
        if isinstance(event, Started | Progress):
            return
        self._console.print(Text.from_ansi(ending(event, self._style)), soft_wrap=True)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Take the table away."""
        self._live.stop()

    def _table(self) -> ConsoleRenderable:
        from rich.table import Table  # noqa: PLC0415 - see above

        table = Table.grid(padding=(0, 2), expand=False)
        table.add_column(no_wrap=True, overflow="ellipsis")
        table.add_column(style="dim", no_wrap=True, overflow="ellipsis")
        table.add_column(justify="right", style="cyan", no_wrap=True)
        with self._lock:
            rows, finished = self._running.rows(), self._running.finished
        shown = rows[: max(self._console.height - 3, 1)]
        for address, doing, seconds in shown:
            table.add_row(f"  {harmless(address)}", harmless(doing), f"{seconds:.0f}s")
        if self._total:
            table.add_row(f"  {finished:,} of {self._total:,} done")
        return table


def ending(event: Done | Failed | Skipped, style: Style) -> str:
    """Return the line that says how a change ended: `host/web:certificate  created in 0.3s`."""
    address = harmless(str(event.change.address))
    if isinstance(event, Done):
        return f"{style.green('✓')} {address}  {PAST[event.change.action]} in {event.seconds:.1f}s"
    if isinstance(event, Failed):
        what = harmless(event.error.what)
        return f"{style.red('✗')} {address}  {style.red('failed')} after {event.seconds:.1f}s: {what}"
    waited = ", ".join(harmless(str(each)) for each in event.because)
    why = f"needs {waited}" if waited else "the run was stopped"
    return f"{style.dim('·')} {address}  {style.dim(f'skipped: {why}')}"
