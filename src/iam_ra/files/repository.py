"""The folder of the desired-state file, as far as a plan looks at it: who may read secrets, and what files hold."""

from __future__ import annotations

import hashlib
from pathlib import Path

from iam_ra.engine.errors import FileError, ToolError
from iam_ra.files.recipients import CreationRules


class Repository:
    """Reads below one root; each `.sops.yaml` once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._rules = CreationRules(root)

    def recipients(self, path: str) -> tuple[str, ...]:
        """Return who a new SOPS file at `path` would be encrypted to; nobody where no rule can say so."""
        try:
            found = self._rules.recipients(Path(path))
        except ToolError:
            # Preflight says it, with the reason, before anything is written.
            return ()
        return () if found is None else found.names

    def recipients_problem(self, path: str) -> ToolError | None:
        """Return why a new SOPS file at `path` could not be encrypted, or None."""
        return self._rules.problem(Path(path))


def file_digest(path: Path) -> str | None:
    """Return the SHA-256 of a file's bytes in hex, or None where there is no file. Raises FileError."""
    try:
        return bytes_digest(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise FileError(
            f"{path} cannot be read", why=str(error.strerror), fix="correct its owner and permissions"
        ) from error


def bytes_digest(data: bytes) -> str:
    """Return the SHA-256 of `data` in hex."""
    return hashlib.sha256(data).hexdigest()
