"""The formats that plans, outcomes of an apply and errors are written in: each name with its renderers.

A format is added here and nowhere else. Its functions take a document of `render.model` and return a whole text that ends
in a newline. They import their renderer when they are called, for the command line needs only the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iam_ra.render.model import ErrorDocument, OutcomeDocument, PlanDocument


@dataclass(frozen=True, slots=True)
class Look:
    """How much is said (`verbose`: every field, whole values), and whether in colour; a format takes what it knows of it.

    `whole` says for formats that are cut where all can be read, as a sentence without its full stop.
    """

    verbose: bool = False
    color: bool = False
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Format:
    """What writes a plan, and the error for which there is none."""

    plan: Callable[[PlanDocument, Look], str]
    error: Callable[[ErrorDocument, Look], str]


def _text(document: PlanDocument, look: Look) -> str:
    from iam_ra.render.text import plan_text  # noqa: PLC0415 - the names of the formats are part of --help, renderers are not

    return plan_text(document, verbose=look.verbose, color=look.color)


def _text_of_error(document: ErrorDocument, look: Look) -> str:
    from iam_ra.render.problems import error_text  # noqa: PLC0415 - see above

    return error_text(document.error, color=look.color)


def _text_of_outcome(document: OutcomeDocument, look: Look) -> str:
    from iam_ra.render.outcome import outcome_text  # noqa: PLC0415 - see above

    return outcome_text(document, color=look.color)


def _json(document: PlanDocument, _: Look) -> str:
    from iam_ra.render.json import plan_json  # noqa: PLC0415 - see above

    return as_json(plan_json(document))


def _json_of_error(document: ErrorDocument, _: Look) -> str:
    from iam_ra.render.problems import error_json  # noqa: PLC0415 - see above

    return as_json(error_json(document.error))


def _json_of_outcome(document: OutcomeDocument, _: Look) -> str:
    from iam_ra.render.json import apply_json  # noqa: PLC0415 - see above

    return as_json(apply_json(document))


def _markdown(document: PlanDocument, look: Look) -> str:
    from iam_ra.render.markdown import plan_markdown  # noqa: PLC0415 - see above

    return plan_markdown(document, verbose=look.verbose, whole=look.whole)


def _markdown_of_error(document: ErrorDocument, _: Look) -> str:
    from iam_ra.render.markdown import error_markdown  # noqa: PLC0415 - see above

    return error_markdown(document)


def _markdown_of_outcome(document: OutcomeDocument, look: Look) -> str:
    from iam_ra.render.markdown import outcome_markdown  # noqa: PLC0415 - see above

    return outcome_markdown(document, whole=look.whole)


def _jsonl(document: PlanDocument, _: Look) -> str:
    from iam_ra.render.jsonl import plan_jsonl  # noqa: PLC0415 - see above

    return plan_jsonl(document)


def _jsonl_of_error(document: ErrorDocument, _: Look) -> str:
    from iam_ra.render.jsonl import error_jsonl  # noqa: PLC0415 - see above

    return error_jsonl(document)


def _html(document: PlanDocument, _: Look) -> str:
    from iam_ra.render.html import plan_html  # noqa: PLC0415 - see above

    return plan_html(document)


def _html_of_error(document: ErrorDocument, _: Look) -> str:
    from iam_ra.render.html import error_html  # noqa: PLC0415 - see above

    return error_html(document)


def as_json(value: Mapping[str, Any]) -> str:
    """Return one JSON object as people can read it, with a newline at its end."""
    import json  # noqa: PLC0415 - see above

    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


FORMATS: Final[Mapping[str, Format]] = {
    "text": Format(_text, _text_of_error),
    "json": Format(_json, _json_of_error),
    "jsonl": Format(_jsonl, _jsonl_of_error),
    "markdown": Format(_markdown, _markdown_of_error),
    "html": Format(_html, _html_of_error),
}
# How an apply ended.
OUTCOMES: Final[Mapping[str, Callable[[OutcomeDocument, Look], str]]] = {
    "text": _text_of_outcome,
    "json": _json_of_outcome,
    "markdown": _markdown_of_outcome,
}
