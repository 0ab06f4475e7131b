"""The page that explains refusals by their text, made from the checks: `python -m iam_ra.anywhere.troubleshooting [DOCS]`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from iam_ra.anywhere.evaluate import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from iam_ra.anywhere.refusal import Refusal
    from iam_ra.anywhere.situation import Check

FILE = "troubleshooting.md"
# The id, in the table of assumptions, that says: these words are our own.
_OUR_WORDS = "refusal-texts"
_WORDS = {"arn": "ARN", "violation": "1 validation error detected: …", "reason": "…"}

_INTRODUCTION = """\
# Troubleshooting

<!-- Made by `python -m iam_ra.anywhere.troubleshooting` from src/iam_ra/anywhere/evaluate.py: edit that, not this. -->

When Roles Anywhere does not open a session, its answer says little, on purpose. Look the text up here; or let iam-ra make
the service's checks one by one and say what each compared:

- `iam-ra explain HOST ROLE` for a host of your file, by what was applied.
- `iam-ra explain --certificate FILE --trust-anchor ARN --profile-arn ARN --role-arn ARN` for any certificate, by what AWS
  says of the three: also those that iam-ra did not make. It needs no file.
- `iam-ra verify HOST` really asks for sessions, with the host's own key, and shows the service's answer.

Every client passes the service's text on: `aws_signing_helper` on its standard error, boto3 and the AWS CLI inside
`Error when retrieving credentials from custom-process`, `aws_signing_helper serve` on its own standard error only.
[Compatibility](compatibility.md#quirks) has more of their ways.

Under each text stand the checks that lead to it, in the order in which they are made, each with what to do.
"""
_OURS = "*These are the sandbox's words; [AWS documents none](compatibility.md#what-aws-does-not-document), and its own may differ.*"


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_INTRODUCTION, *(_section(refusal, checks) for refusal, checks in _by_text())])


def write(docs: Path) -> Path:
    """Write the page into the folder `docs` and return its path."""
    path = docs / FILE
    path.write_text(page(), encoding="utf-8")
    return path


def _by_text() -> Iterator[tuple[Refusal, list[Check]]]:
    """Yield each answer with its checks. A check without a fix refuses nothing."""
    groups: dict[Refusal, list[Check]] = {}
    for check in CHECKS:
        if check.fix:
            groups.setdefault(check.answer, []).append(check)
    yield from groups.items()


def _section(refusal: Refusal, checks: Sequence[Check]) -> str:
    lines = [
        f"## {refusal.message.format(**_WORDS)}",
        "",
        f"`{refusal.status} {refusal.code}`",
        "",
    ]
    if all(_OUR_WORDS in check.uncertain for check in checks):
        lines += [_OURS, ""]
    fixes: dict[str, list[str]] = {}
    for check in checks:
        fixes.setdefault(check.fix, []).append(check.title)
    lines += [f"- **{'. '.join(titles)}.** If not: {fix}" for fix, titles in fixes.items()]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(f"{write(Path(sys.argv[1] if len(sys.argv) > 1 else 'docs'))}\n")
