"""docs/reference/commands.md is what the commands say. After a change: `UPDATE_GOLDEN=1 pytest tests/unit/cli/test_reference.py`."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from iam_ra.cli.app import COMMANDS, app
from iam_ra.cli.options import CONTEXT
from iam_ra.cli.reference import FILE, _prose, reference, write

DOCS = Path(__file__).parents[3] / "docs"
AGAIN = "renew it: UPDATE_GOLDEN=1 pytest tests/unit/cli/test_reference.py"


def test_the_page_is_what_the_commands_say() -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        write(DOCS)
    # Not an assertion on the texts: the difference of two long pages says less than the way to renew one.
    if (DOCS / FILE).read_text(encoding="utf-8") != reference():
        raise AssertionError(AGAIN)


def commands(command: click.Command, path: str, parent: click.Context) -> list[tuple[str, click.Command]]:
    with click.Context(command, parent) as context:
        below = command.commands.items() if isinstance(command, click.Group) else ()
        return [
            (path, command),
            *(each for name, inner in below for each in commands(inner, f"{path} {name}", context)),
        ]


def test_every_command_and_every_option_of_its_own_is_there() -> None:
    text = reference()
    sections = dict(
        re.findall(r"^####? `(iam-ra [^`]+)`\n(.*?)(?=^##|\Z)", text, flags=re.DOTALL | re.MULTILINE)
    )
    found: dict[str, click.Command] = {}
    with click.Context(app, info_name="iam-ra", **CONTEXT) as top:
        for name in COMMANDS:
            command = app.get_command(top, name)
            assert command is not None
            found |= dict(commands(command, f"iam-ra {name}", top))
    assert sections.keys() == found.keys()
    whole = text.partition("## Exit codes")[0]
    for path, command in found.items():
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                flag = option.opts[-1]
                assert f"{flag}" in sections[path] or f"{flag}" in whole, f"{path} {flag}"


def test_markdown_takes_no_text_for_more() -> None:
    assert _prose("a <b> *c* `<d>*`") == "a &lt;b> \\*c\\* `<d>*`"
