"""The modules on the stand-in for nixpkgs' lib; test_real.py has the real one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.nix.evaluation import HERE, STAND_IN, cases, wrong, wrong_errors

if TYPE_CHECKING:
    from tests.nix.evaluation import Nix

pytestmark = pytest.mark.tool("nix-instantiate")


def test_every_value_is_as_expected(nix: Nix) -> None:
    suite = nix.value(f"{cases()}.values")
    assert suite
    assert not wrong(suite)


def test_every_mistake_is_refused_with_the_path_of_its_option(nix: Nix) -> None:
    assert not wrong_errors(nix)


def test_flake_check_runs_the_same_cases(nix: Nix) -> None:
    assert nix.value(f"import {HERE}/wrong.nix {{ lib = import {STAND_IN}; }}") == []


def test_every_option_is_in_a_case(nix: Nix) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (HERE / "cases").glob("*.nix"))
    found = nix.value(f"import {HERE}/options.nix {{ lib = import {STAND_IN}; }}")
    options = {option["name"].rpartition(".")[2] for system in found.values() for option in system}
    assert {option for option in options if not re.search(rf"\b{option}\b", text)} == set()
