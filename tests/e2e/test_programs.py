"""A fork is as good as a new interpreter for all that tests look at: the same assertions hold for both."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests import programs

if TYPE_CHECKING:
    from pathlib import Path

TELL = """\
import os, sys
sys.stdout.write(repr((os.getcwd(), dict(os.environ), sys.argv[1:], sys.path[0], sys.stdin.read())))
sys.stdout.flush()
sys.stderr.write("x" * 200_000)
sys.stdout.write("y" * 200_000)
sys.exit(7)
"""
both = pytest.mark.parametrize("fresh", [False, True], ids=["forked", "fresh"])


@both
def test_it_is_told_all_and_tells_all(tmp_path: Path, *, fresh: bool) -> None:
    (tmp_path / "tell.py").write_text(TELL)
    environ = {"HOME": "/nowhere", "LANG": "C.UTF-8", "É": "é"}
    where = tmp_path / "there"
    where.mkdir()
    done = programs.run(str(tmp_path / "tell.py"), "a b", "--c", cwd=where, environ=environ, fresh=fresh)
    assert done.returncode == 7
    assert done.stderr == "x" * 200_000
    told = repr((str(where), environ, ["a b", "--c"], str(tmp_path), ""))
    assert done.stdout == told + "y" * 200_000


@both
def test_it_is_killed_by_its_id_and_nobody_else_is(tmp_path: Path, *, fresh: bool) -> None:
    (tmp_path / "wait.py").write_text("import sys, time; print('here'); sys.stdout.flush(); time.sleep(60)")
    (tmp_path / "other.py").write_text("print('there')")
    environ = {"LANG": "C.UTF-8"}
    one = programs.start(str(tmp_path / "wait.py"), cwd=tmp_path, environ=environ, fresh=fresh)
    other = programs.run(str(tmp_path / "other.py"), cwd=tmp_path, environ=environ, fresh=fresh)
    assert (other.returncode, other.stdout) == (0, "there\n")
    with pytest.raises(subprocess.TimeoutExpired):
        one.communicate(timeout=0.01)
    one.kill()
    stdout, stderr = one.communicate(timeout=10)
    assert stdout in {"here\n", ""}
    assert (stderr, one.returncode) == ("", -signal.SIGKILL)


@both
def test_what_nobody_catches_is_told(tmp_path: Path, *, fresh: bool) -> None:
    (tmp_path / "wrong.py").write_text("raise ValueError('wrong')")
    done = programs.run(str(tmp_path / "wrong.py"), cwd=tmp_path, environ={"LANG": "C.UTF-8"}, fresh=fresh)
    assert done.returncode == 1
    assert done.stderr.endswith("ValueError: wrong\n")


LATER = """\
import atexit, sys, threading, time
atexit.register(print, "registered")
threading.Thread(target=lambda: (time.sleep(0.1), print("thread"))).start()
print("program")
sys.exit({end})
"""


@both
@pytest.mark.parametrize(("end", "code", "said"), [("", 0, ""), ("3", 3, ""), ("'wrong'", 1, "wrong\n")])
def test_the_end_waits_for_all_that_is_left_to_do(
    tmp_path: Path, end: str, code: int, said: str, *, fresh: bool
) -> None:
    (tmp_path / "later.py").write_text(LATER.format(end=end))
    done = programs.run(str(tmp_path / "later.py"), cwd=tmp_path, environ={"LANG": "C.UTF-8"}, fresh=fresh)
    assert (done.returncode, done.stdout, done.stderr) == (code, "program\nthread\nregistered\n", said)


@both
def test_the_command_line_calls_itself_by_its_name(tmp_path: Path, *, fresh: bool) -> None:
    done = programs.run("iam_ra", "aply", cwd=tmp_path, environ={"LANG": "C.UTF-8"}, fresh=fresh)
    assert done.returncode == 64
    assert "did you mean 'apply'?" in done.stderr
