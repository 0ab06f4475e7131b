"""How long before its end an authority is followed: early enough for what it signs, never before half of its life."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iam_ra.config.durations import format_duration
from iam_ra.config.load import load

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "version: 1\nnamespace: default\nregion: ap-southeast-2\nroles: {a: {}}\n"


@pytest.mark.parametrize(
    ("authority", "lives", "expected"),
    [
        # The longest life that it signs, and 60 days.
        ("validity: 10y", ["90d", "365d"], "425d"),
        ("validity: 10y", ["90d"], "150d"),
        # No host: the life of the defaults, 365 days.
        ("validity: 10y", [], "425d"),
        # Written: more is taken, less is not.
        ("validity: 10y, renew_before: 2y", ["90d"], "2y"),
        ("validity: 10y, renew_before: 151d", ["90d"], "151d"),
        ("validity: 10y, renew_before: 30d", ["90d"], "150d"),
        # Half of its own life, at the boundary and past it.
        ("validity: 300d", ["90d"], "150d"),
        ("validity: 298d", ["90d"], "149d"),
        ("validity: 90d", ["90d"], "45d"),
        ("validity: 30d", ["1d"], "15d"),
        ("validity: 1y, renew_before: 364d", ["30d"], "4380h"),
    ],
)
def test_when_an_authority_is_followed(
    tmp_path: Path, authority: str, lives: list[str], expected: str
) -> None:
    hosts = ", ".join(
        f"h{number}x: {{roles: [a], certificate: {{validity: {life}, renew_before: 8h, overlap: 4h}}}}"
        for number, life in enumerate(lives)
    )
    path = tmp_path / "iam-ra.yaml"
    # Of another authority's hosts nothing is taken.
    other = "other: {roles: [a], ca: lab, certificate: {validity: 3y}}"
    path.write_text(
        f"{HEAD}certificate_authorities: {{default: {{{authority}}}, lab: {{}}}}\n"
        f"hosts: {{{', '.join(filter(None, (hosts, other)))}}}\n"
    )
    found = load(path).namespace.authorities["default"]
    assert format_duration(found.renew_before) == expected
    # A new generation is not due the moment it is made.
    assert found.renew_before < found.validity
