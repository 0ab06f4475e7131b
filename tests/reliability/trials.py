"""One trial: a run that is disturbed once, run again where it did not end well, and compared with an undisturbed one."""

from __future__ import annotations

import signal
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from tests.e2e.world import finish, rest
from tests.reliability.picture import INIT, differences, picture
from tests.reliability.scenarios import SCENARIOS
from tests.reliability.stage import certificates_in
from tests.reliability.stopping import PATIENCE, AtCall, run_touching

from iam_ra.sandbox.faults import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.world import Result, World
    from tests.reliability.stage import Ready, Stage

Kill: TypeAlias = Literal["before call", "after call", "before file"]
S3 = "s3"
# Shorter than SDKs wait: whoever calls finds the connection closed, and does not know whether the call was made.
_PAUSES = {"timeout": 0.0, "slow": 0.3}
# What only S3's conditional requests answer.
_CONDITIONAL = {"PutObject", "DeleteObject"}


@dataclass(frozen=True, slots=True)
class Trial:
    """What to do to which call: the n-th of an operation, or the n-th touch of a file."""

    scenario: str
    how: str
    nth: int
    service: str = ""
    operation: str = ""

    def __str__(self) -> str:
        return (
            f"{self.scenario}: {self.how} {self.nth} of {self.service or 'files'} {self.operation}".rstrip()
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial. `wrong` is empty if the world is as it should be."""

    trial: Trial
    met: bool = False
    again: bool = False
    wrong: tuple[str, ...] = ()


def kills(stage: Stage, scenario: str) -> Iterator[Trial]:
    """Yield the kills of a scenario: before and after each call, before each touch of a file."""
    ready = stage.ready(SCENARIOS[scenario])
    for (service, operation), count in _operations(ready):
        for nth in range(1, count + 1):
            yield Trial(scenario, "before call", nth, service, operation)
            yield Trial(scenario, "after call", nth, service, operation)
    world = stage.restore(ready)
    result, touched = run_touching(world, *SCENARIOS[scenario].command)
    result.expect()
    for nth in range(1, touched + 1):
        yield Trial(scenario, "before file", nth)


def faults(stage: Stage, scenario: str) -> Iterator[Trial]:
    """Yield the faults of a scenario: each call fails in each way."""
    ready = stage.ready(SCENARIOS[scenario])
    for (service, operation), count in _operations(ready):
        for kind in KINDS:
            if kind in {"412", "409"} and (service != S3 or operation not in _CONDITIONAL):
                continue
            for nth in range(1, count + 1):
                yield Trial(scenario, kind, nth, service, operation)


def _operations(ready: Ready) -> list[tuple[tuple[str, str], int]]:
    return sorted(Counter((each.service, each.operation) for each in ready.calls).items())


def carry_out(stage: Stage, trial: Trial) -> Outcome:
    """Make one trial."""
    scenario = SCENARIOS[trial.scenario]
    ready = stage.ready(scenario)
    world = stage.restore(ready)
    if trial.how in KINDS:
        result, met = _with_fault(world, trial, scenario.command)
    elif trial.service:
        stop = AtCall(world, (trial.service, trial.operation), trial.nth, before=trial.how == "before call")
        result = stop.run(*scenario.command)
        met = result.code == -signal.SIGKILL
    else:
        result, _ = run_touching(world, *scenario.command, kill_at=trial.nth)
        met = result.code == -signal.SIGKILL
    rest(world.server)
    wrong = [] if result.code in {0, -signal.SIGKILL} else list(_unclear(result))
    again = result.code != 0
    if again:
        _unlock(world)
        second = finish(world.start(*scenario.command), PATIENCE)
        rest(world.server)
        if second.code:
            wrong.append(f"run again, it ends with {second.code}: {second.said[-600:]}")
    wrong += compare(ready, world)
    return Outcome(trial, met, again, tuple(wrong))


def compare(ready: Ready, world: World) -> Iterator[str]:
    """Yield what is wrong with a world after a disturbed run."""
    yield from differences(ready.after, picture(world))
    if INIT not in world.stacks:
        return
    ledger = world.ledger()
    unknown = certificates_in(world.wire.requests) - {int(serial) for serial in ledger}
    if unknown:
        yield f"{len(unknown)} certificates that AWS saw are not in the ledger"
    plan = finish(world.start("plan", "--detailed-exitcode"), PATIENCE)
    if plan.code:
        yield f"the next plan ends with {plan.code}: {plan.said[-600:]}"


def _with_fault(world: World, trial: Trial, command: tuple[str, ...]) -> tuple[Result, bool]:
    kind = next(each for each in KINDS if each == trial.how)
    fault = world.server.faults.add(
        kind, trial.service, trial.operation, nth=trial.nth, seconds=_PAUSES.get(kind)
    )
    result = finish(world.start(*command), PATIENCE)
    world.server.faults.clear()
    return result, fault.hits > 0


def _unclear(result: Result) -> Iterator[str]:
    """Yield what is wrong with how a command says that it failed."""
    if result.code not in {1, 3, 4}:
        yield f"it ended with {result.code}: {result.said[-600:]}"
    for bad in ("Traceback", "IRA9000"):
        if bad in result.said:
            yield f"it said {bad}: {result.said[-600:]}"
    if "error[" not in result.said and "refused" not in result.said:
        yield f"it said no error: {result.said[-600:]}"


def _unlock(world: World) -> None:
    """Do what `iam-ra unlock` does about the lock of somebody who is dead, sooner than its lease ends."""
    if world.stacks.get(INIT, {}).get("Outputs"):
        buckets = {each["Name"] for each in world.aws(S3).list_buckets()["Buckets"]}
        if world.bucket in buckets:
            world.remove("default/lock.json")
