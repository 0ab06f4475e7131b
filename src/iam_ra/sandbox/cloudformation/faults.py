"""Failures of stack resources on demand, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock


@dataclass
class Fault:
    """A failure that waits for a resource; an empty stack name means any stack."""

    logical_id: str
    operation: str
    reason: str
    times: int
    stack_name: str


class Faults:
    """The failures that wait."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = Lock()

    def add(self, fault: Fault) -> None:
        """Let a resource fail when its turn comes."""
        with self._lock:
            self._faults.append(fault)

    def waiting(self) -> list[Fault]:
        """Return the failures that have not happened yet."""
        with self._lock:
            return list(self._faults)

    def clear(self) -> None:
        """Let nothing fail any more."""
        with self._lock:
            self._faults.clear()

    def take(self, stack_name: str, logical_id: str, operation: str) -> str:
        """Return the reason for which an operation on a resource must fail now, or nothing."""
        with self._lock:
            for fault in self._faults:
                if (fault.logical_id, fault.operation) == (logical_id, operation) and fault.stack_name in {
                    "",
                    stack_name,
                }:
                    fault.times -= 1
                    if not fault.times:
                        self._faults.remove(fault)
                    return fault.reason
        return ""
