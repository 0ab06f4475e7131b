"""Files in the user's repository: whole or not at all, and never outside the folder they belong to."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import shlex
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from iam_ra.engine.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_MODE = 0o644
_SUFFIX = ".tmp"
# One thread must not remove an empty folder that another has just made, or is removing too.
_FOLDERS = threading.Lock()


def write(path: Path, data: bytes, *, root: Path, mode: int = DEFAULT_MODE) -> None:
    """Write `path`, which must lie in `root`: a reader sees the old bytes or the new ones, never a part.

    Folders are made as needed. A symlink at `path` is refused rather than replaced or followed, and so is a folder on
    the way that leads outside `root`. Raises FileError; what was there is then still there.
    """
    path = _inside(path, root)
    with _explained("written", path):
        with _FOLDERS:
            path.parent.mkdir(parents=True, exist_ok=True)
            _sweep(path)
            # In the same folder, since a rename is atomic only within one file system.
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path), suffix=_SUFFIX)
            fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                # Before it is closed, and with it unlocked.
                Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def check(path: Path, *, root: Path) -> None:
    """Raise FileError, as `write` would, where it is plain by now that it would; touch nothing."""
    path = _inside(path, root)
    with _explained("written", path):
        if path.exists() and not path.is_file():
            raise FileExistsError(errno.EEXIST, "it is there and is no file")
        folder = next(each for each in path.parents if each.exists())
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def _prefix(path: Path) -> str:
    return f".{path.name[:100]}."


def _sweep(path: Path) -> None:
    """Remove what writers of `path` left that were killed. One at work holds a lock, which ends with it."""
    for left in path.parent.glob(f"{glob.escape(_prefix(path))}*{_SUFFIX}"):
        with contextlib.suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def remove(path: Path, *, root: Path) -> None:
    """Remove `path`, if it is there, and the folders it leaves empty, up to `root` (which stays)."""
    path = _inside(path, root)
    with _explained("removed", path), _FOLDERS:
        _sweep(path)
        path.unlink(missing_ok=True)
        folder, top = path.parent, root.resolve()
        # A run that was killed here may have removed some of them.
        while folder != top and not (folder.is_dir() and any(folder.iterdir())):
            with contextlib.suppress(FileNotFoundError):
                folder.rmdir()
            folder = folder.parent


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable: without it a rename may be lost when the power goes."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _inside(path: Path, root: Path) -> Path:
    """Return the real place of `path`, its folders' symlinks followed. Raises FileError if that is not in `root`."""
    top = root.resolve()
    target = (top / path).parent.resolve() / path.name
    if path.name in {"", ".."} or top not in target.parents:
        raise FileError(
            f"{path} is refused.",
            why=f"It lies outside {top}.",
            fix="Use a path inside the folder of the file, and no symlink that leads out of it.",
        )
    if target.is_symlink():
        raise FileError(
            f"{path} is refused.",
            why="It is a symlink; iam-ra changes only files that it wrote itself.",
            fix=f"Remove the link: `rm {shlex.quote(str(target))}`",
        )
    return target


@contextlib.contextmanager
def _explained(done: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError(
            f"{path} cannot be {done}.",
            why=f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""),
            fix="Correct the folder's owner and permissions, or free some space, and run the command again.",
        ) from error
