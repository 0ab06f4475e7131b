"""The real `age`, through pipes: who can open what, and what its failures say."""

from __future__ import annotations

import os
from pathlib import Path

import pyrage
import pytest

from iam_ra.engine.errors import ToolError
from iam_ra.files.age import Age
from iam_ra.pki.secret import Secret

TARGET = Path("secrets/web.age")
PLAIN = Secret(b"-----BEGIN PRIVATE KEY-----\nnot a key, but secret enough\n")
REAL = pytest.mark.tool("age")


def environ(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **more}


@REAL
def test_every_recipient_opens_it_and_nobody_else(tmp_path: Path) -> None:
    one, two, other = (pyrage.x25519.Identity.generate() for _ in range(3))
    recipients = [str(each.to_public()) for each in (one, two)]
    ciphertext = Age(environ(tmp_path)).encrypt(PLAIN, recipients, TARGET)
    assert PLAIN.reveal() not in ciphertext
    for each in (one, two):
        assert pyrage.decrypt(ciphertext, [each]) == PLAIN.reveal()
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(ciphertext, [other])


@REAL
@pytest.mark.parametrize("place", ["variable", "named", "config", "home"])
def test_identities_are_found_where_sops_finds_them(tmp_path: Path, place: str) -> None:
    identity = pyrage.x25519.Identity.generate()
    file = {
        "named": tmp_path / "keys.txt",
        "config": tmp_path / "config/sops/age/keys.txt",
        "home": tmp_path / ".config/sops/age/keys.txt",
    }.get(place)
    more = {}
    if file is None:
        more = {"SOPS_AGE_KEY": str(identity)}
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# mine\n{identity}\n")
        more = {
            "named": {"SOPS_AGE_KEY_FILE": str(file)},
            "config": {"XDG_CONFIG_HOME": str(tmp_path / "config")},
        }.get(place, {})
    ciphertext = pyrage.encrypt(PLAIN.reveal(), [identity.to_public()])
    assert Age(environ(tmp_path, **more)).decrypt(ciphertext, TARGET) == PLAIN


@REAL
def test_no_identity_and_the_wrong_one_are_told_apart(tmp_path: Path) -> None:
    ciphertext = pyrage.encrypt(PLAIN.reveal(), [pyrage.x25519.Identity.generate().to_public()])
    with pytest.raises(ToolError, match="cannot be decrypted") as none:
        Age(environ(tmp_path)).decrypt(ciphertext, TARGET)
    assert "no identity" in none.value.why
    wrong = str(pyrage.x25519.Identity.generate())
    with pytest.raises(ToolError, match="cannot be decrypted") as error:
        Age(environ(tmp_path, SOPS_AGE_KEY=wrong)).decrypt(ciphertext, TARGET)
    assert "age says" in error.value.why
    assert wrong not in error.value.why + error.value.fix
    with pytest.raises(ToolError, match="cannot be decrypted"):
        Age(environ(tmp_path, SOPS_AGE_KEY=wrong)).decrypt(b"no age file", TARGET)


@REAL
def test_a_recipient_that_age_refuses_is_said(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"secrets/web\.age cannot be encrypted") as error:
        Age(environ(tmp_path)).encrypt(PLAIN, ["age1qqqq"], TARGET)
    assert "age says" in error.value.why
    assert "age_recipients" in error.value.fix


def test_a_missing_program_is_said_with_the_way_to_it(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="age is not installed") as error:
        Age({"PATH": str(tmp_path)}).encrypt(PLAIN, [], TARGET)
    assert "apt install age" in error.value.fix


def test_the_plaintext_is_on_stdin_alone(tmp_path: Path) -> None:
    program = tmp_path / "age"
    log = tmp_path / "log"
    program.write_text(
        f'#!/bin/sh\nPATH=/usr/bin:/bin\necho "$@" > {log}; env >> {log}; ls /proc/$$/fd >> {log}\ncat > /dev/null\n'
    )
    program.chmod(0o700)
    Age({"PATH": str(tmp_path)}).encrypt(PLAIN, ["age1x"], TARGET)
    said = log.read_text()
    assert "--encrypt --recipient age1x" in said
    assert "secret enough" not in said
    assert sorted(each.name for each in tmp_path.iterdir()) == ["age", "log"]


def test_a_failure_that_repeats_nothing_and_a_program_that_cannot_start(tmp_path: Path) -> None:
    program = tmp_path / "age"
    program.write_text("#!/nowhere/sh\n")
    program.chmod(0o700)
    with pytest.raises(ToolError, match="age failed") as error:
        Age({"PATH": str(tmp_path)}).encrypt(PLAIN, ["age1x"], TARGET)
    assert error.value.__context__ is None
    assert "cannot be started" in error.value.why
