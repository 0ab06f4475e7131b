"""What all tests share: tools that a user may lack are skipped loudly, and never where all must be there.

What keeps them fast, and what a new test should keep to:

- Start Python programs by `tests/programs.py`, or by the `World` of e2e and the pages of the documentation, which do: a plan
  costs 0.1 s of CPU as a fork and 0.7 s as a new interpreter. Set `world.fresh` in one test of each command;
  `IAM_RA_FRESH=1` sets it in all. What each start does alike belongs into `warmed.py`.
- Take the worker's own sandbox (`sandbox`, `world`, `machine`), which is emptied between tests. A background sandbox costs
  most of a second: only tests of that process start one. Many tests that only look share one by module (`standing`).
- Share a boto3 session where that is easy. What sessions read of botocore's models is shared by all (`shared_models`).
- Make what is costly (RSA keys, the rules of cfn-lint, every manifest) when it is first asked for, and once, not when a
  module is imported: each worker imports all modules.
- After a kill, wait for what the dead had asked for (`rest`); a reset of the sandbox forgets it.
- Wait for conditions (`until`, a waiter with a short delay), not for a time. What only prepares a test need not meet limits.
- Count works, not seconds, where threads race.
- `pytest --durations=30` tells what is slow when the machine is quiet; user time tells it when it is not.
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests import programs, shared_models  # noqa: F401 - importing it is what counts

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
