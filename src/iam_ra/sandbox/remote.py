"""Calls to the control endpoints of a sandbox that runs in another process. Only the standard library is needed."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from iam_ra.engine.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.sandbox.process import Endpoint

SECONDS = 60.0
FOLLOW_SECONDS = 10.0
BAD = 400


class Remote:
    """One sandbox. Methods raise SandboxError when it does not answer, ValueError with its words when it refuses."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def clock(self, to: str | None = None) -> dict[str, Any]:
        """Return the sandbox's time (`now`, `shifted`), after setting it if `to` says so."""
        return self._ask("GET", "clock") if to is None else self._ask("POST", "clock", {"to": to})

    def faults(self) -> dict[str, Any]:
        """Return the faults of `calls` and of stack `resources` that wait."""
        return self._ask("GET", "faults")

    def add_fault(self, **options: Any) -> dict[str, Any]:
        """Add a fault; the options are those of `Faults.add`, or with `resource` those of `Faults.add_resource`."""
        return self._ask("POST", "faults", options)

    def clear_faults(self) -> int:
        """Remove all faults; return how many there were."""
        return int(self._ask("DELETE", "faults")["cleared"])

    def last_calls(self, count: int) -> list[dict[str, Any]]:
        """Return the last calls, oldest first."""
        found: list[dict[str, Any]] = self._ask("GET", f"log?{urlencode({'last': count})}")["calls"]
        return found

    def follow_calls(self, after: int) -> Iterator[dict[str, Any]]:
        """Yield the calls after a number as they come, for as long as the sandbox runs."""
        while True:
            query = urlencode({"after": after, "wait_seconds": FOLLOW_SECONDS})
            for entry in self._ask("GET", f"log?{query}")["calls"]:
                after = entry["number"]
                yield entry

    def reset(self) -> None:
        """Let the sandbox forget everything."""
        self._ask("POST", "reset", {})

    def save(self) -> bytes:
        """Return all that is in the sandbox as the bytes of a file; see `snapshots`."""
        return self._exchange("POST", "save", {})

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._exchange(method, path, body))
        return answer

    def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        parts = urlsplit(self._endpoint.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
        headers = {"Content-Type": "application/json"}
        try:
            connection.request(method, f"/_sandbox/{path}", json.dumps(body or {}), headers)
            response = connection.getresponse()
            answer = response.read()
            refusal = json.loads(answer) if response.status >= BAD else {}
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SandboxError(
                "The sandbox does not answer.",
                why=f"{type(error).__name__} at {self._endpoint.url}.",
                fix="iam-ra sandbox status",
            ) from error
        finally:
            connection.close()
        if response.status >= BAD:
            raise ValueError(refusal.get("error", f"the sandbox answered {response.status}"))
        return answer
