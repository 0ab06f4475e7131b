from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import iam_ra
from iam_ra.cli import app as frame
from iam_ra.cli import exits
from iam_ra.cli.options import CONTEXT, SUMMARY, Command, Group, Options, pass_options, scan
from iam_ra.engine import errors
from iam_ra.engine.errors import IamRaError, LockHeldError

HEAVY = ("boto3", "botocore", "cryptography", "pydantic", "ruamel", "deepdiff", "jinja2", "rich", "moto")
PROBE = """
import sys
from iam_ra.cli import main
sys.argv = ["iam-ra", *sys.argv[1:]]
try:
    main()
finally:
    print("LOADED", *(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)
"""
FILE = """\
version: 1
namespace: default
region: eu-west-1
roles: {admin: {policies: ["arn:aws:iam::aws:policy/AdministratorAccess"]}}
hosts: {web: {roles: [admin]}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("IAM_RA_FILE", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def fresh(*args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROBE.format(heavy=HEAVY), *args]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **environ})


SANDBOX = ("up", "down", "env", "status", "clock", "faults", "log", "reset", "save")


def helped() -> list[list[str]]:
    subcommands = [["sandbox", name] for name in SANDBOX]
    faults = [["sandbox", "faults", name] for name in ("add", "list", "clear")]
    return [[], *([name] for name in frame.COMMANDS), *subcommands, *faults]


@pytest.mark.parametrize("command", helped(), ids=lambda command: " ".join(command) or "iam-ra")
def test_help_loads_nothing_heavy_and_fits(command: list[str]) -> None:
    done = fresh(*command, "--help", COLUMNS="200")
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "LOADED"
    assert done.stdout.startswith(f"Usage: {' '.join(['iam-ra', *command])}")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "--color [auto|always|never]" in done.stdout


def summaries(command: click.Command, path: str, parent: click.Context) -> list[tuple[str, str]]:
    if not isinstance(command, click.Group):
        return []
    with click.Context(command, parent) as context:
        below = [(f"{path} {name}", inner) for name, inner in command.commands.items()]
        return [
            *((at, inner.get_short_help_str(limit=45)) for at, inner in below),
            *(each for at, inner in below for each in summaries(inner, at, context)),
        ]


def test_every_summary_is_whole_and_stands_on_one_line() -> None:
    found = [(name, entry.summary) for name, entry in frame.COMMANDS.items()]
    with click.Context(frame.app, info_name="iam-ra", **CONTEXT) as top:
        for name in frame.COMMANDS:
            command = frame.app.get_command(top, name)
            assert command is not None
            found += summaries(command, name, top)
    assert {"host onboard", "sandbox faults add"} < dict(found).keys()
    assert [each for each in found if each[1].endswith("...") or len(each[1]) > SUMMARY] == []


def test_version_loads_nothing_heavy() -> None:
    done = fresh("--version")
    assert (done.stdout, done.stderr.strip()) == (f"iam-ra {iam_ra.__version__}\n", "LOADED")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("iam-ra ", set(frame.COMMANDS)),
        ("iam-ra sa", {"sandbox"}),
        ("iam-ra --c", {"--color"}),
        ("iam-ra --color ", {"auto", "always", "never"}),
        ("iam-ra sandbox ", set(SANDBOX)),
        ("iam-ra schema --out", {"--output"}),
    ],
)
def test_completion_loads_nothing_heavy(words: str, expected: set[str]) -> None:
    index = str(len(words.split()) - (not words.endswith(" ")))
    done = fresh(_IAM_RA_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=index)
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == expected
    assert done.stderr.strip() == "LOADED"


def test_completion_of_a_command_with_options_before_it() -> None:
    done = fresh(_IAM_RA_COMPLETE="bash_complete", COMP_WORDS="iam-ra --json va", COMP_CWORD="2")
    assert done.stdout == "plain,validate\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_its_completion_script(shell: str) -> None:
    done = fresh(_IAM_RA_COMPLETE=f"{shell}_source")
    assert "_iam_ra_completion" in done.stdout


def test_help_has_every_command_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run(["-h"]) == exits.OK
    text = capsys.readouterr().out
    width = max(map(len, frame.COMMANDS))
    assert all(f"  {name.ljust(width)}  {entry.summary}" in text for name, entry in frame.COMMANDS.items())
    assert all(code in text and meaning[:30] in text for code, meaning in exits.MEANINGS)


def test_the_exit_codes_of_errors_are_all_in_the_table() -> None:
    classes = [
        each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, IamRaError)
    ]
    assert {str(each.exit_code) for each in classes} <= {code for code, _ in exits.MEANINGS}


def collector() -> tuple[click.Group, list[Options]]:
    seen: list[Options] = []

    @click.group(cls=Group)
    def root() -> None:
        pass

    @root.group(cls=Group)
    def inner() -> None:
        pass

    @inner.command(cls=Command)
    @pass_options
    def leaf(options: Options) -> None:
        seen.append(options)

    return root, seen


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["inner", "leaf"], Options()),
        (["--json", "inner", "leaf"], Options(json=True)),
        (["inner", "--json", "leaf"], Options(json=True)),
        (["inner", "leaf", "--json"], Options(json=True)),
        (["-f", "a", "inner", "-v", "leaf", "--debug"], Options(file=Path("a"), verbose=True, debug=True)),
        (["-f", "a", "inner", "leaf", "-f", "b"], Options(file=Path("b"))),
        (["--color", "never", "--profile", "p", "inner", "leaf"], Options(color="never", profile="p")),
        (["--color", "never", "inner", "leaf", "--color", "auto"], Options(color="auto")),
    ],
)
def test_common_options_stand_before_or_after(args: list[str], expected: Options) -> None:
    root, seen = collector()
    result = CliRunner().invoke(root, args, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert seen == [expected]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], Options()),
        (["plan", "--json", "--bogus"], Options(json=True)),
        (["--color=always", "--debug"], Options(color="always", debug=True)),
        (["--color", "never"], Options(color="never")),
        (["--color", "pink"], Options()),
        (["--", "--json"], Options()),
        (["--color"], Options()),
    ],
)
def test_errors_know_how_to_be_shown(args: list[str], expected: Options) -> None:
    assert scan(args) == expected


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (["plna"], "error[IRA1001]: there is no command 'plna'; did you mean 'plan'?"),
        (["plan", "--drift"], "error[IRA1001]: no such option '--drift'; did you mean '--drift-only'?"),
        (["host", "renew", "--keep"], "no such option '--keep'; did you mean '--help', '--keep-old'?"),
        (["--bogus"], "error[IRA1001]: no such option '--bogus'"),
        (["schema", "--outptu", "x"], "Did you mean '--output'"),
        (["sandbox", "up", "--port", "x"], "error[IRA1001]: invalid value for '--port'"),
        (["completion"], "Choose from: bash, zsh, fish"),
        (["schema", "extra"], "error[IRA1001]: got unexpected extra argument"),
        (["--color", "pink", "validate"], "error[IRA1001]: invalid value for '--color'"),
    ],
)
def test_wrong_usage_is_64(args: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run(args) == exits.USAGE
    captured = capsys.readouterr()
    assert what.lower() in " ".join(captured.err.lower().split())
    assert "--help`" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("args", [[], ["sandbox"]])
def test_a_group_alone_shows_its_help_and_is_wrong_usage(
    args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert frame.run(args) == exits.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Usage: iam-ra")


def broken_by(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a command of the table that raises."""

    @click.command(cls=Command)
    def command() -> None:
        raise error

    module = type(sys)("iam_ra_test_command")
    module.__dict__["command"] = command
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(frame.COMMANDS, "break", frame.Entry(module.__name__, "Break.", "Tests"))


def test_an_error_of_the_tree_has_its_own_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken_by(LockHeldError("held", why="By ann.", fix="Wait."), monkeypatch)
    assert frame.run(["break"]) == 4
    assert capsys.readouterr().err == "error[IRA4001]: held\n  why: By ann.\n  fix: Wait.\n"


def test_an_error_is_json_where_json_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken_by(LockHeldError("held", why="By ann.", fix="Wait."), monkeypatch)
    assert frame.run(["--json", "break"]) == 4
    captured = capsys.readouterr()
    assert json.loads(captured.err) == {
        "error": {"id": "IRA4001", "what": "held", "why": "By ann.", "fix": "Wait."}
    }
    assert captured.out == ""


@pytest.mark.parametrize(("args", "traced"), [(["break"], False), (["break", "--debug"], True)])
def test_a_bug_shows_its_trace_only_to_those_who_ask(
    args: list[str], traced: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken_by(ZeroDivisionError("oops"), monkeypatch)
    assert frame.run(args) == 1
    text = capsys.readouterr().err
    assert "error[IRA9000]: ZeroDivisionError: oops" in text
    assert ("Traceback" in text) is traced
    assert ("`--debug`" in text) is not traced


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt_is_130(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken_by(error, monkeypatch)
    assert frame.run(["break"]) == exits.INTERRUPTED
    assert capsys.readouterr().err.split() == ["interrupted"]


@pytest.mark.parametrize("args", [["--help"], ["schema"]])
def test_a_broken_pipe_is_quiet(args: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "iam_ra", *args], stdout=writer, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (exits.BROKEN_PIPE, "")


def test_a_terminal_that_lacks_a_letter_gets_an_escape(folder: Path) -> None:
    (folder / "iam-ra.yaml").write_text("漢: 1\n", encoding="utf-8")
    done = fresh("validate", PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    assert done.returncode == 1
    assert "\\u6f22" in done.stderr
    assert "Traceback" not in done.stderr


def test_validate_counts_what_is_in_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "iam-ra.yaml").write_text(FILE)
    assert frame.run(["validate"]) == 0
    assert capsys.readouterr().out == "iam-ra.yaml is valid: 1 authority, 1 role, 1 host\n"


def test_validate_finds_the_file_from_a_folder_below(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "iam-ra.yaml").write_text(FILE)
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert frame.run(["validate", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["schema_version"], value["command"]) == ("1.0", "validate")
    assert value["data"]["file"] == str(folder / "iam-ra.yaml")
    assert value["data"]["counts"] == {
        "authorities": 1,
        "roles": 1,
        "hosts": 1,
        "clusters": 0,
        "workloads": 0,
    }


def test_validate_lists_all_problems_with_short_places(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "iam-ra.yaml").write_text(FILE.replace("[admin]", "[nobody]").replace("eu-west-1", "eu_west"))
    assert frame.run(["validate"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("iam-ra.yaml:3:9: error[")
    assert captured.err.endswith("\n2 errors\n")


def test_problems_are_json_where_json_is_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "iam-ra.yaml").write_text(FILE.replace("[admin]", "[nobody]"))
    assert frame.run(["validate", "--json"]) == 1
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["id"] == "IRA1100"
    assert [each["line"] for each in error["diagnostics"]] == [5]


def test_no_file_is_an_error_that_says_where_it_looked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert frame.run(["validate"]) == 1
    assert str(folder) in "".join(capsys.readouterr().err.split())


def test_schema_goes_to_stdout_or_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run(["schema"]) == 0
    printed = capsys.readouterr().out
    assert frame.run(["schema", "-o", "iam-ra.schema.json"]) == 0
    assert (folder / "iam-ra.schema.json").read_text() == printed
    assert json.loads(printed)["$schema"].startswith("http://json-schema.org/draft-07/")
    assert frame.run(["schema", "-o", "no/such/folder/x.json"]) == 1
    assert "error[IRA1300]: cannot write no/such/folder/x.json" in capsys.readouterr().err


def test_without_a_sandbox_env_says_so_and_prints_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert frame.run(["sandbox", "env"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"no sandbox runs in {folder}; start one: iam-ra sandbox up\n"
    assert frame.run(["sandbox", "status", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["data"] == {"running": False}
    assert frame.run(["sandbox", "down"]) == 0
    assert capsys.readouterr().out == "No sandbox was running here.\n"
