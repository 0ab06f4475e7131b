"""The documentation as something that can be run: its blocks, its commands with what they print, its edits of files.

- A `console` block is a session in a shell: `$ ` begins a command, all else is what it prints. A command that ends in
  `# exit code N` must end with N, every other one with 0.
- A `yaml` block that begins with `# NAME.yaml` is a file that the reader writes.
- A `diff` block is an edit that the reader makes; `+++` names the file.
- A block under a line that begins with `*Not run by the tests` is only to be read.
- Of each command that shows output, every line is compared, in any order, because parts are done in any order; what
  differs from run to run (times, dates, ports, ids, keys) is not. A line that is only `…` stands for any lines.
"""

from __future__ import annotations

import re
import subprocess
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NOT_RUN = "*Not run by the tests"
ELLIPSIS = "…"
_FENCE = re.compile(r"^(\s*)```(\w*)\s*$")
_FILE = re.compile(r"# ([\w.-]+\.yaml)")
_EXIT_CODE = re.compile(r"# exit code (\d+)$")
_SECONDS = 60
_VARYING = (
    (re.compile(r"\bin [\d.]+s\b"), "in SECONDS"),
    (re.compile(r"\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?"), "DATE"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ENDPOINT"),
    (re.compile(r"\b\d{2}:\d{2}\b"), "TIME"),
    (re.compile(r"\b[Pp]rocess \d+"), "PROCESS"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"\bage1[0-9a-z]{20,}"), "RECIPIENT"),
    (re.compile(r"\S*…\S*"), "CUT"),
    (re.compile(r"\b(?:[0-9]{30,}|[0-9a-f]{40})\b"), "SERIAL"),
    # Days that are left, in the second of an apply and after it.
    (re.compile(r"\b(364|365|3,649|3,650)\b"), "DAYS"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is that of its first line, counted from 1."""

    language: str
    line: int
    lines: tuple[str, ...]
    is_run: bool

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


@dataclass(frozen=True)
class Step:
    """A command and what it prints; `first` and `last` delimit that output among the lines of the page, from 0."""

    command: str
    code: int
    shown: tuple[str, ...]
    first: int
    last: int


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    lines = text.splitlines()
    number, before = 0, ""
    while number < len(lines):
        found = _FENCE.match(lines[number])
        if found is None:
            before = lines[number].strip() or before
            number += 1
            continue
        end = next(each for each in range(number + 1, len(lines)) if lines[each].strip() == "```")
        inside = tuple(line.removeprefix(found[1]) for line in lines[number + 1 : end])
        yield Block(found[2], number + 2, inside, is_run=not before.startswith(NOT_RUN))
        number, before = end + 1, ""


def steps(block: Block) -> Iterator[Step]:
    """Yield the commands of a `console` block."""
    starts = [number for number, line in enumerate(block.lines) if line.startswith("$ ")]
    assert starts[:1] == [0], f"line {block.line}: a session begins with `$ `"
    for start, end in zip(starts, [*starts[1:], len(block.lines)], strict=True):
        first, command = start + 1, block.lines[start][2:]
        code = _EXIT_CODE.search(command)
        offset = block.line - 1
        yield Step(command, int(code[1]) if code else 0, block.lines[first:end], offset + first, offset + end)


def agrees(shown: tuple[str, ...], printed: str) -> bool:
    """Tell whether a page shows what a command printed."""
    wanted, found = Counter(map(stable, shown)), Counter(map(stable, printed.splitlines()))
    for each in (wanted, found):
        del each[""]
    if any(line.strip() == ELLIPSIS for line in shown):
        del wanted[stable(ELLIPSIS)]
        return wanted <= found
    return wanted == found


def stable(line: str) -> str:
    """Return a line without what differs from run to run."""
    for pattern, name in _VARYING:
        line = pattern.sub(name, line)
    return line.strip()


def write(block: Block, folder: Path) -> None:
    """Write the file that a `yaml` block shows, if it is one."""
    found = _FILE.fullmatch(block.lines[0])
    if found is not None:
        (folder / found[1]).write_text("".join(f"{line}\n" for line in block.lines[1:]), encoding="utf-8")


def edit(block: Block, folder: Path) -> None:
    """Make the edit that a `diff` block shows; what it takes away, with the lines around, must be there once."""
    (name,) = (line.removeprefix("+++ ") for line in block.lines if line.startswith("+++ "))
    body = [line for line in block.lines if not line.startswith(("+++ ", "--- "))]
    before = "".join(f"{line[1:]}\n" for line in body if not line.startswith("+"))
    after = "".join(f"{line[1:]}\n" for line in body if not line.startswith("-"))
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"line {block.line}: {name} does not have this once:\n{before}\n{text}"
    path.write_text(text.replace(before, after), encoding="utf-8")


class Shell:
    """One bash for a whole page, so that `cd` and `eval` last, and what it has open.

    Closing it ends the sandboxes that it left running.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str], descriptors: tuple[int, ...] = ()) -> None:
        self._environ = environ
        self._descriptors = descriptors
        self._output = folder.parent / "output"
        self._top = folder
        self.folder = folder
        self._bash = subprocess.Popen(
            ["/bin/bash"],
            cwd=folder,
            env=environ,
            pass_fds=descriptors,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, command: str) -> tuple[int, str]:
        """Run one command and return its exit code and what it printed to both streams."""
        assert self._bash.stdin
        assert self._bash.stdout
        timer = threading.Timer(_SECONDS, self._bash.kill)
        timer.start()
        self._bash.stdin.write(
            f'{{ {command}\n}} >"{self._output}" 2>&1 </dev/null\necho "$? $PWD"\n',
        )
        self._bash.stdin.flush()
        answer = self._bash.stdout.readline()
        timer.cancel()
        assert answer, f"`{command}` did not end within {_SECONDS} s, or ended the shell"
        code, _, folder = answer.rstrip("\n").partition(" ")
        self.folder = self._top.__class__(folder)
        return int(code), self._output.read_text(encoding="utf-8")

    def close(self) -> None:
        self._bash.communicate(timeout=_SECONDS)
        for pid in self._top.parent.rglob(".iam-ra/sandbox.pid"):
            subprocess.run(  # noqa: S602 - the shell finds iam-ra on the PATH of the pages
                "iam-ra sandbox down",  # noqa: S607
                shell=True,
                cwd=pid.parents[1],
                env=self._environ,
                pass_fds=self._descriptors,
                check=True,
                capture_output=True,
            )
