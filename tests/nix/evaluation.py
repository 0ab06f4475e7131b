"""Nix, as tests use it: expressions evaluated in a store of their own, without a network."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STAND_IN = HERE / "nixpkgs/lib"
_FLAKES = ("--extra-experimental-features", "nix-command", "--extra-experimental-features", "flakes")


@dataclass(frozen=True)
class Answer:
    """What an evaluation printed; `error` is None if it succeeded."""

    value: Any
    error: str | None


@dataclass(frozen=True)
class Nix:
    """A store in a folder. Files that an expression makes are there and can be read."""

    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        places = {
            f"NIX_{name.upper()}_DIR": str(self.folder / name) for name in ("store", "state", "log", "conf")
        }
        # The user's own channels and settings are no part of a test.
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "NIX_PATH": "", **places}

    def ask(self, expression: str) -> Answer:
        """Evaluate an expression down to JSON."""
        command = ["nix-instantiate", "--read-write-mode", "--eval", "--strict", "--json", "-E", expression]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False)
        # It prints half a document before it fails.
        return Answer(None, done.stderr) if done.returncode else Answer(json.loads(done.stdout), None)

    def value(self, expression: str) -> Any:
        answer = self.ask(expression)
        assert answer.error is None, answer.error
        return answer.value

    def make_scripts_executable(self) -> None:
        """Do what nixpkgs does for scripts; the files that an evaluation makes are not executable."""
        for script in (self.folder / "store").glob("*-iam-ra-*"):
            if script.is_file() and script.read_bytes().startswith(b"#!"):
                script.chmod(stat.S_IRWXU)

    def flake(self, *arguments: str) -> str:
        """Run `nix` with flakes, and return what it printed."""
        done = subprocess.run(
            ["nix", *_FLAKES, *arguments],  # noqa: S607
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def quoted(text: str) -> str:
    """Return a text as a string of Nix."""
    return (
        '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${").replace("\n", "\\n") + '"'
    )


def wrong(suite: dict[str, Any]) -> list[str]:
    """Return a line for each case that does not hold."""
    return [
        f"{name}\n  gives {json.dumps(case['expr'])}\n  not   {json.dumps(case['expected'])}"
        for name, case in suite.items()
        if case["expr"] != case["expected"]
    ]


def cases(lib: Path | str = STAND_IN) -> str:
    """Return the expression of the modules' cases on a lib."""
    return f"(import {HERE}/cases {{ lib = import {lib}; }})"


def wrong_errors(nix: Nix, lib: Path | str = STAND_IN) -> list[str]:
    """Return a line for each error case that does not fail as it should."""
    found = []
    for name, wanted in nix.value(
        f"builtins.mapAttrs (_: each: each.expectedError.msg) {cases(lib)}.errors"
    ).items():
        answer = nix.ask(f"{cases(lib)}.errors.{name}.expr")
        if answer.error is None:
            found.append(f"{name} is no error")
        elif wanted not in answer.error:
            found.append(f"{name} does not say {wanted}\n{answer.error}")
    return found
