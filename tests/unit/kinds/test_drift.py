"""What is rendered and "read back" shows no drift, however AWS writes it; each single edit shows exactly its setting."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.kinds.samples import (
    ANCHOR,
    KEY,
    NAMES,
    REGION,
    init_stack,
    known_values,
    namespace,
    parts,
    run,
    snapshot,
    stack,
)

from iam_ra.aws.documents import canonical
from iam_ra.aws.live import ATTACHED, Key, Live
from iam_ra.aws.naming import LINEAGE_TAG
from iam_ra.config.model import IgnoreDrift
from iam_ra.engine.address import Address
from iam_ra.engine.part import Observed, Presence, Recorded, resolve
from iam_ra.kinds.base import all_kinds
from iam_ra.kinds.drift import Drifted, stack_resources, unread_warnings, unused_warnings, with_drift
from iam_ra.kinds.stack import DIGEST, UPDATED, StackKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iam_ra.config.model import Namespace

FILE = """
roles:
  admin:
    policies: [arn:aws:iam::aws:policy/ReadOnlyAccess, arn:aws:iam::aws:policy/IAMReadOnlyAccess]
    inline_policies:
      look: {Version: "2012-10-17", Statement: {Effect: Allow, Action: ["s3:Get*", "s3:List*"], Resource: "*"}}
    permissions_boundary: arn:aws:iam::aws:policy/PowerUserAccess
    tags: {team: blue}
hosts: {web: {roles: [admin]}}
"""
ROLE, HOST, CA, INIT = (
    Address.parse(each) for each in ("role/admin:stack", "host/web:stack", "ca/default:stack", "init:stack")
)
OUTPUTS: Final[Mapping[Address, Mapping[str, str]]] = {
    ROLE: {
        "RoleArn": "arn:aws:iam::123456789012:role/iam-ra/default/iam-ra-default-admin",
        "ProfileArn": f"arn:aws:rolesanywhere:{REGION}:123456789012:profile/1",
    },
    HOST: {"CertificateSecretArn": "arn:certificate", "PrivateKeySecretArn": "arn:private-key"},
    CA: {"TrustAnchorArn": ANCHOR, "TrustAnchorId": "0"},
    INIT: {"BucketName": "bucket", "KMSKeyArn": KEY},
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Namespace:
    return namespace(tmp_path_factory.mktemp("file"), FILE)


class Account:
    """Recorded stacks, and the resources below them as AWS would show them."""

    def __init__(self, file: Namespace) -> None:
        wanted = parts(file)
        self.recorded = {
            address: Recorded(
                address,
                wanted[address].kind,
                resolve(wanted[address].inputs, known_values),
                {**outputs, DIGEST: "d", UPDATED: "u"},
            )
            for address, outputs in OUTPUTS.items()
        }
        self.rules: tuple[IgnoreDrift, ...] = ()
        self.live = Live(listed=frozenset({"role", "secret", "profile", "trust_anchor"}))
        self.live = Live(self._made(), {}, self.live.listed)

    def _made(self) -> dict[Key, dict[str, Any]]:
        """Return what the templates say, by way of what drifts when nothing is there."""
        asked: dict[Key, dict[str, Any]] = {}
        for address in OUTPUTS:
            for resource in self._resources(address):
                arn = {"arn": resource.arn} if resource.arn else {}
                asked[resource.key] = {**copy.deepcopy(dict(resource.settings)), **arn}
        return asked

    def _resources(self, address: Address) -> Any:
        kind = all_kinds()[self.recorded[address].kind]
        assert isinstance(kind, StackKind)
        return list(stack_resources(kind, address, self.recorded[address].inputs, OUTPUTS[address], run()))

    def judge(self, live: Live | None = None) -> Drifted:
        names = {
            ROLE: NAMES.stack("role-admin"),
            HOST: NAMES.stack("host-web"),
            CA: NAMES.authority_stack("default"),
        }
        stacks = [
            stack(name, outputs={**OUTPUTS[address], DIGEST: "d"}, address=str(address))
            for address, name in names.items()
        ]
        world = snapshot(init_stack(outputs={**OUTPUTS[INIT], DIGEST: "d"}), *stacks)
        observed = {
            address: Observed(Presence.PRESENT, {DIGEST: "d", UPDATED: "u"}) for address in self.recorded
        }
        worker = run()
        worker.ignore_drift = self.rules
        world = replace(world, live=self.live if live is None else live)
        return with_drift(observed, self.recorded, world, all_kinds(), worker)

    def edited(self, key: Key, name: str, value: Any) -> Drifted:
        """Judge with one setting another one, or gone (None)."""
        settings = {each: found for each, found in self.live.resources[key].items() if each != name}
        if value is not None:
            settings[name] = value
        return self.judge(replace(self.live, resources={**self.live.resources, key: settings}))


@pytest.fixture(scope="module")
def account(file: Namespace) -> Account:
    return Account(file)


def fields(found: Drifted) -> dict[str, tuple[Any, Any]]:
    return {
        f"{address} {each.field}": (each.expected, each.found)
        for address, seen in found.observed.items()
        for each in seen.drift
    }


def test_what_was_made_has_not_drifted(account: Account) -> None:
    found = account.judge()
    assert fields(found) == {}
    assert found.suspects == set()
    assert {key.sort for key in account.live.resources} == {
        "role",
        "profile",
        "trust_anchor",
        "secret",
        "bucket",
        "key",
    }


def test_each_single_edit_shows_exactly_its_setting(account: Account) -> None:
    prefixes = {"key": "kms_key", "secret": "secret"}
    for key, settings in account.live.resources.items():
        for name, value in settings.items():
            if name == "arn":
                continue
            for other in (None, "another"):
                if name == f"tags.{LINEAGE_TAG}" and other:
                    continue
                found = fields(account.edited(key, name, other))
                assert list(found.values()) == [(value, other)], (key, name, found)
                (path,) = found
                assert path.endswith(f"{prefixes.get(key.sort, key.sort)}.{name}")


@given(data=st.data())
def test_what_is_too_much_is_seen_too(account: Account, data: st.DataObject) -> None:
    sorts = {"role": ("policies.arn:aws:iam::aws:policy/", "inline_policies.", "tags."), "bucket": ("tags.",)}
    key = data.draw(st.sampled_from([key for key in account.live.resources if key.sort in sorts]))
    head = data.draw(st.sampled_from(sorts[key.sort]))
    name = head + data.draw(st.text("abcXYZ.:/*", min_size=1, max_size=8))
    found = fields(account.edited(key, name, ATTACHED))
    (path,) = found
    assert path.endswith(f" {key.sort}.{name}")
    assert found[path] == (None, ATTACHED)


WORDS = st.sampled_from(["s3:Get*", "iam:PassRole", "sts:AssumeRole", "*"])
SEVERAL = st.lists(WORDS, min_size=1, max_size=3, unique=True)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]), "Action": SEVERAL, "Resource": SEVERAL},
    optional={
        "Condition": st.dictionaries(
            st.sampled_from(["StringEquals", "Bool"]),
            st.dictionaries(st.sampled_from(["aws:SourceArn", "aws:x"]), SEVERAL, min_size=1),
            min_size=1,
        ),
        "Principal": st.fixed_dictionaries({"AWS": st.lists(WORDS, min_size=1, max_size=3, unique=True)}),
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {"Version": st.just("2012-10-17"), "Statement": st.lists(STATEMENTS, min_size=1, max_size=3)}
)


@given(document=DOCUMENTS, data=st.data())
def test_a_document_is_the_same_however_it_is_written(document: dict[str, Any], data: st.DataObject) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            items = data.draw(st.permutations(list(value.items())))
            return {key: shuffled(item) for key, item in items}
        if isinstance(value, list):
            order = data.draw(st.permutations(value))
            return (
                shuffled(order[0])
                if len(order) == 1 and data.draw(st.booleans())
                else list(map(shuffled, order))
            )
        return value

    text = json.dumps(shuffled(document), indent=data.draw(st.sampled_from([None, 2])))
    assert canonical(quote(text) if data.draw(st.booleans()) else text) == canonical(document)


@given(document=DOCUMENTS, data=st.data())
def test_a_document_that_says_something_else_is_another(
    document: dict[str, Any], data: st.DataObject
) -> None:
    other = copy.deepcopy(document)
    statement = other["Statement"][data.draw(st.integers(0, len(other["Statement"]) - 1))]
    name = data.draw(st.sampled_from(["Action", "Resource"]))
    statement[name] = [*statement[name], "s3:Another"]
    assert canonical(other) != canonical(document)


def test_accounts_and_booleans_have_two_spellings() -> None:
    def of(principal: str, value: Any) -> Any:
        condition = {"Bool": {"aws:SecureTransport": value}}
        return canonical({"Statement": {"Principal": {"AWS": principal}, "Condition": condition}})

    assert of("123456789012", True) == of("arn:aws:iam::123456789012:root", "true")
    assert of("123456789012", True) != of("123456789012", False)
    assert canonical("no JSON") == "no JSON"


def test_what_is_gone_below_its_stack_breaks_it(account: Account) -> None:
    for key, address in (
        (Key("profile", OUTPUTS[ROLE]["ProfileArn"]), ROLE),
        (Key("trust_anchor", ANCHOR), CA),
    ):
        left = {each: found for each, found in account.live.resources.items() if each != key}
        found = account.judge(replace(account.live, resources=left))
        seen = found.observed[address]
        assert seen.presence is Presence.BROKEN
        assert "was deleted outside iam-ra" in seen.note
        assert [(each.field, each.found) for each in seen.drift] == [(key.sort, None)]
        assert found.suspects == {key}


def test_another_resource_of_the_same_name_is_foreign(account: Account) -> None:
    role = Key("role", NAMES.role("admin"))
    for name in ("arn", f"tags.{LINEAGE_TAG}"):
        seen = account.edited(role, name, "another").observed[ROLE]
        assert seen.presence is Presence.FOREIGN
        assert seen.drift == ()


def test_a_stack_that_others_changed_is_not_compared_with_what_was_recorded(account: Account) -> None:
    role = Key("role", NAMES.role("admin"))
    edited = {**account.live.resources, role: {**account.live.resources[role], "description": "mine"}}
    known = account.recorded[ROLE]
    account.recorded[ROLE] = replace(known, outputs={**known.outputs, DIGEST: "another"})
    try:
        assert fields(account.judge(replace(account.live, resources=edited))) == {}
    finally:
        account.recorded[ROLE] = known


def test_what_could_not_be_read_has_not_drifted(account: Account) -> None:
    role = Key("role", NAMES.role("admin"))
    bare = {name: account.live.resources[role][name] for name in ("arn", "trust_policy", "description")}
    unread = {
        ("role", name): "iam:GetAccountAuthorizationDetails"
        for name in ("policies", "inline_policies", "permissions_boundary", "tags")
    }
    live = replace(account.live, resources={**account.live.resources, role: bare}, unread=unread)
    assert list(fields(account.judge(live))) == ["role/admin:stack role.max_session_duration"]
    (line,) = unread_warnings(live)
    assert line == (
        "drift of role.inline_policies, role.permissions_boundary, role.policies, role.tags cannot be seen: "
        "iam:GetAccountAuthorizationDetails is not allowed"
    )


@pytest.mark.parametrize(
    ("address", "globs", "stays"),
    [
        ("role/*", ("role.tags.*",), True),
        ("role/admin:stack", ("role.tags.team",), True),
        ("*", ("*",), True),
        ("role/other", ("role.tags.*",), False),
        ("role/*", ("role.policies.*", "profile.*"), False),
    ],
)
def test_rules(account: Account, address: str, globs: tuple[str, ...], stays: bool) -> None:
    account.rules = (IgnoreDrift("host/none", ("*",)), IgnoreDrift(address, globs))
    try:
        found = account.edited(Key("role", NAMES.role("admin")), "tags.team", "red")
    finally:
        account.rules = ()
    ignored = [each for drift in found.ignored.values() for each in drift]
    assert [each.ignored_by for each in ignored] == ([1] if stays else [])
    assert len(fields(found)) == (not stays)
    rules = (IgnoreDrift("host/none", ("*",)), IgnoreDrift(address, globs))
    lines = list(unused_warnings(rules, found.used))
    assert len(lines) == (1 if stays else 2)
    assert lines[0].startswith("ignore_drift[0] (host/none: *) ignores nothing")
