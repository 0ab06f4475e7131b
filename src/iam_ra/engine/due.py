"""What a day to come will ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from iam_ra.engine.address import Address


class Due(NamedTuple):
    """From when on a plan will have something to do with a part, although nobody changes anything, and what."""

    when: datetime
    address: Address
    what: str
