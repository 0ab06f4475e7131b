from __future__ import annotations

import re
from pathlib import Path

import click

from iam_ra.anywhere.evaluate import CHECKS
from iam_ra.anywhere.troubleshooting import FILE, page, write
from iam_ra.cli.app import COMMANDS, App

DOCS = Path(__file__).parents[3] / "docs"
RENEW = "renew it: python -m iam_ra.anywhere.troubleshooting"


def test_the_page_is_fresh(tmp_path: Path) -> None:
    assert (DOCS / FILE).read_text(encoding="utf-8") == page(), RENEW
    assert write(tmp_path).read_text(encoding="utf-8") == page()


def test_every_refusal_is_there_once_with_its_checks() -> None:
    made = page()
    titles = re.findall(r"^## (.+)$", made, flags=re.MULTILINE)
    assert len(titles) == len(set(titles))
    refusing = [check for check in CHECKS if check.fix]
    # What has no fix never fails.
    assert [check.id for check in CHECKS if not check.fix] == ["session-tags"]
    for check in refusing:
        words = check.answer.message.format(arn="ARN", violation="1 validation error detected: …", reason="…")
        section = made.partition(f"\n## {words}\n")[2].partition("\n## ")[0]
        assert f"`{check.answer.status} {check.answer.code}`" in section
        assert check.title in section
        assert check.fix in section


def test_words_that_are_our_own_are_said_to_be() -> None:
    sections = page().split("\n## ")[1:]
    own = {each.partition("\n")[0] for each in sections if "These are the sandbox's words" in each}
    assert "Trust anchor is disabled" in own
    assert not own & {"Untrusted signing certificate", "Certificate revoked", "Unable to assume role for ARN"}


def test_commands_that_are_advised_exist() -> None:
    advised = re.findall(r"`iam-ra ([^`]+)`", page())
    assert len(advised) > 5
    app = App()
    for line in advised:
        name, *words = line.split()
        assert name in COMMANDS, line
        command = app.get_command(click.Context(app), name)
        assert command is not None
        options = {option for param in command.params for option in param.opts}
        assert {word for word in words if word.startswith("-")} <= options, line
