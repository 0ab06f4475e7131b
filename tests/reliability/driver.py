"""`make crash` and `make faults`: every trial of a suite, in a process and a sandbox a scenario; the table goes into the docs.

    python tests/reliability/driver.py crash|faults [--seconds N] [--seed N] [--scenario NAME]

With `--seconds` it stops after that time; trials are made in a random order, so what was made is a fair sample, and the
table says how many of how many that is.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeAlias

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.reliability.page import write_table
from tests.reliability.scenarios import SCENARIOS
from tests.reliability.stage import Stage
from tests.reliability.trials import Outcome, Trial, carry_out, faults, kills

SUITES = {"crash": kills, "faults": faults}
# A scenario's calls and how many trials there are, what came of one, or that all are made.
Told: TypeAlias = "tuple[str, tuple[int, int] | Outcome | None]"


@dataclass
class Row:
    """What came of a scenario's trials. `calls` is how many its undisturbed run makes, `all` how many trials there are."""

    calls: int = 0
    all: int = 0
    made: int = 0
    met: int = 0
    alone: int = 0
    again: int = 0
    wrong: list[str] = field(default_factory=list)

    def count(self, outcome: Outcome) -> None:
        self.made += 1
        self.met += outcome.met
        if outcome.wrong:
            self.wrong.append(f"{outcome.trial}: {'; '.join(outcome.wrong)}")
        elif outcome.again:
            self.again += 1
        else:
            self.alone += 1


def run(suite: str, scenarios: list[str], seconds: float, seed: int) -> dict[str, Row]:
    """Make the trials of some scenarios, each in a process of its own, and return what came of them."""
    rows = {name: Row() for name in scenarios}
    context = multiprocessing.get_context("spawn")
    told: multiprocessing.SimpleQueue[Told] = context.SimpleQueue()
    end = time.time() + seconds
    processes = [
        context.Process(target=_work, args=(suite, name, end, seed, told), daemon=True) for name in scenarios
    ]
    for process in processes:
        process.start()
    working = set(scenarios)
    while working:
        name, what = told.get()
        if what is None:
            working.remove(name)
        elif isinstance(what, Outcome):
            rows[name].count(what)
            if what.wrong:
                _say(f"WRONG {what.trial}: {'; '.join(each[:500] for each in what.wrong[:4])}")
            elif rows[name].made % 20 == 0:
                _say(f"{name}: {rows[name].made} of {rows[name].all}")
        else:
            rows[name].calls, rows[name].all = what
    for process in processes:
        process.join()
    return rows


def _work(suite: str, scenario: str, end: float, seed: int, told: multiprocessing.SimpleQueue[Told]) -> None:
    """Make the trials of one scenario, in a random order, until `end`."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_", "SOPS_", "IAM_RA_"))]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    stage = Stage.open()
    try:
        trials = list(SUITES[suite](stage, scenario))
        told.put((scenario, (len(stage.ready(SCENARIOS[scenario]).calls), len(trials))))
        random.Random(seed).shuffle(trials)  # noqa: S311 - an order, no secret
        for trial in trials:
            if time.time() > end:
                break
            told.put((scenario, _outcome(stage, trial)))
    finally:
        stage.close()
        told.put((scenario, None))


def _outcome(stage: Stage, trial: Trial) -> Outcome:
    try:
        return carry_out(stage, trial)
    except Exception as error:  # noqa: BLE001 - a trial that breaks is one that did not converge
        return Outcome(trial, wrong=(f"{type(error).__name__}: {error}"[:600],))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS)
    parser.add_argument("--no-table", action="store_true", help="Leave docs/reliability.md as it is.")
    asked = parser.parse_args()
    since = time.monotonic()
    rows = run(asked.suite, asked.scenario or list(SCENARIOS), asked.seconds, asked.seed)
    seconds = time.monotonic() - since
    _say(json.dumps({name: asdict(row) for name, row in rows.items()}, indent=1))
    if not asked.no_table:
        write_table(asked.suite, rows, seconds)
    return 1 if any(row.wrong for row in rows.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
