"""Encrypting and decrypting with the user's `age`, through pipes: plaintext is never on the disk."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from iam_ra.engine.errors import ToolError
from iam_ra.pki.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Long enough for a key on a token, short enough not to hold an apply for ever.
TIMEOUT_SECONDS = 60
# Of age's own words, so much goes into an error.
MAX_QUOTED = 600
# Where people keep the identities that open what was encrypted to them, below the home folder: sops's file and SSH's.
_USUAL = (".config/sops/age/keys.txt", ".ssh/id_ed25519", ".ssh/id_rsa")


class Age:
    """The `age` on the PATH of `environ`. Safe to use from several threads.

    Files are opened with the identities that sops would use for age (SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, its own file),
    then with the SSH keys of the user.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    @cached_property
    def binary(self) -> Path:
        """The program. Raises ToolError when it is missing."""
        found = shutil.which("age", path=self._environ.get("PATH", ""))
        if found is None:
            raise ToolError(
                "age is not installed.",
                why="Hosts with `delivery: [age]` get their private key as a file that age encrypts; it is not on the PATH.",
                fix="Install it (`brew install age`, `nix profile install nixpkgs#age`, `apt install age` or"
                " https://github.com/FiloSottile/age/releases), or set another `delivery`.",
            )
        return Path(found)

    def encrypt(self, plaintext: Secret, recipients: Sequence[str], target: Path) -> bytes:
        """Return what only the recipients (public keys of age or SSH) can open. `target` names it in errors.

        Raises ToolError.
        """
        names = [word for recipient in recipients for word in ("--recipient", recipient)]
        code, output, stderr = self._run(["--encrypt", *names], plaintext)
        if code:
            raise ToolError(
                f"{target} cannot be encrypted.",
                why=f"age says (exit code {code}): {_quotable(stderr)}",
                fix="Correct `age_recipients` in the file.",
            )
        return output.reveal()

    def decrypt(self, ciphertext: bytes, target: Path) -> Secret:
        """Return the plaintext. `target` names it in errors. Raises ToolError, also when no identity opens it."""
        with ExitStack() as opened:
            files = list(self._identity_files())
            pipe = self._piped_identity(opened)
            names = [*files, *(f"/dev/fd/{each}" for each in pipe)]
            if not names:
                raise ToolError(
                    f"{target} cannot be decrypted.",
                    why="There is no identity of age on this machine.",
                    fix="Point SOPS_AGE_KEY_FILE at one that opens it, such as ~/.config/sops/age/keys.txt.",
                )
            words = [word for name in names for word in ("--identity", name)]
            code, output, stderr = self._run(["--decrypt", *words], Secret(ciphertext), pipe)
        if code:
            raise ToolError(
                f"{target} cannot be decrypted.",
                why=f"age says (exit code {code}): {_quotable(stderr)}",
                fix=f"Point SOPS_AGE_KEY_FILE at an identity that opens it, then: "
                f"`age --decrypt --identity $SOPS_AGE_KEY_FILE {shlex.quote(str(target))}`",
            )
        return output

    def _identity_files(self) -> Iterator[str]:
        named = self._environ.get("SOPS_AGE_KEY_FILE")
        home = self._environ.get("HOME", "")
        config = self._environ.get("XDG_CONFIG_HOME")
        usual = [Path(home) / each for each in _USUAL] if home else []
        for path in (
            *([Path(named)] if named else []),
            *([Path(config) / "sops/age/keys.txt"] if config else []),
            *usual,
        ):
            if path.is_file() and os.access(path, os.R_OK):
                yield str(path)

    def _piped_identity(self, opened: ExitStack) -> tuple[int, ...]:
        """Return the reading end of a pipe that holds the identity of the environment, if there is one."""
        identity = self._environ.get("SOPS_AGE_KEY", "").encode()
        # What fits a pipe at once; identities have some 80 bytes each.
        if not identity or len(identity) >= 4096:  # noqa: PLR2004 - POSIX's least size of a pipe
            return ()
        reading, writing = os.pipe()
        opened.callback(os.close, reading)
        with os.fdopen(writing, "wb") as stream:
            stream.write(identity + b"\n")
        return (reading,)

    def _run(
        self, arguments: Sequence[str], stdin: Secret, descriptors: tuple[int, ...] = ()
    ) -> tuple[int, Secret, str]:
        command = [str(self.binary), *arguments]
        try:
            done = subprocess.run(
                command,
                input=stdin.reveal(),
                capture_output=True,
                check=False,
                env=dict(self._environ),
                pass_fds=descriptors,
                timeout=TIMEOUT_SECONDS,
                # Without a terminal of its own it cannot ask for a passphrase, and says so at once.
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            why = f"It did not end within {TIMEOUT_SECONDS} seconds."
        except OSError as error:
            why = f"It cannot be started: {error.strerror}."
        else:
            return done.returncode, Secret(done.stdout), done.stderr.decode(errors="replace")
        # Not while the exception is handled: its traceback leads to frames that hold the plaintext.
        raise ToolError("age failed.", why=why, fix=f"Try it by hand: `{shlex.quote(command[0])} --version`")


def _quotable(text: str) -> str:
    """Return age's words, bounded; it never repeats what it encrypts."""
    text = " ".join(text.split()) or "nothing"
    return text if len(text) <= MAX_QUOTED else f"{text[:MAX_QUOTED]} ..."
