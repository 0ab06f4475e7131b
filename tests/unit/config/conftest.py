from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iam_ra.config.diagnostics import ConfigError
from iam_ra.config.load import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iam_ra.config.diagnostics import Diagnostic
    from iam_ra.config.load import Loaded

HEAD = "version: 1\nnamespace: default\nregion: ap-southeast-2\n"


@pytest.fixture
def load_text(tmp_path: Path) -> Callable[[str | bytes], Loaded]:
    """Load a text as the file; `HEAD` is put before it unless it brings its own."""

    def load_it(text: str | bytes) -> Loaded:
        path = tmp_path / "iam-ra.yaml"
        if isinstance(text, str):
            text = (text if "version:" in text else HEAD + text).encode()
        path.write_bytes(text)
        return load(path)

    return load_it


@pytest.fixture
def problems(load_text: Callable[[str | bytes], Loaded]) -> Callable[[str | bytes], list[Diagnostic]]:
    """Return the problems and warnings of a text."""

    def problems_of(text: str | bytes) -> list[Diagnostic]:
        try:
            return list(load_text(text).warnings)
        except ConfigError as error:
            return list(error.diagnostics)

    return problems_of
