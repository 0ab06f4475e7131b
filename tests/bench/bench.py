"""Measures the budgets: start-up, validation, the pure plan, calls of AWS. Prints a table; `make bench` runs it.

The figures are of this machine and this moment: of whole processes the time by the clock, of all else that of the CPU. Nothing fails when one is over its budget, it is only marked. With
`--compare` they stand beside those that were kept last (numbers.json, as committed); `--keep` keeps them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench import kept
from tests.unit.aws.test_snapshot import FakeAws, look

from iam_ra.config.load import load
from iam_ra.engine.diff import make_plan
from iam_ra.engine.part import Observed, Part, Presence, Recorded, resolve
from iam_ra.files.repository import Repository
from iam_ra.kinds.base import all_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iam_ra.config.model import Namespace
    from iam_ra.engine.address import Address
    from iam_ra.engine.plan import Plan

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FAR = datetime(2036, 1, 1, tzinfo=UTC).isoformat()
PROCESSES = 10
ROUNDS = 5
IAM_RA = Path(sys.executable).with_name("iam-ra")


@dataclass(frozen=True)
class Row:
    """A line of the table, in milliseconds or calls; `budget` is None where none is set, `note` is about the figure."""

    what: str
    value: float
    budget: float | None = None
    note: str = ""
    unit: str = "ms"


def main(arguments: list[str]) -> None:
    """Measure everything and print it; compare or keep it if the arguments say so."""
    before = kept.committed() if "--compare" in arguments else None
    rows = [process("iam-ra --help", ["--help"], 100), process("iam-ra --version", ["--version"], 100)]
    with tempfile.TemporaryDirectory() as folder:
        rows.append(validation(Path(folder), 1_000, 1_000))
        for entities, budget in ((1_000, 100), (10_000, 2_000)):
            rows += plans(Path(folder), entities, budget)
    rows += [calls(hosts) for hosts in (100, 1_000)]
    show(rows, before)
    say()
    for world in ("empty", "unchanged", "edited"):
        small, large = (row.value for row in rows if row.what.startswith("pure plan") and world in row.what)
        say(f"10,000 entities take {large / small:.1f} times as long as 1,000 in an {world} world")
    if "--keep" in arguments:
        say(f"kept in {kept.keep({row.what: round(row.value, 1) for row in rows})}")


def process(what: str, arguments: list[str], budget: float | None, cwd: Path | None = None) -> Row:
    """Run the program in fresh processes and take the median of the wall time, after one to warm the disk's cache."""
    times = []
    for _ in range(PROCESSES + 1):
        since = time.perf_counter()
        subprocess.run([IAM_RA, *arguments], cwd=cwd, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - since)
    return Row(what, statistics.median(times[1:]) * 1000, budget, f"a process, median of {PROCESSES}")


def validation(folder: Path, entities: int, budget: float) -> Row:
    """Measure `iam-ra validate`."""
    write(folder, entities)
    row = process(f"iam-ra validate, {entities:,} entities", ["validate"], None, folder)
    since = best(lambda: load(folder / "iam-ra.yaml"))
    return Row(row.what, row.value, budget, f"{row.note}; load alone {since * 1000:.0f} ms")


def plans(folder: Path, entities: int, budget: float) -> list[Row]:
    """Measure desired + make_plan against an empty, an unchanged and an edited world."""
    rows = []
    for name, work in plannings(folder, entities).items():
        counted = len(work().changes)
        what = f"pure plan, {entities:,} entities, {name} world"
        rows.append(
            Row(what, best(work) * 1000, None if name == "edited" else budget, f"{counted:,} changes")
        )
    return rows


def plannings(folder: Path, entities: int) -> dict[str, Callable[[], Plan]]:
    """Return what plans a file of so many entities, by the name of the world."""
    namespace = load(write(folder, entities)).namespace
    repository = Repository(folder)
    recorded, observed = applied(namespace, repository)
    edited = {
        address: Recorded(
            address, part.kind, {**part.inputs, "tags": {"old": "tag"}, "serial": "0"}, part.outputs
        )
        for address, part in recorded.items()
    }
    return {
        "empty": lambda: plan(namespace, repository, {}, {}),
        "unchanged": lambda: plan(namespace, repository, recorded, observed),
        "edited": lambda: plan(namespace, repository, edited, observed),
    }


def calls(hosts: int) -> Row:
    """Count what looking at AWS asks before a plan: pages of stacks, roles, secrets, lists and objects, never a call a host."""
    aws = FakeAws()
    aws.add_init()
    aws.add_hosts(hosts)
    look(aws)
    pages = [*aws.calls.values()]
    budget = 4 + 3 * -(-hosts // 100)
    return Row(f"calls of AWS before a plan, {hosts:,} hosts", sum(pages), budget, "in pages", "calls")


def plan(
    namespace: Namespace,
    repository: Repository,
    recorded: Mapping[Address, Recorded],
    observed: Mapping[Address, Observed],
) -> Plan:
    """Plan as the reconciler does, without looking at AWS."""
    kinds = all_kinds()
    desired = (part for kind in kinds.values() for part in kind.desired(namespace, repository))
    return make_plan(desired, recorded, observed, kinds, NOW)


def applied(
    namespace: Namespace, repository: Repository
) -> tuple[dict[Address, Recorded], dict[Address, Observed]]:
    """Return state and observation as they are after an apply: every output that something refers to, and every fact."""
    kinds = all_kinds()
    recorded: dict[Address, Recorded] = {}
    observed: dict[Address, Observed] = {}
    for change in plan(namespace, repository, {}, {}).changes:
        part = change.desired
        assert part is not None
        outputs = made(part)
        inputs = resolve(part.inputs, lambda ref: recorded[ref.address].outputs[ref.output])
        recorded[part.address] = Recorded(
            part.address, part.kind, inputs, outputs, part.upstream, part.released_by, part.protect
        )
        facts = {**outputs, "kind": part.kind, "key_copies": frozenset({outputs["serial"]})}
        facts["mirrors"] = {f"sops-{int(outputs['serial']):040x}.yaml": outputs["mirror"]}
        observed[part.address] = Observed(Presence.PRESENT, facts)
    assert not plan(namespace, repository, recorded, observed).changes, kinds
    return recorded, observed


def made(part: Part) -> dict[str, Any]:
    """Return outputs of any kind, as long as real ones."""
    names = (
        "TrustAnchorArn",
        "RoleArn",
        "ProfileArn",
        "KMSKeyArn",
        "CertificateSecretArn",
        "PrivateKeySecretArn",
    )
    arns = {name: f"arn:aws:service:ap-southeast-2:123456789012:{name}/{part.address}" for name in names}
    serial = str(abs(hash(part.address.entity)))
    return {
        **arns,
        "serial": serial,
        "generation": 1,
        "certificate": "c" * 600,
        "fingerprint": "f" * 64,
        "not_after": FAR,
        "object": '"e"',
        "mirror": '"m"',
        "file": "d" * 64,
        "earlier": [],
        "Digest": "d" * 64,
        "updated": FAR,
    }


def write(folder: Path, entities: int) -> Path:
    """Write a file of so many entities, half roles and half hosts."""
    half = entities // 2
    lines = [
        "version: 1",
        "namespace: bench",
        "region: ap-southeast-2",
        f"limits: {{profiles: {half}}}",
        "roles:",
    ]
    lines += [f"  role-{n}: {{policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]}}" for n in range(half)]
    lines += [
        "hosts:",
        *(f"  host-{n}: {{identity: host-{n}.example.com, roles: [role-{n}]}}" for n in range(half)),
    ]
    (folder / ".sops.yaml").write_text(f"creation_rules:\n  - age: age1{'q' * 58}\n")
    path = folder / "iam-ra.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def best(work: Callable[[], object]) -> float:
    """Return the seconds of CPU of the fastest of a few rounds: what the code takes, whoever else is at work."""
    times = []
    for _ in range(ROUNDS):
        since = time.process_time()
        work()
        times.append(time.process_time() - since)
    return min(times)


def say(text: str = "") -> None:
    """Write a line to stdout."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def show(rows: list[Row], before: kept.Kept | None) -> None:
    """Print the table, what is over its budget marked, beside the figures of before if there are any."""
    width = max(len(row.what) for row in rows)
    say(f"{kept.machine()}, load {os.getloadavg()[0]:.1f}")
    if before is not None:
        say(f"before: {before.source}, {before.machine}")
    say(f"\n{'what':<{width}}  {'measured':>12}  {'budget':>12}" + ("  before       " if before else ""))
    for row in rows:
        budget = "-" if row.budget is None else f"{row.budget:,.0f} {row.unit}"
        over = "over its budget; " if row.budget is not None and row.value > row.budget else ""
        beside = "" if before is None else f"  {before.beside(row.what, row.value):<13}"
        say(
            f"{row.what:<{width}}  {f'{row.value:,.0f} {row.unit}':>12}  {budget:>12}{beside}  {over}{row.note}".rstrip()
        )


if __name__ == "__main__":
    main(sys.argv[1:])
