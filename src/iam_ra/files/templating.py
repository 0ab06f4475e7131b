"""What is generated, from files one can read: Jinja2 templates of JSON and YAML."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, TemplateError, Undefined, nodes

from iam_ra.engine.errors import InternalError
from iam_ra.shipped import source


def render(name: str, /, **values: Any) -> str:
    """Return the text of a template, such as `cloudformation/role.json`, with these values.

    Every output is JSON (`{{ value | tojson }}`), keys sorted, so no value can break out of its place. Raises
    InternalError: template and values are both ours.
    """
    try:
        return _compiled(name).render(values)
    except (TemplateError, TypeError) as error:
        raise InternalError(f"The template {name} cannot be rendered.", why=f"{error}") from error


def source_digest(name: str) -> str:
    """Return the SHA-256 of a template's text, as lower-case hex. A template stands alone: no other one is part of it."""
    return hashlib.sha256(source(name).encode()).hexdigest()


def compile_source(text: str) -> Template:
    """Compile a template's text. Raises TemplateError when an output does not go through `tojson`."""
    environment = _environment()
    tree = environment.parse(text)
    for output in tree.find_all(nodes.Output):
        for part in output.nodes:
            whole = isinstance(part, nodes.Filter) and part.name == "tojson"
            if not whole and not isinstance(part, nodes.TemplateData):
                raise TemplateError(
                    f"line {part.lineno}: an output must end in `| tojson`, applied to all of it"
                )
    return Template.from_code(environment, environment.compile(tree), environment.make_globals(None))


@cache
def _compiled(name: str) -> Template:
    return compile_source(source(name))


@cache
def _environment() -> Environment:
    # Autoescaping is for HTML; these are JSON and YAML, and `tojson` escapes for both.
    environment = Environment(  # noqa: S701
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.policies["json.dumps_function"] = _dumps
    return environment


def _dumps(value: Any, **options: Any) -> str:
    return json.dumps(value, default=_refuse, **options)


def _refuse(value: Any) -> str:
    if isinstance(value, Undefined):
        return str(value)  # raises UndefinedError, which names the variable
    raise TypeError(f"a {type(value).__name__} has no form in JSON")
