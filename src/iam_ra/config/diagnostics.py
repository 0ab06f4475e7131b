"""Problems of the file: what each check is called, where a problem is, and how it is shown."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from iam_ra.engine.errors import IamRaError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Check(Enum):
    """Every check with its stable id and its title. An id is never given to another check, even when its check goes."""

    def __init__(self, code: str, title: str) -> None:
        self.code = code
        self.title = title

    # The text of a file
    UNREADABLE = "IRA1101", "A file cannot be read"
    ENCODING = "IRA1102", "A file is not UTF-8, or holds control characters"
    SYNTAX = "IRA1103", "A file is not YAML"
    SEVERAL_DOCUMENTS = "IRA1104", "A file holds several YAML documents"
    EMPTY = "IRA1105", "A file is empty"
    NO_MAPPING = "IRA1106", "The file is not a mapping"
    DUPLICATE_KEY = "IRA1107", "A key is written twice"
    UNKNOWN_TAG = "IRA1108", "A YAML tag that means nothing here"
    TOO_DEEP = "IRA1109", "Lists and mappings are nested too deep"
    ALIASES = "IRA1110", "An alias has no anchor, holds itself, or multiplies without bound"
    MERGE = "IRA1111", "A merge key merges something other than mappings"
    COMPLEX_KEY = "IRA1112", "A key is a list or a mapping"
    SLOW_PARSER = "IRA1113", "The fast YAML parser is missing (warning)"
    # The shape of an entry
    UNKNOWN_KEY = "IRA1120", "An unknown key"
    MISSING_KEY = "IRA1121", "A required key is missing"
    WRONG_TYPE = "IRA1122", "A value is of another type"
    NO_VALUE = "IRA1123", "A value is empty"
    NO_BOOLEAN = "IRA1124", "A value is neither true nor false"
    NO_NUMBER = "IRA1125", "A value is not a whole number"
    OUT_OF_RANGE = "IRA1126", "A number or duration is too small or too large"
    NO_CHOICE = "IRA1127", "A value is none of the choices"
    NO_DURATION = "IRA1128", "A value is not a duration"
    DUPLICATE_ITEM = "IRA1129", "A list names something twice"
    # Values and names
    VERSION = "IRA1130", "An unknown version of the format"
    NAMESPACE = "IRA1131", "A namespace has a bad name"
    REGION = "IRA1132", "A region has a bad name"
    ACCOUNT = "IRA1133", "An account has a bad number"
    NAME = "IRA1134", "An entry has a bad name"
    NAME_CASE = "IRA1135", "Two names differ only in case"
    NAME_LENGTH = "IRA1136", "A name is too long for what is made from it"
    IDENTITY = "IRA1138", "A bad identity"
    IDENTITY_TAKEN = "IRA1139", "Two hosts of an authority, or workloads of a cluster, share an identity"
    ARN = "IRA1140", "A bad ARN of a policy"
    ARN_PARTITION = "IRA1141", "An ARN is in another partition than the region"
    ARN_ACCOUNT = "IRA1142", "An ARN is in another account"
    TAG = "IRA1144", "A tag that some service would refuse"
    TAG_RESERVED = "IRA1145", "A reserved tag"
    TAG_COUNT = "IRA1146", "Too many tags"
    PATH = "IRA1147", "A bad path"
    PATH_TAKEN = "IRA1148", "Two files have one path"
    DESCRIPTION = "IRA1149", "A bad description"
    UNKNOWN_REGION = "IRA1151", "A region that iam-ra does not know (warning)"
    DYNAMIC_REFERENCE = "IRA1152", "A text that CloudFormation would replace by a parameter or a secret"
    KEY_STORE = "IRA1153", "A setting of a key store that the authority does not have"
    CSR = "IRA1154", "A certificate signing request that cannot be used"
    CSR_KEY_TAKEN = "IRA1155", "Two hosts have one key"
    RECIPIENT = "IRA1156", "A bad recipient of age files"
    NO_RECIPIENTS = "IRA1157", "An age file that nobody could open"
    PRIVATE_CA = "IRA1158", "A private CA that does not fit"
    PRIVATE_CA_TAKEN = "IRA1159", "Two authorities are one private CA"
    DRIFT_RULE = "IRA1150", "A rule for drift that could match nothing"
    # References
    UNKNOWN_ROLE = "IRA1160", "A role that does not exist"
    UNKNOWN_AUTHORITY = "IRA1161", "An authority that does not exist"
    NO_DEFAULT_ROLE = "IRA1162", "Several roles and no default"
    DEFAULT_ROLE = "IRA1163", "A default role that is not among the host's roles"
    AUTHORITY_EXCLUDED = "IRA1164", "A role does not take certificates of the host's authority"
    # Clusters and workloads
    WORKLOAD_ROLES = "IRA1165", "A workload without a role, or with `role` and `roles`"
    ISSUER = "IRA1166", "A workload outside the namespace of its issuer"
    IMAGE = "IRA1167", "An image that would not run, or another one each day"
    IMAGE_DIGEST = "IRA1168", "An image that is not pinned by its digest (warning)"
    PORTS = "IRA1169", "More roles than there are ports"
    CLUSTER_SETTING = "IRA1174", "A setting that the authority of a cluster does not have"
    CA_CERTIFICATE = "IRA1175", "A cluster's certificate that cannot be used"
    CA_KEY_TAKEN = "IRA1176", "Two clusters have one key"
    NO_ADMISSION = "IRA1177", "Every namespace of a cluster may ask for every name (warning)"
    # Lives of certificates
    RENEW_BEFORE = "IRA1170", "Renewal would begin before the certificate"
    OVERLAP = "IRA1171", "The overlap is longer than the time from renewal to end"
    OUTLIVES_AUTHORITY = "IRA1172", "A certificate would outlive its authority"
    RENEW_BEFORE_CUT = "IRA1173", "A default is cut to a third of the life (warning)"
    # Policy documents
    POLICY_FILE = "IRA1180", "A policy file cannot be read"
    POLICY_DOCUMENT = "IRA1181", "A policy that IAM would refuse"
    POLICY_CHARACTERS = "IRA1182", "A policy has characters that IAM refuses"
    POLICY_NAME = "IRA1183", "An inline policy has a bad name"
    POLICY_VERSION = "IRA1184", "A policy without a version (warning)"
    TEMPLATE_FUNCTION = "IRA1185", "A policy holds a function of CloudFormation"
    # Quotas of AWS
    MANAGED_POLICIES = "IRA1190", "Too many managed policies for a role"
    INLINE_POLICIES = "IRA1191", "Inline policies are too large"
    SESSION_POLICY = "IRA1192", "A session policy is too large"
    TRUST_POLICY = "IRA1193", "A trust policy is too large"
    ROLES = "IRA1194", "Too many roles"
    AUTHORITIES = "IRA1195", "Too many authorities"
    UNITS = "IRA1197", "Too many roles for one certificate"
    UNUSED_SETTING = "IRA1196", "A setting without effect (warning)"


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line of a file: counted from 1, in characters, with the line itself."""

    file: str
    line: int
    column: int
    width: int
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: where it is, what is wrong, why, and what to write instead.

    `path` names the value inside the file (`hosts.web.roles[0]`); it is empty when the file as a whole is meant.
    `excerpt` is the line of the file that holds the problem, `width` the characters of it that are marked.
    """

    severity: Literal["error", "warning"]
    id: str
    file: str
    line: int
    column: int
    path: str
    what: str
    why: str
    fix: str
    excerpt: str = ""
    width: int = 1

    def as_dict(self) -> dict[str, str | int]:
        """Return the problem as a JSON object."""
        return {
            "severity": self.severity,
            "id": self.id,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "what": self.what,
            "why": self.why,
            "fix": self.fix,
        }

    def render(self) -> str:
        """Return the problem as plain text of several lines: head, excerpt with a caret, why, fix."""
        lines = [f"{self.file}:{self.line}:{self.column}: {self.severity}[{self.id}]: {self.what}"]
        if self.excerpt:
            lines += self._marked_excerpt()
        lines += [f"  {label}: {text}" for label, text in (("why", self.why), ("fix", self.fix)) if text]
        return "\n".join(lines)

    def _marked_excerpt(self) -> list[str]:
        before, marked, shown = _window(self.excerpt, self.column - 1, max(self.width, 1))
        number = str(self.line)
        margin = " " * len(number)
        caret = " " * _cells(before) + "^" * max(_cells(marked), 1)
        return [f" {margin} |", f" {number} | {shown}", f" {margin} | {caret} {self.path}".rstrip()]


class ConfigError(IamRaError):
    """The file has problems: all of them, with their places.

    `diagnostics` holds errors and warnings in the order of the file; at least one is an error.
    """

    id = "IRA1100"
    cause = "A typing error, a reference to what is not there, or a name or a size that AWS would refuse."
    remedy = "`iam-ra validate` lists every problem with its place; the ids are below."

    def __init__(self, file: Path | str, diagnostics: Sequence[Diagnostic]) -> None:
        errors = sum(each.severity == "error" for each in diagnostics)
        super().__init__(
            f"{file} has {errors} problem{'s' * (errors != 1)}",
            why="The file must be right as a whole before anything is planned from it.",
            fix="Put right what is listed above, then run `iam-ra validate`.",
        )
        self.diagnostics = tuple(diagnostics)

    def as_dict(self) -> dict[str, Any]:
        """Return the error and all its problems as a JSON object."""
        return {**super().as_dict(), "diagnostics": [each.as_dict() for each in self.diagnostics]}

    def render(self) -> str:
        """Return all problems and their number as plain text."""
        return "\n\n".join([*(each.render() for each in self.diagnostics), self.what])


def dotted(path: Sequence[str | int]) -> str:
    """Return a path inside the file as text: `hosts.web.roles[0]`."""
    parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return printable("".join(parts).removeprefix("."))


def printable(text: str) -> str:
    """Return `text` with what could steer a terminal written out, one line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


_EXCERPT = 100


def _window(line: str, start: int, width: int) -> tuple[str, str, str]:
    """Return what stands before the mark, what is marked, and the part of a line that fits a screen."""
    offset = 0 if len(line) <= _EXCERPT else max(0, min(start - _EXCERPT // 3, len(line) - _EXCERPT))
    shown = line[offset : offset + _EXCERPT]
    lead, tail = "…" * bool(offset), "…" * (offset + _EXCERPT < len(line))
    before = lead + _visible(shown[: start - offset])
    marked = _visible(shown[start - offset : start - offset + width])
    return before, marked, f"{lead}{_visible(shown)}{tail}".rstrip()


def _visible(text: str) -> str:
    return "".join(" " if c == "\t" else c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _cells(text: str) -> int:
    """Return the columns of a terminal that `text` takes."""
    narrow = sum(not unicodedata.combining(c) for c in text)
    return narrow + sum(unicodedata.east_asian_width(c) in "WF" for c in text)
