from __future__ import annotations

import os
import shlex
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from iam_ra.engine.errors import KeyStoreError
from iam_ra.pki.file_store import FileKeyStore, check_private
from iam_ra.pki.keys import PrivateKey

KEY = PrivateKey.generate("ec-p256")
OTHER = PrivateKey.generate("ec-p256")


@pytest.fixture
def store(tmp_path: Path) -> FileKeyStore:
    return FileKeyStore("default", "4e1f", {"XDG_DATA_HOME": str(tmp_path / "data"), "HOME": str(tmp_path)})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_places(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    share = tmp_path / ".local/share/iam-ra/prod/4e1f"
    assert FileKeyStore("prod", "4e1f", home).path("default") == share / "ca-private-key.pem"
    assert FileKeyStore("prod", "4e1f", home).path("edge") == share / "ca-private-key-edge.pem"
    assert FileKeyStore("prod", "4e1f", home | {"XDG_DATA_HOME": "relative"}).folder == share
    assert FileKeyStore("prod", "4e1f", home | {"XDG_DATA_HOME": "/d"}).folder == Path("/d/iam-ra/prod/4e1f")
    with pytest.raises(KeyStoreError) as caught:
        FileKeyStore("prod", "4e1f", {})
    assert "HOME" in caught.value.why


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_key_is_closed_from_the_start(store: FileKeyStore, umask: int) -> None:
    before = os.umask(umask)
    try:
        assert store.create("default", KEY)
    finally:
        os.umask(before)
    assert mode(store.path("default")) == 0o600
    assert mode(store.folder) == mode(store.folder.parent) == 0o700
    assert files(store.folder) == ["ca-private-key.pem"]
    assert store.path("default").stat().st_nlink == 1
    assert store.load("default").public_key == KEY.public_key


def test_a_key_is_never_overwritten(store: FileKeyStore) -> None:
    assert store.create("default", KEY)
    assert not store.create("default", OTHER)
    assert store.create("edge", OTHER)
    assert store.load("default").public_key == KEY.public_key
    assert store.load("edge").public_key == OTHER.public_key


def test_not_even_a_broken_link_is_overwritten(store: FileKeyStore) -> None:
    store.create("edge", KEY)
    store.path("default").symlink_to("nowhere")
    assert not store.create("default", KEY)
    assert files(store.folder) == ["ca-private-key-edge.pem", "ca-private-key.pem"]


def test_one_of_many_at_once_wins(store: FileKeyStore) -> None:
    keys = [PrivateKey.generate("ec-p256") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda key: store.create("default", key), keys))
    assert sum(won) == 1
    assert store.load("default").public_key == keys[won.index(True)].public_key
    assert files(store.folder) == ["ca-private-key.pem"]


def test_what_a_killed_run_left_is_no_obstacle(store: FileKeyStore) -> None:
    store.create("edge", OTHER)
    (store.folder / ".ca-private-key.pem.tmp").write_text("half a k")
    assert store.create("default", KEY)
    assert files(store.folder) == ["ca-private-key-edge.pem", "ca-private-key.pem"]


def test_no_second_copy_stays_of_a_key_whose_run_was_killed_when_it_was_there(store: FileKeyStore) -> None:
    store.create("default", KEY)
    os.link(store.path("default"), store.folder / ".ca-private-key.pem.tmp")
    assert not store.create("default", OTHER)
    assert files(store.folder) == ["ca-private-key.pem"]


def test_a_missing_key_says_where_it_belongs_and_how_to_bring_it(store: FileKeyStore) -> None:
    with pytest.raises(KeyStoreError) as caught:
        store.load("edge")
    assert not store.exists("edge")
    assert "ca/edge" in caught.value.what
    assert str(store.path("edge")) in caught.value.why
    command = caught.value.fix.split("`")[1]
    assert f"scp -p OTHER:{store.path('edge')}" in command
    # The command as shown, with a copy in the place of the network.
    source = FileKeyStore("elsewhere", "4e1f", {"HOME": str(store.folder.parents[2])})
    source.create("edge", KEY)
    local = command.replace(
        f"scp -p OTHER:{store.path('edge')}", f"cp -p {shlex.quote(str(source.path('edge')))}"
    )
    subprocess.run(["/bin/sh", "-c", local], check=True)
    assert store.load("edge").public_key == KEY.public_key


@pytest.mark.parametrize("loose", [0o640, 0o604, 0o666, 0o620])
def test_an_open_file_is_refused_until_the_command_shown_closes_it(store: FileKeyStore, loose: int) -> None:
    store.create("default", KEY)
    store.path("default").chmod(loose)
    with pytest.raises(KeyStoreError) as caught:
        store.load("default")
    assert f"{loose:04o}" in caught.value.why
    subprocess.run(shlex.split(caught.value.fix.split("`")[1]), check=True)
    assert store.load("default").public_key == KEY.public_key


@pytest.mark.parametrize("parent", [False, True])
def test_an_open_folder_is_refused(store: FileKeyStore, *, parent: bool) -> None:
    store.create("default", KEY)
    folder = store.folder.parent if parent else store.folder
    folder.chmod(0o755)
    for use in (lambda: store.load("default"), lambda: store.create("edge", KEY)):
        with pytest.raises(KeyStoreError) as caught:
            use()
        assert caught.value.fix == f"Close it: `chmod 700 {folder}`"
    assert not store.exists("edge")


def test_links_are_refused(store: FileKeyStore, tmp_path: Path) -> None:
    store.create("default", KEY)
    store.path("edge").symlink_to(store.path("default"))
    with pytest.raises(KeyStoreError, match="refused") as caught:
        store.load("edge")
    assert caught.value.why == "It is a symlink."
    real = tmp_path / "real"
    store.folder.rename(real)
    store.folder.symlink_to(real)
    for use in (lambda: store.load("default"), lambda: store.create("third", KEY)):
        with pytest.raises(KeyStoreError, match="refused"):
            use()
    assert "ca-private-key-third.pem" not in files(real)


def test_a_pipe_is_refused_without_waiting(store: FileKeyStore) -> None:
    store.create("default", KEY)
    os.mkfifo(store.path("edge"), 0o600)
    with pytest.raises(KeyStoreError, match="refused"):
        store.load("edge")


def test_other_peoples_keys_are_refused(tmp_path: Path) -> None:
    status = tmp_path.lstat()
    check_private(tmp_path, status, status.st_uid)
    with pytest.raises(KeyStoreError) as caught:
        check_private(tmp_path, status, status.st_uid + 1)
    assert f"chown {status.st_uid + 1}" in caught.value.fix


def test_a_damaged_key_is_named_and_not_quoted(store: FileKeyStore) -> None:
    store.create("default", KEY)
    store.path("default").write_text("PLANTED")
    with pytest.raises(KeyStoreError) as caught:
        store.load("default")
    assert str(store.path("default")) in caught.value.what
    assert "PLANTED" not in str(caught.value.as_dict())


def test_delete_leaves_nothing(store: FileKeyStore) -> None:
    store.create("default", KEY)
    store.create("edge", KEY)
    store.delete("edge")
    assert files(store.folder) == ["ca-private-key.pem"]
    (store.folder / ".ca-private-key.pem.tmp").write_text("half a k")
    store.delete("default")
    assert not store.folder.exists()
    store.delete("default")


def test_a_place_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    store = FileKeyStore("default", "4e1f", {"XDG_DATA_HOME": str(tmp_path / "data")})
    with pytest.raises(KeyStoreError, match="cannot be stored") as caught:
        store.create("default", KEY)
    assert str(tmp_path / "data") in caught.value.why


def test_keys_deleted_side_by_side_leave_no_folder_behind(store: FileKeyStore) -> None:
    scopes = [f"scope-{number}" for number in range(16)]
    for _ in range(20):
        for scope in scopes:
            store.create(scope, KEY)
        with ThreadPoolExecutor(len(scopes)) as threads:
            list(threads.map(store.delete, scopes))
        assert not store.folder.parent.exists()


def test_all_keys_of_one_lineage_go_and_no_others(tmp_path: Path) -> None:
    environ = {"XDG_DATA_HOME": str(tmp_path)}
    stores = [FileKeyStore("default", lineage, environ) for lineage in ("1", "2")]
    for each in stores:
        for scope in ("default", "factory"):
            each.create(scope, KEY)
    (stores[0].folder / ".ca-private-key-factory.pem.tmp").write_text("killed")
    stores[0].clear()
    assert not stores[0].folder.exists()
    assert all(stores[1].exists(scope) for scope in ("default", "factory"))
    # There is nothing left to go.
    stores[0].clear()
