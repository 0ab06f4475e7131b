"""What a rendering says beside the plan itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Header:
    """Where a plan stands: one namespace in one account and region, from one file.

    `account_id` is empty as long as nobody knows it. `file` is the path as people should see it. `command` is the
    command that shows the plan.
    """

    namespace: str
    region: str
    account_id: str
    file: str
    command: str = "plan"
