from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from iam_ra.config import changes
from iam_ra.config.format import formatted
from iam_ra.config.load import load
from iam_ra.config.source import Source
from iam_ra.config.starter import starter
from iam_ra.engine.errors import IamRaError, ProtectedError, RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POLICY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
OTHER = "arn:aws:iam::aws:policy/PowerUserAccess"
DATA: dict[str, Any] = {
    "version": "1",
    "roles": {"reader": {"policies": [POLICY, "x"], "tags": {"a": "b"}}, "writer": {"policies": [OTHER]}},
    "hosts": {
        "web": {"roles": ["reader", "writer"], "default_role": "reader"},
        "db": {"roles": ["writer"], "protect": "true"},
    },
}
ONE: dict[str, Any] = {"version": "1", "roles": {"reader": {"policies": [POLICY]}}}


def changed(data: dict[str, Any], name: str, *args: Any, **options: Any) -> changes.Changed:
    before = copy.deepcopy(data)
    found: changes.Changed = getattr(changes, name)(data, *args, **options)
    assert data == before, "the data that was given is not to change"
    return found


def refused(data: dict[str, Any], name: str, *args: Any, **options: Any) -> IamRaError:
    with pytest.raises(IamRaError) as caught:
        changed(data, name, *args, **options)
    assert caught.value.fix
    return caught.value


def test_a_role_is_created() -> None:
    found = changed(
        ONE, "create_role", "new", policies=[OTHER, OTHER], session_duration="7200", authorities=["a"]
    )
    assert found.data["roles"]["new"] == {"policies": [OTHER], "session_duration": "2h", "ca": "a"}
    assert found.entities == ("role/new",)
    assert changed({}, "create_role", "new", policies=[OTHER]).data == {
        "roles": {"new": {"policies": [OTHER]}}
    }


def test_of_a_role_that_is_there_only_what_is_given_changes() -> None:
    found = changed(DATA, "create_role", "reader", policies=[OTHER, "x"], authorities=["a", "b"])
    assert found.data["roles"]["reader"] == {"policies": ["x", OTHER], "tags": {"a": "b"}, "ca": ["a", "b"]}
    assert changed(DATA, "create_role", "reader").data == DATA


def test_a_new_role_needs_a_policy() -> None:
    error = refused(DATA, "create_role", "new", session_duration="1h")
    assert isinstance(error, UsageError)
    assert "--policy is missing" in error.what


@pytest.mark.parametrize(
    ("given", "written"), [("3600", "1h"), ("900", "15m"), ("43200", "12h"), ("90m", "90m"), ("1h", "1h")]
)
def test_durations_of_before_are_seconds(given: str, written: str) -> None:
    assert changes.duration_text(given) == written


@pytest.mark.parametrize("given", ["61", "0", "1.5h", "", "h", "-1h", "99999999999999"])
def test_what_is_no_duration_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match=r"duration|minutes"):
        changes.duration_text(given)


def test_a_role_in_use_names_its_users() -> None:
    error = refused(DATA, "delete_role", "reader")
    assert isinstance(error, RefusedError)
    assert error.what == "role/reader is in use by host/web"
    assert "--force" in error.fix


def test_force_takes_a_role_from_its_users() -> None:
    found = changed(DATA, "delete_role", "reader", force=True)
    assert list(found.data["roles"]) == ["writer"]
    assert found.data["hosts"]["web"] == {"roles": ["writer"], "default_role": "writer"}
    assert found.entities == ("role/reader", "host/web")
    assert found.told == ("default_role writer of host/web: its only role now",)


def test_force_leaves_no_host_without_a_role_or_a_default() -> None:
    assert "the only role of host/db" in refused(DATA, "delete_role", "writer", force=True).what
    three = copy.deepcopy(DATA)
    three["hosts"]["web"]["roles"].append("third")
    error = refused(three, "delete_role", "reader", force=True)
    assert error.what == "role/reader is the default role of host/web, which has 2 others"


def test_what_is_protected_stays() -> None:
    data = copy.deepcopy(DATA)
    data["roles"]["free"] = {"protect": "true"}
    for name, args in (("offboard_host", ("db",)), ("delete_role", ("free",))):
        assert isinstance(refused(data, name, *args), ProtectedError)


def test_the_only_role_is_taken_and_said() -> None:
    found = changed(ONE, "onboard_host", "web")
    assert found.data["hosts"] == {"web": {"roles": ["reader"]}}
    assert found.told == ("--role reader: the only role of the file",)
    assert found.entities == ("host/web",)


@pytest.mark.parametrize(
    ("data", "why", "fix"),
    [
        (DATA, "the file has 2 roles", "name one of reader, writer"),
        ({}, "the file has no role yet", "`iam-ra role create NAME --policy ARN`"),
    ],
)
def test_which_role_is_asked_where_there_is_not_exactly_one(data: dict[str, Any], why: str, fix: str) -> None:
    error = refused(data, "onboard_host", "new")
    assert (error.what, error.why, error.fix) == ("--role is missing", why, fix)


def test_a_host_with_all_options() -> None:
    found = changed(
        DATA,
        "onboard_host",
        "new",
        roles=["writer", "reader"],
        authority="factory",
        identity="new.example.com",
        validity_days=90,
        sops=False,
        csr="csrs/new.pem",
    )
    assert found.data["hosts"]["new"] == {
        "identity": "new.example.com",
        "ca": "factory",
        "roles": ["writer", "reader"],
        "default_role": "writer",
        "certificate": {"validity": "90d"},
        "delivery": ["secretsmanager"],
        "csr": "csrs/new.pem",
    }
    assert found.told == ("--default-role writer: the role that is named first",)


def test_a_new_host_gets_the_only_authority_where_there_is_no_default() -> None:
    data = {**ONE, "certificate_authorities": {"factory": {}}}
    found = changed(data, "onboard_host", "web", roles=["reader"])
    assert found.data["hosts"]["web"]["ca"] == "factory"
    assert found.told == ("--ca factory: the only authority of the file",)
    data = {**ONE, "certificate_authorities": {"default": {}, "factory": {}}}
    assert "ca" not in changed(data, "onboard_host", "web").data["hosts"]["web"]


def test_a_host_that_is_there_is_changed_only_by_wish() -> None:
    assert changed(DATA, "onboard_host", "web").data == DATA
    assert changed(DATA, "onboard_host", "web", roles=["writer", "reader"]).data == DATA
    error = refused(DATA, "onboard_host", "web", roles=["reader"], validity_days=9)
    assert error.what == "host/web is in the file already, with another roles and certificate"
    assert "--overwrite" in error.fix
    found = changed(DATA, "onboard_host", "web", validity_days=9, overwrite=True)
    assert found.data["hosts"]["web"]["certificate"] == {"validity": "9d"}


def test_a_role_that_a_host_gives_up_is_of_the_apply() -> None:
    found = changed(DATA, "onboard_host", "db", roles=["reader"], overwrite=True)
    assert found.entities == ("host/db", "role/writer")
    found = changed(DATA, "onboard_host", "db", roles=["reader", "writer"], overwrite=True)
    assert found.entities == ("host/db",)
    # A role that the file has no more is not deleted in passing.
    data = {**ONE, "hosts": {"db": {"roles": ["old"]}}}
    assert changed(data, "onboard_host", "db", roles=["reader"], overwrite=True).entities == ("host/db",)


def test_no_sops_leaves_another_delivery() -> None:
    only_sops = {**ONE, "defaults": {"delivery": ["sops"]}}
    assert "no way to deliver" in refused(only_sops, "onboard_host", "web", sops=False).what
    with_age = {**ONE, "defaults": {"delivery": ["age", "sops"]}}
    assert changed(with_age, "onboard_host", "web", sops=False).data["hosts"]["web"]["delivery"] == ["age"]


def test_a_host_goes_and_one_that_is_gone_may_be_in_the_state() -> None:
    assert list(changed(DATA, "offboard_host", "web").data["hosts"]) == ["db"]
    found = changed(DATA, "offboard_host", "old")
    assert found.data == DATA
    assert found.told == ("host/old is not in the file; what is left of it goes",)


@pytest.mark.parametrize(
    ("options", "entry"),
    [
        ({}, {}),
        ({"mode": "kms", "validity_years": 5}, {"mode": "self-signed", "key_store": "kms", "validity": "5y"}),
        ({"mode": "pca-new"}, {"mode": "pca-new"}),
        ({"mode": "pca-existing", "pca_arn": "arn:x"}, {"mode": "pca-existing", "pca_arn": "arn:x"}),
    ],
)
def test_an_authority_joins_the_one_that_is_there(options: dict[str, Any], entry: dict[str, Any]) -> None:
    found = changed(ONE, "setup_authority", "factory", **options)
    assert found.data["certificate_authorities"] == {"default": {}, "factory": entry}
    assert found.entities == ("ca/factory",)
    assert changed(dict(found.data), "setup_authority", "factory", **options).data == found.data


def test_the_authority_that_is_there_without_being_written() -> None:
    assert changed(ONE, "setup_authority", "default").data == ONE
    found = changed(ONE, "setup_authority", "default", mode="kms")
    assert found.data["certificate_authorities"]["default"]["key_store"] == "kms"
    assert changed(ONE, "delete_authority", "default").data["certificate_authorities"] == {}


def test_an_authority_is_not_changed_in_passing() -> None:
    data = {"certificate_authorities": {"a": {"validity": "5y"}}}
    assert "with another validity" in refused(data, "setup_authority", "a", validity_years=6).what


def test_a_private_ca_and_its_arn_go_together() -> None:
    assert "--pca-arn is missing" in refused(ONE, "setup_authority", "a", mode="pca-existing").what
    assert "says nothing" in refused(ONE, "setup_authority", "a", pca_arn="arn:x").what


def test_an_authority_in_use_names_its_users() -> None:
    data = {
        "certificate_authorities": {"a": {}, "default": {}, "free": {}},
        "hosts": {"web": {"ca": "a"}, "db": {}},
        "roles": {"r": {"ca": ["a", "default"]}, "s": {"ca": "default"}},
    }
    assert "by host/web, role/r" in refused(data, "delete_authority", "a").what
    assert "by host/db, role/r, role/s" in refused(data, "delete_authority", "default").what
    assert "free" not in changed(data, "delete_authority", "free").data["certificate_authorities"]


@pytest.mark.parametrize(
    "data", [{"roles": None, "hosts": "x"}, {"roles": [], "hosts": {"web": None, "db": ["reader"]}}]
)
@pytest.mark.parametrize(
    "change",
    [
        lambda data: changes.create_role(data, "reader", policies=["x"]),
        lambda data: changes.delete_role(data, "reader", force=True),
        lambda data: changes.onboard_host(data, "web", roles=["reader"], overwrite=True),
        lambda data: changes.offboard_host(data, "web"),
        lambda data: changes.delete_authority(data, "factory"),
    ],
)
def test_a_file_that_is_wrong_takes_no_verb_down(data: dict[str, Any], change: Callable[[Any], Any]) -> None:
    assert change(data).entities


@pytest.mark.parametrize("mode", ["self-signed", "kms", "pca-new"])
def test_the_first_file_is_right(tmp_path: Path, mode: str) -> None:
    entry = changes.authority_entry(mode, None, 10)
    text = starter("default", "eu-west-1", "012345678901", entry)
    assert formatted(Source("iam-ra.yaml", text)) == text
    loaded = load(tmp_path / "iam-ra.yaml", text)
    assert not loaded.warnings
    assert loaded.namespace.account_id == "012345678901"
    assert loaded.namespace.authorities["default"].key_store == ("kms" if mode == "kms" else "file")
