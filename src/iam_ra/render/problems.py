"""Errors and warnings for people: what, why, fix; for a file with problems, each at its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from iam_ra.config.diagnostics import ConfigError, Diagnostic
from iam_ra.engine.errors import PreflightError
from iam_ra.render.style import Style, harmless, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iam_ra.engine.errors import IamRaError

Warning_: TypeAlias = "str | Diagnostic"


def error_text(error: IamRaError, *, color: bool = False) -> str:
    """Return an error as the lines that go to stderr."""
    style = Style(color)
    if isinstance(error, ConfigError):
        return _config_text(error, style)
    if isinstance(error, PreflightError):
        blocks = [error_lines(each, style) for each in (*error.errors, error)]
        return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"
    return "\n".join(error_lines(error, style)) + "\n"


def error_lines(error: IamRaError, style: Style, indent: str = "") -> list[str]:
    """Return an error as lines of 80 columns; commands between backticks are never broken."""
    mark = f"error[{error.id}]:"
    head = wrap(error.what, first=f"{indent}{mark} ", rest=f"{indent}  ")
    lines = [head[0].replace(mark, style.bold(style.red(mark)), 1), *head[1:]]
    for label, text in (("why", error.why), ("fix", error.fix)):
        if text:
            lines += _labelled(label, text, style, indent)
    return lines


def error_json(error: IamRaError) -> dict[str, Any]:
    """Return an error as the object that `--json` writes to stderr; a file's problems stand in `diagnostics`."""
    found: dict[str, Any] = dict(error.as_dict())
    if isinstance(error, ConfigError):
        found["diagnostics"] = [each.as_dict() for each in error.diagnostics]
    return {"error": found}


def warning_lines(warnings: Sequence[Warning_], style: Style) -> list[str]:
    """Return warnings in short: one paragraph each, without why and fix."""
    lines: list[str] = []
    for each in warnings:
        if isinstance(each, Diagnostic):
            mark, text = f"warning[{each.id}]:", f"{each.file}:{each.line}: {each.what}"
        else:
            mark, text = "warning:", each
        wrapped = wrap(text, first=f"{mark} ", rest="  ")
        lines += [wrapped[0].replace(mark, style.yellow(mark), 1), *wrapped[1:]]
    return lines


def diagnostic_text(problem: Diagnostic, style: Style) -> str:
    """Return one problem of a file: place, excerpt with a caret, why, fix."""
    paint = style.red if problem.severity == "error" else style.yellow
    head, *rest = problem.render().splitlines()
    place = f"{problem.file}:{problem.line}:{problem.column}:"
    mark = f"{problem.severity}[{problem.id}]:"
    head = head.replace(place, style.cyan(place), 1).replace(mark, style.bold(paint(mark)), 1)
    count = 3 if problem.excerpt else 0
    excerpt = rest[:count]
    if excerpt:
        margin, caret = excerpt[2].split("|", 1)
        excerpt = [style.dim(excerpt[0]), excerpt[1], f"{style.dim(margin + '|')}{paint(caret)}"]
    labels = (("why", problem.why), ("fix", problem.fix))
    explained = [line for label, text in labels if text for line in _labelled(label, text, style, "")]
    return "\n".join([head, *excerpt, *explained])


def tally(diagnostics: Sequence[Diagnostic]) -> str:
    """Count: `3 errors, 1 warning`."""
    errors = sum(each.severity == "error" for each in diagnostics)
    return ", ".join(
        plural(count, noun)
        for count, noun in ((errors, "error"), (len(diagnostics) - errors, "warning"))
        if count
    )


def plural(count: int, one: str, many: str = "") -> str:
    """Say `1 host`, `2 hosts`, `2 authorities`."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def _config_text(error: ConfigError, style: Style) -> str:
    problems = [diagnostic_text(each, style) for each in error.diagnostics]
    return "\n\n".join([*problems, style.bold(style.red(harmless(tally(error.diagnostics))))]) + "\n"


def _labelled(label: str, text: str, style: Style, indent: str) -> list[str]:
    mark = f"{indent}  {label}: "
    lines = [
        line for part in text.splitlines() for line in wrap(part, first=" " * len(mark), rest=" " * len(mark))
    ]
    return [style.dim(mark) + lines[0][len(mark) :], *lines[1:]]
