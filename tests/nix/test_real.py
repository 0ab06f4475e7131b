"""The same cases on the real nixpkgs lib, and our modules among those of home-manager, nix-darwin and sops-nix.

No registry that CI reaches has these, so they are given by environment variables, each a git checkout:

    IAM_RA_NIXPKGS_LIB   github.com/nix-community/nixpkgs.lib
    IAM_RA_HOME_MANAGER  github.com/nix-community/home-manager
    IAM_RA_NIX_DARWIN    github.com/nix-darwin/nix-darwin
    IAM_RA_SOPS_NIX      github.com/Mic92/sops-nix

With `UPDATE_GOLDEN=1` a run that succeeds writes `verified.json`: which revisions it was, and a digest of the files. A test
fails when the files are no longer those; so nobody changes a module without such a run.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.nix.evaluation import HERE, ROOT, STAND_IN, cases, wrong, wrong_errors

if TYPE_CHECKING:
    from tests.nix.evaluation import Nix

VARIABLES = {
    "nixpkgs.lib": "IAM_RA_NIXPKGS_LIB",
    "home-manager": "IAM_RA_HOME_MANAGER",
    "nix-darwin": "IAM_RA_NIX_DARWIN",
    "sops-nix": "IAM_RA_SOPS_NIX",
}
STAMP = HERE / "verified.json"


def digest() -> str:
    """Return the SHA-256 over the names and bytes of the modules and of what evaluates them."""
    files = [
        *(ROOT / "nix/lib").rglob("*"),
        *(ROOT / "nix/modules").rglob("*"),
        *HERE.rglob("*.nix"),
        *(HERE / "fleet").rglob("*"),
        *(HERE / "staging").rglob("*"),
    ]
    found = hashlib.sha256()
    for file in sorted(each for each in files if each.is_file()):
        found.update(f"{file.relative_to(ROOT)}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


@pytest.fixture(scope="module")
def checkouts() -> dict[str, Path]:
    missing = [variable for variable in VARIABLES.values() if not os.environ.get(variable)]
    if missing:
        pytest.skip(
            "the module cases ran on the stand-in only: no registry has nixpkgs' lib, home-manager, nix-darwin and "
            f"sops-nix, and {', '.join(missing)} do not name checkouts; verified.json tells of the last real run"
        )
    return {name: Path(os.environ[variable]) for name, variable in VARIABLES.items()}


def revision(checkout: Path) -> str:
    git = ["git", "-C", str(checkout)]
    changed = subprocess.run(
        [*git, "status", "--porcelain"], check=True, capture_output=True, text=True
    ).stdout
    assert not changed, f"{checkout} is not as its commit"
    return subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.tool("nix-instantiate")
def test_everything_holds_among_the_real_modules(nix: Nix, checkouts: dict[str, Path]) -> None:
    lib = checkouts["nixpkgs.lib"] / "lib"
    values = nix.value(f"{cases(lib)}.values")
    assert not wrong(values)
    assert not wrong_errors(nix, lib)
    real = nix.value(
        f"import {HERE}/real.nix {{ lib = import {lib}; homeManager = {checkouts['home-manager']}; "
        f"nixDarwin = {checkouts['nix-darwin']}; sopsNix = {checkouts['sops-nix']}; }}"
    )
    assert not wrong(real)
    options = f"import {HERE}/options.nix"
    assert nix.value(f"{options} {{ lib = import {lib}; }}") == nix.value(
        f"{options} {{ lib = import {STAND_IN}; }}"
    )
    if os.environ.get("UPDATE_GOLDEN"):
        errors = nix.value(f"builtins.attrNames {cases()}.errors")
        nix_version = subprocess.run(
            ["nix-instantiate", "--version"],  # noqa: S607
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        stamp: dict[str, Any] = {
            "digest": digest(),
            "nix": nix_version.strip(),
            "revisions": {name: revision(checkout) for name, checkout in checkouts.items()},
            "held": {"values": len(values), "errors": len(errors), "among the real modules": len(real)},
        }
        STAMP.write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")


def test_the_modules_are_those_of_the_last_real_run() -> None:
    stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    assert stamp["digest"] == digest(), f"run the real modules again, with UPDATE_GOLDEN=1: {__doc__}"
    assert set(stamp["revisions"]) == set(VARIABLES)
