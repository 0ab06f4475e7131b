"""`iam-ra export`: what hosts need to know, read by what hosts read it with."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from botocore.session import Session
from tests.e2e import envelopes
from tests.e2e.by_hand import ByHand
from tests.e2e.world import READ_ONLY, REGION, small

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.world import World

CERTIFICATE, PRIVATE_KEY = "/run/my secrets/it's cert.pem", '/run/my secrets/"key" & $HOME\\x.pem'
# Prints credentials as AWS's helper does, and notes what it was called with.
HELPER = """#!{python} -S
import json, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
print(json.dumps({{"Version": 1, "AccessKeyId": "AKIAHELPER", "SecretAccessKey": "s", "SessionToken": "t"}}))
"""


def content(**changes: Any) -> dict[str, Any]:
    return small(
        defaults={"host_paths": {"certificate": CERTIFICATE, "private_key": PRIVATE_KEY}},
        roles={
            "admin": {"policies": [READ_ONLY], "session_duration": "2h"},
            "default": {"policies": [READ_ONLY]},
            "reader": {"policies": [READ_ONLY], "session_duration": "15m"},
        },
        hosts={
            "web": {
                "roles": ["admin", "default", "reader"],
                "default_role": "reader",
                "delivery": ["secretsmanager"],
            },
            "db": {"roles": ["admin"], "delivery": ["secretsmanager"]},
        },
        **changes,
    )


@pytest.fixture(scope="module")
def applied(standing: World) -> World:
    standing.write(content())
    standing.apply()
    return standing


def exported(world: World, host: str = "web") -> Path:
    return world.root / f"exports/aws/{host}.config"


def called_with(world: World, role: str, seconds: int) -> list[str]:
    hand = ByHand(world)
    return [
        "credential-process",
        *("--certificate", CERTIFICATE),
        *("--private-key", PRIVATE_KEY),
        *("--trust-anchor-arn", hand.anchor()),
        *("--profile-arn", hand.profile(role)),
        *("--role-arn", hand.role(role)),
        *("--session-duration", str(seconds)),
    ]


@pytest.mark.parametrize("source", ["file", "command"])
def test_botocore_calls_the_helper_for_each_profile(
    source: str, applied: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, helper, config = tmp_path / "log", tmp_path / "bin/aws_signing_helper", tmp_path / "config"
    helper.parent.mkdir()
    helper.write_text(HELPER.format(python=sys.executable, log=str(log)))
    helper.chmod(stat.S_IRWXU)
    printed = applied.run("export", "host/web").expect().stdout
    config.write_text(printed if source == "command" else exported(applied).read_text())
    monkeypatch.setenv("PATH", str(helper.parent))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    expected = {
        None: called_with(applied, "reader", 900),
        "default": called_with(applied, "reader", 900),
        "admin": called_with(applied, "admin", 7200),
        "reader": called_with(applied, "reader", 900),
        # `default` is a name that readers of config files disagree about.
        "role-default": called_with(applied, "default", 3600),
    }
    assert set(Session().available_profiles) == {name for name in expected if name}
    for profile, argv in expected.items():
        session = Session(profile=profile)
        assert session.get_config_variable("region") == REGION
        credentials = session.get_credentials()
        assert credentials is not None
        assert credentials.get_frozen_credentials().access_key == "AKIAHELPER"
        assert json.loads(log.read_text().splitlines()[-1]) == argv


def test_json_and_variables(applied: World) -> None:
    data = envelopes.data("export", applied.run("export", "web", "--json").expect())
    hand = ByHand(applied)
    assert data["default"] == "reader"
    assert data["trust_anchor_arn"] == hand.anchor()
    assert data["profiles"][0] == {
        "name": "admin",
        "role_arn": hand.role("admin"),
        "profile_arn": hand.profile("admin"),
        "session_duration": 7200,
    }
    variables = {
        "AWS_REGION": REGION,
        "IAM_RA_CERTIFICATE": CERTIFICATE,
        "IAM_RA_PRIVATE_KEY": PRIVATE_KEY,
        "IAM_RA_TRUST_ANCHOR_ARN": hand.anchor(),
        "IAM_RA_PROFILE_ARN": hand.profile("reader"),
        "IAM_RA_ROLE_ARN": hand.role("reader"),
        "IAM_RA_SESSION_DURATION": "900",
    }
    text = applied.run("export", "web", "--format", "env").expect().stdout
    names = " ".join(f'"${name}"' for name in variables)
    script = f'eval "$1"; printf "%s\\n" {names}; env | grep -c ^IAM_RA_'
    done = subprocess.run(
        ["/bin/sh", "-euc", script, "sh", text],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [*variables.values(), "6"]


def test_it_reads_no_secret_and_writes_nothing(applied: World) -> None:
    applied.wire.clear()
    envelopes.data("export", applied.run("export", "web", "--format", "json", "--debug", "-v").expect())
    assert applied.wire.requests
    assert not applied.wire.writes
    assert "GetSecretValue" not in {each.operation for each in applied.wire.requests}


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("nobody",), 1, "host/nobody was not applied yet"),
        ((), 64, "HOST"),
        (("web", "--format", "toml"), 64, "toml"),
    ],
)
def test_wrong_usage(applied: World, arguments: tuple[str, ...], code: int, says: str) -> None:
    result = applied.run("export", *arguments).expect(code)
    assert says.lower() in result.said.lower()
    assert result.stdout == ""
