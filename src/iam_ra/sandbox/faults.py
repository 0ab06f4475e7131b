"""Calls that fail on demand, so that whoever calls can be tested against it.

A fault waits for the calls of one operation. Calls that CloudFormation makes for its stacks are left alone: their
resources fail by logical id, as AWS reports it.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from iam_ra.sandbox.call import FORM

if TYPE_CHECKING:
    from iam_ra.sandbox.call import Call
    from iam_ra.sandbox.cloudformation.models import CloudFormationBackend

Kind: TypeAlias = Literal["throttle", "500", "timeout", "denied", "reset", "slow", "412", "409"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Longer than the 60 s that SDKs wait for an answer.
SECONDS = {"slow": 2.0, "timeout": 90.0}
RESOURCE_OPERATIONS = ("create", "update", "delete")
ANY = "*"
S3 = "s3"
# The one service with that protocol here; those with AWS's JSON protocol answer 400 where it answers by status.
REST_JSON = "rolesanywhere"


@dataclass(frozen=True, slots=True)
class Failure:
    """What a fault answers: the status line, AWS's code and message."""

    status: str
    code: str
    message: str


@dataclass
class Fault:
    """A failure of the calls that `service` (by its signing name) and `operation` fit; both may hold `*`.

    It meets the `nth` of them, or `every` so manyth, or each with the probability `rate` (the same ones for the same
    `seed`), or all. `seconds` is how long the kinds `slow` and `timeout` take. `reset` ends the connection before
    anything is done, `timeout` after it was done: then only the answer is lost.
    """

    kind: Kind
    service: str = ANY
    operation: str = ANY
    nth: int | None = None
    every: int | None = None
    rate: float | None = None
    seed: int = 0
    seconds: float | None = None
    calls: int = field(default=0, init=False)
    hits: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"`{self.kind}` is no kind of fault; there are {', '.join(KINDS)}")
        if sum(each is not None for each in (self.nth, self.every, self.rate)) > 1:
            raise ValueError("a fault has one of nth, every and rate")
        if any(each is not None and each < 1 for each in (self.nth, self.every)):
            raise ValueError("nth and every count from 1")
        if self.rate is not None and not 0 <= self.rate <= 1:
            raise ValueError("rate is a probability, from 0 to 1")
        if self.seconds is not None and (self.kind not in SECONDS or self.seconds < 0):
            raise ValueError("seconds belong to the kinds slow and timeout, and are not below 0")
        if self.kind == "412" and self.service.lower() != S3:
            raise ValueError("412 is an answer of s3 alone; name it as the service")
        self._random = random.Random(self.seed)  # noqa: S311 (which calls fail is to be repeatable, not secret)

    @property
    def pause(self) -> float:
        """How many seconds the call is held up."""
        return SECONDS.get(self.kind, 0.0) if self.seconds is None else self.seconds

    def meets(self, call: Call) -> bool:
        """Count a call, if it is one of those that the fault waits for, and tell whether its turn has come."""
        if not (_fits(call.service, self.service) and _fits(call.operation, self.operation)):
            return False
        self.calls += 1
        if self.nth is not None:
            return self.calls == self.nth
        if self.every is not None:
            return self.calls % self.every == 0
        return self.rate is None or self._random.random() < self.rate

    def as_dict(self) -> dict[str, Any]:
        """Return what `faults list` shows."""
        return {
            "kind": self.kind,
            "service": self.service,
            "operation": self.operation,
            "nth": self.nth,
            "every": self.every,
            "rate": self.rate,
            "seed": self.seed,
            "seconds": self.seconds,
            "calls": self.calls,
            "hits": self.hits,
        }


class Faults:
    """The faults of one sandbox, in the order in which they were added. Safe to use from several threads."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._over = threading.Event()

    def add(self, kind: Kind, service: str = ANY, operation: str = ANY, **options: Any) -> Fault:
        """Let calls fail: `add("throttle", "iam", "CreateRole", every=2)`.

        The options are those of Fault. Raises ValueError for what no fault can be.
        """
        fault = Fault(kind, service, operation, **options)
        with self._lock:
            self._faults.append(fault)
        return fault

    def add_resource(
        self,
        logical_id: str,
        region: str,
        *,
        on: str = "create",
        reason: str = "The sandbox was told to let this fail.",
        stack_name: str = "",
        times: int = 1,
    ) -> None:
        """Let the next operation (create, update or delete) on a stack's resource fail; no stack name means any stack.

        Raises ValueError for another operation.
        """
        if on not in RESOURCE_OPERATIONS:
            raise ValueError(f"a resource fails on {', '.join(RESOURCE_OPERATIONS)}, not on `{on}`")
        if times < 1:
            raise ValueError("times counts from 1")
        if not reason:
            raise ValueError("a failure needs a reason")
        self._stacks()[region].fail_resource(logical_id, on, reason, times=times, stack_name=stack_name)

    def waiting(self) -> list[Fault]:
        """Return the faults of calls."""
        with self._lock:
            return list(self._faults)

    def waiting_resources(self) -> list[dict[str, Any]]:
        """Return the failures of resources that wait."""
        return [
            {
                "resource": fault.logical_id,
                "on": fault.operation,
                "stack_name": fault.stack_name,
                "reason": fault.reason,
                "times": fault.times,
                "region": region,
            }
            for region, backend in self._stacks().items()
            for fault in backend.waiting_faults()
        ]

    def clear(self) -> int:
        """Remove all faults, end the pauses of those at work, and return how many there were."""
        count = len(self.waiting_resources())
        for backend in self._stacks().values():
            backend.clear_faults()
        with self._lock:
            count += len(self._faults)
            self._faults.clear()
            self._over.set()
            self._over = threading.Event()
        return count

    def meet(self, call: Call) -> Fault | None:
        """Return the fault that meets a call: the first of those whose turn it is."""
        with self._lock:
            due = [fault for fault in self._faults if fault.meets(call)]
            if not due:
                return None
            due[0].hits += 1
            return due[0]

    def hold_up(self, fault: Fault) -> None:
        """Wait as long as a fault says, or until the faults are cleared."""
        self._over.wait(fault.pause)

    def _stacks(self) -> dict[str, CloudFormationBackend]:
        from iam_ra.sandbox.cloudformation import cloudformation_backends  # noqa: PLC0415 (not to be paid for at start)

        found: dict[str, CloudFormationBackend] = cloudformation_backends[self._account_id]
        return found


def failure(kind: Kind, service: str, content_type: str) -> Failure | None:
    """Return what a service answers in a fault of this kind; None for the kinds that are no answer.

    Source: botocore's models, the services' API references ("Common errors"), Amazon S3's list of error responses.
    """
    old = service == S3 or content_type.startswith(FORM)
    if kind == "throttle":
        return throttling(service, content_type)
    if kind == "500":
        code = "InternalError" if service == S3 else "InternalFailure"
        return Failure(
            "500 Internal Server Error", code, "We encountered an internal error. Please try again."
        )
    if kind == "denied":
        status = "403 Forbidden" if old or service == REST_JSON else "400 Bad Request"
        return Failure(status, "AccessDenied" if old else "AccessDeniedException", "Access Denied")
    if kind == "412":
        message = "At least one of the pre-conditions you specified did not hold"
        return Failure("412 Precondition Failed", "PreconditionFailed", message)
    if kind == "409":
        codes = {S3: "ConditionalRequestConflict", "iam": "ConcurrentModification"}
        message = "A conflicting operation is under way. Please try again."
        return Failure("409 Conflict", codes.get(service, "ConflictException"), message)
    return None


def throttling(service: str, content_type: str) -> Failure:
    """Return what a service answers to one call too many."""
    if service == S3:
        return Failure("503 Slow Down", "SlowDown", "Please reduce your request rate.")
    if content_type.startswith(FORM):
        return Failure("400 Bad Request", "Throttling", "Rate exceeded")
    status = "429 Too Many Requests" if service == REST_JSON else "400 Bad Request"
    return Failure(status, "ThrottlingException", "Rate exceeded")


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name.lower(), pattern.lower())
