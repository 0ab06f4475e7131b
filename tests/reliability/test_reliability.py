"""A few trials of `make crash` and `make faults`, chosen by a seed; RELIABILITY_SEED chooses others."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest
from tests.reliability.scenarios import SCENARIOS
from tests.reliability.stage import Stage
from tests.reliability.trials import Outcome, carry_out, faults, kills

if TYPE_CHECKING:
    from collections.abc import Iterator

# Always the same trials, so that a run says something of the change alone; `make crash` and `make faults` try them all.
SEED = int(os.environ.get("RELIABILITY_SEED", "340445"))
TRIALS = 2


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    stage = Stage.open()
    yield stage
    stage.close()


def test_runs_that_are_killed_or_disturbed_converge(stage: Stage) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a sample, no secret
    scenario = chance.choice(sorted(SCENARIOS))
    trials = [
        trial
        for listed in (kills(stage, scenario), faults(stage, scenario))
        for trial in chance.sample(list(listed), TRIALS)
    ]
    outcomes: list[Outcome] = [carry_out(stage, trial) for trial in trials]
    wrong = [f"{each.trial}: {'; '.join(each.wrong)}" for each in outcomes if each.wrong]
    assert not wrong, "\n".join((f"RELIABILITY_SEED={SEED}", *wrong))
