"""Authorities in AWS Private CA, as they are planned: what they are made from, what is pending, what never changes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.kinds.samples import ANCHOR, NAMES, NOW, blueprint, namespace, parts, snapshot, stack
from tests.unit.templates.linting import lint

from iam_ra.engine.action import Action, Cause
from iam_ra.engine.diff import make_plan
from iam_ra.engine.part import Observed, Presence, Recorded, Ref
from iam_ra.kinds.authority import authority_certificate, private_ca, revocation_list
from iam_ra.kinds.base import all_kinds
from iam_ra.kinds.generations import generation_conflicts
from iam_ra.kinds.host_certificate import host_certificate
from iam_ra.kinds.memory import Wishes
from iam_ra.kinds.pca import PRICE, with_prices
from iam_ra.kinds.revoked import with_revoked
from iam_ra.kinds.trust_anchor import trust_anchor_arn
from iam_ra.state.ledger import Issued

if TYPE_CHECKING:
    from pathlib import Path

    from iam_ra.engine.part import Part
    from iam_ra.engine.plan import Change

ARN = "arn:aws:acm-pca:ap-southeast-2:123456789012:certificate-authority/11111111-2222-3333-4444-555555555555"
MADE = "certificate_authorities: {default: {mode: pca-new, tags: {team: a}}}\n"
FOUND = f"certificate_authorities: {{default: {{mode: pca-existing, pca_arn: '{ARN}'}}}}\n"
HOSTS = "roles: {r: {}, robot: {bind: certificate}}\nhosts: {bot: {roles: [robot]}, web: {roles: [r]}}\n"
CERTIFICATE, LIST = authority_certificate("default", 1), revocation_list("default", 1)
DAY = timedelta(days=1)
DATA = "d" * 64


@pytest.mark.parametrize("text", [MADE, FOUND])
def test_the_anchor_stands_for_the_private_ca(tmp_path: Path, text: str) -> None:
    found = parts(namespace(tmp_path, text + HOSTS))
    anchor = found[trust_anchor_arn("default").address]
    assert anchor.inputs["pca"] == Ref(CERTIFICATE, "pca")
    assert "certificates" not in anchor.inputs
    made = private_ca("default")
    own = found[CERTIFICATE].inputs
    assert own == (
        {"mode": "pca-new", "pca": Ref(made, "PrivateCaArn")}
        if text is MADE
        else {"mode": "pca-existing", "pca_arn": ARN}
    )
    assert (made in found) == (text is MADE)


def test_templates_of_private_cas(tmp_path: Path) -> None:
    part = parts(namespace(tmp_path, MADE + HOSTS))[private_ca("default")]
    text = blueprint("private-ca", "ca/default", part.inputs).template
    assert not lint(text)
    template = json.loads(text)["Resources"]
    assert template["PrivateCa"]["Properties"]["Subject"] == {
        "Organization": "iam-ra",
        "CommonName": "iam-ra default default G1",
    }
    lists = template["PrivateCa"]["Properties"]["RevocationConfiguration"]["CrlConfiguration"]
    assert (lists["Enabled"], lists["S3ObjectAcl"]) == (True, "BUCKET_OWNER_FULL_CONTROL")
    blocked = template["Bucket"]["Properties"]["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    assert template["Certificate"]["Properties"]["Validity"] == {"Type": "DAYS", "Value": 3650}
    inputs = {"template": "t", "pca": ARN, "enabled": True, "notifications": [], "tags": {}}
    text = blueprint("trust-anchor-stack", "ca/default", inputs).template
    assert not lint(text)
    source = json.loads(text)["Resources"]["TrustAnchor"]["Properties"]["Source"]
    assert source == {"SourceType": "AWS_ACM_PCA", "SourceData": {"AcmPcaArn": ARN}}


def test_the_price_is_said_before_it_is_made_and_not_after(tmp_path: Path) -> None:
    file, address = namespace(tmp_path, MADE + HOSTS), private_ca("default")

    def because(recorded: Any) -> str:
        part = parts(with_prices(file, recorded))[address]
        return " ".join(each.text for each in part.because)

    assert PRICE in because({})
    assert because({address: Recorded(address, "private-ca", {}, {})}) == ""


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ("", "key: ec-p384", "key"),
        ("", "validity: 5y", "days"),
    ],
)
def test_what_never_changes(tmp_path: Path, before: str, after: str, name: str) -> None:
    head = "certificate_authorities: {default: {mode: pca-new, %s}}\n"
    address = private_ca("default")
    first = parts(namespace(tmp_path, head % before + HOSTS))[address]
    then = parts(namespace(tmp_path, head % after + HOSTS))[address]
    known = {address: Recorded(address, "private-ca", first.inputs, {})}
    plan = make_plan([replace(then, depends_on=())], known, {}, all_kinds(), NOW)
    (conflict,) = plan.conflicts
    assert conflict.text.startswith(f"{name} cannot change from ")
    assert "second authority" in conflict.text


def test_a_stack_that_is_gone_is_not_made_again() -> None:
    kind, address = all_kinds()["private-ca"], private_ca("default")
    known = Recorded(
        address, "private-ca", {}, {"PrivateCaArn": ARN, "Digest": "1", "updated": NOW.isoformat()}
    )
    assert kind.review(known, None, NOW) is None
    made = stack("iam-ra-default-pca-default", "DELETE_FAILED", address="ca/default:pca")
    seen = kind.observed(snapshot(made))[address]
    assert seen.presence is Presence.BROKEN
    assert kind.review(known, seen, NOW) is None
    changed = stack("iam-ra-default-pca-default", outputs={"Digest": "2"}, address="ca/default:pca")
    found = kind.review(known, kind.observed(snapshot(changed))[address], NOW)
    assert found is not None
    assert found.action is Action.UPDATE


def test_a_wish_for_a_new_generation_is_a_conflict(tmp_path: Path) -> None:
    file = namespace(tmp_path, FOUND + HOSTS)
    wishes = Wishes(renew=frozenset({"ca/default"}))
    (conflict,) = generation_conflicts(file, {}, snapshot(), wishes, NOW)
    assert "second authority" in conflict.text
    assert not list(generation_conflicts(file, {}, snapshot(), Wishes(), NOW))


def leaf(serial: str, **more: Any) -> Issued:
    return Issued("default", 1, "bot", serial, NOW - DAY, NOW + 300 * DAY, more.get("units", ()))


def host(serial: str) -> Recorded:
    inputs = {"ca": "default", "generation": 1, "identity": "bot", "units": ["robot"]}
    outputs = {"serial": serial, "earlier": [], "not_after": (NOW + 300 * DAY).isoformat()}
    return Recorded(host_certificate("bot"), "host-certificate", inputs, outputs)


def test_a_disabled_host_is_revoked_for_good_and_gets_another_certificate_later(tmp_path: Path) -> None:
    file = namespace(tmp_path, FOUND + HOSTS)
    off = replace(file, hosts={**file.hosts, "bot": replace(file.hosts["bot"], disabled=True)})
    known = host("7")
    state = {known.address: known}
    disabled = with_revoked(off, state, [leaf("7", units=("robot",))], NOW)
    (entry,) = disabled.authorities["default"].revoked[1]
    assert entry.reason == "privilege_withdrawn"
    assert not disabled.hosts["bot"].renewal
    listed = {
        "7": {"reason": entry.reason, "when": NOW.isoformat(), "not_after": entry.not_after.isoformat()}
    }
    state[LIST] = Recorded(LIST, "revocation-list", {"revoked": listed}, {})
    enabled = with_revoked(file, state, [leaf("7", units=("robot",))], NOW)
    assert [each.cause for each in enabled.hosts["bot"].renewal] == [Cause.COMPROMISED]


def list_part(tmp_path: Path) -> tuple[Part, Recorded]:
    file = namespace(tmp_path, FOUND + HOSTS)
    part = parts(with_revoked(file, {}, [replace_host(leaf("7"))], NOW))[LIST]
    inputs = {**part.inputs, "trust_anchor": ANCHOR, "authority": "f", "pca": ARN}
    return replace(part, inputs=inputs, depends_on=(), released_by=()), Recorded(LIST, part.kind, inputs, {})


def replace_host(issued: Issued) -> Issued:
    return issued._replace(host="gone")


def change_of(part: Part, known: Recorded, facts: dict[str, Any] | None) -> Change | None:
    seen = {} if facts is None else {LIST: Observed(Presence.PRESENT, facts)}
    plan = make_plan([part], {LIST: known}, seen, all_kinds(), NOW)
    return plan.changes[0] if plan.changes else None


IMPORTED = {"id": "i", "data": DATA, "enabled": True}


@pytest.mark.parametrize(
    ("outputs", "facts", "cause"),
    [
        ({"pending": "p"}, None, Cause.PENDING),
        ({"pending": "p"}, {"published": ""}, None),
        ({"pending": "p"}, {"published": DATA}, Cause.PENDING),
        ({"pending": "p", **IMPORTED}, IMPORTED, Cause.PENDING),
        ({"pending": "p", **IMPORTED}, {"published": "", **IMPORTED}, None),
        # What was taken over before is put right meanwhile.
        ({"pending": "p", **IMPORTED}, {"published": ""}, Cause.MISSING),
        ({"pending": "p", **IMPORTED}, {"published": "", **IMPORTED, "enabled": False}, Cause.DRIFTED),
        ({"renewed": 1, **IMPORTED}, IMPORTED, None),
        ({"renewed": 0, **IMPORTED}, IMPORTED, Cause.RENEWAL),
        ({"renewed": 0, **IMPORTED}, {"published": DATA, **IMPORTED}, None),
        ({"renewed": 0, **IMPORTED}, {"published": "e" * 64, **IMPORTED}, Cause.RENEWAL),
    ],
)
def test_a_list_is_waited_for_and_renewed(
    tmp_path: Path, outputs: dict[str, Any], facts: dict[str, Any] | None, cause: Cause | None
) -> None:
    part, known = list_part(tmp_path)
    if "renewed" in outputs:
        dates = {"renewed": NOW + outputs["renewed"] * DAY, "ends": NOW + 9 * DAY}
        outputs = {**outputs, **{name: date.isoformat() for name, date in dates.items()}}
    change = change_of(part, replace(known, outputs=outputs), facts)
    assert ([each.cause for each in change.reasons] if change else []) == ([cause] if cause else [])


def test_names_of_stacks() -> None:
    assert NAMES.is_ours("iam-ra-default-pca-factory")
    kind: Any = all_kinds()["private-ca"]
    assert kind.entity_named("iam-ra-default-pca-factory", NAMES) == "ca/factory"
    assert kind.entity_named("iam-ra-default-pca-", NAMES) is None
    assert kind.entity_named("iam-ra-default-role-a", NAMES) is None
