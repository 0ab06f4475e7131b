"""The runs that are stopped and disturbed: what was there before, the command, and what the file says."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.e2e.world import READ_ONLY, small

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.e2e.world import World


def _file() -> dict[str, Any]:
    """Return a file with a key on this machine and one in KMS, hosts that get secrets, a SOPS file, and both."""
    return small(
        certificate_authorities={"default": {}, "sealed": {"key_store": "kms"}},
        roles={"reader": {"policies": [READ_ONLY]}},
        hosts={
            "both": {"roles": ["reader"]},
            "vault": {"roles": ["reader"], "delivery": ["secretsmanager"]},
            "file": {"roles": ["reader"], "delivery": ["sops"], "ca": "sealed"},
        },
    )


def _updated() -> dict[str, Any]:
    """Return it with new policies, a certificate of another life, a host delivered elsewhere, one more host and role."""
    now = copy.deepcopy(_file())
    now["roles"]["reader"]["policies"] = []
    now["roles"]["writer"] = {"policies": [READ_ONLY]}
    now["hosts"]["both"]["certificate"] = {"validity": "180d"}
    now["hosts"]["vault"]["delivery"] = ["sops"]
    now["hosts"]["new"] = {"roles": ["writer"]}
    return now


def _reduced() -> dict[str, Any]:
    """Return it without two of its hosts, and without the authority in KMS."""
    now = copy.deepcopy(_file())
    del now["hosts"]["both"], now["hosts"]["file"], now["certificate_authorities"]["sealed"]
    return now


@dataclass(frozen=True, slots=True)
class Scenario:
    """`before` is applied first, if there is any; then the file is written and, `later` on, the command runs."""

    name: str
    command: tuple[str, ...]
    file: Callable[[], Mapping[str, Any]]
    before: Callable[[], Mapping[str, Any]] | None = None
    later: str = ""

    def prepare(self, world: World) -> None:
        """Bring a new world to the moment before the command."""
        world.more["SOPS_AGE_KEY"] = str(world.identity)
        if self.before is not None:
            world.write(self.before())
            world.apply()
        world.write(self.file())
        if self.later:
            world.server.turn_clock(self.later)


# One change at a time, so that the n-th call of an operation is the same call in each run.
_ONE = ("--parallelism", "1")
_APPLY, _DESTROY = ("apply", "--yes", *_ONE), ("destroy", "--yes", *_ONE)
SCENARIOS = {
    each.name: each
    for each in (
        Scenario("create", _APPLY, _file),
        Scenario("update", _APPLY, _updated, _file),
        Scenario("renew", _APPLY, _file, _file, "+320d"),
        Scenario("delete", _APPLY, _reduced, _file),
        Scenario("destroy", _DESTROY, _file, _file),
    )
}
