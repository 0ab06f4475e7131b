"""Policy documents in one form, so that two which say the same are equal.

AWS keeps a document as it was sent, URL-encodes it in some answers, and takes one string for a list of one. The order of
statements and of the members of a list says nothing. Source: IAM User Guide, "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

_LISTS = frozenset({"Action", "NotAction", "Resource", "NotResource"})
_PRINCIPALS = frozenset({"Principal", "NotPrincipal"})
_ROOT = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):root")


def canonical(document: Any) -> Any:
    """Return a policy document, given as text (URL-encoded or not) or as a mapping, in its one form.

    Text that is no JSON comes back as it is: it differs from every document.
    """
    found = document
    if isinstance(document, str):
        text = unquote(document) if document.lstrip().startswith("%7B") else document
        try:
            found = json.loads(text)
        except ValueError:
            return document
    if not isinstance(found, Mapping):
        return found
    statements = found.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return {
        **{key: value for key, value in sorted(found.items()) if key != "Statement"},
        "Statement": sorted(map(_statement, listed), key=_text),
    }


def _statement(statement: Any) -> Any:
    if not isinstance(statement, Mapping):
        return statement
    return {key: _element(key, value) for key, value in sorted(statement.items())}


def _element(key: str, value: Any) -> Any:
    if key in _LISTS:
        return _several(value)
    if key in _PRINCIPALS:
        return _principal(value)
    if key == "Condition" and isinstance(value, Mapping):
        return {
            operator: {name: _several(each) for name, each in sorted(keys.items())}
            for operator, keys in sorted(value.items())
            if isinstance(keys, Mapping)
        }
    return value


def _principal(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {
        sort: sorted({_account(each) for each in _several(who)}) if sort == "AWS" else _several(who)
        for sort, who in sorted(value.items())
    }


def _account(principal: str) -> str:
    """Return the number of an account that stands as the ARN of its root."""
    root = _ROOT.fullmatch(principal)
    return root[1] if root else principal


def _several(value: Any) -> list[str]:
    """Return one value or a list of them as a sorted list of texts: `true` and `"true"` are the same condition."""
    listed = value if isinstance(value, list) else [value]
    return sorted({_plain(each) for each in listed})


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else _text(value)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
