"""The life of a pull request on GitHub: planned, shown, merged, applied, committed back; and what else may come of it.

The actions' own steps run, as a runner would run them, against a repository with a bare remote, the sandbox as AWS, and a
stand-in for GitHub's API. Runners share nothing, and have no key: the authority's is in KMS.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import pytest
from tests import programs
from tests.e2e.actions import ROOT, Runner, event, head, load
from tests.e2e.github_api import TOKEN, GitHub
from tests.e2e.world import READ_ONLY, SMALL, World

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.tool("jq"), pytest.mark.tool("curl")]
EXAMPLES = ROOT / "docs/examples"


# Of a workload's authority, the key is in a SOPS file; its manifests are several files.
CLUSTERS = {"prod": {"workloads": {"payments/api": {"role": "reader"}}}}
MANIFESTS = (
    "admission-policy.yaml",
    "ca-secret.sops.yaml",
    "issuer.yaml",
    "kustomization.yaml",
    *(
        f"payments/api/{each}.yaml"
        for each in ("certificate", "configmap", "kustomization", "patch-cronjob", "patch")
    ),
)


def content(*hosts: str, **more: Any) -> dict[str, Any]:
    return {
        **SMALL,
        "certificate_authorities": {"default": {"key_store": "kms"}},
        "roles": {"reader": {"policies": [READ_ONLY]}},
        "hosts": {name: {"roles": ["reader"], "delivery": ["sops"]} for name in hosts},
        **more,
    }


class Fleet:
    """A repository on GitHub with the file of a fleet, its developer's checkout, and the machines that run its jobs."""

    def __init__(self, world: World, github: GitHub) -> None:
        self.world, self.github = world, github
        self.file = "iam-ra.yaml"
        self.remote = world.folder / "remote.git"
        self._jobs = 0
        commands = world.folder / "bin"
        commands.mkdir()
        self.descriptors = (programs.install(commands / "iam-ra", "iam_ra", world.environ),)
        world.path.insert(0, str(commands))
        world.git("init", "-q", "--bare", "-b", "main", str(self.remote))
        world.git("remote", "add", "origin", str(self.remote))
        world.git("checkout", "-q", "-b", "main")

    def push(self, branch: str, *hosts: str, **more: Any) -> None:
        """Push the file with these hosts, and with more at its top level, to a branch that begins at `main`."""
        world = self.world
        if branch != "main":
            world.git("checkout", "-q", "-B", branch, "main")
        file = world.root / self.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content(*hosts, **more)), encoding="utf-8")
        world.git("add", "-A")
        world.git("commit", "-q", "--allow-empty", "-m", f"hosts {' '.join(hosts)}")
        world.git("push", "-q", "--force", "origin", f"HEAD:{branch}")

    def merge(self, branch: str, number: int) -> None:
        world = self.world
        world.git("checkout", "-q", "main")
        world.git("pull", "-q", "--ff-only", "origin", "main")
        world.git("merge", "-q", "--no-ff", "-m", f"merge #{number}", branch)
        world.git("push", "-q", "origin", "main")
        self.github.merged[head(world.root)] = number

    def checkout(self, branch: str = "main") -> Path:
        """Return what a job checks out: one commit, on a machine that was never there before."""
        self._jobs += 1
        folder = self.world.folder / f"job{self._jobs}"
        url = self.remote.as_uri()
        subprocess.run(
            ["git", "clone", "-q", "--depth", "1", "--branch", branch, url, str(folder / "repo")],  # noqa: S607
            check=True,
        )
        return folder / "repo"

    def environ(self, checkout: Path) -> dict[str, str]:
        return {
            **self.world.environ,
            "HOME": str(checkout.parent),
            "XDG_DATA_HOME": str(checkout.parent / "data"),
            "GIT_CONFIG_SYSTEM": os.devnull,
        }

    def runner(self, checkout: Path) -> Runner:
        return Runner(checkout.parent / "temp", self.environ(checkout), self.github.url, self.descriptors)

    def settled(self) -> None:
        """Expect that a fresh clone of what is on `main` plans nothing."""
        other = World(self.checkout().parent, self.world.server, self.world.wire)
        other.settled()
        assert not list(other.folder.glob("data/**/*.pem"))


@pytest.fixture
def fleet(world: World) -> Iterator[Fleet]:
    with GitHub() as github:
        yield Fleet(world, github)


def test_the_life_of_a_pull_request(fleet: Fleet) -> None:
    github, world = fleet.github, fleet.world
    fleet.world.recipients(fleet.world.identity, regex="^(secrets|manifests)/")
    fleet.push("main", "web")
    fleet.push("edit", "web", "db")

    # Planned, and shown in a comment; twice, for the branch goes on.
    job = fleet.checkout("edit")
    planned = fleet.runner(job).run("plan", job, github=event(7)).expect()
    (body,) = github.bodies(7)
    assert body.startswith("<!-- iam-ra plan: default eu-central-1 -->\n")
    assert "host/db" in body
    assert body.endswith(f"<!-- iam-ra plan of: iam-ra.yaml checksum: {planned.outputs['checksum']} -->")
    assert body in planned.summary
    assert planned.outputs["changes"] == "true"
    assert planned.outputs["create"] == str(body_count(planned.outputs["folder"]))
    kept = planned.used["actions/upload-artifact"]["path"]
    assert {"plan.txt", "plan.md", "plan.json", "plan.html", "plan.iamra"} <= {
        each.name for each in Path(kept).iterdir()
    }
    fleet.push("edit", "web", "db", "cache", clusters=CLUSTERS)
    job = fleet.checkout("edit")
    # The limit is for deletions, and there are none.
    fleet.runner(job).run("plan", job, github=event(7), max_deletions="0").expect()
    (body,) = github.bodies(7)
    assert "host/cache" in body

    # Merged and applied: just what was shown, by a machine without any key. What it wrote comes back.
    fleet.merge("edit", 7)
    job = fleet.checkout()
    applied = fleet.runner(job).run("apply", job, checksum="reviewed").expect()
    assert len(github.bodies(7)) == 2
    assert github.bodies(7)[1].startswith("<!-- iam-ra apply: default eu-central-1 -->\n")
    world.git("pull", "-q", "--ff-only", "origin", "main")
    assert applied.outputs["commit"] == head(world.root)
    assert not git(job, "status", "--porcelain")
    written = show(world, "--name-only", "--format=%an")
    assert written == [
        "github-actions[bot]",
        *(f"exports/aws/{each}.config" for each in ("cache", "db", "web")),
        *(f"exports/nix/{each}.json" for each in ("cache", "db", "web")),
        *(f"manifests/prod/{each}" for each in MANIFESTS),
        *(f"secrets/hosts/{each}/iam-ra.yaml" for each in ("cache", "db", "web")),
    ]
    assert world.open(world.sops_file("db"))["role_arn"].endswith("/iam-ra-default-reader")
    assert TOKEN not in applied.log + planned.log
    fleet.settled()


def test_a_plan_beyond_a_limit_and_one_that_is_not_what_was_reviewed(fleet: Fleet) -> None:
    github, world = fleet.github, fleet.world
    fleet.push("main", "web", "db", "cache")
    world.apply()
    fleet.push("main", "web", "db", "cache")

    # A limit fails the job, and the comment says so.
    fleet.push("less", "web", "db")
    job = fleet.checkout("less")
    limited = fleet.runner(job).run("plan", job, github=event(8), max_deletions="1").expect(1)
    (body,) = github.bodies(8)
    assert "**Not to be merged.** " in body
    assert "and this workflow allows 1" in body
    assert limited.outputs["changes"] == "true"
    assert body.endswith("<!-- iam-ra plan of: iam-ra.yaml -->")
    planned = fleet.runner(job).run("plan", job, github=event(8), max_deletions="4").expect()
    (body,) = github.bodies(8)
    assert body.endswith(f" checksum: {planned.outputs['checksum']} -->")
    # Somebody changes AWS after the review: what was agreed to is not what would be made.
    anchors = world.aws("rolesanywhere")
    (anchor,) = anchors.list_trust_anchors()["trustAnchors"]
    anchors.disable_trust_anchor(trustAnchorId=anchor["trustAnchorId"])
    fleet.merge("less", 8)
    job = fleet.checkout()
    before = world.state["serial"]
    refused = fleet.runner(job).run("apply", job, checksum="reviewed").expect(4)
    assert world.state["serial"] == before
    body = github.bodies(8)[-1]
    assert "IRA4009" in body
    assert "trust_anchor.enabled" in body
    assert (refused.outputs["exit-code"], refused.outputs["commit"]) == ("4", "")

    # Run by hand with the checksum of the plan that the comment shows; the files of the host go from the repository.
    checksum = world.run("plan", "--json").expect().json["checksum"]
    assert checksum in body
    job = fleet.checkout()
    fleet.runner(job).run("apply", job, checksum=checksum).expect()
    assert github.bodies(8)[-1].startswith("<!-- iam-ra apply: default eu-central-1 -->\n")
    assert "IRA4009" not in github.bodies(8)[-1]
    world.git("pull", "-q", "--ff-only", "origin", "main")
    assert show(world, "--name-status", "--format=") == [
        "D\texports/aws/cache.config",
        "D\texports/nix/cache.json",
        "D\tsecrets/hosts/cache/iam-ra.yaml",
    ]
    fleet.settled()


def body_count(folder: str) -> int:
    summary = json.loads((Path(folder) / "plan.json").read_text(encoding="utf-8"))["summary"]
    return int(summary["create"])


def git(folder: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", *arguments],  # noqa: S607
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return [line for line in done.stdout.splitlines() if line]


def show(world: World, *options: str) -> list[str]:
    return git(world.root, "show", *options, "HEAD")


def test_a_file_that_is_wrong_and_a_saved_plan_that_is_stale(fleet: Fleet) -> None:
    github, world = fleet.github, fleet.world
    fleet.push("main", "web")
    (world.root / "iam-ra.yaml").write_text("version: 1\nnamespace: [::error::x]\n", encoding="utf-8")
    world.git("commit", "-q", "-am", "wrong")
    world.git("push", "-q", "--force", "origin", "HEAD:wrong")
    job = fleet.checkout("wrong")
    wrong = fleet.runner(job).run("plan", job, github=event(9)).expect(1)
    (body,) = github.bodies(9)
    assert "IRA" in body
    assert "**Not to be merged.** There is no plan" in body
    # What the file says is in the log where the runner obeys nothing.
    before, _, _ = wrong.log.partition("::error::x")
    assert before.rindex("::stop-commands::") > before.rfind("iam-ra.yaml is valid")

    # Put right, the comment is the same one.
    world.git("reset", "-q", "--hard", "HEAD~1")
    world.git("push", "-q", "--force", "origin", "HEAD:wrong")
    job = fleet.checkout("wrong")
    runner = fleet.runner(job)
    saved = runner.run("plan", job, github=event(9)).expect().outputs["plan-file"]
    (body,) = github.bodies(9)
    assert "Not to be merged" not in body

    # A saved plan is applied once; what it wrote comes as a pull request, which is kept up to date.
    first = runner.run("apply", job, plan_file=saved, commit="pull-request").expect()
    assert first.outputs["pull-request"] == "100"
    assert github.pulls[0]["head"] == "iam-ra/written"
    again = runner.run("apply", job, plan_file=saved, commit="pull-request").expect(4)
    assert "IRA4009" in again.log
    job = fleet.checkout()
    second = fleet.runner(job).run("apply", job, options="--yes", commit="pull-request").expect()
    assert second.outputs["pull-request"] == "100"
    assert len(github.pulls) == 1
    world.git("fetch", "-q", "origin")
    world.git("merge", "-q", "origin/iam-ra/written")
    world.git("push", "-q", "origin", "HEAD:main")
    fleet.settled()


def test_what_was_done_is_committed_though_a_part_failed(fleet: Fleet) -> None:
    """In a folder of its own, as one of several namespaces of a repository."""
    world = fleet.world
    fleet.file = "accounts/prod/iam-ra.yaml"
    world.more["IAM_RA_FILE"] = fleet.file
    world.recipients(world.identity, regex="^accounts/prod/secrets/")
    fleet.push("main", "web")
    world.apply()
    fleet.push("main", "web", "db", roles={"reader": {"policies": [READ_ONLY]}, "other": {}})
    world.cloudformation.fail_resource("Role", "create", "No", stack_name="iam-ra-default-role-other")
    job = fleet.checkout()
    done = fleet.runner(job).run("apply", job, file=fleet.file, options="--yes").expect(3)
    assert "no pull request belongs to this commit" in done.log
    assert done.outputs["exit-code"] == "3"
    world.git("pull", "-q", "--ff-only", "origin", "main")
    assert done.outputs["commit"] == head(world.root)
    assert "accounts/prod/secrets/hosts/db/iam-ra.yaml" in show(world, "--name-only", "--format=")


def gitlab_job(name: str) -> tuple[dict[str, str], list[str]]:
    """Return the variables and the lines of a job, with what it extends."""
    pipeline = load(EXAMPLES / "gitlab-ci.yml")
    job, chain = pipeline[name], [pipeline[name]]
    while "extends" in job:
        job = pipeline[job["extends"]]
        chain.append(job)
    variables = dict(pipeline["variables"])
    for each in reversed(chain):
        variables.update(each.get("variables", {}))

    def nearest(key: str) -> list[str]:
        return next((each[key] for each in chain if key in each), [])

    return variables, [*nearest("before_script"), *nearest("script")]


def gitlab(fleet: Fleet, name: str, checkout: Path) -> subprocess.CompletedProcess[str]:
    variables, lines = gitlab_job(name)
    known = {
        **fleet.environ(checkout),
        "CI_PROJECT_DIR": str(checkout),
        "CI_PROJECT_URL": fleet.remote.as_uri().removesuffix(".git"),
        "CI_DEFAULT_BRANCH": "main",
        "AWS_TOKEN": "token",
        "PLAN_ROLE": "arn:aws:iam::123456789012:role/plan",
        "APPLY_ROLE": "arn:aws:iam::123456789012:role/apply",
        "PUSH_TOKEN": "token",
    }
    environ = known | {key: Template(value).safe_substitute(known) for key, value in variables.items()}
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(lines)],  # noqa: S607
        cwd=checkout,
        env=environ,
        pass_fds=fleet.descriptors,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_examples_for_gitlab_and_for_cron(fleet: Fleet) -> None:
    world = fleet.world
    (world.root / "ci").mkdir()
    shutil.copy(ROOT / ".github/actions/common/commit.sh", world.root / "ci")
    fleet.push("main", "web")

    # The job `apply` takes the artefact of the job `plan`.
    job = fleet.checkout()
    planned = gitlab(fleet, "plan", job)
    assert planned.returncode == 0, planned.stderr
    assert json.loads((job / "counts.json").read_text()) == {"create": 9, "update": 0, "delete": 0}
    applied = gitlab(fleet, "apply", job)
    assert applied.returncode == 0, applied.stderr
    world.git("pull", "-q", "--ff-only", "origin", "main")
    assert show(world, "--name-only", "--format=%an %s")[0] == "iam-ra Commit what iam-ra wrote [skip ci]"
    again = gitlab(fleet, "apply", job)
    assert again.returncode == 4
    assert "IRA4009" in again.stderr
    fleet.settled()

    # The machine with cron has a checkout of its own, which lags behind.
    machine = fleet.checkout()
    folder = world.folder / "srv"
    folder.mkdir()
    for script in (EXAMPLES / "cron/renew.sh", world.root / "ci/commit.sh"):
        shutil.copy(script, folder)
    fleet.push("main", "web")
    world.server.turn_clock("+310d")
    who = {"GIT_AUTHOR_NAME": "cron", "GIT_AUTHOR_EMAIL": "c@example.com", "GIT_COMMITTER_NAME": "cron"}
    done = subprocess.run(
        [str(folder / "renew.sh"), str(machine)],
        env={**fleet.environ(machine), **who, "GIT_COMMITTER_EMAIL": "c@example.com"},
        pass_fds=fleet.descriptors,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    world.git("pull", "-q", "--ff-only", "origin", "main")
    assert show(world, "--name-only", "--format=%an %s") == [
        "cron Renew certificates",
        "exports/nix/web.json",
        "secrets/hosts/web/iam-ra.yaml",
    ]
    assert gitlab(fleet, "renew", fleet.checkout()).returncode == 0
    assert show(world, "--format=%s", "--no-patch") == ["Renew certificates"]
