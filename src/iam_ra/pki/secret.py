"""Key material as a type that has no text form."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, NoReturn, Self, final

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = "<secret>"


class Opaque:
    """A base for whatever holds key material: it prints as `<secret>` and cannot be serialised.

    Copies are the object itself, so that `dataclasses.asdict` keeps the type.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return TEXT

    def __str__(self) -> str:
        return TEXT

    def __format__(self, spec: str) -> str:
        return format(TEXT, spec)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret cannot be serialised")


@final
class Secret(Opaque):
    """Bytes that leave only through `reveal()`: no text form, no bytes protocol, no iteration, no length.

    The bytes sit in a closure rather than in an attribute, because generic walkers (deepdiff, pretty printers)
    read attributes and slots.
    """

    __slots__ = ("_reveal",)

    # Dictionary look-ups do not compare in constant time.
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: bytes | str) -> None:
        held = value.encode() if isinstance(value, str) else bytes(value)
        self._reveal: Callable[[], bytes] = lambda: held

    def reveal(self) -> bytes:
        """Return the bytes. Pass them on at once; a local variable that holds them can show up in a debugger."""
        return self._reveal()

    def __eq__(self, other: object) -> bool:
        """Compare in constant time, with another secret only."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._reveal(), other._reveal())
