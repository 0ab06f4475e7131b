"""How entities and their parts are named: `host/web` is an entity, `host/web:certificate` one of its parts."""

from __future__ import annotations

from typing import NamedTuple


class Address(NamedTuple):
    """A part of an entity; a tuple, because plans hold tens of thousands of them."""

    entity: str
    part: str

    def __str__(self) -> str:
        return f"{self.entity}:{self.part}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `entity:part`; raises ValueError when there is no part."""
        entity, separator, part = text.partition(":")
        if not (entity and separator and part):
            raise ValueError(f"{text!r} is not of the form entity:part")
        return cls(entity, part)
