"""`iam-ra permissions`: what it prints suffices for what the commands do, when nothing else is allowed."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from tests.e2e.handlers import OPERATIONS, asked_for, spared, types_in
from tests.e2e.world import ACCOUNT, READ_ONLY, REGION, small

if TYPE_CHECKING:
    from tests.e2e.wire import Request
    from tests.e2e.world import World

BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"
INLINE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
EVERYTHING = small(
    account_id=ACCOUNT,
    certificate_authorities={"default": {}, "vault": {"key_store": "kms"}},
    roles={
        "reader": {"policies": [READ_ONLY], "permissions_boundary": BOUNDARY},
        "writer": {"inline_policies": {"write": INLINE}},
    },
    hosts={
        "web": {"roles": ["reader"]},
        "db": {"roles": ["writer"], "ca": "vault", "delivery": ["sops"]},
    },
)
SOPS_ONLY = small(account_id=ACCOUNT, defaults={"delivery": ["sops"]})


class Policy:
    """The documents that a command printed, enforced on the wire."""

    def __init__(self, documents: list[dict[str, Any]]) -> None:
        self.statements = [each for document in documents for each in document["Statement"]]

    @property
    def actions(self) -> set[str]:
        return {action for each in self.statements for action in each["Action"]}

    def allows(self, request: Request) -> bool:
        """Judge the action on its resource; of what is needed besides, only that it is allowed on something."""
        if not request.actions:
            return True
        first, *more = request.actions
        if request.service == "cloudformation" and request.operation in OPERATIONS:
            more += asked_for(request.operation, types_in(request.body)) - spared(request.body)
        return self._allows(first, resource_of(request)) and self.actions.issuperset(more)

    def _allows(self, action: str, resource: str) -> bool:
        return any(
            action in each["Action"] and any(fnmatchcase(resource, pattern) for pattern in each["Resource"])
            for each in self.statements
        )


def resource_of(request: Request) -> str:
    """Return the ARN that AWS would judge a request by."""
    here = f"{REGION}:{ACCOUNT}"
    if request.service == "s3":
        return f"arn:aws:s3:::{request.path.strip('/')}{'/any' if 'delete' in request.query else ''}"
    if request.service == "rolesanywhere":
        kind, _, name = request.path.strip("/").partition("/")
        own = {"trustanchor": "trust-anchor", "crl": "crl", "profile": "profile", "subject": "subject"}
        return f"arn:aws:rolesanywhere:{here}:{own[kind]}/{name.partition('/')[0]}" if kind in own else "*"
    if request.service in {"kms", "secretsmanager"}:
        values = json.loads(request.body)
        name = values.get("KeyId") or values.get("SecretId") or "*"
        return (
            name if name.startswith("arn:") or name == "*" else f"arn:aws:secretsmanager:{here}:secret:{name}"
        )
    form = {key: value[0] for key, value in parse_qs(request.body.decode()).items()}
    if request.service == "iam":
        return f"arn:aws:iam::{ACCOUNT}:role/{form['RoleName']}" if "RoleName" in form else "*"
    name = form.get("StackName", "*")
    return name if name.startswith("arn:") else f"arn:aws:cloudformation:{here}:stack/{name}/*"


def printed(world: World, *command: str) -> Policy:
    data = world.run("permissions", "--json", *command).expect().json["data"]
    assert all(each["characters"] <= data["limit"] for each in data["policies"])
    return Policy([each["document"] for each in data["policies"]])


def test_nothing_else_is_needed_by_a_life_with_everything(world: World) -> None:
    world.write(EVERYTHING)
    plan, apply = printed(world, "plan"), printed(world, "apply")
    world.wire.allows = plan.allows
    world.plan()
    # It is the policy that decides: plan's does not let apply write.
    assert "IRA2002" in world.run("apply", "--yes", "--json").expect(3).stdout
    world.wire.allows = apply.allows
    world.apply()
    world.wire.allows = plan.allows
    for command in (
        ("plan", "--detailed-exitcode"),
        ("status",),
        ("state", "list"),
        ("explain", "web", "reader"),
    ):
        world.run(*command).expect()
    world.wire.allows = apply.allows
    world.run("verify", "web").expect()
    world.run("destroy", "--yes").expect()
    assert not world.stacks


def test_a_fleet_of_sops_files_lives_without_secrets_manager(world: World) -> None:
    world.write(SOPS_ONLY)
    plan, apply = printed(world, "plan"), printed(world, "apply")
    assert not any(action.startswith("secretsmanager") for action in apply.actions)
    world.wire.allows = apply.allows
    world.apply()
    world.wire.allows = plan.allows
    world.settled()
    world.wire.allows = apply.allows
    world.run("destroy", "--yes").expect()
    assert not any(each.service == "secretsmanager" for each in world.wire.requests)


def test_secrets_of_before_are_seen_though_the_file_has_none(world: World) -> None:
    world.write(small())
    world.apply()
    world.write(SOPS_ONLY)
    world.apply()
    assert not world.secrets
    world.settled()


def test_it_is_printed_to_be_read(world: World) -> None:
    world.write(SOPS_ONLY)
    result = world.run("permissions", "plan").expect()
    assert json.loads(result.stdout)["Version"] == "2012-10-17"
    assert "characters of a managed policy" in result.stderr
    assert not world.wire.requests
    world.write(EVERYTHING)
    parts = [world.run("permissions", "apply", "--part", number).expect() for number in "12"]
    assert all(json.loads(each.stdout)["Statement"] for each in parts)
    assert "policy 2 of 2" in parts[1].stderr
    assert "no part 3" in world.run("permissions", "apply", "--part", "3").expect(64).said
    world.write(small())
    assert "any account" in world.run("permissions", "plan").expect().stderr
    more = printed(world, "apply", "--everything").actions
    assert more > printed(world, "apply").actions
