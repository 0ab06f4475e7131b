"""The keys of authorities as files that only their owner can read."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shlex
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from iam_ra.engine.errors import CertificateError, KeyStoreError
from iam_ra.pki.keys import PrivateKey
from iam_ra.pki.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.pki.keys import SigningKey

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_OTHERS = 0o077


class FileKeyStore:
    """One namespace's keys, in `iam-ra/{namespace}/{lineage}` below `$XDG_DATA_HOME` or `~/.local/share`.

    The lineage keeps apart the namespaces of one name: in two accounts, or before and after a destroy.
    The folders are 0700 and the files 0600 from their first moment; looser ones, symlinks and other people's are
    refused. All methods raise KeyStoreError.
    """

    def __init__(self, namespace: str, lineage: str, environ: Mapping[str, str]) -> None:
        app = _data_home(environ) / "iam-ra"
        self.folder = app / namespace / lineage
        self._folders = (app, app / namespace, self.folder)

    def path(self, scope: str, generation: int = 1) -> Path:
        """Return the file that holds, or would hold, the key of a scope's generation."""
        name = "ca-private-key" if scope == "default" else f"ca-private-key-{scope}"
        # A dot cannot be in a scope's name, so no other scope's file has this name.
        return self.folder / (f"{name}.pem" if generation == 1 else f"{name}.{generation}.pem")

    def exists(self, scope: str, generation: int = 1) -> bool:
        """Tell whether anything is at the key's place; `load` tells whether it is good."""
        return os.path.lexists(self.path(scope, generation))

    def create(self, scope: str, key: PrivateKey, generation: int = 1) -> bool:
        """Store a new key, whole or not at all. False, and nothing changed, when there is one already."""
        path, temporary = self.path(scope, generation), self._temporary(scope, generation)
        with _explained("stored", path):
            self._make_folders()
            with _locked(self.folder) as folder:
                # What a killed run left; nobody else is at work while the folder is locked.
                temporary.unlink(missing_ok=True)
                try:
                    _write_new(temporary, key.pem())
                    # Not a rename: a link never replaces what is there.
                    os.link(temporary, path)
                except FileExistsError:
                    return False
                finally:
                    temporary.unlink(missing_ok=True)
                os.fsync(folder)
        return True

    def load(self, scope: str, generation: int = 1) -> PrivateKey:
        """Read a key."""
        path = self.path(scope, generation)
        with _explained("read", path):
            if not os.path.lexists(path):
                raise _missing(scope, path)
            self._check_folders()
            pem = _read(path)
        try:
            return PrivateKey.from_pem(pem)
        except CertificateError as error:
            raise KeyStoreError(
                f"{path} holds no usable key.", why=error.why, fix=_bring_over(path)
            ) from error

    def signing_key(self, scope: str, generation: int) -> SigningKey:
        """Return what signs for a generation."""
        return self.load(scope, generation).signing_key

    def place(self, scope: str, generation: int) -> str:
        """Say where the key of a generation is."""
        return str(self.path(scope, generation))

    def delete(self, scope: str, generation: int = 1) -> None:
        """Remove a key, if it is there, and the folders that it leaves empty."""
        path = self.path(scope, generation)
        with _explained("removed", path):
            self._temporary(scope, generation).unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        self._drop_empty_folders()

    def clear(self) -> None:
        """Remove every key of the lineage, and what killed runs left of them."""
        for path in sorted(self.folder.glob("*ca-private-key*.pem*")):
            with _explained("removed", path):
                path.unlink(missing_ok=True)
        self._drop_empty_folders()

    def _drop_empty_folders(self) -> None:
        for folder in (self.folder, self.folder.parent):
            # Not empty, or gone by another thread's hand: both are fine.
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _temporary(self, scope: str, generation: int) -> Path:
        path = self.path(scope, generation)
        return path.with_name(f".{path.name}.tmp")

    def _make_folders(self) -> None:
        self._folders[0].parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        for folder in self._folders:
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=FOLDER_MODE)
        self._check_folders()

    def _check_folders(self) -> None:
        for folder in self._folders:
            check_private(folder, folder.lstat(), os.geteuid())


def check_private(path: Path, status: os.stat_result, uid: int) -> None:
    """Raise KeyStoreError unless `path` is a plain file or folder of user `uid`, closed to everybody else."""
    kind = stat.S_IFMT(status.st_mode)
    if kind not in {stat.S_IFREG, stat.S_IFDIR}:
        raise KeyStoreError(
            f"{path} is refused.",
            why="It is a symlink." if kind == stat.S_IFLNK else "It is neither a file nor a folder.",
            fix=f"Put the real thing in its place, not a link: `ls -l {shlex.quote(str(path))}`",
        )
    if status.st_uid != uid:
        raise KeyStoreError(
            f"{path} is refused.",
            why=f"It belongs to user {status.st_uid}, and iam-ra runs as user {uid}: another user could change it.",
            fix=f"Run iam-ra as its owner, or take it over: `sudo chown {uid} {shlex.quote(str(path))}`",
        )
    if status.st_mode & _OTHERS:
        mode = FOLDER_MODE if kind == stat.S_IFDIR else FILE_MODE
        raise KeyStoreError(
            f"{path} is refused.",
            why=f"Its mode is {stat.S_IMODE(status.st_mode):04o}: other users may get at the authority's key.",
            fix=f"Close it: `chmod {mode:o} {shlex.quote(str(path))}`",
        )


def _data_home(environ: Mapping[str, str]) -> Path:
    # The XDG base directory specification has relative values ignored.
    data_home = Path(environ.get("XDG_DATA_HOME", ""))
    if data_home.is_absolute():
        return data_home
    home = Path(environ.get("HOME", ""))
    if home.is_absolute():
        return home / ".local" / "share"
    raise KeyStoreError(
        "There is no place for the authorities' keys.",
        why="Neither XDG_DATA_HOME nor HOME is set to an absolute path.",
        fix="Set one: `export XDG_DATA_HOME=$HOME/.local/share`",
    )


def _write_new(path: Path, content: Secret) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.reveal())
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> Secret:
    try:
        # Not blocking, for the case that it is a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        descriptor = None
    if descriptor is None:
        check_private(path, path.lstat(), os.geteuid())
        raise KeyStoreError(f"{path} changed while it was read.", fix="Run the command again.")
    with os.fdopen(descriptor, "rb") as file:
        check_private(path, os.fstat(file.fileno()), os.geteuid())
        return Secret(file.read())


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _explained(done: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        raise KeyStoreError(
            f"{path} cannot be {done}.",
            why=f"{error.strerror or error}{place}",
            fix="Correct the owner and the permissions of the folder, or free some space, and run the command again.",
        ) from error


def _missing(scope: str, path: Path) -> KeyStoreError:
    return KeyStoreError(
        f"The key of ca/{scope} is not on this machine.",
        why=f"There is no {path}. It was made on the machine that first applied this authority.",
        fix=_bring_over(path),
    )


def _bring_over(path: Path) -> str:
    file = shlex.quote(str(path))
    folders = " ".join(shlex.quote(str(folder)) for folder in reversed(path.parents[:3]))
    return (
        f"Bring it over from the machine that has it: `install -d -m 700 {folders}"
        f" && scp -p OTHER:{file} {file} && chmod 600 {file}`"
    )
