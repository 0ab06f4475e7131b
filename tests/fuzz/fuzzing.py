"""Files that no user means: the example and what mutations make of it, and structures that only look like a file.

Each goes through `load`, as `validate` does, and what is valid through the pure planner against an empty account. What may come
out is a plan or a ConfigError that can be shown; anything else, and anything slow, is a finding.

    python tests/fuzz/fuzzing.py [--files 10000] [--seed N]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.unit.kinds.samples import NOW, SOPS_RULES, snapshot

from iam_ra.config.diagnostics import ConfigError
from iam_ra.config.load import Loaded, load
from iam_ra.engine.diff import make_plan
from iam_ra.files.repository import Repository
from iam_ra.kinds.base import all_kinds
from iam_ra.kinds.memory import NO_WISHES, remember
from iam_ra.render.json import plan_json
from iam_ra.render.model import Header, PlanDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "iam-ra.yaml.example").read_text()
# Seconds that one file may take on a machine that has much else to do.
LONGEST = 20
_SCALARS: tuple[Any, ...] = (
    None, True, 0, -1, 10**30, 1.5, float("inf"), "", " ", "~", "é", "\u202e", "a" * 300, "*", "../../x", "/etc/passwd",
    "arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::1:role/x", "90d", "0d", "999999999y", "1m", "2026-01-01", "0o777",
    "{{ 7 * 7 }}", '"}]', "${AWS::AccountId}", "!Ref x", "default", "admin", "init", "ca/default", "host/web", [], {}, [[]],
    {"": ""}, ["a", "a"], {"mode": "kms"}, "\x07", "<script>", "\n\n", "yes", "NaN", "1e400",
)  # fmt: skip
_LINES = (
    "a: &a [*a]", "a: &x {b: *x}", "<<: {x: 1}", "? [1, 2]\n: 3", "- - - -", "key: |", "\tx: 1", "%YAML 1.3", "--- !!python/object:os.system x",
    "version: 1", "roles: {}", "hosts: {x: {roles: [admin]}}", "'", '"', "{", "]", ": :", "!!binary aGk=", "!!timestamp 2026-13-45", "...", "---",
)  # fmt: skip


@dataclass
class Findings:
    """How many files there were, how many were valid, the slowest in seconds, and what should not have happened."""

    files: int = 0
    valid: int = 0
    slowest: float = 0.0
    bad: list[str] = field(default_factory=list)


def fuzz(count: int, seed: int) -> Findings:
    """Try so many files."""
    chance = random.Random(seed)  # noqa: S311 - a sample, no secret
    found = Findings()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / ".sops.yaml").write_text(SOPS_RULES)
        path = Path(folder) / "iam-ra.yaml"
        for _ in range(count):
            data = chance.choice(_MAKERS)(chance)
            _try(path, data, found)
    return found


def _try(path: Path, data: bytes, found: Findings) -> None:
    path.write_bytes(data)
    since = time.monotonic()
    found.files += 1
    try:
        with _alarm():
            found.valid += _goes_through(path)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        found.bad.append(f"{type(error).__name__}: {error} for {data[:1000]!r}")
    found.slowest = max(found.slowest, time.monotonic() - since)


def _goes_through(path: Path) -> bool:
    try:
        loaded = load(path)
    except ConfigError as error:
        broken = error
    else:
        _plan(loaded)
        return True
    assert broken.render()
    return False


def _plan(loaded: Loaded) -> None:
    empty = snapshot()
    kinds = all_kinds()
    repository = Repository(loaded.namespace.root)
    wanted = remember(loaded.namespace, {}, empty, NO_WISHES)
    parts = [part for kind in kinds.values() for part in kind.desired(wanted, repository)]
    plan = make_plan(parts, {}, {}, kinds, NOW)
    header = Header(wanted.name, wanted.region, "123456789012", wanted.file.name, "plan")
    assert json.dumps(plan_json(PlanDocument(plan, header, NOW)))


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"longer than {LONGEST} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _content() -> Any:
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(EXAMPLE)))


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container with each of its keys."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield node, key
        yield from _places(value)


def _structured(chance: random.Random) -> bytes:
    """Put values where others stood, move some, drop some, rename keys."""
    content = _content()
    for _ in range(chance.randint(1, 6)):
        places = list(_places(content))
        if not places:
            break
        container, key = chance.choice(places)
        other, other_key = chance.choice(places)
        action = chance.randrange(5)
        if action == 0:
            del container[key]
        elif action == 1 and isinstance(container, dict):
            container[str(chance.choice(_SCALARS))[:400]] = container.pop(key)
        elif action == 2:
            container[key] = json.loads(json.dumps(other[other_key]))
        else:
            container[key] = chance.choice(_SCALARS)
    return json.dumps(content).encode()


def _lines(chance: random.Random) -> bytes:
    """Swap, repeat, drop, cut and indent lines, and put others between them."""
    lines = EXAMPLE.splitlines()
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(lines))
        action = chance.randrange(6)
        if action == 0:
            del lines[at]
        elif action == 1:
            lines.insert(at, lines[chance.randrange(len(lines))])
        elif action == 2:
            lines.insert(at, " " * chance.randrange(6) + chance.choice(_LINES))
        elif action == 3:
            lines[at] = " " * chance.randrange(8) + lines[at].lstrip()
        elif action == 4:
            lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
        else:
            lines[at] = lines[at].replace(":", chance.choice((":", "", "::", " :", ": !!set")), 1)
        if not lines:
            break
    return "\n".join(lines).encode()


def _bytes(chance: random.Random) -> bytes:
    """Turn, drop, repeat and add bytes; cut the file."""
    data = bytearray(EXAMPLE.encode())
    for _ in range(chance.randint(1, 20)):
        at = chance.randrange(len(data))
        action = chance.randrange(4)
        if action == 0:
            data[at] = chance.randrange(256)
        elif action == 1:
            del data[at : at + chance.randrange(50)]
        elif action == 2:
            data[at:at] = data[at : at + chance.randrange(200)]
        else:
            data[at:at] = chance.randbytes(chance.randrange(4))
        if len(data) < 10:
            break
    return bytes(data[: chance.randrange(len(data) + 1)] if chance.random() < 0.2 else data)


def _nested(chance: random.Random) -> bytes:
    """Nest deep, alias much, or hold one value of a kind that YAML has and JSON has not."""
    depth = chance.choice((10, 100, 1_000, 20_000))
    return chance.choice(
        (
            b"version: 1\nroles: " + b"[" * depth + b"]" * chance.choice((0, depth)),
            b"version: 1\nhosts: " + b"{a: " * depth + b"}" * depth,
            b"".join(b"%s- %d:\n" % (b" " * number, number) for number in range(min(depth, 500))),
            b"a: &a [x, x]\n"
            + b"".join(b"b%d: &b%d [*a, *a]\n" % (each, each) for each in range(min(depth, 300))),
            EXAMPLE.encode().replace(b"1", chance.choice((b"!!float 1", b"0x1", b"1_0", b"!x 1"))),
            chance.randbytes(depth % 5_000),
        )
    )


def _pieces(chance: random.Random) -> bytes:
    """Return a file of few entities with odd values, nearer to valid than the others."""
    name = chance.choice(("web", "a-b", "X9", "admin", "default", "init", "a" * 60, "é", "con"))
    host: dict[str, Any] = {
        "roles": chance.choice((["reader"], ["reader", "writer"], [], ["nobody"], "reader"))
    }
    for key in chance.sample(
        ("identity", "ca", "delivery", "default_role", "sops", "certificate", "csr", "protect", "tags"), 2
    ):
        host[key] = chance.choice(
            (*_SCALARS, ["sops"], ["secretsmanager"], {"validity": chance.choice(_SCALARS)})
        )
    content = {
        "version": chance.choice((1, 1, 1, 2, "1")),
        "namespace": chance.choice(("default", "a", "x" * 20, "x" * 21, "A")),
        "region": chance.choice(("eu-central-1", "us-gov-west-1", "cn-north-1", "mars-1")),
        "roles": {
            "reader": {"policies": []},
            "writer": {chance.choice(("policies", "session_duration", "tags")): chance.choice(_SCALARS)},
        },
        "hosts": {name: host, "plain": {"roles": ["reader"]}},
    }
    return json.dumps(content).encode()


_MAKERS: tuple[Callable[[random.Random], bytes], ...] = (
    _structured,
    _structured,
    _lines,
    _lines,
    _bytes,
    _pieces,
    _pieces,
    _nested,
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    since = time.monotonic()
    found = fuzz(asked.files, asked.seed)
    seconds = time.monotonic() - since
    sys.stdout.write(
        f"seed {asked.seed}: {found.files:,} files in {seconds:.0f} s, {found.valid:,} valid and planned, the slowest "
        f"{found.slowest:.1f} s, {len(found.bad)} findings\n"
    )
    for each in found.bad[:20]:
        sys.stdout.write(f"{each}\n\n")
    return 1 if found.bad else 0


if __name__ == "__main__":
    sys.exit(main())
