from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.nix.evaluation import HERE, ROOT, wrong

if TYPE_CHECKING:
    from tests.nix.evaluation import Nix

pytestmark = pytest.mark.tool("nix-instantiate")


def test_every_case_of_the_pure_library_holds(nix: Nix) -> None:
    suite = nix.value(f"import {HERE}/lib.nix")
    assert suite
    assert not wrong(suite)


def test_every_function_of_the_library_is_used_by_a_case_or_a_module(nix: Nix) -> None:
    used = "".join(path.read_text() for path in (HERE / "lib.nix", *(ROOT / "nix/modules").glob("*.nix")))
    names = nix.value(f"builtins.attrNames (import {ROOT}/nix/lib)")
    assert [name for name in names if f"lib.{name}" not in used and f"iamRa.{name}" not in used] == []


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("readHostOutputs /nowhere/exports/nix/web.json", "/nowhere/exports/nix/web.json does not exist. Run `iam-ra apply`"),
        (f"readHostOutputs {HERE}/lib.nix", "parse"),
        ('checkHostOutputs "here" { }', "iam-ra: here is not a host's outputs"),
        ('checkHostOutputs "here" { schema = "iam-ra/host-outputs"; schemaVersion = 2; }', "schemaVersion 2"),
        ('checkHostOutputs "here" { schema = "iam-ra/host-outputs"; }', "schemaVersion 0"),
    ],
)  # fmt: skip
def test_outputs_that_cannot_be_read_say_what_to_do(nix: Nix, expression: str, said: str) -> None:
    error = nix.ask(f"(import {ROOT}/nix/lib).{expression}").error
    assert error is not None
    assert said in error
