from __future__ import annotations

import fcntl
import os
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iam_ra.engine.errors import FileError
from iam_ra.files import atomic

if TYPE_CHECKING:
    from collections.abc import Callable


def tree(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("umask", [0o000, 0o077])
@pytest.mark.parametrize("mode", [0o644, 0o600])
def test_a_file_has_its_bytes_and_mode(tmp_path: Path, mode: int, umask: int) -> None:
    before = os.umask(umask)
    try:
        atomic.write(Path("a/b/c.yaml"), b"one", root=tmp_path, mode=mode)
    finally:
        os.umask(before)
    path = tmp_path / "a/b/c.yaml"
    assert path.read_bytes() == b"one"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    atomic.write(path, b"two", root=tmp_path, mode=mode)
    assert path.read_bytes() == b"two"
    assert tree(tmp_path) == ["a", "a/b", "a/b/c.yaml"]


def test_an_open_reader_keeps_the_old_bytes(tmp_path: Path) -> None:
    path = tmp_path / "f"
    atomic.write(path, b"old", root=tmp_path)
    with path.open("rb") as reader:
        atomic.write(path, b"new, and longer", root=tmp_path)
        assert reader.read() == b"old"


@pytest.mark.parametrize("path", ["../out", "a/../../out", "/etc/iam-ra-test", ".", "a/..", ""])
def test_outside_the_root_is_refused(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    uses: list[Callable[[], None]] = [
        lambda: atomic.write(Path(path), b"", root=root),
        lambda: atomic.remove(Path(path), root=root),
    ]
    for use in uses:
        with pytest.raises(FileError, match="refused"):
            use()
    assert tree(tmp_path) == ["root"]


def test_a_folder_that_leads_out_is_refused(tmp_path: Path) -> None:
    root, out = tmp_path / "root", tmp_path / "out"
    root.mkdir()
    out.mkdir()
    (out / "f").write_text("theirs")
    (root / "link").symlink_to(out)
    uses: list[Callable[[], None]] = [
        lambda: atomic.write(Path("link/f"), b"ours", root=root),
        lambda: atomic.write(Path("link/deep/f"), b"ours", root=root),
        lambda: atomic.remove(Path("link/f"), root=root),
    ]
    for use in uses:
        with pytest.raises(FileError, match="refused"):
            use()
    assert (out / "f").read_text() == "theirs"
    assert tree(out) == ["f"]


def test_a_link_in_the_files_place_is_neither_followed_nor_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("theirs")
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(FileError, match="refused") as caught:
        atomic.write(Path("link"), b"ours", root=tmp_path)
    assert caught.value.why.startswith("It is a symlink")
    assert (tmp_path / "real").read_text() == "theirs"
    assert (tmp_path / "link").is_symlink()
    subprocess.run(["/bin/sh", "-c", caught.value.fix.split("`")[1]], check=True)
    atomic.write(Path("link"), b"ours", root=tmp_path)
    assert (tmp_path / "real").read_text() == "theirs"


def test_a_root_may_itself_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to("real")
    atomic.write(tmp_path / "root/a/f", b"x", root=tmp_path / "root")
    assert tree(tmp_path / "real") == ["a", "a/f"]
    atomic.remove(tmp_path / "root/a/f", root=tmp_path / "root")
    assert tree(tmp_path / "real") == []


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError) as caught:
        atomic.write(Path("folder"), b"x", root=tmp_path)
    assert caught.value.fix
    (tmp_path / "file").write_text("theirs")
    with pytest.raises(FileError):
        atomic.write(Path("file/below"), b"x", root=tmp_path)
    assert tree(tmp_path) == ["file", "folder"]


def test_a_write_that_breaks_off_leaves_no_temporary_file(tmp_path: Path) -> None:
    atomic.write(Path("f"), b"old", root=tmp_path)
    data: Any = "text cannot be written as bytes"
    with pytest.raises(TypeError):
        atomic.write(Path("f"), data, root=tmp_path)
    assert tree(tmp_path) == ["f"]
    assert (tmp_path / "f").read_bytes() == b"old"


def test_remove_takes_empty_folders_along_and_stops_at_others(tmp_path: Path) -> None:
    for name in ("secrets/hosts/web/f", "secrets/hosts/db/f"):
        atomic.write(Path(name), b"x", root=tmp_path)
    atomic.remove(Path("secrets/hosts/web/f"), root=tmp_path)
    assert tree(tmp_path) == ["secrets", "secrets/hosts", "secrets/hosts/db", "secrets/hosts/db/f"]
    atomic.remove(Path("secrets/hosts/web/f"), root=tmp_path)
    atomic.remove(Path("secrets/hosts/db/f"), root=tmp_path)
    assert tree(tmp_path) == []
    assert tmp_path.is_dir()


def test_remove_goes_on_where_a_killed_run_stopped_between_two_folders(tmp_path: Path) -> None:
    (tmp_path / "secrets/hosts").mkdir(parents=True)
    atomic.remove(Path("secrets/hosts/web/f"), root=tmp_path)
    assert tree(tmp_path) == []


@given(
    name=st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60)
)
def test_any_name_stays_inside(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    root = tmp_path_factory.mktemp("root")
    try:
        atomic.write(Path(name), b"x", root=root)
    except FileError:
        assert name in {".", ".."}
    else:
        assert tree(root) == [name]


def test_threads_do_not_take_each_others_folders_away(tmp_path: Path) -> None:
    def live(number: int) -> None:
        path = Path(f"secrets/{number % 2}/{number}")
        for _ in range(40):
            atomic.write(path, b"x", root=tmp_path)
            atomic.remove(path, root=tmp_path)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(live, range(8)))
    assert tree(tmp_path) == []


def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path: Path) -> None:
    left = tmp_path / ".web.config.abcd1234.tmp"
    others = [tmp_path / ".web.yaml.abcd1234.tmp", tmp_path / "web.config.tmp", tmp_path / ".web.config.swp"]
    for each in (left, *others):
        each.write_bytes(b"half")
    atomic.write(tmp_path / "web.config", b"whole", root=tmp_path)
    assert not left.exists()
    assert all(each.exists() for each in others)
    left.write_bytes(b"half")
    atomic.remove(tmp_path / "web.config", root=tmp_path)
    assert not left.exists()


def test_what_another_writer_is_at_work_on_stays(tmp_path: Path) -> None:
    theirs = tmp_path / ".web.config.abcd1234.tmp"
    with theirs.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        atomic.write(tmp_path / "web.config", b"whole", root=tmp_path)
        assert theirs.exists()


@pytest.mark.parametrize("name", ["folder", "file/below", "link", "../out"])
def test_what_is_sure_to_fail_can_be_known_before(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(FileError):
        atomic.check(Path(name), root=tmp_path)
    with pytest.raises(FileError):
        atomic.write(Path(name), b"new", root=tmp_path)
    assert (tmp_path / "file").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["file", "new", "a/b/c"])
def test_a_check_touches_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"old")
    atomic.check(Path(name), root=tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    atomic.write(Path(name), b"new", root=tmp_path)
