from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iam_ra.config.diagnostics import ConfigError
from iam_ra.config.finding import find, glimpse
from iam_ra.config.load import load
from iam_ra.config.model import HostPaths

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.config.load import Loaded
    from iam_ra.config.model import Host

    LoadText = Callable[[str | bytes], Loaded]

ROOT = Path(__file__).parents[3]
DAY = timedelta(days=1)


def host_of(loaded: Loaded, name: str = "web") -> Host:
    return loaded.namespace.hosts[name]


def test_the_example_is_valid() -> None:
    loaded = load(ROOT / "iam-ra.yaml.example")
    assert loaded.warnings == ()
    assert list(loaded.namespace.roles) == ["admin", "readonly", "releases"]
    assert host_of(loaded, "edge-2").roles == host_of(loaded, "edge-1").roles == ("readonly",)
    assert host_of(loaded, "edge-3").tags == {"family": "edge"}


def test_the_shortest_file(load_text: LoadText, tmp_path: Path) -> None:
    namespace = load_text("").namespace
    assert (namespace.name, namespace.region, namespace.account_id) == ("default", "ap-southeast-2", None)
    assert (namespace.file, namespace.root) == (tmp_path / "iam-ra.yaml", tmp_path)
    assert list(namespace.authorities) == ["default"]
    assert [
        (each.event, each.enabled, each.threshold) for each in namespace.authorities["default"].notifications
    ] == [
        ("CA_CERTIFICATE_EXPIRY", True, 45),
        ("END_ENTITY_CERTIFICATE_EXPIRY", True, 45),
    ]
    assert namespace.authorities["default"].validity == 3650 * DAY
    assert namespace.limits.max_delete_percent == 30
    assert namespace.host_paths == HostPaths()


def test_defaults_reach_roles_and_hosts(load_text: LoadText) -> None:
    loaded = load_text(
        "defaults: {session_duration: 2h, delivery: [sops], certificate: {validity: 300d, key: rsa-2048}}\n"
        "roles: {r: {}, s: {session_duration: 15m}}\n"
        "hosts: {web: {roles: [r]}, db: {roles: [s], delivery: [secretsmanager], certificate: {key: ec-p384}}}\n"
    )
    assert [role.session_duration for role in loaded.namespace.roles.values()] == [7200, 900]
    web, db = host_of(loaded), host_of(loaded, "db")
    assert (web.identity, web.authority, web.default_role) == ("web", "default", "r")
    assert (web.delivery, web.certificate.key, web.certificate.validity) == (("sops",), "rsa-2048", 300 * DAY)
    assert (db.delivery, db.certificate.key) == (("secretsmanager",), "ec-p384")
    assert web.sops_path == "secrets/hosts/web/iam-ra.yaml"


@pytest.mark.parametrize(
    ("defaults", "host", "expected"),
    [
        ("", "", (365, 60, 30)),
        ("", "validity: 90d", (90, 30, 15)),
        ("validity: 90d", "", (90, 30, 15)),
        ("validity: 365d, renew_before: 30d, overlap: 20d", "", (365, 30, 20)),
        ("validity: 365d, renew_before: 30d, overlap: 20d", "validity: 30d", (30, 10, 5)),
        ("", "validity: 90d, renew_before: 80d", (90, 80, 30)),
        ("", "validity: 90d, renew_before: 80d, overlap: 79d", (90, 80, 79)),
        ("", "overlap: 59d", (365, 60, 59)),
    ],
)
def test_lives_of_certificates(
    load_text: LoadText, defaults: str, host: str, expected: tuple[int, int, int]
) -> None:
    loaded = load_text(
        f"defaults: {{certificate: {{{defaults}}}}}\nroles: {{r: {{}}}}\n"
        f"hosts: {{web: {{roles: [r], certificate: {{{host}}}}}}}\n"
    )
    spec = host_of(loaded).certificate
    assert (spec.validity / DAY, spec.renew_before / DAY, spec.overlap / DAY) == expected


@pytest.mark.parametrize("written", ["012345678901", '"012345678901"', "'012345678901'"])
def test_accounts_keep_leading_zeros(load_text: LoadText, written: str) -> None:
    assert load_text(f"account_id: {written}").namespace.account_id == "012345678901"


@pytest.mark.parametrize(
    ("region", "partition"), [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_policies_of_each_partition(load_text: LoadText, region: str, partition: str) -> None:
    text = f"version: 1\nnamespace: n\nregion: {region}\nroles: {{r: {{policies: [arn:{partition}:iam::aws:policy/service-role/A]}}}}\n"
    assert load_text(text).namespace.roles["r"].policies == (
        f"arn:{partition}:iam::aws:policy/service-role/A",
    )


def test_policy_documents_from_the_file_and_from_files(load_text: LoadText, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/a.json").write_text(
        '{\n\t"Version": "2012-10-17",\n\t"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*",\n'
        '\t"Condition": {"Bool": {"aws:SecureTransport": true}, "NumericLessThan": {"aws:MultiFactorAuthAge": 3600}}}]}'
    )
    (tmp_path / "policies/b.yaml").write_text(
        "Version: 2012-10-17\nStatement: {Effect: Deny, NotAction: 'iam:*', Resource: '*'}\n"
    )
    role = load_text(
        "roles:\n  r:\n    inline_policies: {a: policies/a.json, b: policies/b.yaml}\n"
        "    session_policy: {Version: 2012-10-17, Statement: {Effect: Allow, Action: '*', Resource: '*'}}\n"
    ).namespace.roles["r"]
    condition = {
        "Bool": {"aws:SecureTransport": "true"},
        "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"},
    }
    assert role.inline_policies["a"] == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition}],
    }
    assert role.inline_policies["b"] == {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"},
    }
    assert role.session_policy == {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
    }


def test_what_the_namespace_holds_are_plain_texts(load_text: LoadText) -> None:
    loaded = load_text(
        "roles: {r: {tags: {cost: 42}, ca: default, description: no}}\nhosts: {web: {roles: [r]}}\n"
    )
    role = loaded.namespace.roles["r"]
    texts = [
        role.name,
        role.description,
        *role.tags,
        *role.tags.values(),
        *role.authorities,
        *host_of(loaded).roles,
    ]
    assert {type(text) for text in texts} == {str}
    assert role.tags == {"cost": "42"}


def test_one_authority_or_a_list(load_text: LoadText) -> None:
    roles = load_text(
        "certificate_authorities: {default: {}, b: {}}\nroles: {r: {ca: b}, s: {ca: [default, b]}, t: {}}\n"
    ).namespace.roles
    assert [role.authorities for role in roles.values()] == [("b",), ("b", "default"), ()]


# Finding the file


def test_the_option_beats_the_variable_beats_the_search(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml", "iam-ra.yaml"):
        (tmp_path / name).touch()
    environ = {"IAM_RA_FILE": "b.yaml"}
    assert find(Path("a.yaml"), environ, tmp_path) == tmp_path / "a.yaml"
    assert find(None, environ, tmp_path) == tmp_path / "b.yaml"
    assert find(None, {"IAM_RA_FILE": ""}, tmp_path) == tmp_path / "iam-ra.yaml"


def test_the_search_goes_up_to_the_root_of_the_repository(tmp_path: Path) -> None:
    inside = tmp_path / "repo/a/b"
    inside.mkdir(parents=True)
    (tmp_path / "iam-ra.yaml").touch()
    (tmp_path / "repo/.git").mkdir()
    with pytest.raises(ConfigError) as caught:
        find(None, {}, inside)
    problem = caught.value.diagnostics[0]
    assert problem.id == "IRA1101"
    assert f"{inside} and its parents up to {tmp_path / 'repo'}" in problem.why
    assert "iam-ra.yaml.example" in problem.fix
    assert "`iam-ra init` writes a first one" in problem.fix
    (tmp_path / "repo/iam-ra.yaml").touch()
    assert find(None, {}, inside) == tmp_path / "repo/iam-ra.yaml"


@pytest.mark.parametrize(("name", "said"), [("none.yaml", "does not exist"), (".", "is a folder")])
def test_a_named_file_must_be_there(tmp_path: Path, name: str, said: str) -> None:
    for explicit, environ in ((Path(name), {}), (None, {"IAM_RA_FILE": name})):
        with pytest.raises(ConfigError) as caught:
            find(explicit, environ, tmp_path)
        assert said in caught.value.diagnostics[0].what


def test_messages_name_the_file_relative_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    path = tmp_path / "sub/iam-ra.yaml"
    path.write_text("version: 1\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.what == "sub/iam-ra.yaml has 2 problems"
    assert {each.file for each in caught.value.diagnostics} == {"sub/iam-ra.yaml"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("namespace: payments\nregion: eu-west-1\nroles: [\n", ("payments", "eu-west-1")),
        (
            "namespace: \"payments\" # ours\nregion: 'eu-west-1'\nroles: {a: {polices: []}}\n",
            ("payments", "eu-west-1"),
        ),
        ('{\n "namespace": "payments",\n "region": "eu-west-1"\n}\n', ("payments", "eu-west-1")),
        ("version: 1\nhosts:\n  namespace: {}\n", ("", "")),
        ("namespace: [payments]\n", ("", "")),
        ("\0", ("", "")),
    ],
)
def test_what_a_broken_file_is_about(tmp_path: Path, text: str, expected: tuple[str, str]) -> None:
    path = tmp_path / "iam-ra.yaml"
    path.write_text(text)
    assert glimpse(path) == expected
    assert glimpse(tmp_path / "other.yaml") == ("", "")
