"""What the sandbox's services remember, taken out and put back as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from moto.backends import get_backend
from moto.core.base_backend import BackendDict

from iam_ra.sandbox import clock, expiry

if TYPE_CHECKING:
    from collections.abc import Iterator

# The services that can be saved, by the names under which moto keeps them.
SERVICES = frozenset(
    {"acm-pca", "cloudformation", "iam", "kms", "rolesanywhere", "s3", "secretsmanager", "ssm", "sts"}
)


@dataclass(frozen=True, slots=True)
class Used:
    """The names of the services that something was asked of: those that can be saved, and the others."""

    services: list[str]
    left_out: list[str]


def used() -> Used:
    """Return which services were used."""
    names = {each.service_name for each in _used()}
    return Used(sorted(names & SERVICES), sorted(names - SERVICES))


def package(service: str) -> str:
    """Return the name of a service's package in moto. Raises KeyError for a service that cannot be saved."""
    if service not in SERVICES:
        raise KeyError(service)
    return service.replace("-", "")


def busy() -> list[str]:
    """Return the names of the stacks that an operation is at work on."""
    return sorted(
        stack.name
        for _, _, _, backend in _all("cloudformation")
        for stack in backend.stacks(deleted=True)
        if not stack.operation.finished.is_set()
    )


def take() -> dict[str, Any]:
    """Return all that the services, the clock and the sessions know: not a copy."""
    return {
        "backends": [each for service in used().services for each in _all(service)],
        "clock": clock.shift(),
        "ends": expiry.ends(),
    }


def check(taken: Any) -> None:
    """Raise ValueError, TypeError or KeyError for what `take` never returned. The services must be loaded."""
    for service, account, region, backend in taken["backends"]:
        wanted: Any = get_backend(package(service))  # type: ignore[call-overload]
        if not isinstance(backend, wanted.backend) or {type(account), type(region)} != {str}:
            raise TypeError(service)
    if not isinstance(taken["clock"], timedelta) or not isinstance(taken["ends"], dict):
        raise TypeError("clock")


def discard(taken: dict[str, Any]) -> None:
    """Give up what `take` returned, and the files that are open behind it."""
    for _, _, _, backend in taken["backends"]:
        backend.reset()


def put(taken: dict[str, Any]) -> None:
    """Fill the services, which must be empty, with what `take` returned."""
    for service, account, region, backend in taken["backends"]:
        backends: Any = get_backend(package(service))  # type: ignore[call-overload]
        dict.__setitem__(backends[account], region, backend)
        if service == "s3":
            # Buckets share one space of names; moto keeps beside it whose they are.
            backends.bucket_accounts |= dict.fromkeys(backend.buckets, (backend.partition, account))
    clock.shift_to(taken["clock"])
    expiry.bring_back(taken["ends"])


def _used() -> list[Any]:
    # The list by which moto resets: what is in it has been asked for something.
    found: list[Any] = vars(BackendDict)["_instances"]
    return found


def _all(service: str) -> Iterator[tuple[str, str, str, Any]]:
    for backends in _used():
        if backends.service_name == service:
            for account, region, backend in backends.iter_backends():
                yield service, account, region, backend
