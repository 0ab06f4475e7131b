"""An authority is followed by a new generation while its hosts still use the old one, wherever its key is kept.

Also stopped between any two steps: whatever a host holds then lets it in, and the next apply goes on from there.
"""

from __future__ import annotations

import random
import signal
import subprocess
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyrage
import pytest
from tests.e2e.test_survives import Killer
from tests.e2e.world import REGION, small, until

from iam_ra.anywhere.request import SessionRequest
from iam_ra.aws.session import Aws
from iam_ra.aws.sessions import Sessions
from iam_ra.config.load import load
from iam_ra.engine.errors import PermissionDeniedError
from iam_ra.kinds.memory import NO_WISHES, Wishes
from iam_ra.operations.applying import Applier
from iam_ra.operations.planning import Planner
from iam_ra.operations.workplace import connect
from iam_ra.pki.certificate import certificate_pem, load_certificate
from iam_ra.pki.keys import PrivateKey
from iam_ra.pki.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography import x509
    from tests.e2e.world import World

    from iam_ra.engine.plan import Change

ROTATE = Wishes(renew=frozenset({"ca/default"}))
FIRST_KEY = "secrets/ca/default/iam-ra.yaml"
SECOND_KEY = "secrets/ca/default/iam-ra-2.yaml"


def kept_in(key_store: str, **settings: Any) -> dict[str, Any]:
    return small(certificate_authorities={"default": {"key_store": key_store, **settings}})


@dataclass(frozen=True, slots=True)
class Held:
    """What a host has in its hands."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def signed_by(self) -> str:
        """The last word of the issuer's name: the generation."""
        return self.certificate.issuer.rfc4514_string().partition(",")[0][-2:]


class Site:
    """The host of one world, and who applies its file from within this process, one change at a time if need be."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._arns: dict[str, str] = {}

    def hands(self) -> dict[str, Held]:
        """Return what was delivered, in two ways."""
        opened = self.world.open(self.world.sops_file("web"))
        pairs = {
            "secret": (self.world.secret("web", "certificate"), self.world.secret("web", "private-key")),
            "file": (opened["certificate"], opened["private_key"]),
        }
        return {
            name: Held(load_certificate(certificate), PrivateKey.from_pem(Secret(key.encode())))
            for name, (certificate, key) in pairs.items()
        }

    def lets_in(self, held: Held) -> bool:
        if not self._arns:
            for name in ("role-reader", "rootca"):
                self._arns |= self.world.stack_outputs(f"iam-ra-default-{name}")
        anchor, profile, role = (self._arns[f"{name}Arn"] for name in ("TrustAnchor", "Profile", "Role"))
        request = SessionRequest(anchor, profile, role, 3600)
        try:
            # It asks once what time it is, and the clock is turned.
            Sessions(Aws(REGION), per_second=1000.0).open(request, held.certificate, held.key)
        except PermissionDeniedError:
            return False
        return True

    def step(self, count: int, wishes: Wishes = NO_WISHES) -> tuple[Change, ...]:
        """Plan, and make the first changes only; return them."""
        workplace = connect(load(self.world.file).namespace, None, self.world.environ)
        planner = Planner(workplace, wishes=wishes)
        applier = Applier(workplace, planner)
        with applier.locked("apply"):
            planned = planner.plan()
            assert planned.is_applicable, planned.plan.conflicts
            first = planned.plan.changes[:count]
            plan = replace(planned.plan, changes=first)
            outcome = applier.apply(replace(planned, plan=plan), lambda _: None)
        assert outcome.complete, [each.error for each in outcome.failed]
        return first

    def steps(self, wishes: Wishes = NO_WISHES) -> list[str]:
        """Apply as if stopped after each step and begun anew; after each, expect that the host gets in.

        A certificate that was not delivered is lost with the memory that its key is in. So whoever comes to the same
        step again takes one more.
        """
        made: list[str] = []
        count, repeated = 1, ""
        while changes := self.step(count, NO_WISHES if made else wishes):
            made += [f"{change.action} {change.address}" for change in changes]
            count, repeated = (count + 1 if made[-count] == repeated else 1), made[-count]
            assert len(made) < 40, made
            for name, held in self.hands().items():
                assert self.lets_in(held), (name, made)
        return made

    def settled(self) -> None:
        self.world.settled()
        self.world.run("verify", "--all").expect()


@pytest.fixture
def site(world: World) -> Iterator[Site]:
    world.more["SOPS_AGE_KEY"] = str(world.identity)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in world.environ.items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        yield Site(world)


def openssl(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, text=True, check=False)  # noqa: S607


def test_stopped_after_every_step_from_store_to_store(site: Site) -> None:
    world = site.world
    world.write(kept_in("file"))
    world.apply()
    made: dict[str, list[str]] = {}
    for number, store in enumerate(("file", "sops", "kms"), start=2):
        before = site.hands()
        world.write(kept_in(store))
        made[store] = site.steps(ROTATE if store == "file" else NO_WISHES)
        after = site.hands()
        assert {each.signed_by for each in after.values()} == {f"G{number}"}
        # Whoever was let in by a new certificate needs the old one no more.
        assert not any(map(site.lets_in, before.values()))
        site.settled()
    assert made["file"][:2] == ["create ca/default:certificate-2", "update ca/default:stack"]
    assert made["file"][-1] == "delete ca/default:certificate"
    assert made["sops"][:3] == [
        "create ca/default:key-file-3",
        "create ca/default:certificate-3",
        "update ca/default:stack",
    ]
    assert made["kms"][0] == "create ca/default:key-4"
    assert made["kms"][-2:] == ["delete ca/default:certificate-3", "delete ca/default:key-file-3"]
    assert not (world.root / "secrets/ca").exists()
    assert not list(world.data.rglob("*.pem"))


@pytest.mark.parametrize("store", ["file", "sops", "kms"])
def test_a_life_in_each_store(site: Site, store: str) -> None:
    world = site.world
    world.write(kept_in(store))
    world.apply()
    site.settled()
    first = site.hands()["secret"]
    world.apply("--renew", "host/web")
    assert not site.lets_in(first)
    before = site.hands()["secret"]
    judged_by_openssl(world, before, revoked=first)
    # Whoever has been let in by the new one is seen; here nobody is, so that the overlap lasts.
    world.run("ca", "rotate", "default", "--yes").expect()
    world.settled()
    for held in site.hands().values():
        assert (held.signed_by, before.signed_by) == ("G2", "G1")
    assert site.lets_in(before)
    both = world.aws("rolesanywhere").list_trust_anchors()["trustAnchors"][0]["source"]["sourceData"]
    assert both["x509CertificateData"].count("BEGIN CERTIFICATE") == 2
    world.server.turn_clock("+31d")
    plan = world.plan()
    old = ["certificate", "revocations", *{"sops": ["key-file"], "kms": ["key"]}.get(store, [])]
    assert plan.changes == {
        **{f"ca/default:{part}": "delete" for part in old},
        "ca/default:stack": "update",
    }
    reasons = {text for address, texts in plan.reasons.items() for text in texts if "revo" not in address}
    (reason,) = reasons
    assert "no live certificate needs generation 1 any more" in reason
    world.apply()
    site.settled()
    assert not site.lets_in(before)
    kms = world.aws("kms")
    keys = {
        each["KeyId"]: kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"]
        for each in kms.list_keys()["Keys"]
    }
    signing = sorted(each["KeyState"] for each in keys.values() if each["KeyUsage"] == "SIGN_VERIFY")
    assert signing == (["Enabled", "PendingDeletion"] if store == "kms" else [])
    assert [path.name for path in world.data.rglob("*.pem")] == ["ca-private-key.2.pem"] * (store == "file")
    assert (world.root / SECOND_KEY).exists() == (store == "sops")
    assert not (world.root / FIRST_KEY).exists()
    world.run("destroy", "--yes").expect()
    assert not world.leftovers()


def test_a_sops_file_comes_back_byte_for_byte_and_without_a_key(site: Site) -> None:
    world = site.world
    world.write(kept_in("sops"))
    world.apply()
    file = world.root / FIRST_KEY
    data = file.read_bytes()
    assert PrivateKey.from_pem(Secret(world.open(file)["private_key"].encode())).algorithm == "ec-p256"
    del world.more["SOPS_AGE_KEY"]
    file.unlink()
    plan = world.plan()
    assert plan.reasons == {"ca/default:key-file": (f"{FIRST_KEY} was deleted",)}
    world.apply()
    assert file.read_bytes() == data
    file.write_text("x")
    world.remove("default/ca/default/key-1.yaml")
    # Nobody has it any more, and the authority gets a new one; what its hosts have stays good.
    file.unlink()
    world.apply()
    assert (world.root / SECOND_KEY).exists()
    world.settled()
    assert all(map(site.lets_in, site.hands().values()))


def test_who_can_open_the_file_can_sign(site: Site) -> None:
    """A checkout on another machine, such as CI's, with the key of age there, or without."""
    world = site.world
    world.write(kept_in("sops"))
    world.apply()
    other, state = world.clone(), world.state
    other.more = {"SOPS_AGE_KEY": str(pyrage.x25519.Identity.generate())}
    refused = other.run("apply", "--yes", "--renew", "host/web").expect(1)
    assert f"{FIRST_KEY} cannot be decrypted" in refused.said
    assert "None of the keys that you have opens it" in refused.said
    assert world.state == state
    other.more = dict(world.more)
    other.apply("--renew", "host/web")
    # Another recipient: who can open it encrypts it anew, and the key is the same.
    before = other.open(other.root / FIRST_KEY)["private_key"]
    second = pyrage.x25519.Identity.generate()
    other.recipients(other.identity, second)
    other.apply()
    assert other.open(other.root / FIRST_KEY, second)["private_key"] == before
    other.settled()
    # Where there is no sops, nothing is begun.
    other.path = ["/usr/bin", "/bin"]
    other.write(kept_in("sops", key="ec-p384"))
    missing = other.run("apply", "--yes").expect(1)
    assert "sops is not installed" in missing.said


def test_keys_of_kms_are_on_no_machine(site: Site) -> None:
    world = site.world
    world.write(kept_in("kms", key="ec-p384"))
    world.apply()
    other = world.clone()
    other.more = dict(world.more)
    other.apply("--renew", "host/web")
    arn = world.stack_outputs("iam-ra-default-key-1-default")["KeyArn"]
    world.aws("kms").disable_key(KeyId=arn.rpartition("/")[2])
    refused = world.run("apply", "--yes", "--renew", "host/web").expect(1)
    assert "its state is Disabled" in refused.said
    assert f"aws kms enable-key --key-id {arn}" in refused.said
    # Without its key for good, the authority is followed.
    before = site.hands()["secret"]
    world.aws("cloudformation").delete_stack(StackName="iam-ra-default-key-1-default")
    until(lambda: "iam-ra-default-key-1-default" not in world.stacks)
    assert "its KMS key was deleted outside iam-ra" in str(world.plan().reasons["ca/default:certificate-2"])
    world.apply()
    world.settled()
    assert site.lets_in(before)


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_call(site: Site, seed: int) -> None:
    """A rollover from a file to KMS, or to SOPS, and the end of the old generation; each killed once somewhere."""
    world = site.world
    chance = random.Random(seed)  # noqa: S311 - a sample, no secret
    world.write(kept_in("file"))
    world.apply()
    before = site.hands()
    world.write(kept_in("kms" if seed else "sops"))
    killed = 0
    for wait, most in (("+1h", 60), ("+31d", 35)):
        world.server.turn_clock(wait)
        killer = Killer(world, chance.randint(most // 4, most), before=chance.random() < 0.5)
        killed += killer.run("apply", "--yes").code == -signal.SIGKILL
        assert all(map(site.lets_in, (before if wait == "+1h" else site.hands()).values()))
        world.remove("default/lock.json")
        world.apply()
        world.settled()
    assert killed
    site.settled()
    world.run("destroy", "--yes").expect()
    assert not world.leftovers()


def judged_by_openssl(world: World, good: Held, revoked: Held) -> None:
    """Have OpenSSL judge a certificate, and the list that revokes another one of the same authority."""
    folder, anywhere = world.folder, world.aws("rolesanywhere")
    (anchor,), (crl,) = anywhere.list_trust_anchors()["trustAnchors"], anywhere.list_crls()["crls"]
    (folder / "roots.pem").write_text(anchor["source"]["sourceData"]["x509CertificateData"])
    (folder / "crl.pem").write_bytes(crl["crlData"])
    (folder / "good.pem").write_text(certificate_pem(good.certificate))
    (folder / "revoked.pem").write_text(certificate_pem(revoked.certificate))
    moment = good.certificate.not_valid_before_utc + timedelta(hours=1)
    strict = [
        "-x509_strict",
        "-check_ss_sig",
        "-purpose",
        "sslclient",
        "-attime",
        f"{moment.timestamp():.0f}",
    ]
    strict += ["-crl_check", "-CRLfile", str(folder / "crl.pem"), "-CAfile", str(folder / "roots.pem")]
    done = openssl("verify", *strict, str(folder / "good.pem"))
    assert done.returncode == 0, done.stderr
    done = openssl("verify", *strict, str(folder / "revoked.pem"))
    assert "certificate revoked" in done.stderr
