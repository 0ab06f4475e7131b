"""Roles that certificates say: laws 8 and 9 over hosts that get, keep and lose them, with real sessions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cryptography.x509.oid import NameOID
from tests.e2e.holders import Holder
from tests.e2e.world import small

if TYPE_CHECKING:
    from tests.e2e.world import World

ROLES = ("a", "ab", "b")
UNIT_TAG = "aws:PrincipalTag/x509Subject/OU"
NAME_TAG = "aws:PrincipalTag/x509Subject/CN"


def fleet(bind: str = "certificate", **hosts: list[str]) -> dict[str, Any]:
    return small(
        certificate_authorities={"default": {"bind": bind}},
        roles={name: {} for name in ROLES},
        hosts={
            name: {"roles": roles, "default_role": roles[0], "delivery": ["secretsmanager"]}
            for name, roles in hosts.items()
        },
    )


def apply(world: World, file: dict[str, Any]) -> None:
    world.write(file)
    world.apply()
    world.settled()


def units(holder: Holder) -> list[str | bytes]:
    return [
        each.value
        for each in holder.certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    ]


def conditions(world: World, role: str) -> list[dict[str, Any]]:
    document = world.aws("iam").get_role(RoleName=f"iam-ra-default-{role}")["Role"][
        "AssumeRolePolicyDocument"
    ]
    return [each.get("Condition", {}) for each in document["Statement"]]


def test_roles_come_and_go_with_certificates(world: World) -> None:
    apply(world, fleet(db=["ab"], web=["a", "b"]))
    first = Holder.of(world, "web")
    assert units(first) == ["iam-ra", "a", "b", "iam-ra"]
    assert first.opens(*ROLES) == {"a", "b"}
    # "a" is no part of "ab", nor the other way round.
    db = Holder.of(world, "db")
    assert db.opens(*ROLES) == {"ab"}
    (condition,) = conditions(world, "ab")
    assert condition["StringLike"] == {UNIT_TAG: "*/ab/*"}
    assert condition.keys() == {"ArnEquals", "StringLike"}

    # A role more: a new certificate, and the old one overlaps with what it says.
    world.write(fleet(db=["ab"], web=["a", "ab", "b"]))
    plan = world.plan()
    assert plan.changes["host/web:certificate"] == "update"
    assert "role/ab:stack" not in plan.changes
    world.apply()
    world.settled()
    assert first.opens(*ROLES) == {"a", "b"}
    second = Holder.of(world, "web")
    assert second.opens(*ROLES) == set(ROLES)
    assert db.opens(*ROLES) == {"ab"}
    assert json.loads(world.run("status", "--json").expect().stdout)["data"]["roles"] == {
        "a": ["host/web"],
        "ab": ["host/db", "host/web"],
        "b": ["host/web"],
    }

    # A role less: both certificates that say it are refused at once, and the plan says so.
    world.write(fleet(db=["ab"], web=["a", "ab"]))
    plan = world.plan()
    assert plan.reasons["host/web:certificate"] == (
        "loses the role b: the certificate that says so is revoked at once, not after an overlap",
    )
    assert plan.changes["ca/default:revocations"] == "create"
    world.apply()
    assert first.opens(*ROLES) == second.opens(*ROLES) == set()
    assert "Certificate revoked" in second.refusal("a")
    third = Holder.of(world, "web")
    assert units(third) == ["iam-ra", "a", "ab", "iam-ra"]
    assert third.opens(*ROLES) == {"a", "ab"}
    world.settled()
    assert world.run("explain", "web", "ab").expect().stdout
    world.run("explain", "web", "b").expect(1)
    assert world.run("verify", "--all", "--negative").expect().stdout


def test_a_fleet_moves_from_names_to_certificates_and_back_without_a_lock_out(world: World) -> None:
    apply(world, fleet("identity", web=["a"]))
    first = Holder.of(world, "web")
    assert units(first) == []
    world.write(fleet(web=["a"]))
    plan = world.plan()
    # Names, until nobody has a certificate any more that does not say the role.
    assert plan.changes["host/web:certificate"] == "update"
    assert "role/a:stack" not in plan.changes
    world.apply()
    world.settled()
    second = Holder.of(world, "web")
    assert first.opens("a") == {"a"}
    assert NAME_TAG in conditions(world, "a")[0]["StringEquals"]
    world.settled()

    # The new one is seen in use: the overlap is over.
    assert second.opens("a") == {"a"}
    plan = world.plan()
    assert plan.reasons["role/a:stack"] == ("every certificate that is to take it says so by now; names go",)
    world.apply()
    (condition,) = conditions(world, "a")
    assert condition["StringLike"] == {UNIT_TAG: "*/a/*"}
    assert "StringEquals" not in condition
    assert second.opens("a") == {"a"}
    assert first.opens("a") == set()
    world.settled()

    # Back: names let in whoever the file names, with the certificate of before and with the new one.
    apply(world, fleet("identity", web=["a"]))
    assert second.opens(*ROLES) == Holder.of(world, "web").opens(*ROLES) == {"a"}
    assert units(Holder.of(world, "web")) == []


def test_a_disabled_host_is_held_by_its_certificate_and_comes_back(world: World) -> None:
    file = fleet(db=["a"], web=["a"])
    apply(world, file)
    web = Holder.of(world, "web")
    file["hosts"]["web"]["disabled"] = True
    apply(world, file)
    assert web.opens("a") == set()
    assert Holder.of(world, "db").opens("a") == {"a"}
    file["hosts"]["web"]["disabled"] = False
    apply(world, file)
    assert web.opens("a") == {"a"}
