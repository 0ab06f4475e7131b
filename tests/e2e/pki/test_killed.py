"""A process killed at any of its system calls leaves a whole key, a whole file, or nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from iam_ra.pki.file_store import FileKeyStore
from iam_ra.pki.keys import PrivateKey

if TYPE_CHECKING:
    from pathlib import Path

# Kills itself right before the n-th audited call (open, mkdir, link, remove, rename...) that names the folder.
PRELUDE = """
import os, signal, sys
folder, left = sys.argv[1], int(sys.argv[2])
def count(event, arguments):
    global left
    if event.startswith(("open", "os.", "shutil.")) and any(folder in str(argument) for argument in arguments):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
"""
CREATE = """
from iam_ra.pki.file_store import FileKeyStore
from iam_ra.pki.keys import PrivateKey
key = PrivateKey.generate("ec-p256")
sys.addaudithook(count)
FileKeyStore("default", "4e1f", {"XDG_DATA_HOME": folder}).create("default", key)
"""
WRITE = """
from pathlib import Path
from iam_ra.files import atomic
sys.addaudithook(count)
atomic.write(Path("a/b/file"), b"new" * 100_000, root=Path(folder))
"""


def run(script: str, folder: Path, calls: int) -> bool:
    """Run a script that is killed before its n-th call; tell whether it came to its end."""
    code = subprocess.run(
        [sys.executable, "-c", PRELUDE + script, str(folder), str(calls)], check=False
    ).returncode
    assert code in {0, -signal.SIGKILL}
    return code == 0


def test_a_killed_create_leaves_nothing_or_a_whole_key(tmp_path: Path) -> None:
    ended = False
    calls = outcomes = 0
    while not ended:
        folder = tmp_path / f"at-{calls}"
        folder.mkdir()
        ended = run(CREATE, folder, calls)
        store = FileKeyStore("default", "4e1f", {"XDG_DATA_HOME": str(folder)})
        stored = store.load("default").public_key if store.exists("default") else None
        # The next run goes on as if nothing had happened, and cleans up.
        key = PrivateKey.generate("ec-p256")
        assert store.create("default", key) is (stored is None)
        assert store.load("default").public_key == (stored or key.public_key)
        store.delete("default")
        assert not store.folder.exists()
        outcomes |= 1 if stored else 2
        calls += 1
    assert calls > 5
    assert outcomes == 3


def test_a_killed_write_leaves_the_old_bytes_or_the_new(tmp_path: Path) -> None:
    ended, seen, calls = False, set(), 0
    while not ended:
        folder = tmp_path / f"at-{calls}"
        (folder / "a/b").mkdir(parents=True)
        (folder / "a/b/file").write_bytes(b"old")
        ended = run(WRITE, folder, calls)
        seen.add((folder / "a/b/file").read_bytes())
        calls += 1
    assert calls > 3
    assert seen == {b"old", b"new" * 100_000}
