"""The types of the file's values: how each is read from text, refused in the user's words, and said in JSON Schema."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from iam_ra.config import arns, durations, model
from iam_ra.config.diagnostics import Check
from iam_ra.config.nodes import Plain

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
NAME_PATTERN = f"^{_NAME}$"
AUTHORITY_PATTERN = f"^(cluster/)?{_NAME}$"
NAMESPACE_PATTERN = "^[a-z][a-z0-9-]{0,19}$"
ACCOUNT_PATTERN = "^[0-9]{12}$"
IDENTITY_PATTERN = "^[A-Za-z0-9_.=+@-]{2,61}$"
POLICY_NAME_PATTERN = "^[A-Za-z0-9_+=,.@-]{1,128}$"
# Roles Anywhere has the narrowest alphabet of all services that a tag reaches, CloudFormation refuses empty values.
# Sources: botocore models rolesanywhere 2018-05-10 (TagKey, TagValue) and cloudformation 2010-05-15 (TagValue).
TAG_KEY_PATTERN = "^[ a-zA-Z0-9_.:/=+@-]{1,128}$"
TAG_VALUE_PATTERN = "^[ a-zA-Z0-9_.:/=+@-]{1,256}$"
# What IAM takes (source: botocore model iam 2010-05-08, roleDescriptionType), without line breaks.
DESCRIPTION_PATTERN = "^[ -~\u00a1-\u00ff]{0,1000}$"
FILE_PATTERN = r"^(?!/)[^\\\x00-\x1f]+$"
SOPS_PATTERN = r"^(?!/)[^\\\x00-\x1f]+\.ya?ml$"
PCA_PATTERN = "^arn:aws[a-z-]*:acm-pca:[a-z0-9-]+:[0-9]{12}:certificate-authority/[0-9a-f-]{36}$"
ADDRESS_GLOB_PATTERN = "^(init|ca/|cluster/|role/|host/|[*?])[A-Za-z0-9*?:/-]*$"
ABSOLUTE_PATTERN = r"^/[^\x00-\x1f]*[^/\x00-\x1f]$"


def refuse(check: Check, what: str, *, why: str = "", fix: str = "") -> NoReturn:
    """Raise what pydantic collects: a problem in the user's words."""
    raise PydanticCustomError(check.name, "{what}", {"what": what, "why": why, "fix": fix})


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text)]


def matching(pattern: str, check: Check, problem: str, *, why: str, fix: str) -> AfterValidator:
    """Return the check that a text has a form; `problem` is said of one that has not."""
    form = re.compile(pattern.removeprefix("^").removesuffix("$"))

    def validate(value: str) -> str:
        if not form.fullmatch(value):
            refuse(check, f"`{value}` {problem}", why=why, fix=fix)
        return value

    return AfterValidator(validate)


def form_of(pattern: str, **more: Any) -> WithJsonSchema:
    """Return what JSON Schema says of a text of a form."""
    return WithJsonSchema({"type": "string", "pattern": pattern, **more})


# Booleans and numbers


def _flag(value: Any) -> Any:
    if isinstance(value, Plain) and value in {"true", "True", "TRUE", "false", "False", "FALSE"}:
        return value[0] in "tT"
    if isinstance(value, Plain) and value.lower() in {"yes", "no", "on", "off", "y", "n"}:
        word = "true" if value.lower() in {"yes", "on", "y"} else "false"
        refuse(
            Check.NO_BOOLEAN,
            f"`{value}` is not a boolean",
            why="Since YAML 1.2 yes, no, on and off are plain texts.",
            fix=f"Write {word}.",
        )
    if isinstance(value, str):
        bare = value.lower() in {"true", "false"}
        refuse(
            Check.NO_BOOLEAN,
            f"`{value}` is not a boolean",
            why="In quotes it is a text." if bare else "This is either on or off.",
            fix="Remove the quotes." if bare else "Write true or false.",
        )
    return value


Flag = Annotated[bool, BeforeValidator(_flag)]


def count_of(unit: str, low: int, high: int) -> Any:
    """Return the type of a whole number in a range."""

    def validate(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if not isinstance(value, Plain) or not re.fullmatch("[-+]?(0|[1-9][0-9]{0,17})", value):
            quoted = not isinstance(value, Plain) and re.fullmatch("[0-9]+", value)
            refuse(
                Check.NO_NUMBER,
                f"`{value}` is not a whole number",
                why="In quotes it is a text." if quoted else f"This is a number of {unit}.",
                fix="Remove the quotes." if quoted else f"Write a number from {low} to {high}.",
            )
        if not low <= int(value) <= high:
            refuse(
                Check.OUT_OF_RANGE,
                f"{value} is not between {low} and {high}",
                why=f"This is a number of {unit}.",
                fix=f"Write a number from {low} to {high}.",
            )
        return int(value)

    schema = {"type": "integer", "minimum": low, "maximum": high}
    return Annotated[int, BeforeValidator(validate), WithJsonSchema(schema)]


if TYPE_CHECKING:
    Days = int
    Percent = int
    TrustPolicySize = int
    ManagedPolicies = int
    Profiles = int
    TrustAnchors = int
else:
    Days = count_of("days", 1, 360)
    Percent = count_of("percent", 0, 100)
    TrustPolicySize = count_of("characters", 256, 8192)
    ManagedPolicies = count_of("policies", 1, 25)
    Profiles = count_of("profiles", 1, 10_000)
    TrustAnchors = count_of("trust anchors", 1, 10_000)

# Durations


def duration_from(low: str, high: str, why: str, unit: str = "d") -> BeforeValidator:
    """Return what reads a duration in a range; `unit` is what a bare number most likely means."""
    bounds = durations.parse_duration(low), durations.parse_duration(high)

    def validate(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            duration = durations.parse_duration(value)
        except ValueError as error:
            number = re.fullmatch("[1-9][0-9]*", value)
            refuse(
                Check.NO_DURATION,
                str(error),
                why="A duration is a whole number and its unit: m, h, d or y (365 days).",
                fix=f"Write {value}{unit} if that is what you mean."
                if number
                else f"Write {low} or {high}, for example.",
            )
        if not bounds[0] <= duration <= bounds[1]:
            refuse(
                Check.OUT_OF_RANGE,
                f"`{value}` is not between {low} and {high}",
                why=why,
                fix=f"Write a duration from {low} to {high}.",
            )
        return duration

    return BeforeValidator(validate)


SessionDuration = Annotated[
    timedelta,
    duration_from("15m", "12h", "Roles Anywhere opens sessions of 15 minutes to 12 hours.", "m"),
    form_of(durations.PATTERN),
]
AuthorityValidity = Annotated[
    timedelta,
    duration_from("30d", "50y", "An authority is replaced by hand; below a month nobody keeps up with that."),
    form_of(durations.PATTERN),
]
HostValidity = Annotated[
    timedelta,
    duration_from(
        "1h", "50y", "Renewal needs a run of apply: below an hour clocks and delays eat the whole life."
    ),
    form_of(durations.PATTERN),
]
Span = Annotated[
    timedelta,
    duration_from("1m", "50y", "It is a part of a certificate's life."),
    form_of(durations.PATTERN),
]

# Names


def _region(value: str) -> str:
    if not re.fullmatch(arns.REGION_PATTERN.strip("^$"), value):
        near = arns.nearest_region(value)
        refuse(
            Check.REGION,
            f"`{value}` is not the name of a region",
            why="A region is named by an area, a direction and a number.",
            fix=f"Did you mean `{near}`?" if near else "Write a region such as ap-southeast-2.",
        )
    return value


def _version(value: str) -> str:
    if value != "1":
        refuse(
            Check.VERSION,
            f"`{value}` is no version of the file that this iam-ra reads",
            why="It reads version 1.",
            fix="Write `version: 1`, or install the iam-ra that made the file.",
        )
    return value


def _account(value: str) -> str:
    if not re.fullmatch("[0-9]{12}", value):
        digits = value.replace("-", "").replace(" ", "")
        guess = (
            f'Write "{digits}".'
            if re.fullmatch("[0-9]{12}", digits)
            else 'Write all 12 digits, in quotes: "123456789012".'
        )
        refuse(
            Check.ACCOUNT,
            f"`{value}` is not the number of an account",
            why="An account's number has 12 digits, leading zeros included.",
            fix=guess,
        )
    return value


Version = Annotated[Text, AfterValidator(_version), WithJsonSchema({"const": 1, "type": "integer"})]
NamespaceName = Annotated[
    Text,
    matching(
        NAMESPACE_PATTERN,
        Check.NAMESPACE,
        "cannot name a namespace",
        why="It begins every name of the namespace: a small letter, then up to 19 of a-z, 0-9 and `-`.",
        fix="Write a short name such as default or team-a.",
    ),
    form_of(NAMESPACE_PATTERN),
]
Region = Annotated[Text, AfterValidator(_region), form_of(arns.REGION_PATTERN)]
AccountId = Annotated[
    Text,
    AfterValidator(_account),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": ACCOUNT_PATTERN}, {"type": "integer"}]}),
]
# Names, ARNs and tags are judged by the checks, one by one and together with what they must fit.
EntityName = Annotated[Text, form_of(NAME_PATTERN)]
Identity = Annotated[
    Text,
    matching(
        IDENTITY_PATTERN,
        Check.IDENTITY,
        "cannot be an identity",
        why="STS takes it as the source identity `CN=...`: 2 to 61 of letters, digits and _.=+@-; others are dropped in silence.",
        fix="Write the host's name, for example web.example.com.",
    ),
    form_of(IDENTITY_PATTERN),
]
AuthorityName = EntityName
PolicyName = Annotated[Text, form_of(POLICY_NAME_PATTERN)]
PolicyArnText = Annotated[Text, form_of(arns.POLICY_ARN_PATTERN, maxLength=2048)]
Description = Annotated[
    Text,
    matching(
        DESCRIPTION_PATTERN,
        Check.DESCRIPTION,
        "cannot describe a role",
        why="IAM takes up to 1,000 characters of Latin-1, and here they stand on one line.",
        fix="Remove line breaks and characters such as emoji.",
    ),
    form_of(DESCRIPTION_PATTERN),
]
_DRIFTING = (
    "role",
    "profile",
    "trust_anchor",
    "certificate_secret",
    "private_key_secret",
    "bucket",
    "kms_key",
)


def _field_glob(value: str) -> str:
    first = value.partition(".")[0]
    if not re.search(r"[*?]", first) and first not in _DRIFTING:
        refuse(
            Check.DRIFT_RULE,
            f"`{value}` names no setting",
            why=f"Names of settings begin with {', '.join(_DRIFTING)}.",
            fix="Write one as iam-ra plan names it, for example role.tags.*",
        )
    return value


AddressGlob = Annotated[
    Text,
    matching(
        ADDRESS_GLOB_PATTERN,
        Check.DRIFT_RULE,
        "matches no address",
        why="Settings drift that belong to init, to an authority (ca/...), a cluster, a role or a host.",
        fix="Write an address such as role/admin or role/*.",
    ),
    form_of(ADDRESS_GLOB_PATTERN),
]
FieldGlob = Annotated[Text, AfterValidator(_field_glob), WithJsonSchema({"type": "string", "minLength": 1})]

# Lists


def _distinct(values: list[Any]) -> list[Any]:
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        refuse(
            Check.DUPLICATE_ITEM,
            f"`{twice[0]}` is listed twice",
            why="The list is a set: the second says nothing.",
            fix="Remove one of them.",
        )
    return values


def _filled(values: list[Any]) -> list[Any]:
    if not values:
        refuse(
            Check.NO_VALUE,
            "the list is empty",
            why="At least one entry is needed here.",
            fix="Name at least one.",
        )
    return values


def one_or_many(value: Any) -> Any:
    """Return a list for a text that stands for a list of one."""
    return [value] if isinstance(value, str) else value


Distinct = AfterValidator(_distinct)
Filled = AfterValidator(_filled)
_Word = BeforeValidator(_text)
Key = Annotated[model.KeyAlgorithm, _Word]
Mode = Annotated[model.Mode, _Word]
KeyStore = Annotated[model.KeyStore, _Word]
Binding = Annotated[model.Binding, _Word]
Deliveries = Annotated[
    list[Annotated[model.Delivery, _Word]],
    Filled,
    Distinct,
    Field(json_schema_extra={"uniqueItems": True, "minItems": 1}),
]
PolicyArns = Annotated[list[PolicyArnText], Distinct, Field(json_schema_extra={"uniqueItems": True})]
FieldGlobs = Annotated[
    list[FieldGlob], Filled, Distinct, Field(json_schema_extra={"uniqueItems": True, "minItems": 1})
]
Names = Annotated[
    list[EntityName], Filled, Distinct, Field(json_schema_extra={"uniqueItems": True, "minItems": 1})
]
_AUTHORITIES_SCHEMA = {
    "type": "array",
    "minItems": 1,
    "uniqueItems": True,
    "items": {"type": "string", "pattern": AUTHORITY_PATTERN},
}
AuthorityNames = Annotated[
    list[EntityName],
    BeforeValidator(one_or_many),
    Filled,
    Distinct,
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": AUTHORITY_PATTERN}, _AUTHORITIES_SCHEMA]}),
]

# Paths


def relative_path(suffixes: tuple[str, ...]) -> Callable[[str], str]:
    """Return the check of a path in the folder of the file; without suffixes it is a folder."""

    def validate(value: str) -> str:
        steps = value.split("/")
        problem = (
            "it is absolute"
            if value.startswith(("/", "~"))
            else "it has a backslash"
            if "\\" in value
            else "it leaves the folder or has an empty step"
            if {"", ".", ".."} & set(steps)
            else "it has a character that does not show"
            if not value.isprintable()
            else f"its name does not end in {' or '.join(suffixes)}"
            if suffixes and not value.endswith(suffixes)
            else ""
        )
        if problem:
            refuse(
                Check.PATH,
                f"`{value}` cannot be this path: {problem}",
                why="Paths start at the folder of the file and stay in it, so that every checkout means the same.",
                fix=f"Write it with forward slashes, for example some/folder/name{''.join(suffixes[:1])}",
            )
        return value

    return validate


def _absolute_path(value: str) -> str:
    steps = value.split("/")
    if steps[0] or len(steps) == 1 or {"", ".", ".."} & set(steps[1:]) or not value.isprintable():
        refuse(
            Check.PATH,
            f"`{value}` is not an absolute path",
            why="It is a path on the host, whose working folder nobody knows.",
            fix="Begin it with `/`, without `..`, `//` or a slash at the end.",
        )
    return value


def unclaimed(value: str) -> str:
    """Refuse the places where a SOPS file would be taken for something else; some disks ignore the case of letters."""
    steps = value.casefold().split("/")
    owner = (
        "`.git` belongs to git"
        if ".git" in steps
        else "`exports` holds what `iam-ra export` writes"
        if steps[0] == "exports"
        else "sops reads its rules from `.sops.yaml`"
        if steps[-1] == ".sops.yaml"
        else ""
    )
    if owner:
        refuse(
            Check.PATH,
            f"`{value}` cannot be this path: {owner}",
            why="One would overwrite or misread the other.",
            fix="Give it a place of its own, for example secrets/name.yaml",
        )
    return value


SopsPath = Annotated[
    Text,
    AfterValidator(relative_path((".yaml", ".yml"))),
    AfterValidator(unclaimed),
    form_of(SOPS_PATTERN),
]
AgePath = Annotated[
    Text,
    AfterValidator(relative_path((".age",))),
    AfterValidator(unclaimed),
    form_of(r"^(?!/)[^\\\x00-\x1f]+\.age$"),
]
CsrPath = Annotated[Text, AfterValidator(relative_path((".pem", ".csr", ".req"))), form_of(FILE_PATTERN)]
PcaArn = Annotated[
    Text,
    matching(
        PCA_PATTERN,
        Check.ARN,
        "is not the ARN of a private CA",
        why="It names the region, the account and the authority's UUID.",
        fix="Write the ARN that `aws acm-pca list-certificate-authorities` shows.",
    ),
    form_of(PCA_PATTERN),
]
Recipients = Annotated[
    list[Text], Filled, Distinct, Field(json_schema_extra={"uniqueItems": True, "minItems": 1})
]
policy_path = relative_path((".json", ".yaml", ".yml"))
HostPath = Annotated[Text, AfterValidator(_absolute_path), form_of(ABSOLUTE_PATTERN)]


# Tags and policy documents: several problems may hide in one, so that their checks run later.


Tags = Annotated[
    dict[Text, Text],
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": 40,
            "propertyNames": {"pattern": TAG_KEY_PATTERN},
            "additionalProperties": {"type": ["string", "number", "boolean"], "pattern": TAG_VALUE_PATTERN},
        }
    ),
]


def _document(value: Any) -> Any:
    if isinstance(value, str):
        return policy_path(str(value))
    if not isinstance(value, dict):
        refuse(
            Check.WRONG_TYPE,
            f"a policy cannot be {describe(value)}",
            why="It is a policy document, or the path of a file that holds one.",
            fix="Write the document as a mapping with Version and Statement, or policies/name.json.",
        )
    return value


def describe(value: Any) -> str:
    """Return what a value is, as a user calls it."""
    if value is None:
        return "empty"
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else "a text"


PolicySource = Annotated[
    Any,
    BeforeValidator(_document),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "string",
                    "pattern": FILE_PATTERN,
                    "description": "A JSON or YAML file, relative to this file.",
                },
                {
                    "type": "object",
                    "description": "The document.",
                    "required": ["Statement"],
                    "properties": {
                        "Version": {"enum": ["2012-10-17", "2008-10-17"]},
                        "Id": {"type": "string"},
                        "Statement": {
                            "anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]
                        },
                    },
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
