"""What the executor says while it works. Renderers listen; the engine never prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.engine.address import Address
    from iam_ra.engine.errors import IamRaError
    from iam_ra.engine.plan import Change


@dataclass(frozen=True, slots=True)
class Started:
    """A change has begun."""

    change: Change


@dataclass(frozen=True, slots=True)
class Progress:
    """A change is under way; `text` says what it waits for or does now."""

    address: Address
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """A change is made; it took `seconds`."""

    change: Change
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A change did not succeed after `seconds`."""

    change: Change
    error: IamRaError
    seconds: float


@dataclass(frozen=True, slots=True)
class Skipped:
    """A change was not begun, because of the changes in `because`, or since the run was stopped (empty)."""

    change: Change
    because: tuple[Address, ...]


Event: TypeAlias = Started | Progress | Done | Failed | Skipped
Listener: TypeAlias = "Callable[[Event], None]"
