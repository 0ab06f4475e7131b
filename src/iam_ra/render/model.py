"""What a rendering says beside the plan itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Header:
    """Where a plan stands: one namespace in one account and region, from one file.

    `account_id` is empty as long as nobody knows it. `file` is the path as people should see it. `command` is the
    command that shows the plan, `ahead` the day to come that it is for, if it is not for today.
    """

    namespace: str
    region: str
    account_id: str
    file: str
    command: str = "plan"
    ahead: datetime | None = None
