"""From templates to texts: filled in, read as data and written anew, so that no value can become structure."""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml import YAML

from iam_ra.files.manifests.yaml import dump
from iam_ra.files.templating import render

HEADER = "# Made by iam-ra from iam-ra.yaml. Do not edit: change that file, then run `iam-ra apply`.\n"
# What people look for first in a mapping; JSON, in which templates are given their values, sorts by the alphabet.
_FIRST = ("apiVersion", "kind", "metadata", "name", "namespace", "image", "restartPolicy", "args")
# JSON spells characters beyond U+FFFF as two escapes, which YAML does not join. Any other escape is skipped as a whole.
_PAIRS = re.compile(r"\\(?:u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})|.)")


def data(template: str, /, **values: Any) -> list[Any]:
    """Return the documents of the template `kubernetes/TEMPLATE.yaml.j2`, filled in."""
    source = _PAIRS.sub(_joined, render(f"kubernetes/{template}.yaml.j2", **values))
    return [each for each in YAML(typ="safe").load_all(source) if each is not None]


def text(*documents: Any) -> str:
    """Return documents as a file, with a word on top about who made it."""
    return HEADER + "---\n".join(dump(_ordered(each)) for each in documents)


def manifest(template: str, /, **values: Any) -> str:
    """Return the file that a template makes."""
    return text(*data(template, **values))


def _joined(found: re.Match[str]) -> str:
    if found[1] is None:
        return found[0]
    return f"\\U{ord(bytes.fromhex(found[1] + found[2]).decode('utf-16-be')):08x}"


def _ordered(value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(each) for each in value]
    if not isinstance(value, dict):
        return value
    keys = [key for key in _FIRST if key in value]
    return {key: _ordered(value[key]) for key in [*keys, *(key for key in value if key not in keys)]}
