"""Law 8 by revocation lists: who was sent away opens nothing, with whatever it kept; who is entitled notices nothing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from tests.e2e.world import READ_ONLY, REGION, small

from iam_ra.anywhere.request import SessionRequest
from iam_ra.aws.session import Aws
from iam_ra.aws.sessions import Sessions
from iam_ra.engine.errors import PermissionDeniedError
from iam_ra.pki.certificate import load_certificate
from iam_ra.pki.keys import PrivateKey
from iam_ra.pki.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.world import World

OWN = "ca/default:revocations"


def fleet(*hosts: str, **changes: Any) -> dict[str, Any]:
    """Return a file with these hosts; all have both roles."""
    both = {"roles": ["reader", "writer"], "default_role": "reader", "delivery": ["secretsmanager"]}
    roles = {"reader": {"policies": [READ_ONLY]}, "writer": {"session_duration": "2h"}}
    return small(roles=roles, hosts={name: {**both} for name in hosts}, **changes)


@dataclass(frozen=True, slots=True)
class Thief:
    """Who keeps a host's certificate and key, whatever becomes of the host, and asks for any role."""

    world: World
    certificate: x509.Certificate
    key: PrivateKey

    @classmethod
    def of(cls, world: World, host: str) -> Thief:
        certificate = load_certificate(world.secret(host, "certificate"))
        return cls(
            world, certificate, PrivateKey.from_pem(Secret(world.secret(host, "private-key").encode()))
        )

    def tries(self, role: str) -> str:
        """Return why the role is refused; nothing when it is given."""
        arns = self.world.stack_outputs(f"iam-ra-default-role-{role}")
        anchor = self.world.stack_outputs("iam-ra-default-rootca")["TrustAnchorArn"]
        request = SessionRequest(anchor, arns["ProfileArn"], arns["RoleArn"], 3600)
        try:
            Sessions(Aws(REGION)).open(request, self.certificate, self.key)
        except PermissionDeniedError as error:
            return error.what
        return ""


@pytest.fixture(autouse=True)
def _environ(world: World) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in world.environ.items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        yield


def crls(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.aws("rolesanywhere").list_crls()["crls"]
    return found


def listed(world: World) -> dict[int, str]:
    """Return the serials of the only list, each with its reason."""
    (crl,) = crls(world)
    assert crl["enabled"]
    return {
        each.serial_number: each.extensions.get_extension_for_class(x509.CRLReason).value.reason.name
        for each in x509.load_pem_x509_crl(crl["crlData"])
    }


def without_keys(world: World) -> Path:
    """Take the authority's key away, as on another machine; return where it is now."""
    safe = world.folder / "safe"
    shutil.move(world.data, safe)
    return safe


def test_who_goes_opens_nothing_though_a_role_may_trust_the_name_again(world: World) -> None:
    world.write(fleet("api", "db", "web"))
    world.apply()
    assert not crls(world)
    thief = Thief.of(world, "web")
    assert [thief.tries(role) for role in ("reader", "writer")] == ["", ""]

    world.write(fleet("api", "db"))
    plan = world.plan()
    assert plan.changes[OWN] == "create"
    assert plan.reasons[OWN] == ("host/web was removed",)
    world.apply()
    assert listed(world) == {thief.certificate.serial_number: "cessation_of_operation"}
    assert "Certificate revoked" in thief.tries("reader")
    world.settled()

    # Its name comes back, with another certificate; the old one stays refused though the roles trust the name.
    world.write(fleet("api", "db", "web"))
    world.apply()
    assert listed(world) == {thief.certificate.serial_number: "cessation_of_operation"}
    assert "Certificate revoked" in thief.tries("reader")
    world.settled()
    world.run("verify", "--all").expect()


def test_without_the_authoritys_key_half_is_done_and_the_rest_waits(world: World) -> None:
    world.write(fleet("db", "web"))
    world.apply()
    thief = Thief.of(world, "web")
    safe = without_keys(world)
    world.write(fleet("db"))
    result = world.run("apply", "--yes").expect(3)
    assert "the revocation list of ca/default is not signed: host/web was removed" in result.said
    assert "Bring it over" in result.said
    # Cut by the trust policy; what it was given stays until the other half is done.
    assert "AccessDenied" in thief.tries("reader")
    assert "Certificate revoked" not in thief.tries("reader")
    assert "/iam-ra/default/hosts/web/private-key" in world.secrets
    assert not crls(world)
    assert set(world.plan().changes) >= {OWN, "host/web:stack"}

    shutil.move(safe, world.data)
    world.apply()
    assert "Certificate revoked" in thief.tries("reader")
    assert "/iam-ra/default/hosts/web/private-key" not in world.secrets
    world.settled()
    world.run("verify", "--all").expect()


def test_an_authority_that_goes_needs_no_key(world: World) -> None:
    file = fleet("db", certificate_authorities={"default": {}, "edge": {}})
    file["hosts"]["far"] = {"roles": ["reader"], "ca": "edge", "delivery": ["secretsmanager"]}
    file["hosts"]["gone"] = {**file["hosts"]["far"]}
    world.write(file)
    world.apply()
    del file["hosts"]["gone"]
    world.write(file)
    world.apply()
    assert len(crls(world)) == 1
    without_keys(world)
    world.write(fleet("db"))
    world.apply()
    assert not crls(world)
    world.settled()
    world.run("destroy", "--yes").expect()
    assert not world.leftovers()


def test_what_others_do_to_a_list_is_put_right_without_the_key(world: World) -> None:
    world.write(fleet("db", "web"))
    world.apply()
    world.write(fleet("db"))
    world.apply()
    without_keys(world)
    service, before = world.aws("rolesanywhere"), listed(world)
    (crl,) = crls(world)
    service.disable_crl(crlId=crl["crlId"])
    assert world.plan().reasons[OWN] == ("it was disabled outside iam-ra",)
    world.apply()
    assert listed(world) == before
    service.delete_crl(crlId=crl["crlId"])
    assert world.plan().reasons[OWN] == ("was deleted outside iam-ra",)
    # Others' lists leave no room.
    anchor = crl["trustAnchorArn"]
    others = [
        service.import_crl(name=f"other-{n}", trustAnchorArn=anchor, crlData=crl["crlData"])["crl"]["crlId"]
        for n in range(2)
    ]
    refused = world.run("apply", "--yes").expect(3).said
    assert "the trust anchor of ca/default has no room for its revocation list" in refused
    service.delete_crl(crlId=others[0])
    world.apply()
    assert len(crls(world)) == 2
    world.settled()


def test_a_switch_turns_off_and_on_again(world: World) -> None:
    file = fleet("db", "web")
    world.write(file)
    world.apply()
    thief = Thief.of(world, "web")
    off = fleet("db", "web")
    off["hosts"]["web"]["disabled"] = True
    off["roles"]["writer"]["disabled"] = True
    world.write(off)
    without_keys(world)
    done = world.run("apply", "--yes", "--json").expect().json
    assert {each["entity"] for each in done["open_sessions"]} == {"host/db", "host/web"}
    assert "AccessDenied" in thief.tries("reader")
    assert "Profile is disabled" in thief.tries("writer")
    world.settled()
    said = world.run("status").expect().said
    assert "host/web web disabled" in said
    assert "role/writer disabled" in said
    # What is disabled is refused, as the file says.
    assert "4 attempts, all as the file says." in world.run("verify", "--all").expect().said
    assert "take `disabled: true` out" in world.run("explain", "web", "reader").expect(1).said

    file["certificate_authorities"] = {"default": {"disabled": True}}
    world.write(file)
    world.apply()
    assert "Trust anchor is disabled" in thief.tries("reader")
    del file["certificate_authorities"]
    world.write(file)
    world.apply()
    assert [thief.tries(role) for role in ("reader", "writer")] == ["", ""]
    world.settled()


def test_sessions_are_ended_until_they_would_be_over(world: World) -> None:
    world.write(fleet("db", "web"))
    world.apply()
    world.write(fleet("db"))
    assert "open sessions are ended: host/web may not take it" in world.run("plan", "--end-sessions").said
    assert "Open sessions of host/web last until" not in world.apply("--end-sessions").said

    def denied() -> list[str]:
        roles = (f"iam-ra-default-{name}" for name in ("reader", "writer"))
        names = (world.aws("iam").list_role_policies(RoleName=name)["PolicyNames"] for name in roles)
        return [each for found in names for each in found]

    assert denied() == ["iam-ra-end-sessions"] * 2
    world.settled()
    # The reader's sessions last an hour, the writer's two.
    world.server.turn_clock("+61m")
    assert set(world.plan().changes) == {"role/reader:stack"}
    world.apply()
    assert denied() == ["iam-ra-end-sessions"]
    world.server.turn_clock("+60m")
    (reason,) = world.plan().reasons["role/writer:stack"]
    assert reason.startswith("the sessions that it ended would be over by themselves since")
    world.apply()
    assert not denied()
    world.settled()


def test_a_renewed_certificate_is_refused_after_its_overlap(world: World) -> None:
    file = fleet("web")
    file["hosts"]["web"]["certificate"] = {"validity": "60d", "renew_before": "20d", "overlap": "5d"}
    world.write(file)
    world.apply()
    thief = Thief.of(world, "web")
    world.server.turn_clock("+41d")
    world.apply()
    assert thief.tries("reader") == ""
    world.settled()
    world.server.turn_clock("+6d")
    (reason,) = world.plan().reasons[OWN]
    assert reason.startswith("the overlap of host/web ended on ")
    world.apply("--only", "renewals")
    assert listed(world) == {thief.certificate.serial_number: "superseded"}
    assert "Certificate revoked" in thief.tries("reader")
    world.run("verify", "--all").expect()
    world.settled()
    # At the user's wish at once, and with everything that the host had.
    second = Thief.of(world, "web")
    assert second.tries("reader") == ""
    world.apply("--renew", "host/web")
    assert "Certificate revoked" in second.tries("reader")
    assert listed(world)[second.certificate.serial_number] == "key_compromise"
    world.run("verify", "--all").expect()
    world.settled()
    # When all of them have ended, so does the list.
    world.server.turn_clock("+61d")
    world.apply()
    assert not crls(world)
    world.settled()
