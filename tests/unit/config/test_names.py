"""Names that the file allows are names that AWS takes, and no two of them become one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iam_ra.aws.naming import Names

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.config.diagnostics import Diagnostic
    from iam_ra.config.load import Loaded
    from iam_ra.config.model import Namespace

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,5}[A-Za-z0-9])?", fullmatch=True)
SETS = st.lists(NAMES, min_size=1, max_size=6, unique_by=str.casefold)


def stacks(namespace: Namespace) -> list[str]:
    names = Names(namespace.name)
    return [
        names.stack("init"),
        *(names.authority_stack(each) for each in namespace.authorities),
        *(names.stack(f"role-{each}") for each in namespace.roles),
        *(names.stack(f"host-{each}") for each in namespace.hosts),
    ]


@given(authorities=SETS, roles=SETS, hosts=SETS)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_two_stacks_have_one_name(
    load_text: Callable[[str], Loaded], authorities: list[str], roles: list[str], hosts: list[str]
) -> None:
    text = "certificate_authorities: {" + ", ".join(f"'{each}': {{}}" for each in authorities) + "}\n"
    text += "roles: {" + ", ".join(f"'{each}': {{}}" for each in roles) + "}\n"
    entry = f"{{ca: '{authorities[0]}', roles: ['{roles[0]}'], identity: id-"
    text += "hosts: {" + ", ".join(f"'{each}': {entry}{each}}}" for each in hosts) + "}\n"
    made = stacks(load_text(text).namespace)
    assert (
        len({each.casefold() for each in made}) == len(made) == 1 + len(authorities) + len(roles) + len(hosts)
    )


@pytest.mark.parametrize("namespace", ["n", "n" * 20])
@pytest.mark.parametrize("section", ["certificate_authorities", "roles", "hosts"])
def test_the_longest_names_fit_and_one_more_does_not(
    load_text: Callable[[str], Loaded],
    problems: Callable[[str], list[Diagnostic]],
    namespace: str,
    section: str,
) -> None:
    head = f"version: 1\nnamespace: {namespace}\nregion: us-east-1\n"
    body = {
        "certificate_authorities": "certificate_authorities: {%s: {}}\n",
        "roles": "roles: {%s: {}}\n",
        "hosts": "roles: {r: {}}\nhosts: {%s: {roles: [r], identity: h1}}\n",
    }[section]
    (problem,) = problems(head + body % ("x" * 200))
    room = int(re.findall("Shorten it to ([0-9]+) characters", problem.fix)[0])
    loaded = load_text(head + body % ("x" * room)).namespace
    assert [each.id for each in problems(head + body % ("x" * (room + 1)))] == ["IRA1136"]
    names = Names(namespace)
    assert all(len(each) <= 128 for each in stacks(loaded))
    assert all(len(names.role(each)) <= 64 for each in loaded.roles)
    assert all(len(names.trust_anchor(each)) <= 255 for each in loaded.authorities)
    assert all(len(names.secret(each, "private-key")) <= 512 for each in loaded.hosts)
    longest = max(
        [len(each) for each in stacks(loaded)] + [len(names.role(each)) + 64 for each in loaded.roles]
    )
    assert longest == 128
