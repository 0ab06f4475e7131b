"""The figures of the benchmark that are kept in the repository, to see what a change did to them."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).with_name("numbers.json")


@dataclass(frozen=True)
class Kept:
    """Figures by line of the table, the machine that they are of, and where they come from."""

    source: str
    machine: str
    numbers: Mapping[str, float]

    def beside(self, what: str, now: float) -> str:
        """Return the kept figure and how the present one compares with it: `120 (x0.9)`."""
        then = self.numbers.get(what)
        return "-" if then is None else f"{then:,.0f}" + (f" (x{now / then:.2f})" if then else "")


def machine() -> str:
    """Return what the figures depend on, but for the load."""
    return f"Python {sys.version.split()[0]}, {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"


def committed() -> Kept:
    """Return the figures of the last commit that kept some. Raises CalledProcessError when none did."""
    log = _git("log", "-1", "--format=commit %h of %as", "--", FILE.name)
    held = json.loads(_git("show", f"HEAD:./{FILE.name}"))
    return Kept(log.strip(), f"{held['machine']}, load {held['load']}", held["numbers"])


def keep(numbers: Mapping[str, float]) -> Path:
    """Write figures for the next commit, and return where."""
    held = {"machine": machine(), "load": round(os.getloadavg()[0], 1), "numbers": numbers}
    FILE.write_text(json.dumps(held, indent=2) + "\n", encoding="utf-8")
    return FILE


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=FILE.parent, check=True, capture_output=True, text=True)  # noqa: S607
    return done.stdout
