"""What a day to come will ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date, datetime

    from iam_ra.engine.address import Address


class Due(NamedTuple):
    """From when on a plan will have something to do with a part, although nobody changes anything, and what."""

    when: datetime
    address: Address
    what: str

    @property
    def rank(self) -> tuple[date, Address]:
        """What comes first: by day, and of one day by address, for parts of one apply differ by seconds that mean nothing."""
        return self.when.date(), self.address
