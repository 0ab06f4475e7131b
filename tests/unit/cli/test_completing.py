"""Which names complete which parameters, and what hostile and broken files do to that: nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.shell_completion import ShellComplete

from iam_ra.cli.app import COMPLETION, NAME, app
from iam_ra.config.names import names
from iam_ra.config.source import Source

if TYPE_CHECKING:
    from pathlib import Path

FILE = """\
version: 1
namespace: default
region: eu-west-1
certificate_authorities: {default: {}, factory: {}}
roles: {admin: {}, reader: {}}
hosts: {web: {roles: [admin]}, db: {roles: [reader]}}
clusters: {prod: {workloads: {payments/api: {role: reader}}}}
"""
HOSTS, ROLES, AUTHORITIES = ["web", "db"], ["admin", "reader"], ["default", "factory"]
ADDRESSES = [
    *("ca/default", "ca/factory", "role/admin", "role/reader", "host/web", "host/db"),
    *("cluster/prod", "workload/prod/payments/api", "init"),
]
HEAVY = ("boto3", "botocore", "cryptography", "pydantic", "deepdiff", "jinja2", "rich", "moto")
PROBE = f"""
import sys
from iam_ra.cli.app import run
run([])
print("LOADED", *(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "below").mkdir()
    (tmp_path / "iam-ra.yaml").write_text(FILE)
    monkeypatch.chdir(tmp_path / "below")
    monkeypatch.delenv("IAM_RA_FILE", raising=False)
    return tmp_path


def complete(line: str) -> list[str]:
    *words, incomplete = line.split(" ")
    found = ShellComplete(app, {}, NAME, COMPLETION).get_completions(words, incomplete)
    return [each.value for each in found]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("export ", HOSTS),
        ("export w", ["web"]),
        ("export host/", ["host/web", "host/db"]),
        ("verify web ", [*HOSTS, "workload/prod/payments/api"]),
        ("explain w", ["web", "workload/prod/payments/api"]),
        ("explain web ", ROLES),
        ("host offboard ", HOSTS),
        ("host renew d", ["db"]),
        ("host onboard new --role ", ROLES),
        ("host onboard new --role admin --default-role ", ROLES),
        ("host onboard new --ca ", AUTHORITIES),
        ("role delete ", ROLES),
        ("role create new --scope f", ["factory"]),
        ("ca rotate ", AUTHORITIES),
        ("ca delete ca/", ["ca/default", "ca/factory"]),
        ("ca ledger --ca ", AUTHORITIES),
        ("plan --target ", ADDRESSES),
        ("plan --exclude=host/", ["host/web", "host/db"]),
        ("apply --replace role/", ["role/admin", "role/reader"]),
        ("apply --renew ", ["host/web", "host/db", "ca/default", "ca/factory", "cluster/prod"]),
        ("state show work", ["workload/prod/payments/api"]),
        ("completion ", ["bash", "zsh", "fish"]),
        # New names are nobody's yet.
        ("host onboard ", []),
        ("role create ", []),
    ],
)
@pytest.mark.usefixtures("folder")
def test_names_of_the_nearest_file(line: str, expected: list[str]) -> None:
    assert complete(line) == expected


def test_the_file_that_is_named_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = folder / "other.yaml"
    other.write_text(FILE.replace("web:", "mail:"))
    assert complete(f"-f {other} export m") == ["mail"]
    assert complete(f"export -f {other} m") == ["mail"]
    monkeypatch.setenv("IAM_RA_FILE", str(other))
    assert complete("export m") == ["mail"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hosts: [",
        "- a\n",
        "hosts: 7\n",
        "hosts: {}\nclusters: [1]\n",
        "clusters: {prod: 7}\n",
        "hosts: {'$(touch x)': {}, \"a\\nb\": {}, ';': {}, -rf: {}, \"\\e[2J\": {}, 'a b': {}, '../..': {}, ? [a] : b}\n",
        "a: &a [x, x]\nb: &b [*a, *a]\nhosts: *b\n",
        "hosts: " + "[" * 10_000,
        "\0",
    ],
)
def test_a_hostile_or_broken_file_completes_nothing(
    folder: Path, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "iam-ra.yaml").write_text(text)
    assert complete("export ") == []
    assert [each for each in complete("plan --target ") if each.startswith(("host", "work"))] == []
    assert capfd.readouterr() == ("", "")


def test_no_file_completes_nothing(folder: Path) -> None:
    (folder / "iam-ra.yaml").unlink()
    assert complete("export ") == []
    assert complete("-f nowhere.yaml export ") == []
    (folder / "iam-ra.yaml").write_bytes(b"\xff\xfe")
    assert complete("plan --target ") == []


def test_a_file_without_authorities_has_the_default_one() -> None:
    assert names(Source("x", "version: 1\n"))["ca"] == ("default",)
    assert names(Source("x", "- 1\n"))["ca"] == ()


def test_completing_names_loads_nothing_heavy(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={**os.environ, COMPLETION: "bash_complete", "COMP_WORDS": "iam-ra export w", "COMP_CWORD": "2"},
    )
    assert (done.stdout, done.stderr) == ("plain,web\n", "LOADED\n")
