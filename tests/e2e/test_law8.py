"""Law 8: a certificate opens exactly the roles that the file gives its owner, no other; an offboarded one opens none.

30 hosts of three authorities and 12 roles, every host with every role: 360 sessions asked for over HTTP, each with the
host's own certificate and key, and judged by the sandbox. Some identities stand in two authorities, so that a trust
policy which looked at names alone would let strangers in.
"""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.world import READ_ONLY, REGION, finish, small

from iam_ra.anywhere.request import SessionRequest
from iam_ra.aws.session import Aws
from iam_ra.aws.sessions import Sessions
from iam_ra.engine.errors import PermissionDeniedError
from iam_ra.pki.certificate import load_certificate
from iam_ra.pki.keys import PrivateKey
from iam_ra.pki.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cryptography import x509
    from tests.e2e.world import World

AUTHORITIES = ("default", "edge", "lab")
HOSTS = [f"h{number:02}" for number in range(30)]
ROLES = [f"r{number:02}" for number in range(12)]
PER_SECOND = 1000.0
SECONDS = 240


def generated(seed: int) -> dict[str, Any]:
    """Return a file; the same seed gives the same."""
    chance = random.Random(seed)  # noqa: S311 - a deterministic file, no secret
    roles: dict[str, Any] = {name: {"policies": [READ_ONLY]} for name in ROLES}
    hosts = {}
    for number, name in enumerate(HOSTS):
        # The last role is nobody's.
        given = sorted(chance.sample(ROLES[:-1], chance.randint(1, 5)))
        hosts[name] = {
            "identity": f"n{number // 2:02}.example.com",
            "ca": AUTHORITIES[number % 2 + chance.randint(0, 1) * (number % 2)],
            "roles": given,
            "default_role": given[0],
            "delivery": ["secretsmanager"],
        }
    authorities: dict[str, Any] = {name: {} for name in AUTHORITIES}
    return small(
        certificate_authorities=authorities, roles=roles, hosts=hosts, limits={"max_delete_percent": 90}
    )


def edited(file: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Return the file without some of its hosts, and with roles taken from others and given to others."""
    chance = random.Random(seed)  # noqa: S311 - a deterministic file, no secret
    hosts = {name: dict(host) for name, host in file["hosts"].items()}
    for name in chance.sample(HOSTS, 6):
        del hosts[name]
    for host in chance.sample(list(hosts.values()), 12):
        given = sorted(chance.sample(ROLES[:-1], chance.randint(1, 3)))
        host |= {"roles": given, "default_role": given[0]}
    return {**file, "hosts": hosts}


def given_by(file: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(name, role) for name, host in file["hosts"].items() for role in host["roles"]}


@dataclass(frozen=True, slots=True)
class Host:
    """What a host holds: it keeps that, whatever becomes of it in the file."""

    anchor: str
    certificate: x509.Certificate
    key: PrivateKey


class Fleet:
    """The hosts as they were when they got their certificates, and who they try to become."""

    def __init__(self, world: World, file: Mapping[str, Any], sessions: Sessions) -> None:
        outputs = {name: each.get("Outputs", []) for name, each in world.stacks.items()}
        arns = {
            name: {each["OutputKey"]: each["OutputValue"] for each in them} for name, them in outputs.items()
        }
        anchors = {
            scope: arns["iam-ra-default-rootca" + ("" if scope == "default" else f"-{scope}")][
                "TrustAnchorArn"
            ]
            for scope in AUTHORITIES
        }
        self._sessions = sessions
        self.anchors = list(anchors.values())
        self.roles = {name: arns[f"iam-ra-default-role-{name}"] for name in ROLES}
        self.hosts = {
            name: Host(
                anchors[host["ca"]],
                load_certificate(world.secret(name, "certificate")),
                PrivateKey.from_pem(Secret(world.secret(name, "private-key").encode())),
            )
            for name, host in file["hosts"].items()
        }

    def opens(self, host: Host, role: str, anchor: str) -> bool:
        arns = self.roles[role]
        request = SessionRequest(anchor, arns["ProfileArn"], arns["RoleArn"], 3600)
        try:
            self._sessions.open(request, host.certificate, host.key)
        except PermissionDeniedError:
            return False
        return True

    def opened(self) -> set[tuple[str, str]]:
        """Try every pair."""
        pairs = [(name, role) for name in self.hosts for role in self.roles]
        assert len(pairs) == 360

        def tried(pair: tuple[str, str]) -> bool:
            host = self.hosts[pair[0]]
            return self.opens(host, pair[1], host.anchor)

        with ThreadPoolExecutor(8) as threads:
            return {pair for pair, opens in zip(pairs, threads.map(tried, pairs), strict=True) if opens}


@pytest.fixture
def sessions(world: World) -> Iterator[Sessions]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in world.environ.items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        yield Sessions(Aws(REGION), per_second=PER_SECOND)


def apply(world: World, file: Mapping[str, Any]) -> None:
    world.write(file)
    finish(world.start("apply", "--yes", "--json", "--parallelism", "20"), SECONDS).expect()


def test_every_certificate_opens_exactly_its_roles(world: World, sessions: Sessions) -> None:
    file = generated(8)
    apply(world, file)
    fleet = Fleet(world, file, sessions)
    assert len({host.certificate.subject for host in fleet.hosts.values()}) == len(HOSTS) // 2
    before = fleet.opened()
    assert before == given_by(file)
    # Nobody gets in by the trust anchor of an authority that is not its own.
    host = fleet.hosts[HOSTS[0]]
    strange = [anchor for anchor in fleet.anchors if anchor != host.anchor]
    assert not any(fleet.opens(host, role, anchor) for role in ROLES for anchor in strange)

    now = edited(file, 9)
    apply(world, now)
    after = fleet.opened()
    assert after == given_by(now)
    # The edit took and gave, and sent hosts away that had roles.
    assert before - after
    assert after - before
    gone = set(HOSTS) - set(now["hosts"])
    assert len(gone) == 6
    assert not {pair for pair in after if pair[0] in gone}
