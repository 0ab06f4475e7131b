"""What every mapping of the file is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Entry(BaseModel):
    """A mapping of the file: no other keys, no conversions."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
