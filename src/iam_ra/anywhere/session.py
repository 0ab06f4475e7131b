"""What a certificate becomes in a session: its name, its source identity, its tags; and how long it lasts.

Source: AWS IAM Roles Anywhere User Guide, "Trust model" (tags, source identity), "CreateSession" (name, duration) and
"Attribute mapping"; limits: botocore model sts 2011-06-15.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

MAX_TAGS = 50
MAX_TAG_VALUE = 256
TAG_CATEGORIES = frozenset("LNZ")
TAG_CHARACTERS = frozenset("_.:/=+-@")
STS_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
MAX_SOURCE_IDENTITY = 64
# Source: IAM User Guide, "IAM and AWS STS quotas": what narrows a session. Roles Anywhere itself lets a profile have more.
MAX_SESSION_POLICIES = 10
MAX_POLICY_CHARACTERS = 2048
COMMON_NAME_PREFIX = "CN="
SAN_FIELD = "x509SAN"
# UNCERTAIN: attribute-names: no other attribute of a name becomes a tag.
ATTRIBUTE_NAMES = MappingProxyType({
    NameOID.COMMON_NAME: "CN",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COUNTRY_NAME: "C",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.LOCALITY_NAME: "L",
    NameOID.USER_ID: "UID",
})  # fmt: skip
DEFAULT_MAPPINGS: Mapping[str, Sequence[str]] = MappingProxyType({
    "x509Subject": ("*",),
    "x509Issuer": ("*",),
    "x509SAN": ("DNS", "URI", "Name/*"),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class SessionTags:
    """The tags of a session, and those that the certificate suggests but STS would refuse, each with the reason."""

    kept: Mapping[str, str]
    dropped: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Session:
    """What a granted session bears; the duration is in seconds, and the policies only narrow what the role may do."""

    name: str
    source_identity: str
    duration_seconds: int
    tags: SessionTags
    policy: str | None
    policy_arns: tuple[str, ...]


def session_name(requested: str | None, serial: int) -> str:
    """Return the session's part of the assumed-role ARN: what was asked for, else the serial in lower-case hex."""
    # UNCERTAIN: session-name-padding: STS takes no name of one character.
    return requested or f"{serial:02x}"


def session_duration(profile_seconds: int, requested: int | None) -> int:
    """Return the seconds that a session is to last: the least of what profile and request say."""
    return profile_seconds if requested is None else min(profile_seconds, requested)


def policy_characters(inline: str | None, managed: Sequence[str]) -> int:
    """Return what STS counts of a session's policies: the inline one and the ARNs of managed ones, as plain text."""
    return len(inline or "") + sum(map(len, managed))


def source_identity(leaf: x509.Certificate) -> str:
    """Return the source identity: `CN=` and the common name, bare when that would be too long, else `ID=` and the serial.

    The result may be one that STS refuses; see `sts_takes`.
    """
    names = [_value(each) for each in leaf.subject if each.oid == NameOID.COMMON_NAME]
    if not names:
        digits = f"{leaf.serial_number:x}"
        return f"ID={digits.zfill(len(digits) + len(digits) % 2)}"
    # UNCERTAIN: several-common-names: the first one counts.
    prefixed = COMMON_NAME_PREFIX + names[0]
    return prefixed if len(prefixed) <= MAX_SOURCE_IDENTITY else names[0]


def sts_takes(name: str) -> bool:
    """Return whether STS takes a text as session name or source identity: 2 to 64 of letters, digits and `_+=,.@-`."""
    return STS_NAME.fullmatch(name) is not None


def session_tags(
    leaf: x509.Certificate, mappings: Mapping[str, Iterable[str]] = DEFAULT_MAPPINGS
) -> SessionTags:
    """Return the tags that a certificate's subject, issuer and first alternative names become.

    `mappings` holds a profile's specifiers by certificate field. Values of repeated attributes are joined by `/` in the
    certificate's order; what STS would refuse is dropped in silence by the service, and named here.
    """
    kept: dict[str, str] = {}
    dropped: dict[str, str] = {}
    # UNCERTAIN: tag-order: subject, issuer, alternative names.
    for tag, value in _candidates(leaf):
        if not _mapped(tag, mappings):
            dropped[tag] = "the profile's attribute mappings leave it out"
            continue
        why = _refused(value) or ("" if len(kept) < MAX_TAGS else f"a session has at most {MAX_TAGS} tags")
        (dropped if why else kept)[tag] = why or value
    return SessionTags(MappingProxyType(kept), MappingProxyType(dropped))


def _candidates(leaf: x509.Certificate) -> Iterator[tuple[str, str]]:
    yield from _attributes("x509Subject/", leaf.subject)
    yield from _attributes("x509Issuer/", leaf.issuer)
    names = next(
        (each.value for each in leaf.extensions if isinstance(each.value, x509.SubjectAlternativeName)), ()
    )
    dns = next((each.value for each in names if isinstance(each, x509.DNSName)), None)
    if dns is not None:
        yield "x509SAN/DNS", dns
    uri = next((each.value for each in names if isinstance(each, x509.UniformResourceIdentifier)), None)
    if uri is not None:
        yield "x509SAN/URI", uri
    directory = next((each.value for each in names if isinstance(each, x509.DirectoryName)), None)
    if directory is not None:
        yield from _attributes("x509SAN/Name/", directory)


def _attributes(prefix: str, name: x509.Name) -> Iterator[tuple[str, str]]:
    values: dict[str, list[str]] = {}
    for attribute in name:
        short = ATTRIBUTE_NAMES.get(attribute.oid)
        if short is not None:
            values.setdefault(prefix + short, []).append(_value(attribute))
    for tag, each in values.items():
        yield tag, "/".join(each)


def _value(attribute: x509.NameAttribute[str | bytes]) -> str:
    value = attribute.value
    return value if isinstance(value, str) else value.hex()


def _mapped(tag: str, mappings: Mapping[str, Iterable[str]]) -> bool:
    """Return whether a mapping names this tag, itself or by the wildcard of its group."""
    field, _, specifier = tag.partition("/")
    group, slash, _ = specifier.rpartition("/")
    # x509SAN has no wildcard of its own: it is undefined for DNS and URI.
    wildcard = f"{group}/*" if slash else "*" if field != SAN_FIELD else specifier
    # UNCERTAIN: mapping-beside-wildcard: the wildcard maps all, whatever stands beside it.
    return not {specifier, wildcard}.isdisjoint(map(_normal, mappings.get(field, ())))


def _normal(specifier: str) -> str:
    return "Name/*" if specifier in {"Name", "Name/"} else specifier


def _refused(value: str) -> str:
    if len(value) > MAX_TAG_VALUE:
        return f"the value has {len(value)} characters, and STS takes at most {MAX_TAG_VALUE}"
    bad = next((each for each in value if not _tag_character(each)), None)
    return "" if bad is None else f"STS does not take the character {bad!r} in a tag"


def _tag_character(character: str) -> bool:
    return character in TAG_CHARACTERS or unicodedata.category(character)[0] in TAG_CATEGORIES
