"""The flake with a stand-in for nixpkgs: what it shows, what its checks evaluate, what the package is made of."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.nix.evaluation import HERE, ROOT

from iam_ra import __version__
from iam_ra.config.load import load

if TYPE_CHECKING:
    from tests.nix.evaluation import Nix

pytestmark = pytest.mark.tool("nix-instantiate")

SYSTEMS = ["aarch64-darwin", "aarch64-linux", "x86_64-linux"]
TEMPLATES = {"darwin": "darwinConfigurations", "fleet": "nixosConfigurations", "home-manager": "homeConfigurations", "nixos": "nixosConfigurations"}  # fmt: skip
# What the flake needs of the repository.
_FILES = (
    "LICENSE",
    "README.md",
    "flake.lock",
    "flake.nix",
    "default.nix",
    "iam-ra.yaml.example",
    "pyproject.toml",
)
_FOLDERS = ("nix", "src", "templates", "tests/nix")


class Flake:
    """A copy of the repository's files, since a flake that is a path takes everything that lies there."""

    def __init__(self, nix: Nix, folder: Path) -> None:
        self.nix, self.folder = nix, folder
        for name in _FILES:
            shutil.copy(ROOT / name, folder)
        for name in _FOLDERS:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))

    def run(self, *arguments: str) -> str:
        stand_in = f"path:{self.folder}/tests/nix/nixpkgs"
        return self.nix.flake(*arguments, "--override-input", "nixpkgs", stand_in, "--no-write-lock-file")

    @property
    def url(self) -> str:
        return f"path:{self.folder}"

    @cached_property
    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("flake", "show", "--json", self.url))
        return found

    def value(self, attribute: str, apply: str = "x: x") -> Any:
        return json.loads(self.run("eval", "--json", f"{self.url}#{attribute}", "--apply", apply))


@pytest.fixture(scope="module")
def flake(nix: Nix, tmp_path_factory: pytest.TempPathFactory) -> Flake:
    return Flake(nix, tmp_path_factory.mktemp("flake"))


def test_every_file_can_be_parsed() -> None:
    files = [ROOT / "flake.nix", ROOT / "default.nix", *(ROOT / "nix").rglob("*.nix"), *HERE.rglob("*.nix")]
    subprocess.run(["nix-instantiate", "--parse", *files], check=True, capture_output=True)  # noqa: S607


def test_it_shows_all_its_outputs(flake: Flake) -> None:
    assert set(flake.shown) == {
        "checks",
        "darwinModules",
        "devShells",
        "formatter",
        "homeManagerModules",
        "homeModules",
        "lib",
        "nixosModules",
        "overlays",
        "packages",
        "templates",
    }
    for output in ("checks", "devShells", "formatter", "packages"):
        assert sorted(flake.shown[output]) == SYSTEMS
    assert set(flake.shown["packages"]["x86_64-linux"]) == {"default", "iam-ra"}
    assert set(flake.shown["templates"]) == {"default", *TEMPLATES}
    assert flake.shown["overlays"] == {"default": {"type": "nixpkgs-overlay"}}
    assert flake.shown["nixosModules"] == {"default": {"type": "nixos-module"}}


def test_its_checks_evaluate(flake: Flake) -> None:
    flake.run("flake", "check", "--no-build", flake.url)


def test_the_check_of_the_modules_does_what_it_says(flake: Flake, tmp_path: Path) -> None:
    """Its script, as a builder would run it, with the stand-in for nixpkgs' lib: it fails if a case does not hold."""
    script = flake.value("checks.x86_64-linux.modules", "check: check.script")
    environ = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(tmp_path),
        "HOME": str(tmp_path),
        "out": str(tmp_path / "out"),
    }
    said = []
    for checkout, code in ((flake.folder, 0), (_spoilt(flake.folder, tmp_path / "spoilt"), 1)):
        lib = f"{checkout}/tests/nix/nixpkgs/lib"
        done = subprocess.run(
            ["/bin/bash", "-e", "-c", script],
            env={**environ, "checkout": str(checkout), "lib": lib},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        said.append(done.stdout.strip())
    assert said == ["cases that do not hold: [ ]", 'cases that do not hold: [ "testSchema" ]']
    assert (tmp_path / "out").exists()


def _spoilt(checkout: Path, folder: Path) -> Path:
    for name in ("nix", "tests"):
        shutil.copytree(checkout / name, folder / name)
    cases = folder / "tests/nix/lib.nix"
    cases.write_text(cases.read_text().replace('[ "iam-ra/host-outputs" 1 ]', '[ "iam-ra/host-outputs" 2 ]'))
    return folder


def test_the_lock_knows_its_one_input_and_nothing_else(flake: Flake) -> None:
    metadata = json.loads(flake.nix.flake("flake", "metadata", "--json", "--no-update-lock-file", flake.url))
    nodes = metadata["locks"]["nodes"]
    assert set(nodes) == {"root", "nixpkgs"}
    assert nodes["root"] == {"inputs": {"nixpkgs": "nixpkgs"}}
    locked, original = nodes["nixpkgs"]["locked"], nodes["nixpkgs"]["original"]
    assert original == {"owner": "NixOS", "ref": "nixpkgs-unstable", "repo": "nixpkgs", "type": "github"}
    assert set(locked) == {"lastModified", "narHash", "owner", "repo", "rev", "type"}
    assert re.fullmatch(r"[0-9a-f]{40}", locked["rev"])
    assert re.fullmatch(r"sha256-[A-Za-z0-9+/]{43}=", locked["narHash"])
    assert "inputs.nixpkgs.url" in (ROOT / "flake.nix").read_text()


def test_the_package_is_that_of_pyproject(flake: Flake) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = flake.value(
        "packages.x86_64-linux.default",
        "p: { inherit (p.arguments) pname version meta pyproject; wrapper = p.arguments.makeWrapperArgs; "
        "completions = p.arguments.postInstall; dependencies = map (d: d.name) p.arguments.dependencies; }",
    )
    assert (found["pname"], found["version"], found["pyproject"]) == ("iam-ra", __version__, True)
    names = [re.split(r"[\[<>=]", each)[0].lower().replace(".", "-") for each in project["dependencies"]]
    assert found["dependencies"] == names
    assert found["meta"]["mainProgram"] in project["scripts"]
    assert found["meta"]["description"] == project["description"]
    assert found["wrapper"][:3] == ["--suffix", "PATH", ":"]
    assert re.sub(r"/\S*?-(age|git|sops)/bin", r"\1", found["wrapper"][3]) == "age:git:sops"
    assert "installShellCompletion" in found["completions"]


def test_the_completions_that_the_package_installs_can_be_made() -> None:
    for shell in ("bash", "zsh", "fish"):
        done = subprocess.run(
            [Path(sys.executable).with_name("iam-ra")],
            env={"_IAM_RA_COMPLETE": f"{shell}_source", "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "_IAM_RA_COMPLETE" in done.stdout


def test_the_overlay_adds_the_package(flake: Flake) -> None:
    name = flake.value("overlays.default", "o: (o { callPackage = file: _: baseNameOf file; } { }).iam-ra")
    assert name == "package.nix"


def test_the_library_needs_no_nixpkgs(flake: Flake) -> None:
    assert (
        json.loads(
            flake.nix.flake("eval", "--json", "--no-update-lock-file", f"{flake.url}#lib.schemaVersion")
        )
        == 1
    )


def test_a_module_is_a_path_inside_so_that_it_counts_once(flake: Flake) -> None:
    for output, file in {
        "nixosModules": "nixos.nix",
        "darwinModules": "darwin.nix",
        "homeModules": "home.nix",
        "homeManagerModules": "home.nix",
    }.items():
        assert flake.value(f"{output}.default", "m: map (p: baseNameOf p) m.imports") == [file]
        assert flake.nix.value(f"baseNameOf (import {ROOT}/default.nix).{output}.default") == file


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_evaluates(nix: Nix, name: str, tmp_path: Path) -> None:
    """Its outputs with inputs that stand in; hosts from a fleet that was applied."""
    folder = tmp_path / "template"
    shutil.copytree(ROOT / "nix/templates" / name, folder)
    for exported in ("exports", "secrets"):
        shutil.copytree(HERE / "fleet" / exported, folder / exported)
    found = nix.value(f"import {HERE}/template.nix {{ folder = {folder}; fleet = {HERE}/fleet; }}")
    system = found[TEMPLATES[name]]
    if name == "fleet":
        assert sorted(system) == ["age", "tpm", "web"]
        load(folder / "iam-ra.yaml")
    for host, profiles in system.items():
        expected = ["default", "role-default"] if host == "tpm" else ["default", "readonly"]
        assert [each for each in profiles if each != "admin"] == expected
