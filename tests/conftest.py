"""What all tests share: tools that a user may lack are skipped loudly, and never where all must be there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ALL_TOOLS = "IAM_RA_ALL_TOOLS"
# Where `make tools` puts what it builds.
TOOLS = Path(__file__).parents[1] / ".tools"


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("tool"):
        name = marker.args[0]
        if shutil.which(name, path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}") is None:
            message = f"{name} is not installed, so {item.nodeid} did not run"
            if os.environ.get(ALL_TOOLS):
                pytest.fail(message)
            pytest.skip(message)
