"""When temporary credentials end. moto never looks; here whatever service is called refuses them afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iam_ra.sandbox import clock

if TYPE_CHECKING:
    from datetime import datetime

# By access key, which is random and never used again, so that nothing has to be forgotten.
_ends: dict[str, datetime] = {}


def note(access_key_id: str, end: datetime) -> None:
    """Remember until when credentials are good."""
    _ends[access_key_id] = end


def ends() -> dict[str, datetime]:
    """Return until when which access keys are good."""
    return dict(_ends)


def bring_back(ends: dict[str, datetime]) -> None:
    """Remember again what `ends` returned."""
    _ends.update(ends)


def is_over(access_key_id: str) -> bool:
    """Return whether credentials were good once and are no more."""
    end = _ends.get(access_key_id)
    return end is not None and end <= clock.now()
