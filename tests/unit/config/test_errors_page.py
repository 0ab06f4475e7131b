"""docs/errors.md is what the code says. After a change: `UPDATE_GOLDEN=1 pytest tests/unit/config/test_errors_page.py`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.unit.config.test_problems import CASES

from iam_ra.cli import exits
from iam_ra.config.diagnostics import Check, ConfigError
from iam_ra.engine.errors import IamRaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iam_ra.config.diagnostics import Diagnostic

    Problems = Callable[[str | bytes], list[Diagnostic]]

PAGE = Path(__file__).parents[3] / "docs" / "errors.md"
AGAIN = "renew it: UPDATE_GOLDEN=1 pytest tests/unit/config/test_errors_page.py"
HEAD = """\
# Errors

<!-- Made by tests/unit/config/test_errors_page.py from the code: edit that, not this. -->

Every error has an id, which never changes its meaning. It is shown as `error[IRA2002]: …` with what happened, why, and
how to put it right; with `--json`, one JSON object on stderr holds the same as `id`, `what`, `why` and `fix`. Nothing
here is a stack trace; `--debug` adds one.

## Exit codes

| Code | Meaning |
|---|---|
"""
ERRORS = """
## All errors

A class comes before those that are kinds of it.

| Id | What | Typical cause | Fix | Exit code |
|---|---|---|---|---|
"""
PROBLEMS = """
## Problems of the file

All of them are shown at once, each with its place; they end the command with exit code 1, warnings do not. Why and fix
are those of an example: the real ones name your own values.

| Id | Problem | Why, for example | Fix, for example |
|---|---|---|---|
"""
# What no text of a file alone leads to.
ELSEWHERE = {
    Check.UNREADABLE: (
        "The file, or one that it names, is not there or may not be read.",
        "Correct the path or the permissions.",
    ),
    Check.SLOW_PARSER: (
        "ruamel.yaml has no C parser in this Python: large files take longer.",
        "Install ruamel.yaml.clib.",
    ),
    Check.CSR_KEY_TAKEN: (
        "Two requests were made with one key: each host would be the other.",
        "Make a key for each host.",
    ),
    Check.CA_CERTIFICATE: (
        "The file that came out of the cluster is not the self-signed certificate of an authority, or holds a private key.",
        "Bring over the `tls.crt` of the Secret with the cluster's authority.",
    ),
    Check.CA_KEY_TAKEN: (
        "Two clusters have one authority: what the one signs would count as signed by the other.",
        "Let each cluster make its own, and bring its certificate over.",
    ),
}


def tree(root: type[IamRaError] = IamRaError) -> Iterator[type[IamRaError]]:
    """Yield a class of errors and all kinds of it, by id."""
    yield root
    for each in sorted(root.__subclasses__(), key=lambda each: each.id):
        if each.__module__.startswith("iam_ra."):
            yield from tree(each)


def cell(text: str) -> str:
    text = " ".join(text.split()).replace("|", "\\|")
    return text if text.startswith(("iam-ra", "sops", "ruamel")) else text[:1].upper() + text[1:]


def row(*cells: object) -> str:
    return f"| {' | '.join(cell(str(each)) for each in cells)} |\n"


def example(problems: Problems, check: Check) -> tuple[str, str]:
    text = next((text for each, text, _ in CASES if each is check), None)
    if text is None:
        return ELSEWHERE[check]
    first = problems(text)[0]
    return f"{first.what}. {first.why}" if first.why else first.what, first.fix


def page(problems: Problems) -> str:
    codes = "".join(row(*each) for each in exits.MEANINGS)
    classes = "".join(
        row(each.id, (each.__doc__ or "").partition("\n")[0], each.cause, each.remedy, each.exit_code)
        for each in tree()
    )
    checks = "".join(
        row(check.code, check.title, *example(problems, check))
        for check in sorted(Check, key=lambda each: each.code)
    )
    return f"{HEAD}{codes}{ERRORS}{classes}{PROBLEMS}{checks}"


def test_the_page_is_what_the_code_says(problems: Problems, tmp_path: Path) -> None:
    made = page(problems).replace(str(tmp_path), "/repo")
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made, AGAIN


def test_every_error_has_an_id_a_cause_and_a_remedy_of_its_own() -> None:
    classes = list(tree())
    assert ConfigError in classes
    for name in ("id", "cause", "remedy"):
        own = [vars(each).get(name) for each in classes]
        assert None not in own, [each.__name__ for each in classes if name not in vars(each)]
        assert len(set(own)) == len(classes), name
    assert {each.exit_code for each in classes} <= {int(code) for code, _ in exits.MEANINGS}


def test_interruption_is_in_the_table_of_exit_codes() -> None:
    assert str(exits.INTERRUPTED) in dict(exits.MEANINGS)
