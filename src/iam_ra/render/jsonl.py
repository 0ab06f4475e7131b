"""A plan and the course of an apply as JSON lines, an object an event; docs/schema/events.schema.json describes them.

Whatever happens, the first line is of type `start` and the last of type `end`, with the exit code.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from iam_ra import __version__
from iam_ra.engine.events import Done, Failed, Progress, Started
from iam_ra.render.json import apply_json, made_json, plan_json
from iam_ra.render.problems import error_json
from iam_ra.render.running import Pulse, Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from iam_ra.engine.errors import IamRaError
    from iam_ra.engine.events import Event
    from iam_ra.render.model import ErrorDocument, OutcomeDocument, PlanDocument

# Minor: something was added, which readers must pass over. Major: something they may rely on is gone.
FORMAT_VERSION: Final = "1.0"
# Readers are promised ten.
HEARTBEAT_SECONDS: Final = 8.0
_OUTCOMES: Final = {0: "complete", 2: "complete", 3: "incomplete", 4: "refused", 130: "interrupted"}


class EventStream:
    """Writes the events of one run, a line each, from `with` on, and a heartbeat while there are none. It never raises.

    `write` gets each line with its newline; it is never called by two threads at once. `now` dates the events.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        command: str,
        *,
        heartbeat: float = HEARTBEAT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._write = write
        self._command = command
        self._now = now
        self._lock = threading.Lock()
        self._sequence = 0
        self._running = Running(clock)
        self._pulse = Pulse(heartbeat, self._beat)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Write the start, and begin to beat."""
        self._tell({"type": "start", "tool_version": __version__, "command": self._command})
        self._stack.enter_context(self._pulse)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Stop beating."""
        self._stack.close()

    def __call__(self, event: Event, /) -> None:
        """Write an event of the executor. Called from several threads."""
        with self._lock:
            self._running.note(event)
            self._tell(_event(event))

    def plan(self, document: PlanDocument) -> None:
        """Write what is planned."""
        with self._lock:
            for each in _plan_events(document):
                self._tell(each)

    def end(
        self, exit_code: int, error: IamRaError | None = None, outcome: OutcomeDocument | None = None
    ) -> None:
        """Write the last event."""
        with self._lock:
            self._tell(_end(exit_code, error, outcome))

    def _tell(self, event: dict[str, Any]) -> None:
        self._pulse.told()
        self._write(_line(event, self._sequence, self._now()))
        self._sequence += 1

    def _beat(self) -> None:
        with self._lock:
            rows = [
                {"address": address, "text": text, "seconds": round(seconds, 3)}
                for address, text, seconds in self._running.rows()
            ]
            self._tell({"type": "heartbeat", "running": rows, "finished": self._running.finished})


def plan_jsonl(document: PlanDocument) -> str:
    """Return a plan as the events of a whole run, all of the moment at which it was made."""
    return _whole(document.header.command, document.now, _plan_events(document), _end(document.exit_code))


def error_jsonl(document: ErrorDocument) -> str:
    """Return an error as the events of a whole run that came to nothing else."""
    end = _end(document.exit_code, document.error)
    return _whole(document.header.command, datetime.now(UTC), iter(()), end)


def _whole(command: str, now: datetime, events: Iterator[dict[str, Any]], end: dict[str, Any]) -> str:
    start = {"type": "start", "tool_version": __version__, "command": command}
    return "".join(_line(each, number, now) for number, each in enumerate([start, *events, end]))


def _line(event: dict[str, Any], sequence: int, when: datetime) -> str:
    time_ = when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    heading = {"format_version": FORMAT_VERSION, "sequence": sequence, "time": time_}
    # In ASCII: some readers take more than a newline for the end of a line.
    return json.dumps({**heading, **event}) + "\n"


def _plan_events(document: PlanDocument) -> Iterator[dict[str, Any]]:
    """Yield the plan without its lists, then what is in them, one by one."""
    plan = plan_json(document)
    lists = {name: plan.pop(f"{name}s") for name in ("change", "refusal", "conflict", "warning")}
    lists["drift"] = plan.pop("drift")
    for name in ("format_version", "tool_version", "timestamp"):
        del plan[name]
    yield {"type": "plan", **plan}
    for name, items in lists.items():
        for each in items:
            yield {"type": name, **each}


def _event(event: Event) -> dict[str, Any]:
    if isinstance(event, Progress):
        address = event.address
        return {"type": "progress", "address": str(address), "text": event.text}
    made = made_json(event.change)
    if isinstance(event, Started):
        return {"type": "started", **made}
    if isinstance(event, Done):
        return {"type": "done", **made, "seconds": round(event.seconds, 3)}
    if isinstance(event, Failed):
        seconds = round(event.seconds, 3)
        return {"type": "failed", **made, "seconds": seconds, "error": event.error.as_dict()}
    return {"type": "skipped", **made, "because": [str(each) for each in event.because]}


def _end(
    exit_code: int, error: IamRaError | None = None, outcome: OutcomeDocument | None = None
) -> dict[str, Any]:
    result = None
    if outcome is not None:
        whole = apply_json(outcome)
        result = {key: whole[key] for key in ("seconds", "summary", "pending", "open_sessions")}
    return {
        "type": "end",
        "outcome": _OUTCOMES.get(exit_code, "error"),
        "exit_code": exit_code,
        "error": None if error is None else error_json(error)["error"],
        "result": result,
    }
