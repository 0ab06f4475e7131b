"""Golden files: what a rendering must look like, renewed with `UPDATE_GOLDEN=1 pytest tests/unit/render`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text, encoding="utf-8", newline="")
        assert path.exists(), f"no golden file {name}: run with UPDATE_GOLDEN=1 and look at it"
        assert text == path.read_bytes().decode()

    return compare
