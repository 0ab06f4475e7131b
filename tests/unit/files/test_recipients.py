from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from iam_ra.engine.errors import ToolError
from iam_ra.files.recipients import CreationRules, Recipients, recipients_of
from iam_ra.render.style import wrap

HOST = Path("secrets/hosts/web/iam-ra.yaml")
ARN = "arn:aws:kms:us-east-1:123456789012:key/0c2b6f5e"
FINGERPRINT = "FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4"
VAULT = "https://vault.example.com:8200/v1/sops/keys/first"
AZURE = "https://team.vault.azure.net/keys/sops"
GCP = "projects/p/locations/global/keyRings/r/cryptoKeys/k"


def write(root: Path, *rules: dict[str, Any], folder: str = ".") -> CreationRules:
    (root / folder).mkdir(parents=True, exist_ok=True)
    YAML().dump({"creation_rules": list(rules)}, root / folder / ".sops.yaml")
    return CreationRules(root)


def names(root: Path, *rules: dict[str, Any], target: Path = HOST) -> list[str] | None:
    found = write(root, *rules).recipients(target)
    return list(found.names) if found else None


def problem(rules: CreationRules, target: Path = HOST) -> dict[str, str]:
    found = rules.problem(target)
    assert found is not None
    with pytest.raises(ToolError):
        rules.deciding(target)
    return found.as_dict()


def test_the_first_rule_that_matches_wins(tmp_path: Path) -> None:
    rules = (
        {"path_regex": r"\.json$", "age": "age1json"},
        {"path_regex": "^secrets/hosts/", "age": "age1hosts"},
        {"path_regex": "^secrets/", "age": "age1secrets"},
        {"age": "age1rest"},
    )
    assert names(tmp_path, *rules) == ["age1hosts"]
    assert names(tmp_path, *rules, target=Path("secrets/x.yaml")) == ["age1secrets"]
    assert names(tmp_path, *rules, target=Path("other.yaml")) == ["age1rest"]
    assert names(tmp_path, *rules, target=tmp_path / "a.json") == ["age1json"]


def test_the_nearest_config_decides_and_sees_paths_from_its_folder(tmp_path: Path) -> None:
    write(tmp_path, {"age": "age1top"})
    rules = write(tmp_path, {"path_regex": "^web/iam-ra.yaml$", "age": "age1near"}, folder="secrets/hosts")
    assert rules.recipients(HOST) == Recipients(("age1near",))
    assert rules.recipients(Path("x.yaml")) == Recipients(("age1top",))
    assert rules.deciding(HOST) == tmp_path / "secrets/hosts/.sops.yaml"
    assert rules.recipients(Path("secrets/hosts/db/iam-ra.yaml")) is None


def test_a_config_above_the_root_counts_as_it_does_for_sops(tmp_path: Path) -> None:
    write(tmp_path, {"path_regex": "^repo/secrets/", "age": "age1above"})
    assert CreationRules(tmp_path / "repo").recipients(HOST) == Recipients(("age1above",))


def test_each_config_is_read_once(tmp_path: Path) -> None:
    rules = write(tmp_path, {"age": "age1one"})
    assert rules.recipients(HOST) == Recipients(("age1one",))
    write(tmp_path, {"age": "age1two"})
    assert rules.recipients(Path("secrets/hosts/db/iam-ra.yaml")) == Recipients(("age1one",))
    assert CreationRules(tmp_path).recipients(HOST) == Recipients(("age1two",))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"age": "age1b, age1a,\n age1b,"}, ["age1a", "age1b"]),
        ({"age": ["age1b", "age1a"]}, ["age1a", "age1b"]),
        ({"age": "ssh-ed25519 AAAA me@here"}, ["ssh-ed25519 AAAA me@here"]),
        ({"pgp": "fbc7 b9e2 a4f9 289a c0c1  d484 3d16 cee4 a273 81b4"}, [f"pgp:{FINGERPRINT}"]),
        ({"kms": f"{ARN}+arn:aws:iam::123456789012:role/sops, {ARN}|Env:prod"}, [f"kms:{ARN}"]),
        ({"gcp_kms": GCP}, [f"gcp_kms:{GCP}"]),
        ({"azure_keyvault": f"{AZURE}/0123456789abcdef"}, [f"azure_kv:{AZURE}"]),
        ({"hc_vault_transit_uri": VAULT}, [f"hc_vault:{VAULT}"]),
        ({"hckms": ["cn-north-1:uuid"]}, ["hckms:cn-north-1:uuid"]),
        ({"age": "age1a", "pgp": FINGERPRINT, "kms": ARN}, ["age1a", f"kms:{ARN}", f"pgp:{FINGERPRINT}"]),
        ({"age": "age1out", "key_groups": [{"age": ["age1in"]}]}, ["age1in"]),
        (
            {"key_groups": [{"age": ["age1b"], "merge": [{"age": ["age1c"]}]}, {"kms": [{"arn": ARN}]}]},
            ["age1b + age1c", f"kms:{ARN}", "threshold:2"],
        ),
        (
            {
                "shamir_threshold": 1,
                "key_groups": [{"hc_vault": [VAULT]}, {"gcp_kms": [{"resource_id": GCP}]}],
            },
            [f"gcp_kms:{GCP}", f"hc_vault:{VAULT}", "threshold:1"],
        ),
        (
            {
                "key_groups": [
                    {"azure_keyvault": [{"vaultUrl": "https://team.vault.azure.net/", "key": "sops"}]}
                ]
            },
            [f"azure_kv:{AZURE}"],
        ),
    ],
)
def test_every_kind_of_key(tmp_path: Path, rule: dict[str, Any], expected: list[str]) -> None:
    assert names(tmp_path, rule) == expected


def test_a_files_metadata_reads_like_the_rule_it_was_made_with(tmp_path: Path) -> None:
    metadata = {
        "age": [{"recipient": "age1b", "enc": "x"}, {"recipient": "age1a", "enc": "x"}],
        "pgp": [{"fp": FINGERPRINT}],
        "kms": [{"arn": ARN, "role": "r", "aws_profile": ""}],
        "gcp_kms": [{"resource_id": GCP}],
        "azure_kv": [{"vault_url": "https://team.vault.azure.net", "name": "sops", "version": "0123"}],
        "hc_vault": [
            {"vault_address": "https://vault.example.com:8200", "engine_path": "sops", "key_name": "first"}
        ],
        "lastmodified": "2026-11-23T19:56:15Z",
    }
    rule = {
        "age": "age1a,age1b",
        "pgp": FINGERPRINT,
        "kms": ARN,
        "gcp_kms": GCP,
        "azure_keyvault": f"{AZURE}/0123",
        "hc_vault_transit_uri": VAULT,
    }
    file = tmp_path / "f.yaml"
    YAML().dump({"private_key": "ENC[x]", "sops": metadata}, file)
    assert recipients_of(file.read_bytes()) == write(tmp_path, rule).recipients(HOST)
    groups = {
        "key_groups": [{"age": [{"recipient": "age1a"}]}, {"pgp": [{"fp": FINGERPRINT}]}],
        "shamir_threshold": 2,
    }
    YAML().dump({"sops": groups}, file)
    both = {"key_groups": [{"pgp": [FINGERPRINT]}, {"age": ["age1a"]}]}
    assert recipients_of(file.read_bytes()) == write(tmp_path, both).recipients(HOST)
    assert recipients_of(b'{"a": "b", "sops": {"age": [{"recipient": "age1a"}]}}') == Recipients(("age1a",))


@pytest.mark.parametrize(
    "text", [b"", b"a: b\n", b"sops: 1\n", b"\x00\xff", b"{", b"a: b\nsops:\n  age: []\n", b"- sops\n"]
)
def test_what_is_no_sops_file_has_no_recipients(text: bytes) -> None:
    assert recipients_of(text) is None


@given(st.permutations(["age1a", "age1b", "age1c", "age1d"]), st.booleans())
def test_the_order_of_keys_does_not_show(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str], separate: bool
) -> None:
    root = tmp_path_factory.mktemp("root")
    assert names(root, {"age": keys if separate else ",".join(keys)}) == ["age1a", "age1b", "age1c", "age1d"]


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        (r"secrets/hosts/[^/]+/iam-ra\.yaml$", True),
        (r"hosts", True),
        (r"^hosts", False),
        (r"(?i)^SECRETS/", True),
        (r"^secrets/(?P<kind>hosts|users)/", True),
        (r"^[[:alpha:]]+/[[:lower:]-]+/", True),
        (r"^[[:digit:]]", False),
        (r"\Asecrets/.*yaml\z", True),
        ("", True),
    ],
)
def test_patterns_match_as_in_go(tmp_path: Path, pattern: str, *, matches: bool) -> None:
    assert (names(tmp_path, {"path_regex": pattern, "age": "age1a"}) is not None) is matches


@pytest.mark.parametrize("pattern", ["[", "(?=secrets)", "(?<!x)y", r"(a)\1", r"\Qa\E", "[[:space:]]", 12])
def test_patterns_that_cannot_be_read_name_their_file(tmp_path: Path, pattern: object) -> None:
    rules = write(tmp_path, {"path_regex": pattern, "age": "age1a"})
    with pytest.raises(ToolError) as caught:
        rules.recipients(HOST)
    assert str(tmp_path / ".sops.yaml") in caught.value.what
    assert str(pattern) in caught.value.why.replace("\\\\", "\\")
    assert problem(rules)["what"] == caught.value.what


@pytest.mark.parametrize(
    "text",
    [
        "creation_rules: {",
        "creation_rules: 5",
        "creation_rules: [5]",
        "a: 1\na: 2",
        "creation_rules: [{age: 5}]",
    ],
)
def test_a_config_that_cannot_be_read_names_its_file(tmp_path: Path, text: str) -> None:
    (tmp_path / ".sops.yaml").write_text(text)
    found = problem(CreationRules(tmp_path))
    assert str(tmp_path / ".sops.yaml") in found["what"]
    assert found["fix"]


def test_reasons_are_told_apart(tmp_path: Path) -> None:
    assert "No .sops.yaml" in problem(CreationRules(tmp_path))["why"]
    assert CreationRules(tmp_path).recipients(HOST) is None
    unmatched = problem(write(tmp_path, {"path_regex": "^other/", "age": "age1a"}))
    assert (
        f"No creation rule in {tmp_path}/.sops.yaml matches 'secrets/hosts/web/iam-ra.yaml'"
        in unmatched["why"]
    )
    empty: list[dict[str, Any]] = [
        {"path_regex": "^s"},
        {"path_regex": "^s", "age": ""},
        {"key_groups": [{"age": []}]},
    ]
    for rule in empty:
        nobody = problem(write(tmp_path, {"path_regex": "^x", "age": "age1a"}, rule))
        assert "Creation rule 2 in" in nobody["why"]
        assert "no recipient" in nobody["why"]
    (tmp_path / ".sops.yaml").write_text("stores: {yaml: {indent: 2}}\n")
    assert "No creation rule" in problem(CreationRules(tmp_path))["why"]
    assert write(tmp_path, {"age": "age1a"}).problem(HOST) is None


@pytest.mark.parametrize(
    ("rule", "lost"),
    [
        ("{path_regex: ^secrets/, age: age1a,age1b}", "age1b"),
        ("{age: age1a, age1b, age1c}", "age1b, age1c"),
        (f"{{kms: {ARN},{ARN}2}}", f"{ARN}2"),
        (f"{{pgp: {FINGERPRINT},{FINGERPRINT}}}", FINGERPRINT),
    ],
)
def test_a_recipient_that_yaml_takes_for_a_field_is_not_dropped(tmp_path: Path, rule: str, lost: str) -> None:
    (tmp_path / ".sops.yaml").write_text(f"creation_rules: [{rule}]")
    found = problem(CreationRules(tmp_path))
    assert found["what"] == f"{tmp_path}/.sops.yaml cannot be used."
    assert f"Creation rule 1 has a comma in braces without quotes: {lost} is no recipient" in found["why"]
    assert "`age: 'age1...,age1...'`" in found["fix"]
    with pytest.raises(ToolError, match="cannot be used"):
        CreationRules(tmp_path).recipients(HOST)


@pytest.mark.parametrize(
    "rule",
    [
        "{age: 'age1a,age1b'}",
        "{age: [age1a,age1b]}",
        "{age: [age1a,age1b], kms: }",
        "\n  - age: age1a,age1b\n",
        "{path_regex: ^x, age: age1x,age1y}, {age: [age1a, age1b], pgp: null, aws_profile: }",
    ],
)
def test_a_comma_in_quotes_lists_and_lines_separates_recipients(tmp_path: Path, rule: str) -> None:
    (tmp_path / ".sops.yaml").write_text(f"creation_rules: {rule if rule[0] != '{' else f'[{rule}]'}")
    assert CreationRules(tmp_path).recipients(HOST) == Recipients(("age1a", "age1b"))


def test_the_command_shown_names_a_recipient_and_stays_whole(tmp_path: Path) -> None:
    fix = problem(CreationRules(tmp_path))["fix"]
    *_, command = re.findall("`([^`]*)`", fix)
    assert any(f"`{command}`" in line for line in wrap(fix))
    subprocess.run(["/bin/sh", "-c", command], check=True)
    assert CreationRules(tmp_path).recipients(HOST) == Recipients(("age1...",))


def test_recipients_print() -> None:
    assert str(Recipients(("age1a", f"kms:{ARN}"))) == f"age1a, kms:{ARN}"
