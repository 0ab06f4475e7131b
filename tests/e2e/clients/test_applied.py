"""From the file to credentials: what `iam-ra apply` made, opened by AWS's helper. Each host opens exactly its roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.clients import clients
from tests.e2e.clients.clients import Machine
from tests.e2e.clients.estate import Attempt
from tests.e2e.world import READ_ONLY, small

from iam_ra.pki.certificate import describe, load_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.world import World

pytestmark = pytest.mark.tool("aws_signing_helper")

ROLES = ("admin", "reader", "unused")


def content(hosts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return small(
        roles={name: {"policies": [READ_ONLY]} for name in ROLES},
        certificate_authorities={"default": {}, "edge": {}},
        hosts={
            name: {"delivery": ["secretsmanager"], "default_role": "reader", **host}
            for name, host in hosts.items()
        },
    )


class Hosts:
    """The hosts' own files, which they keep whatever the file says later."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._machine = Machine(world.home, world.server, world.folder / "none")

    def receive(self, *names: str) -> None:
        for name in names:
            folder = self._world.folder / name
            folder.mkdir(exist_ok=True)
            for file in ("certificate", "private-key"):
                (folder / file).touch(0o600)
                (folder / file).write_text(self._world.secret(name, file))

    def opened(self, anchors: dict[str, str]) -> set[tuple[str, str]]:
        """Return the pairs of host and role that open, of all; `anchors` names the authority of each host."""
        return {(host, role) for host, anchor in anchors.items() for role in self._opened(host, anchor)}

    def _opened(self, host: str, anchor: str) -> Iterator[str]:
        aws, folder = self._world.aws, self._world.folder / host
        anywhere = aws("rolesanywhere")
        arns = {
            each["name"]: each["trustAnchorArn"] for each in anywhere.list_trust_anchors()["trustAnchors"]
        }
        profiles = {each["name"]: each["profileArn"] for each in anywhere.list_profiles()["profiles"]}
        for role in ROLES:
            name = f"iam-ra-default-{role}"
            attempt = Attempt(
                certificate=folder / "certificate",
                private_key=folder / "private-key",
                intermediates=None,
                trust_anchor_arn=arns[f"iam-ra-default-{anchor}"],
                profile_arn=profiles[name],
                role_arn=aws("iam").get_role(RoleName=name)["Role"]["Arn"],
            )
            outcome = clients.credential_process_http(self._machine, attempt)
            if outcome.arn is not None:
                assert outcome.arn == attempt.assumed_role_arn
                yield role


def test_each_host_opens_exactly_its_roles_at_each_step(world: World) -> None:
    web, db, edge = {"roles": ["admin", "reader"]}, {"roles": ["reader"]}, {"roles": ["reader"], "ca": "edge"}
    hosts = Hosts(world)
    world.write(content({"web": web, "db": db, "edge": edge}))
    world.apply()
    hosts.receive("web", "db", "edge")
    of = {"web": "default", "db": "default", "edge": "edge"}
    assert hosts.opened(of) == {("web", "admin"), ("web", "reader"), ("db", "reader"), ("edge", "reader")}
    assert hosts.opened({"web": "edge", "edge": "default"}) == set()

    world.write(content({"web": {"roles": ["reader"]}, "db": db, "edge": edge}))
    world.apply()
    assert hosts.opened(of) == {("web", "reader"), ("db", "reader"), ("edge", "reader")}

    world.write(content({"web": {"roles": ["reader"]}, "edge": edge}))
    world.apply()
    assert hosts.opened(of) == {("web", "reader"), ("edge", "reader")}
    seen = {each["x509Subject"] for each in world.aws("rolesanywhere").list_subjects()["subjects"]}
    assert seen == {"CN=web", "CN=db", "CN=edge"}


@pytest.mark.parametrize("algorithm", ["ec-p384", "rsa-2048"])
def test_every_kind_of_key_that_apply_makes_opens_its_role(world: World, algorithm: str) -> None:
    world.write({**content({"web": {"roles": ["reader"]}}), "defaults": {"certificate": {"key": algorithm}}})
    world.apply()
    hosts = Hosts(world)
    hosts.receive("web")
    assert describe(load_certificate(world.secret("web", "certificate"))).algorithm == algorithm
    assert hosts.opened({"web": "default"}) == {("web", "reader")}
