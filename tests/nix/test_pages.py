"""The snippets of docs/guides/nix. Each begins with what it is: `# NixOS`, `# flake.nix` and so on; each is evaluated."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.e2e.pages import Block, blocks
from tests.nix.evaluation import HERE, ROOT, STAND_IN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.nix.evaluation import Nix

pytestmark = pytest.mark.tool("nix-instantiate")

PAGES = ROOT / "docs/guides/nix"
# The options page's examples are held against their types by its own test.
SNIPPETS = {
    f"{path.name}:{block.line}": block
    for path in sorted(PAGES.glob("*.md"))
    for block in blocks(path.read_text(encoding="utf-8"))
    if block.language == "nix" and path.name != "options.md"
}
_SYSTEMS = {"NixOS": "nixos", "nix-darwin": "darwin", "home-manager": "home"}


@pytest.mark.parametrize("name", SNIPPETS)
def test_a_snippet_evaluates(nix: Nix, name: str, tmp_path: Path) -> None:
    block = SNIPPETS[name]
    for fleet in ("fleet", "staging"):
        shutil.copytree(HERE / fleet, tmp_path / fleet)
    what = block.lines[0].removeprefix("# ")
    if what == "flake.nix":
        _flake(nix, block, tmp_path)
    elif what == "expression":
        (tmp_path / "expression.nix").write_text(block.text)
        assert nix.value(f"import {tmp_path}/expression.nix")
    else:
        _module(nix, block, tmp_path, _SYSTEMS[what], is_agenix=name.startswith("agenix"))


def _flake(nix: Nix, block: Block, folder: Path) -> None:
    (folder / "flake.nix").write_text(block.text)
    for other in ("configuration.nix", "home.nix"):
        (folder / other).write_text("{ }")
    shutil.copytree(HERE / "fleet", folder, dirs_exist_ok=True)
    (kind,) = nix.value(f"import {HERE}/template.nix {{ folder = {folder}; fleet = {HERE}/fleet; }}").values()
    assert all("default" in profiles for profiles in kind.values())


def _module(nix: Nix, block: Block, folder: Path, system: str, *, is_agenix: bool) -> None:
    (folder / "snippet.nix").write_text(block.text)
    home_manager = "" if system == "home" else "systems.withHomeManager"
    secrets = f"systems.sops.{system}"
    if is_agenix:
        secrets = "systems.agenixHome" if system == "home" else "systems.agenix"
    name = "" if system == "home" else '{ networking.hostName = "web"; }'
    found = nix.value(f"""
      let
        lib = import {STAND_IN};
        systems = import {HERE}/systems.nix {{ inherit lib; }};
        system = systems.{system} [ {home_manager} {secrets} {name} {folder}/snippet.nix ];
        inherit (system) config;
        scripts = map (each: builtins.readFile each.profile.credentialProcess) (
          (import {ROOT}/nix/lib).profilesOf "" config.programs.iamRolesAnywhere.identities
        );
      in
      {{
        problems = builtins.filter (each: !each.assertion) config.assertions;
        users = builtins.mapAttrs (_: user: user.programs.awscli.settings) (config.home-manager.users or {{ }});
        units = config.systemd.services or {{ }};
        secrets = config.sops.secrets or config.age.secrets;
        awscli = config.programs.awscli.settings or {{ }};
        inherit scripts;
      }}
    """)
    assert found["problems"] == []
    assert found["scripts"]
