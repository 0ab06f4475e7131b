"""Policy documents: read from the file or from files of their own, and checked as far as that needs no network.

Sources: AWS IAM User Guide, "IAM JSON policy elements reference" and "IAM and AWS STS quotas"; botocore model iam
2010-05-08 (policyDocumentType: the characters and the greatest size).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iam_ra.config.cloudformation import check_document
from iam_ra.config.diagnostics import Check
from iam_ra.config.draft import nearest
from iam_ra.config.fields import describe
from iam_ra.config.source import Source, inside, read_source

if TYPE_CHECKING:
    from iam_ra.config.model import Json

MAX_FILE_BYTES = 131_072

_VERSIONS = ("2012-10-17", "2008-10-17")
_TOP = ("Version", "Id", "Statement")
_STATEMENT = ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_RESOURCE = re.compile(r"\*|arn:.+:.*:.*:.*:.+|.*[*$].*", re.DOTALL)
_SID = re.compile("[A-Za-z0-9]*")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\xff]")


@dataclass(slots=True)
class PolicyReader:
    """Reads each policy once; `sources` are the files that it met, with their problems."""

    source: Source
    root: Path
    sources: dict[str, Source] = field(default_factory=dict)
    _documents: dict[str, Json] = field(default_factory=dict)

    def read(self, value: Any, path: tuple[str, ...]) -> Json:
        """Return the document that stands at `path` of the file, or None after reporting why there is none."""
        if isinstance(value, str):
            return self._read_file(value, path)
        return checked_document(self.source, value, path)

    def _read_file(self, name: str, path: tuple[str, ...]) -> Json:
        if name in self._documents:
            return self._documents[name]
        self._documents[name] = None
        shown = str(Path(self.source.name).parent / name)
        try:
            source = read_source(inside(self.root, name), shown, MAX_FILE_BYTES)
        except OSError as error:
            self._report(path, f"`{name}` cannot be read: {(error.strerror or str(error)).lower()}")
            return None
        self.sources[name] = source
        if not source.fatal:
            self._documents[name] = checked_document(source, source.data, ())
        return self._documents[name]

    def _report(self, path: tuple[str, ...], what: str) -> None:
        self.source.report(
            Check.POLICY_FILE,
            path,
            what,
            why=f"The path starts at the folder of this file, {self.root}.",
            fix="Write the path of a JSON or YAML file that holds the policy, or the document itself.",
        )


def checked_document(source: Source, document: Any, path: tuple[str, ...]) -> Json:
    """Return a policy document as plain JSON, or None after reporting to `source` what is wrong at `path`.

    Scalars stay texts: AWS reads `"true"` and `"300"` in conditions, and no leading zero is lost.
    """
    before = len(source.diagnostics)
    _Checker(source).check(document, path)
    broken = any(each.severity == "error" for each in source.diagnostics[before:])
    return None if broken else _plain(document)


def _plain(value: Any) -> Json:
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else str(value)


@dataclass(frozen=True, slots=True)
class _Checker:
    """`computed` are the paths of what CloudFormation's functions would give: said once, and nothing else about them."""

    source: Source
    computed: set[tuple[str | int, ...]] = field(default_factory=set)

    def check(self, document: Any, path: tuple[str | int, ...]) -> None:
        if not isinstance(document, dict):
            self._say(path, f"a policy document must be a mapping, not {describe(document)}")
            return
        self._characters(document, path)
        self.computed.update(check_document(self.source, document, path))
        self._keys(document, path, _TOP)
        version = document.get("Version")
        if version is None and "Version" not in document:
            self._old_version(path)
        elif version not in _VERSIONS:
            self._say(
                (*path, "Version"),
                f"`{version}` is no version of the policy language",
                "Write `Version: '2012-10-17'`.",
            )
        statements = document.get("Statement")
        if isinstance(statements, dict):
            self._statement(statements, (*path, "Statement"))
        elif isinstance(statements, list) and statements:
            for index, statement in enumerate(statements):
                self._statement(statement, (*path, "Statement", index))
            self._sids(statements, path)
        else:
            self._say((*path, "Statement"), "a policy document needs at least one Statement")

    def _statement(self, statement: Any, path: tuple[str | int, ...]) -> None:
        if path in self.computed:
            return
        if not isinstance(statement, dict):
            self._say(path, f"a Statement must be a mapping, not {describe(statement)}")
            return
        self._keys(statement, path, _STATEMENT)
        effect = statement.get("Effect")
        if not isinstance(effect, str) or effect not in {"Allow", "Deny"}:
            given = effect if isinstance(effect, str) else describe(effect)
            said = "Effect is missing" if effect is None else f"`{given}` is no Effect"
            self._say((*path, "Effect"), said, "Write `Effect: Allow` or `Effect: Deny`.")
        for word in ("Action", "Resource"):
            self._one_of(statement, path, word)
        if not isinstance(statement.get("Sid", ""), str) or not _SID.fullmatch(statement.get("Sid", "")):
            self._say((*path, "Sid"), f"`{statement['Sid']}` is no Sid", "Use letters and digits only.")
        self._condition(statement.get("Condition", {}), (*path, "Condition"))

    def _one_of(self, statement: dict[str, Any], path: tuple[str | int, ...], word: str) -> None:
        given = [key for key in (word, f"Not{word}") if key in statement]
        if len(given) != 1:
            said = "both are there" if given else "neither is there"
            self._say(path, f"a Statement needs {word} or Not{word}; {said}")
        for key in given:
            self._texts(statement[key], (*path, key), _ACTION if word == "Action" else _RESOURCE, word)

    def _texts(self, value: Any, path: tuple[str | int, ...], form: re.Pattern[str], word: str) -> None:
        items = value if isinstance(value, list) else [value]
        example = "s3:GetObject" if word == "Action" else "arn:aws:s3:::bucket/*"
        if not items:
            self._say(path, f"{word} is an empty list", f"Name at least one, such as {example}.")
        for index, item in enumerate(items):
            place = (*path, index) if isinstance(value, list) else path
            if not isinstance(item, str) or not form.fullmatch(item):
                said = item if isinstance(item, str) else describe(item)
                self._say(place, f"`{said}` is no {word}", f"Write it like {example}, or '*' for all.")

    def _condition(self, condition: Any, path: tuple[str | int, ...]) -> None:
        if not isinstance(condition, dict):
            self._say(path, f"Condition must be a mapping, not {describe(condition)}")
            return
        for operator, tests in condition.items():
            if not isinstance(tests, dict):
                self._say(
                    (*path, operator), f"`{operator}` must map keys to values, not be {describe(tests)}"
                )
                continue
            for key, values in tests.items():
                many = values if isinstance(values, list) else [values]
                if not all(isinstance(each, str) for each in many):
                    self._say((*path, operator, key), f"`{key}` must be a text or a list of texts")

    def _keys(self, mapping: dict[str, Any], path: tuple[str | int, ...], allowed: tuple[str, ...]) -> None:
        for key in mapping:
            if key not in allowed and (*path, key) not in self.computed:
                near = nearest(key, allowed)
                principal = key in {"Principal", "NotPrincipal"}
                self.source.report(
                    Check.POLICY_DOCUMENT,
                    (*path, key),
                    f"`{key}` cannot stand in a policy of a role"
                    if principal
                    else f"unknown element `{key}`",
                    why="The role itself is the principal."
                    if principal
                    else f"Elements here: {', '.join(allowed)}.",
                    fix=f"Did you mean `{near}`?" if near and not principal else "Remove it.",
                    at="key",
                )

    def _sids(self, statements: list[Any], path: tuple[str | int, ...]) -> None:
        seen: set[str] = set()
        for index, statement in enumerate(statements):
            sid = statement.get("Sid") if isinstance(statement, dict) else None
            if isinstance(sid, str) and sid:
                if sid in seen:
                    self._say(
                        (*path, "Statement", index, "Sid"), f"the Sid `{sid}` is used twice", "Rename one."
                    )
                seen.add(sid)

    def _characters(self, value: Any, path: tuple[str | int, ...]) -> None:
        children = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for step, child in children:
            self._characters(child, (*path, step))
            texts = [text for text in (step, child) if isinstance(text, str)]
            found = next((match for text in texts if (match := _UNPRINTABLE.search(text))), None)
            if found:
                self.source.report(
                    Check.POLICY_CHARACTERS,
                    (*path, step),
                    f"the character U+{ord(found[0]):04X} cannot stand in a policy",
                    why="IAM takes Latin-1 only.",
                    fix="Write it without this character.",
                )

    def _old_version(self, path: tuple[str | int, ...]) -> None:
        self.source.report(
            Check.POLICY_VERSION,
            (*path, "Version"),
            "the policy document has no Version",
            why="IAM then reads it by the rules of 2008, which know no policy variables.",
            fix="Add `Version: '2012-10-17'`.",
            severity="warning",
        )

    def _say(self, path: tuple[str | int, ...], what: str, fix: str = "") -> None:
        if path in self.computed:
            return
        self.source.report(
            Check.POLICY_DOCUMENT,
            path,
            what,
            why="IAM would refuse the policy.",
            fix=fix or "See the IAM JSON policy elements reference.",
        )
