"""What somebody changed below the stacks: single settings of a part's resources that are not as recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Drift:
    """One setting of a resource, named like `role.trust_policy` or `role.tags.team`.

    `expected` is what was made, `found` what is there; None stands for nothing there. `remedy` says what apply does
    about it. `ignored_by` is the number of the rule in the file (from 0) by which it stays.
    """

    field: str
    expected: Any
    found: Any
    remedy: str
    ignored_by: int | None = None
