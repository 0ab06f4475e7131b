"""docs/guides/nix/options.md is made from the modules: `UPDATE_GOLDEN=1 pytest tests/nix/test_options_page.py`."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.nix.evaluation import HERE, ROOT, STAND_IN

if TYPE_CHECKING:
    from tests.nix.evaluation import Nix

pytestmark = pytest.mark.tool("nix-instantiate")

PAGE = ROOT / "docs/guides/nix/options.md"
_HEAD = """\
# Options

Made from the modules; a test holds it up to date. All names begin with `programs.iamRolesAnywhere`. `<name>` stands for a
name of your own. What is written as *a shorthand* sets the option of the identity `default` that it names.

"""
_FOOT = (
    "\n[Nix](README.md) · [NixOS](nixos.md) · [nix-darwin](nix-darwin.md) · [home-manager](home-manager.md)\n"
)
_PREFIX = "programs.iamRolesAnywhere."
_WHERE = {
    frozenset({"nixos", "darwin", "home"}): "",
    frozenset({"nixos", "darwin"}): "NixOS and nix-darwin",
    frozenset({"nixos"}): "NixOS",
}


def options(nix: Nix) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = nix.value(
        f"import {HERE}/options.nix {{ lib = import {STAND_IN}; }}"
    )
    return found


def page(found: dict[str, list[dict[str, Any]]]) -> str:
    """Return the page; options that only some systems have say so."""
    known = {option["name"]: option for system in found.values() for option in system}
    sections = []
    for name in sorted(
        known, key=lambda name: (name.count("."), name) if ".<name>" not in name else (99, name)
    ):
        where = frozenset(
            system for system, own in found.items() if name in {option["name"] for option in own}
        )
        sections.append(_section(known[name], _WHERE[where]))
    return _HEAD + "\n".join(sections) + _FOOT


def _section(option: dict[str, Any], where: str) -> str:
    lines = [f"## `{option['name'].removeprefix(_PREFIX)}`", "", option["description"], ""]
    lines += [f"- Type: {option['type']}{' (read only)' if option['readOnly'] else ''}"]
    if where:
        lines += [f"- Only in: {where}"]
    if "default" in option:
        lines += [f"- Default: {_inline(option['default'])}"]
    if "example" in option:
        text = _text(option["example"])
        lines += [f"- Example: `{text}`"] if "\n" not in text else ["", "Example:", "", "```nix", text, "```"]
    return "\n".join(lines) + "\n"


def _inline(shown: dict[str, Any]) -> str:
    return shown["markdown"] if "markdown" in shown else f"`{_text(shown)}`"


def _text(shown: dict[str, Any]) -> str:
    return shown["nix"].strip() if "nix" in shown else nix_of(shown["value"])


def nix_of(value: Any) -> str:
    """Return a JSON value as Nix."""
    if isinstance(value, dict):
        inside = "".join(f" {name} = {nix_of(each)};" for name, each in value.items())
        return f"{{{inside} }}"
    if isinstance(value, list):
        return f"[{''.join(f' {nix_of(each)}' for each in value)} ]"
    return json.dumps(value, ensure_ascii=False)


def test_the_page_is_that_of_the_modules(nix: Nix) -> None:
    text = page(options(nix))
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text


def test_every_option_says_what_it_is_and_has_an_example_that_its_type_takes(nix: Nix) -> None:
    for option in options(nix)["nixos"]:
        name = option["name"]
        assert option["description"].endswith("."), name
        if "Shorthand" not in option["description"] and not option["readOnly"]:
            assert "example" in option or "default" in option, name
        assert option.get("exampleHolds", True), name


def test_all_examples_together_make_a_system_without_a_problem(nix: Nix) -> None:
    """Each option of an identity, of a profile and of the top set to its example."""
    known = {option["name"]: option for option in options(nix)["nixos"]}

    def set_to_examples(prefix: str, *leave_out: str) -> str:
        own = {
            name: each
            for name, each in known.items()
            if name.startswith(prefix) and "." not in name[len(prefix) :]
        }
        return " ".join(
            f"{name[len(prefix) :]} = {_text(each['example'])};"
            for name, each in own.items()
            if "example" in each and name[len(prefix) :] not in leave_out
        )

    profile = set_to_examples(f"{_PREFIX}identities.<name>.profiles.<name>.")
    # A fleet of the examples does not exist; keys come from one place.
    identity = set_to_examples(
        f"{_PREFIX}identities.<name>.", "fleet", "outputsFile", "host", "keyDelivery", "profiles"
    )
    top = set_to_examples(_PREFIX, "identities", "defaultProfile", "services")
    expression = f"""
      let
        lib = import {STAND_IN};
        systems = import {HERE}/systems.nix {{ inherit lib; }};
        system = systems.nixos [ systems.withHomeManager {{ programs.iamRolesAnywhere = {{ {top}
          identities.default = {{ {identity} profiles.admin = {{ {profile} }}; }};
        }}; }} ];
      in {{
        problems = builtins.filter (each: !each.assertion) system.config.assertions;
        sections = builtins.attrNames system.config.home-manager.users.alice.programs.awscli.settings;
      }}
    """
    assert nix.value(expression) == {"problems": [], "sections": ["default", "profile production-admin"]}


def test_the_examples_of_whole_profiles_hold(nix: Nix) -> None:
    known = {option["name"]: option for option in options(nix)["home"]}
    profiles = _text(known[f"{_PREFIX}identities.<name>.profiles"]["example"])
    expression = f"""
      let
        systems = import {HERE}/systems.nix {{ lib = import {STAND_IN}; }};
        system = systems.home [ {{ programs.iamRolesAnywhere = {{
          enable = true;
          certificate = {{ certPath = "/cert"; keyPath = "/key"; }};
          trustAnchorArn = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a";
          profiles = {profiles};
        }}; }} ];
      in
      assert system.config.assertions == [ ];
      builtins.attrNames system.config.programs.awscli.settings
    """
    assert nix.value(expression) == ["default", "profile admin"]
