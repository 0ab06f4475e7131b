"""Completion in the real shells: somebody types, presses Tab, and the name from the file is there."""

from __future__ import annotations

import os
import pty
import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests import programs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FILE = """\
version: 1
namespace: default
region: eu-central-1
roles: {reader: {policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]}}
hosts: {webserver: {roles: [reader]}, database: {roles: [reader]}}
"""
SECONDS = 30
TAB, TO_THE_BEGINNING = "\t", "\x01"
BASH = (["bash", "--noprofile", "--norc", "-i"], 'eval "$(iam-ra completion bash)"')
ZSH = (
    ["zsh", "-f", "-i"],
    'autoload -Uz compinit; compinit -u -D; bindkey -e; eval "$(iam-ra completion zsh)"',
)
FISH = (["fish", "--no-config", "-i"], "iam-ra completion fish | source")


@dataclass
class Terminal:
    """A shell on a terminal of its own."""

    descriptor: int
    seen: str = ""

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def expect(self, text: str) -> None:
        """Wait until the terminal shows a text, and forget what came before it."""
        end = time.monotonic() + SECONDS
        while text not in self.seen:
            ready, _, _ = select.select([self.descriptor], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {text!r} in {self.seen!r}"
            self.seen += os.read(self.descriptor, 65536).decode(errors="replace")
        self.seen = self.seen.partition(text)[2]


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    (tmp_path / "iam-ra.yaml").write_text(FILE)
    (tmp_path / ".git").mkdir()
    environ = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    control = programs.install(tmp_path / "iam-ra", "iam_ra", environ)
    os.set_inheritable(control, True)
    yield environ
    os.set_inheritable(control, False)


@pytest.mark.parametrize(
    ("shell", "setup"),
    [
        pytest.param(*BASH, id="bash"),
        pytest.param(*ZSH, id="zsh", marks=pytest.mark.tool("zsh")),
        pytest.param(*FISH, id="fish", marks=pytest.mark.tool("fish")),
    ],
)
def test_tab_completes_names_of_the_file(
    shell: list[str], setup: str, environ: Mapping[str, str], tmp_path: Path
) -> None:
    process, descriptor = pty.fork()
    if not process:
        os.chdir(tmp_path)
        os.execvpe(shell[0], shell, dict(environ))  # noqa: S606 - a shell is what is tried
    terminal = Terminal(descriptor)
    try:
        terminal.type(f"{setup}; echo re''ady\n")
        terminal.expect("ready")
        for begun, whole in (
            ("host offb\tweb\t", "host offboard webserver"),
            ("plan --target role/\t", "plan --target role/reader"),
            ("--json explain da\tr\t", "--json explain database reader"),
        ):
            # What stands there by then is shown, not run.
            terminal.type(f"iam-ra {begun}{TO_THE_BEGINNING}printf '<%s>' \n")
            terminal.expect("".join(f"<{word}>" for word in f"iam-ra {whole}".split()))
    finally:
        os.close(descriptor)
        os.waitpid(process, 0)
