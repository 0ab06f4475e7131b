"""What all tests share: tools that a user may lack are skipped loudly, and never where all must be there."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests import programs

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL_TOOLS = "IAM_RA_ALL_TOOLS"
# Where `make tools` puts what it builds.
TOOLS = Path(__file__).parents[1] / ".tools"


def pytest_configure() -> None:
    """Undo what a pipeline or a terminal may have set for us and every process that tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So do shells for what they run in the background; tests interrupt themselves.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["TERM"] = "xterm"


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("tool"):
        name = marker.args[0]
        if shutil.which(name, path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}") is None:
            message = f"{name} is not installed, so {item.nodeid} did not run"
            if os.environ.get(ALL_TOOLS):
                pytest.fail(message)
            pytest.skip(message)


@pytest.fixture(scope="session", autouse=True)
def _end_of_programs() -> Iterator[None]:
    yield
    programs.close()
