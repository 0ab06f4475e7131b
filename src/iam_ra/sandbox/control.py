"""The sandbox's own endpoints, beside AWS's: `/_sandbox/clock`, `faults`, `log`, `reset`, `save` and `health`, in JSON.

`save` answers with the bytes of a file. Nothing loads one: that is done at the start only, from a file of the user's.

GET reads; POST (a JSON object) changes; DELETE of the faults clears them. A request that changes something must be of
the type application/json, which no page in a browser can send to another origin unasked.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import iam_ra
from iam_ra.sandbox import clock
from iam_ra.sandbox.process import HEALTH_PATH, SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from wsgiref.types import WSGIEnvironment

    from iam_ra.sandbox.calls import CallLog
    from iam_ra.sandbox.faults import Faults

PREFIX = "/_sandbox/"
JSON = "application/json"
LONGEST_WAIT = 20.0

Answer = tuple[str, dict[str, Any] | bytes]


class Control:
    """Answers the requests to the sandbox itself. None of them is an AWS call, so none is logged, limited or failed."""

    def __init__(
        self, faults: Faults, log: CallLog, reset: Callable[[], None], save: Callable[[], bytes]
    ) -> None:
        self._faults = faults
        self._log = log
        self._reset = reset
        self._save = save
        self._routes: dict[tuple[str, str], Callable[[Mapping[str, Any]], dict[str, Any] | bytes]] = {
            ("GET", HEALTH_PATH): self._health,
            ("GET", f"{PREFIX}clock"): self._time,
            ("POST", f"{PREFIX}clock"): self._turn,
            ("GET", f"{PREFIX}faults"): self._list,
            ("POST", f"{PREFIX}faults"): self._add,
            ("DELETE", f"{PREFIX}faults"): self._clear,
            ("GET", f"{PREFIX}log"): self._calls,
            ("POST", f"{PREFIX}reset"): self._forget,
            ("POST", f"{PREFIX}save"): lambda _: self._save(),
        }

    def answer(self, environ: WSGIEnvironment) -> Answer:
        """Return the status line and the object, or the bytes, to answer with."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        route = self._routes.get((method, path))
        if route is None:
            return "404 Not Found", {"error": f"the sandbox has no {method} {path}"}
        try:
            return "200 OK", route(_parameters(environ))
        except (ValueError, TypeError, KeyError) as error:
            # KeyError's text is only the key's.
            text = f"unknown or missing: {error}" if isinstance(error, KeyError) else str(error)
            return "400 Bad Request", {"error": text}

    @staticmethod
    def _health(_: Mapping[str, Any]) -> dict[str, Any]:
        return {"service": SERVICE, "version": iam_ra.__version__, "pid": os.getpid()}

    @staticmethod
    def _time(_: Mapping[str, Any]) -> dict[str, Any]:
        return {"now": clock.now().isoformat(timespec="seconds"), "shifted": clock.is_shifted()}

    def _turn(self, given: Mapping[str, Any]) -> dict[str, Any]:
        clock.turn(str(given["to"]))
        return self._time(given)

    def _list(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "calls": [fault.as_dict() for fault in self._faults.waiting()],
            "resources": self._faults.waiting_resources(),
        }

    def _add(self, given: Mapping[str, Any]) -> dict[str, Any]:
        options = dict(given)
        if "resource" in options:
            self._faults.add_resource(options.pop("resource"), options.pop("region"), **options)
            return dict(given)
        return self._faults.add(options.pop("kind"), **options).as_dict()

    def _clear(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"cleared": self._faults.clear()}

    def _calls(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if "after" in given:
            found = self._log.after(
                int(given["after"]), min(float(given.get("wait_seconds", 0)), LONGEST_WAIT)
            )
        else:
            found = self._log.last(int(given.get("last", 20)))
        return {"calls": [asdict(entry) for entry in found]}

    def _forget(self, _: Mapping[str, Any]) -> dict[str, Any]:
        self._reset()
        return {}


def _parameters(environ: WSGIEnvironment) -> Mapping[str, Any]:
    if environ["REQUEST_METHOD"] == "GET":
        return dict(parse_qsl(environ.get("QUERY_STRING", "")))
    if environ.get("CONTENT_TYPE", "") != JSON:
        raise ValueError(f"a request that changes something must be of the type {JSON}")
    found = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"{}")
    if not isinstance(found, dict):
        raise TypeError("the body must be a JSON object")
    return found
