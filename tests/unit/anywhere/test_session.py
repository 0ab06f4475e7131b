from __future__ import annotations

import unicodedata

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.anywhere.world import CA, name

from iam_ra.anywhere.session import (
    DEFAULT_MAPPINGS,
    session_duration,
    session_name,
    session_tags,
    source_identity,
    sts_takes,
)

CN, O, OU = NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME  # noqa: E741


def tags(leaf: x509.Certificate, **mappings: list[str]) -> dict[str, str]:
    return dict(session_tags(leaf, mappings or DEFAULT_MAPPINGS).kept)


def test_subject_and_issuer_become_tags() -> None:
    subject = name(
        (NameOID.COUNTRY_NAME, "AU"),
        (NameOID.STATE_OR_PROVINCE_NAME, "VIC"),
        (NameOID.LOCALITY_NAME, "Melbourne"),
        (O, "Example"),
        (OU, "web"),
        (CN, "web.example.com"),
        (NameOID.USER_ID, "u1"),
    )
    assert tags(CA.issue(subject)) == {
        "x509Subject/C": "AU",
        "x509Subject/ST": "VIC",
        "x509Subject/L": "Melbourne",
        "x509Subject/O": "Example",
        "x509Subject/OU": "web",
        "x509Subject/CN": "web.example.com",
        "x509Subject/UID": "u1",
        "x509Issuer/CN": "root",
    }


def test_repeated_attributes_are_joined_in_order() -> None:
    assert tags(CA.issue(name((OU, "B"), (CN, "web"), (OU, "A"))))["x509Subject/OU"] == "B/A"


def test_attributes_without_a_short_name_become_no_tags() -> None:
    leaf = CA.issue(name((CN, "web"), (NameOID.TITLE, "x"), (NameOID.SERIAL_NUMBER, "1")))
    assert set(tags(leaf)) == {"x509Subject/CN", "x509Issuer/CN"}


def test_only_the_first_alternative_name_of_a_kind_becomes_tags() -> None:
    leaf = CA.issue(
        san=[
            x509.RFC822Name("a@example.com"),
            x509.DNSName("one.example.com"),
            x509.DNSName("two.example.com"),
            x509.UniformResourceIdentifier("spiffe://example/one"),
            x509.UniformResourceIdentifier("spiffe://example/two"),
            x509.DirectoryName(name((CN, "first"), (O, "Example"))),
            x509.DirectoryName(name((CN, "second"), (OU, "late"))),
        ]
    )
    found = {key: value for key, value in tags(leaf).items() if key.startswith("x509SAN")}
    assert found == {
        "x509SAN/DNS": "one.example.com",
        "x509SAN/URI": "spiffe://example/one",
        "x509SAN/Name/CN": "first",
        "x509SAN/Name/O": "Example",
    }


@pytest.mark.parametrize("value", ["a,b", "a*b", "a'b", "a\tb", "(x)", "a#b"])
def test_values_that_sts_refuses_are_dropped_and_told(value: str) -> None:
    found = session_tags(CA.issue(name((CN, "web"), (O, value))))
    assert "x509Subject/O" not in found.kept
    assert "STS does not take the character" in found.dropped["x509Subject/O"]
    assert found.kept["x509Subject/CN"] == "web"


@pytest.mark.parametrize("value", ["a b", "Zürich", "a_b.c:d/e=f+g-h@i", "日本", "½"])
def test_values_that_sts_takes_are_kept(value: str) -> None:
    assert tags(CA.issue(name((CN, "web"), (O, value))))["x509Subject/O"] == value


def test_values_of_more_than_256_characters_are_dropped() -> None:
    fits = name(*[(OU, "x" * 63)] * 3, (OU, "x" * 64))
    assert len(tags(CA.issue(fits))["x509Subject/OU"]) == 256
    found = session_tags(CA.issue(name((CN, "web"), *[(OU, "x" * 63)] * 4, (OU, "x"))))
    assert found.dropped["x509Subject/OU"] == "the value has 257 characters, and STS takes at most 256"


def test_no_certificate_has_more_than_50_tags() -> None:
    """Seven names for each of subject, issuer and directory name, and two more: the limit is out of reach."""
    subject = name(*((oid, "AU") for oid in (CN, O, OU, NameOID.COUNTRY_NAME, NameOID.LOCALITY_NAME)))
    assert len(tags(CA.issue(subject, san=[x509.DNSName("a")]))) <= 50


def test_mappings_choose_the_tags() -> None:
    leaf = CA.issue(
        name((CN, "web"), (O, "Example")),
        san=[x509.DNSName("a.example.com"), x509.DirectoryName(name((CN, "dir"), (O, "Dir")))],
    )
    assert tags(leaf, x509Subject=["CN"]) == {"x509Subject/CN": "web"}
    assert tags(leaf, x509Subject=["*", "CN"]) == {"x509Subject/CN": "web", "x509Subject/O": "Example"}
    assert tags(leaf, x509Issuer=["*"]) == {"x509Issuer/CN": "root"}
    assert tags(leaf, x509SAN=["DNS"]) == {"x509SAN/DNS": "a.example.com"}
    assert tags(leaf, x509SAN=["Name/CN"]) == {"x509SAN/Name/CN": "dir"}
    for whole in ("Name", "Name/", "Name/*"):
        assert tags(leaf, x509SAN=[whole]) == {"x509SAN/Name/CN": "dir", "x509SAN/Name/O": "Dir"}
    assert tags(leaf, x509SAN=["*"]) == {}
    assert session_tags(leaf, {}).kept == {}
    assert session_tags(leaf, {}).dropped["x509Subject/CN"] == "the profile's attribute mappings leave it out"


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), min_size=1, max_size=6
    )
)
def test_a_kept_tag_is_the_joined_value_and_always_one_that_sts_takes(values: list[str]) -> None:
    leaf = CA.issue(name(*((OU, value) for value in values)))
    found = session_tags(leaf)
    joined = "/".join(values)
    takes = len(joined) <= 256 and all(
        unicodedata.category(each)[0] in "LNZ" or each in "_.:/=+-@" for each in joined
    )
    assert found.kept.get("x509Subject/OU") == (joined if takes else None)
    assert ("x509Subject/OU" in found.dropped) is not takes


@pytest.mark.parametrize(
    ("length", "expected"), [(1, "CN=x"), (61, "CN=" + "x" * 61), (62, "x" * 62), (64, "x" * 64)]
)
def test_source_identity_of_a_common_name(length: int, expected: str) -> None:
    assert source_identity(CA.issue("x" * length)) == expected


@pytest.mark.parametrize(
    ("serial", "expected"), [(291, "ID=0123"), (0x10, "ID=10"), (0xABCDEF, "ID=abcdef"), (1, "ID=01")]
)
def test_source_identity_without_a_common_name(serial: int, expected: str) -> None:
    assert source_identity(CA.issue(name((O, "Example")), serial=serial)) == expected


def test_source_identity_of_several_common_names_is_the_first() -> None:
    assert source_identity(CA.issue(name((CN, "one"), (CN, "two")))) == "CN=one"


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("CN=web.example.com", True),
        ("ab", True),
        ("a", False),
        ("x" * 64, True),
        ("x" * 65, False),
        ("CN=a b", False),
        ("CN=é", False),
        ("a/b", False),
    ],
)
def test_what_sts_takes(text: str, taken: bool) -> None:
    assert sts_takes(text) is taken


@pytest.mark.parametrize(
    ("requested", "serial", "expected"),
    [
        (None, 0x1002, "1002"),
        (None, 7, "07"),
        (None, 0xABC, "abc"),
        ("me", 0xABC, "me"),
        (None, 0xF << 156, "f" + "0" * 39),
    ],
)
def test_session_names(requested: str | None, serial: int, expected: str) -> None:
    assert session_name(requested, serial) == expected


@pytest.mark.parametrize(
    ("profile", "requested", "expected"),
    [(3600, None, 3600), (43200, 3600, 3600), (900, 3600, 900), (900, 900, 900)],
)
def test_the_shorter_duration_counts(profile: int, requested: int | None, expected: int) -> None:
    assert session_duration(profile, requested) == expected
