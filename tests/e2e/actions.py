"""What a runner of GitHub Actions does with a composite action, as far as this repository's own need it.

Steps that run a shell are run; those that use another action are only noted. Expressions are those of the workflow syntax:
contexts, texts, comparisons, `&&`, `||`, `always()`. What is not there is the empty text.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from tests.e2e.github_api import REPOSITORY, TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]
ACTIONS = ROOT / ".github/actions"
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|\|\||&&|==|!=|[()!]|[\w.-]+)")
_SECONDS = 120


def load(path: Path) -> Any:
    """Read a YAML file as plain values; `on` stays a text, as in YAML 1.2."""
    return YAML(typ="safe", pure=True).load(path)


def action(name: str) -> Any:
    return load(ACTIONS / name / "action.yml")


@dataclass
class Run:
    """How an action ended: its outputs, the exit code of its job, its log, and what other actions were given."""

    outputs: dict[str, str]
    code: int
    log: str
    used: dict[str, dict[str, str]]
    summary: str

    def expect(self, code: int = 0) -> Run:
        assert self.code == code, f"exit code {self.code}\n{self.log}"
        return self


@dataclass
class Context:
    """What expressions can see."""

    inputs: Mapping[str, str]
    github: Mapping[str, Any]
    steps: dict[str, dict[str, str]] = field(default_factory=dict)

    def value(self, path: str) -> Any:
        top, *names = path.split(".")
        if top == "steps":
            return self.steps.get(names[0], {}).get(names[2], "")
        found: Any = {"inputs": self.inputs, "github": self.github}[top]
        for name in names:
            found = found.get(name, "") if isinstance(found, dict) else ""
        return found

    def evaluate(self, expression: str) -> Any:
        tokens = iter([*_TOKEN.findall(expression), ""])
        return _Parser(self, tokens).whole()

    def filled(self, text: Any) -> str:
        return EXPRESSION.sub(lambda found: str(self.evaluate(found[1])), str(text))


class _Parser:
    def __init__(self, context: Context, tokens: Iterator[str]) -> None:
        self._context, self._tokens = context, tokens
        self._next = next(tokens)

    def whole(self) -> Any:
        found = self._or()
        assert not self._next, f"not understood: {self._next}"
        return found

    def _take(self) -> str:
        taken, self._next = self._next, next(self._tokens, "")
        return taken

    def _or(self) -> Any:
        left = self._and()
        while self._next == "||":
            self._take()
            right = self._and()
            left = left or right
        return left

    def _and(self) -> Any:
        left = self._comparison()
        while self._next == "&&":
            self._take()
            right = self._comparison()
            left = left and right
        return left

    def _comparison(self) -> Any:
        left = self._operand()
        if self._next in {"==", "!="}:
            same, right = self._take() == "==", self._operand()
            return (str(left) == str(right)) is same
        return left

    def _operand(self) -> Any:
        token = self._take()
        if token == "!":
            return not self._operand()
        if token == "(":
            found = self._or()
            assert self._take() == ")"
            return found
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token == "always":
            assert (self._take(), self._take()) == ("(", ")")
            return True
        return self._context.value(token)


@dataclass
class Runner:
    """A machine that runs jobs: `environ` and open `descriptors` are what a job has, `temp` is the folder that it may write to."""

    temp: Path
    environ: Mapping[str, str]
    api: str
    descriptors: tuple[int, ...]

    def run(
        self, name: str, checkout: Path, *, github: Mapping[str, Any] | None = None, **inputs: str
    ) -> Run:
        """Run an action of this repository in a checkout; inputs by their names with `_` for `-`. iam-ra is there."""
        definition = action(name)
        given = {"version": "installed", **{key.replace("_", "-"): value for key, value in inputs.items()}}
        assert given.keys() <= definition["inputs"].keys()
        context = Context({}, {"token": TOKEN, "ref_name": "main", "sha": head(checkout), **(github or {})})
        defaults = {key: context.filled(each["default"]) for key, each in definition["inputs"].items()}
        context.inputs = {**defaults, **given}
        self.temp.mkdir(parents=True, exist_ok=True)
        files = {key: self.temp / key for key in ("GITHUB_STEP_SUMMARY", "GITHUB_PATH", "GITHUB_ENV")}
        for path in files.values():
            path.touch()
        code, log, used = 0, "", {}
        for step in definition["runs"]["steps"]:
            condition = step.get("if", "")
            if (code and "always()" not in condition) or (condition and not context.evaluate(condition)):
                continue
            if "uses" in step:
                used[step["uses"].partition("@")[0]] = {
                    key: context.filled(value) for key, value in step.get("with", {}).items()
                }
                continue
            ended, said, outputs = self._step(step, checkout, ACTIONS / name, context, files)
            code, log = code or ended, log + said
            context.steps[step.get("id", "")] = outputs
        outputs = {key: context.filled(each["value"]) for key, each in definition["outputs"].items()}
        return Run(outputs, code, log, used, files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8"))

    def _step(
        self, step: Any, checkout: Path, folder: Path, context: Context, files: Mapping[str, Path]
    ) -> tuple[int, str, dict[str, str]]:
        output = self.temp / "GITHUB_OUTPUT"
        output.write_text("", encoding="utf-8")
        script = self.temp / "step.sh"
        script.write_text(context.filled(step["run"]), encoding="utf-8")
        done = subprocess.run(
            # The command line of `shell: bash`.
            ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=checkout,
            env={
                **self.environ,
                "GITHUB_ACTION_PATH": str(folder),
                "GITHUB_API_URL": self.api,
                "GITHUB_REPOSITORY": REPOSITORY,
                "GITHUB_SHA": str(context.github["sha"]),
                "GITHUB_OUTPUT": str(output),
                "RUNNER_TEMP": str(self.temp),
                **{key: str(path) for key, path in files.items()},
                **{key: context.filled(value) for key, value in step.get("env", {}).items()},
            },
            pass_fds=self.descriptors,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        lines = output.read_text(encoding="utf-8").splitlines()
        return done.returncode, done.stdout, dict(line.split("=", 1) for line in lines)


def head(checkout: Path) -> str:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"],  # noqa: S607
        cwd=checkout,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def event(number: int) -> dict[str, Any]:
    """Return the context of a pull request."""
    return {"event": {"pull_request": {"number": number}}}
