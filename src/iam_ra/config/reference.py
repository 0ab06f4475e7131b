"""The reference page and the JSON Schema file, made from the schema: `python -m iam_ra.config.reference [DOCS]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iam_ra.config import arns, durations, fields, kubernetes
from iam_ra.config.diagnostics import Check
from iam_ra.config.schema import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SCHEMA_FILE = "schema/iam-ra.schema.json"
REFERENCE_FILE = "reference/file.md"

_INTRODUCTION = """\
# The file

<!-- Made by `python -m iam_ra.config.reference` from src/iam_ra/config/schema.py: edit that, not this. -->

One `iam-ra.yaml` is one namespace in one account and one region. iam-ra uses the file that `-f/--file` names, else the
one that the environment variable `IAM_RA_FILE` names, else the nearest `iam-ra.yaml` from the working folder up to the
root of the git repository. [`iam-ra.yaml.example`](../../iam-ra.yaml.example) shows every option with a comment, and
[`iam-ra.schema.json`](../schema/iam-ra.schema.json) lets an editor complete and check it.

- **Order** never matters, neither of keys nor of list items.
- **Texts** need no quotes unless they begin with a character that YAML reserves. `no`, `1e3` and `012345678901` stay the
  texts that they are. Booleans are `true` and `false`.
- **Durations** are a whole number and a unit: `15m`, `12h`, `90d`, `10y` (a year has 365 days).
- **Names** (the keys of authorities, roles and hosts) are letters, digits and inner `-`. No two of a kind differ only in
  case. With namespace and prefix, the name of an IAM role fits 64 characters, that of a stack 128. Clusters have names
  of Kubernetes (RFC 1123: up to 63 of `a-z`, `0-9` and inner `-`), and workloads two of them: `namespace/name`.
- **Anchors, aliases and merge keys** (`&name`, `*name`, `<<`) keep large files short.
- **Lives of certificates**: `renew_before` from the defaults is cut to a third of a certificate's life, and `overlap`
  from the defaults to half of `renew_before` where it would not be shorter. What a host says itself is taken as it is
  and must fit: `overlap` < `renew_before` < `validity` ≤ the validity of its authority.
- **Identities** are unique within an authority, and within a cluster, whatever the case of their letters: X.509 compares
  names so.
- **Policy documents** stand in the file or in JSON or YAML files beside it. Their scalars reach AWS as texts, which it
  reads everywhere: `"true"`, `"3600"`.
"""
_TYPES = {
    durations.PATTERN: "duration",
    fields.NAME_PATTERN: "name",
    fields.AUTHORITY_PATTERN: "name",
    kubernetes.LABEL_PATTERN: "RFC 1123 label",
    kubernetes.SUBDOMAIN_PATTERN: "RFC 1123 subdomain",
    fields.IDENTITY_PATTERN: "text of `A-Z a-z 0-9 _ . = + @ -`, 2 to 61",
    fields.ABSOLUTE_PATTERN: "absolute path",
    fields.ADDRESS_GLOB_PATTERN: "address, with `*` and `?`",
    fields.FILE_PATTERN: "relative path",
    fields.SOPS_PATTERN: "relative path of a YAML file",
    fields.ACCOUNT_PATTERN: "12 digits",
    arns.REGION_PATTERN: "region",
    arns.POLICY_ARN_PATTERN: "ARN of a policy",
}


def reference() -> str:
    """Return the reference page as Markdown."""
    made = schema()
    sections = [_section(title, node, made) for title, node in _sections(made)]
    return "\n".join([_INTRODUCTION, *sections, _problems()])


def schema_text() -> str:
    """Return the JSON Schema as the text of its file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def write(docs: Path) -> list[Path]:
    """Write both files below the folder `docs` and return their paths."""
    made = {docs / REFERENCE_FILE: reference(), docs / SCHEMA_FILE: schema_text()}
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(made)


def _sections(made: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return each mapping of the schema with the path that leads to it, in the order of the file."""
    waiting: list[tuple[str, dict[str, Any]]] = [("", made)]
    while waiting:
        title, node = waiting.pop(0)
        yield title, node
        inner: list[tuple[str, dict[str, Any]]] = []
        for key, value in node["properties"].items():
            path = f"{title}.{key}".lstrip(".")
            entries = value.get("patternProperties", {}).values()
            inner += [(f"{path}.<name>", _resolve(each, made)) for each in entries if "$ref" in each]
            if "allOf" in value or "$ref" in value:
                inner.append((path, _resolve(value, made)))
            if "$ref" in value.get("items", ()):
                inner.append((path, _resolve(value["items"], made)))
        waiting = inner + waiting


def _resolve(node: Mapping[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    pointer = node["$ref"] if "$ref" in node else node["allOf"][0]["$ref"]
    found: dict[str, Any] = made["definitions"][pointer.rsplit("/", 1)[1]]
    return found


def _section(title: str, node: Mapping[str, Any], made: dict[str, Any]) -> str:
    rows = [_row(title, key, value, node, made) for key, value in node["properties"].items()]
    head = f"## `{title}`" if title else "## Top level"
    return "\n".join(
        [
            head,
            "",
            node["description"],
            "",
            "| Key | Type | Default | Meaning | Example |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _row(
    title: str, key: str, value: Mapping[str, Any], node: Mapping[str, Any], made: dict[str, Any]
) -> str:
    default = (
        "required"
        if key in node.get("required", ())
        else _code(value["default"])
        if "default" in value
        else ""
    )
    meaning = value.get("description") or _resolve(value, made)["description"]
    example = _code(value["examples"][0]) if value.get("examples") else ""
    inner = f"{title}.{key}".lstrip(".")
    return f"| `{key}` | {_type(value, inner)} | {default} | {_cell(meaning)} | {example} |"


def _type(value: Mapping[str, Any], path: str) -> str:
    if "allOf" in value or "$ref" in value:
        return f"[mapping](#{_anchor(path)})"
    if "patternProperties" in value:
        entries = next(iter(value["patternProperties"].values()))
        return (
            f"[mapping by name](#{_anchor(path)}name)" if "$ref" in entries else "mapping of policies by name"
        )
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_type(each, path) for each in value["anyOf"]))
    if "enum" in value:
        return ", ".join(f"`{each}`" for each in value["enum"])
    if "const" in value:
        return _code(value["const"])
    return _simple_type(value, path)


def _anchor(path: str) -> str:
    """Return the anchor that GitHub gives to a section's head."""
    return path.translate(str.maketrans("", "", ".<>"))


def _simple_type(value: Mapping[str, Any], path: str) -> str:
    kind = value.get("type")
    if kind == "array":
        return f"list of {_type(value['items'], path)}"
    if kind == "integer" and "minimum" in value:
        return f"whole number, {value['minimum']} to {value['maximum']}"
    if kind == "string" and value.get("pattern") in _TYPES:
        return _TYPES[value["pattern"]]
    names = {"boolean": "boolean", "object": "mapping", "integer": "whole number", "string": "text"}
    return names[str(kind)]


def _code(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`".replace("|", "\\|") if text else "empty"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _problems() -> str:
    rows = [f"| {check.code} | {check.title} |" for check in Check]
    introduction = (
        "Every problem of the file is shown at once, with its place, its cause and what to write instead."
    )
    return "\n".join(["## Problems", "", introduction, "", "| Id | Problem |", "|---|---|", *rows, ""])


if __name__ == "__main__":
    for written in write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs")):
        sys.stdout.write(f"{written}\n")
