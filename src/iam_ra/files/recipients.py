"""Who can open a SOPS file: what the user's `.sops.yaml` says, and what a file was encrypted to.

Source: SOPS documentation, "Using .sops.yaml conf to select KMS, PGP and age for new files" and "Key groups".
"""

from __future__ import annotations

import os
import re
import shlex
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from iam_ra.engine.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONFIG_NAME = ".sops.yaml"

# RE2, which sops uses, has neither look-around nor back references; Python would take them in silence.
_NOT_IN_RE2 = re.compile(r"\(\?<?[=!]|\(\?P=|\\[1-9]")
_POSIX_CLASSES = {
    "[:alnum:]": "0-9A-Za-z",
    "[:alpha:]": "A-Za-z",
    "[:digit:]": "0-9",
    "[:lower:]": "a-z",
    "[:upper:]": "A-Z",
    "[:word:]": r"\w",
}
# The fields of a creation rule that hold keys as text or list, and the kind of each.
_RULE_FIELDS = {
    "age": "age",
    "pgp": "pgp",
    "kms": "kms",
    "gcp_kms": "gcp_kms",
    "hckms": "hckms",
    "azure_keyvault": "azure_kv",
    "hc_vault_transit_uri": "hc_vault",
}
# The fields of a key group, in `.sops.yaml` and in the metadata of a file, and the kind of each.
_GROUP_FIELDS = {
    "age": "age",
    "pgp": "pgp",
    "kms": "kms",
    "gcp_kms": "gcp_kms",
    "hckms": "hckms",
    "azure_keyvault": "azure_kv",
    "azure_kv": "azure_kv",
    "hc_vault": "hc_vault",
}
# How a key group names one key, by kind: the member that does, where the key is not mere text.
_MEMBERS = {
    "age": "recipient",
    "pgp": "fp",
    "kms": "arn",
    "gcp_kms": "resource_id",
    "hckms": "key_id",
}

# How a key can begin, and no field of a rule does.
_KEY_ALONE = re.compile("age1|ssh-|arn:|https?://|projects/|[0-9A-Fa-f]{40}$")


@dataclass(frozen=True, slots=True)
class Recipients:
    """The keys that can open a file, sorted: `age1…` as it is, others with their kind before them (`kms:arn:…`).

    With several key groups a name is a whole group, `a + b`, and the last one says how many groups it takes:
    `threshold:2`. A KMS key's role and profile and an Azure key's version are left out: they do not change whose
    key it is.
    """

    names: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.names)


class CreationRules:
    """The creation rules that decide about files below `root`: each `.sops.yaml` is read once.

    The one nearest to the target counts, in its own folder or any above, up to the root of the file system: where
    `sops` finds it when it is called next to the file.
    """

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.abspath(root))  # noqa: PTH100  (sops too takes `..` away without following symlinks)
        self._config_of_folder: dict[Path, Path | None] = {}
        self._rules_of_config: dict[Path, _RulesFile] = {}

    def target(self, target: Path) -> Path:
        """Return the absolute path of a target, which may be relative to the root."""
        return Path(os.path.abspath(self._root / target))  # noqa: PTH100

    def recipients(self, target: Path) -> Recipients | None:
        """Return who a new file at `target` is encrypted to; None when nothing says, which `problem` explains.

        Raises ToolError when the `.sops.yaml` cannot be read.
        """
        path = self.target(target)
        config = self._nearest(path.parent)
        return self._file(config).recipients(path) if config else None

    def problem(self, target: Path) -> ToolError | None:
        """Return why a new file at `target` could not be encrypted, or None when its rule gives recipients."""
        try:
            self.deciding(target)
        except ToolError as error:
            return error
        return None

    def deciding(self, target: Path) -> Path:
        """Return the `.sops.yaml` whose rule gives a target its recipients. Raises ToolError where none does."""
        path = self.target(target)
        config = self._nearest(path.parent)
        what = f"{self._shown(path)} cannot be encrypted."
        if config is None:
            raise ToolError(
                what,
                why=f"No {CONFIG_NAME} is in its folder or above, so nobody is named who may open it.",
                fix=_new_config(self._root / CONFIG_NAME),
            )
        rule, shown = self._file(config).rule(path), path.relative_to(config.parent).as_posix()
        if rule is None:
            raise ToolError(
                what,
                why=f"No creation rule in {config} matches {shown!r}.",
                fix=f"Add a rule to {config}: `- path_regex: ^{re.escape(shown)}$` with `age: age1...` below it.",
            )
        if self._file(config).recipients(path) is None:
            raise ToolError(
                what,
                why=f"Creation rule {rule.number} in {config}, the first that matches {shown!r}, names no recipient.",
                fix=f"Give that rule in {config} a recipient, such as `age: age1...`.",
            )
        return config

    def _nearest(self, folder: Path) -> Path | None:
        if folder not in self._config_of_folder:
            config = folder / CONFIG_NAME
            # Not Path.is_file, which raises where a folder above is closed to us.
            if os.path.isfile(config):  # noqa: PTH113
                self._config_of_folder[folder] = config
            else:
                self._config_of_folder[folder] = (
                    self._nearest(folder.parent) if folder != folder.parent else None
                )
        return self._config_of_folder[folder]

    def _file(self, config: Path) -> _RulesFile:
        if config not in self._rules_of_config:
            self._rules_of_config[config] = _RulesFile(config, _read(config))
        return self._rules_of_config[config]

    def _shown(self, path: Path) -> Path:
        return path.relative_to(self._root) if path.is_relative_to(self._root) else path


def recipients_of(ciphertext: bytes) -> Recipients | None:
    """Return who a SOPS file (YAML or JSON) was encrypted to; None for what is no SOPS file."""
    # Only the metadata, where it is its own block, as sops writes it: that saves reading the values.
    start = ciphertext.rfind(b"\nsops:\n")
    try:
        document = YAML(typ="safe").load(ciphertext[max(start, 0) :])
    except (YAMLError, ValueError):
        return None
    metadata = document.get("sops") if isinstance(document, dict) else None
    if not isinstance(metadata, dict):
        return None
    groups = metadata.get("key_groups") or [metadata]
    return _recipients([_group(group) for group in groups], metadata.get("shamir_threshold"))


@dataclass(frozen=True)
class _Rule:
    number: int
    pattern: re.Pattern[str] | None
    fields: Mapping[str, Any]

    @cached_property
    def recipients(self) -> Recipients | None:
        if groups := self.fields.get("key_groups"):
            return _recipients([_group(group) for group in groups], self.fields.get("shamir_threshold"))
        keys = {
            _named(kind, key) for field, kind in _RULE_FIELDS.items() for key in _keys(self.fields.get(field))
        }
        return _recipients([keys], None)


class _RulesFile:
    """One `.sops.yaml`. Patterns see the target's path relative to the file's folder."""

    def __init__(self, path: Path, rules: Iterable[Mapping[str, Any]]) -> None:
        self._path = path
        self._rules = [
            _Rule(number, self._compile(rule.get("path_regex")), rule)
            for number, rule in enumerate(rules, start=1)
        ]

    def rule(self, target: Path) -> _Rule | None:
        """Return the first rule that matches."""
        relative = target.relative_to(self._path.parent).as_posix()
        return next(
            (rule for rule in self._rules if rule.pattern is None or rule.pattern.search(relative)), None
        )

    def recipients(self, target: Path) -> Recipients | None:
        rule = self.rule(target)
        if rule:
            self._check_whole(rule)
        try:
            return rule.recipients if rule else None
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise _unreadable(
                self._path, f"A creation rule has another shape than sops knows: {error}."
            ) from error

    def _check_whole(self, rule: _Rule) -> None:
        """Raise ToolError for `{age: A,B}`: in braces YAML ends a plain text at the comma, and sops drops B in silence."""
        lost = [
            str(key) for key, value in rule.fields.items() if value is None and _KEY_ALONE.match(str(key))
        ]
        if lost:
            raise ToolError(
                f"{self._path} cannot be used.",
                why=f"Creation rule {rule.number} has a comma in braces without quotes: {', '.join(lost)} is no"
                " recipient there, but a field without a value.",
                fix="Quote all recipients together: `age: 'age1...,age1...'`.",
            )

    def _compile(self, expression: object) -> re.Pattern[str] | None:
        """Compile a Go regular expression (RE2) with Python's, which reads the common part the same way."""
        if expression in {None, ""}:
            return None
        if not isinstance(expression, str):
            raise _unreadable(self._path, f"path_regex {expression!r} is no text.")
        if _NOT_IN_RE2.search(expression):
            raise _unreadable(
                self._path, f"path_regex {expression!r} uses what sops's regular expressions lack."
            )
        translated = expression.replace(r"\z", r"\Z")
        for name, characters in _POSIX_CLASSES.items():
            translated = translated.replace(name, characters)
        try:
            with warnings.catch_warnings():
                # A warning says that Python is about to read a set in another way than Go does.
                warnings.simplefilter("error", FutureWarning)
                return re.compile(translated, re.ASCII)
        except (re.error, FutureWarning) as error:
            raise _unreadable(self._path, f"path_regex {expression!r} cannot be read: {error}.") from error


def _read(config: Path) -> list[Mapping[str, Any]]:
    try:
        # The C parser's libyaml refuses `[arn:aws:kms:...]`, which is good YAML.
        document = YAML(typ="safe", pure=True).load(config.read_bytes())
    except (OSError, YAMLError, ValueError) as error:
        raise _unreadable(config, str(error)) from error
    rules = (document.get("creation_rules") or []) if isinstance(document, dict) else []
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise _unreadable(config, "`creation_rules` is no list of rules.")
    return rules


def _group(group: Mapping[str, Any]) -> set[str]:
    """Return the keys of a key group, from `.sops.yaml` or from a file's metadata."""
    keys = {
        _named(kind, _identifier(kind, key))
        for field, kind in _GROUP_FIELDS.items()
        for item in group.get(field) or []
        for key in (_keys(item) if isinstance(item, str) else [item])
    }
    return keys.union(*(_group(merged) for merged in group.get("merge") or []))


def _identifier(kind: str, key: Any) -> str:
    if isinstance(key, str):
        return key
    if kind == "azure_kv":
        name = key["name"] if "name" in key else key["key"]
        return f"{key.get('vault_url') or key.get('vaultUrl')}/keys/{name}"
    if kind == "hc_vault":
        return f"{key['vault_address']}/v1/{key['engine_path']}/keys/{key['key_name']}"
    return str(key[_MEMBERS[kind]])


def _keys(field: Any) -> list[str]:
    """Return the keys of a field that is a list, or text with commas between them."""
    items = [field] if isinstance(field, str) else field or []
    return [key.strip() for item in items for key in str(item).split(",") if key.strip()]


def _named(kind: str, key: str) -> str:
    if kind == "age":
        return key
    if kind == "pgp":
        key = key.replace(" ", "").upper()
    if kind == "kms":
        # `arn+role` and `arn|context`: how to use the key, not which one it is.
        key = re.split(r"[+|]", key.replace(" ", ""), maxsplit=1)[0]
    if kind == "azure_kv":
        key = re.sub(r"(?<!:)//+", "/", re.sub(r"(/keys/[^/]+)/.*", r"\1", key))
    if kind == "hc_vault":
        key = re.sub(r"(?<!:)//+", "/", key)
    return f"{kind}:{key.rstrip('/')}"


def _recipients(groups: list[set[str]], threshold: int | None) -> Recipients | None:
    if not any(groups):
        return None
    if len(groups) == 1:
        return Recipients(tuple(sorted(groups[0])))
    names = sorted(" + ".join(sorted(group)) for group in groups)
    return Recipients((*names, f"threshold:{threshold or len(groups)}"))


def _unreadable(config: Path, why: str) -> ToolError:
    return ToolError(
        f"{config} cannot be used.",
        why=why,
        fix=f"Correct it, and check it with: `sops --config {shlex.quote(str(config))} encrypt FILE`",
    )


def _new_config(path: Path) -> str:
    lines = ["creation_rules:", "  - path_regex: ^secrets/", "    age: age1..."]
    text = " ".join(shlex.quote(line) for line in lines)
    return (
        f"Name the recipients (`age-keygen` makes a key): `printf '%s\\n' {text} > {shlex.quote(str(path))}`"
    )
