"""Hand-built plans, one for each thing a plan can show."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.drift import Drift
from iam_ra.engine.part import UNKNOWN, Part, Recorded
from iam_ra.engine.plan import Change, Conflict, Plan
from iam_ra.render.model import Header, PlanDocument

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOW = datetime(2026, 3, 4, 5, 6, 7, 890, tzinfo=UTC)
HEADER = Header("default", "ap-southeast-2", "123456789012", "iam-ra.yaml")
ANCHOR = "arn:aws:rolesanywhere:ap-southeast-2:123456789012:trust-anchor/0f8a8a3b-97b5-4a3e-9e3f-5d0c4a1b2c3d"
NEW = Reason(Cause.NEW, "new in the file")
EDITED = Reason(Cause.EDITED, "changed in the file")
REMOVED = Reason(Cause.REMOVED, "removed from the file")
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::releases/*"}],
}
ROLE = {
    "template": "0123456789abcdef",
    "description": "",
    "policies": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
    "inline_policies": {},
    "session_duration": 3600,
    "session_policy": None,
    "tags": {},
    "trust": [{"trust_anchor": ANCHOR, "identities": ["web.example.com"]}],
}
CERTIFICATE = {
    "identity": "web.example.com",
    "ca": "default",
    "authority": UNKNOWN,
    "key": "ec-p256",
    "validity": "365d",
    "renew_before": "60d",
}
SOPS = {"path": "secrets/hosts/web/iam-ra.yaml", "recipients": ["age1" + "q" * 58], "certificate": UNKNOWN}


def document(plan: Plan, **more: Any) -> PlanDocument:
    return PlanDocument(plan, more.pop("header", HEADER), NOW, lineage="0f8a8a3b", serial=7, **more)


def pem(content: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n"


def recorded(address: str, inputs: Mapping[str, Any] | None = None, *, protect: bool = False) -> Recorded:
    return Recorded(Address.parse(address), "sample", inputs or {}, {}, protect=protect)


def create(
    address: str, inputs: Mapping[str, Any] | None = None, *reasons: Reason, after: Iterable[str] = ()
) -> Change:
    return Change(
        Address.parse(address),
        "sample",
        Action.CREATE,
        reasons or (NEW,),
        inputs=inputs or {},
        after=tuple(Address.parse(each) for each in after),
    )


def update(address: str, before: Mapping[str, Any], after: Mapping[str, Any], *reasons: Reason) -> Change:
    known = recorded(address, before)
    return Change(known.address, "sample", Action.UPDATE, reasons or (EDITED,), inputs=after, recorded=known)


def delete(address: str, *reasons: Reason) -> Change:
    known = recorded(address, {"identity": "old.example.com"})
    return Change(known.address, "sample", Action.DELETE, reasons or (REMOVED,), recorded=known, losing=True)


def plan(
    *changes: Change,
    settled: Iterable[str] = ("init:stack", "ca/default:certificate"),
    conflicts: Iterable[Conflict] = (),
) -> Plan:
    staying = {each.address: each for each in map(recorded, settled)}
    known = {change.address: change.recorded for change in changes if change.recorded is not None}
    return Plan(changes, {**staying, **known}, staying, tuple(conflicts))


def first_apply() -> Plan:
    return plan(
        create("init:stack", {"template": "0123456789abcdef"}),
        create("ca/default:certificate", {"key": "ec-p256", "validity": "10y", "key_store": "file"}),
        create(
            "ca/default:trust-anchor",
            {"certificate": UNKNOWN, "enabled": True, "tags": {}},
            after=["ca/default:certificate", "init:stack"],
        ),
        create(
            "role/admin:stack",
            {**ROLE, "trust": [{"trust_anchor": UNKNOWN, "identities": ["web.example.com"]}]},
        ),
        create("host/web:certificate", CERTIFICATE, after=["ca/default:certificate"]),
        create("host/web:stack", {"template": "0123456789abcdef"}),
        create(
            "host/web:secrets", {"certificate": UNKNOWN}, after=["host/web:certificate", "host/web:stack"]
        ),
        create("host/web:sops", SOPS, after=["host/web:certificate"]),
        settled=(),
    )


def edited_role() -> Plan:
    after = {
        **ROLE,
        "description": "Operators, from their own machines, with the second factor that the proxy asks for",
        "policies": ["arn:aws:iam::aws:policy/PowerUserAccess", "arn:aws:iam::aws:policy/IAMReadOnlyAccess"],
        "inline_policies": {"releases": POLICY},
        "session_duration": 7200,
        "session_policy": POLICY,
        "trust": [{"trust_anchor": ANCHOR, "identities": ["db.example.com", "web.example.com"]}],
    }
    return plan(
        update("role/admin:stack", ROLE, after),
        update(
            "role/readonly:stack",
            ROLE,
            {
                **ROLE,
                "trust": [{"trust_anchor": UNKNOWN, "identities": ["web.example.com"]}],
                "template": "fedcba98",
            },
            Reason(Cause.UPGRADE, "this version of iam-ra makes it differently"),
            Reason(Cause.UPSTREAM, "follows ca/default:trust-anchor"),
        ),
    )


def removed_host() -> Plan:
    return plan(
        delete("host/old:certificate"),
        delete("host/old:secrets"),
        delete("host/old:sops"),
        delete("host/old:stack"),
        update(
            "role/admin:stack",
            {**ROLE, "trust": [{"identities": ["old", "web"]}]},
            {**ROLE, "trust": [{"identities": ["web"]}]},
        ),
        create("host/web:sops", SOPS),
        delete("host/web:secrets", Reason(Cause.EDITED, "no longer among the host's `delivery`")),
        settled=("init:stack", "host/web:certificate"),
    )


def replaced_anchor() -> Plan:
    known = recorded("ca/default:trust-anchor", {"certificate": pem("one"), "fingerprint": "ab" * 32})
    failed = Reason(
        Cause.FAILED, "its stack is in ROLLBACK_COMPLETE, which can only be deleted and created again"
    )
    inputs = {"certificate": pem("two"), "fingerprint": "cd" * 32}
    change = Change(
        known.address, "sample", Action.REPLACE, (failed,), inputs=inputs, recorded=known, losing=True
    )
    return plan(
        change, create("role/new:stack", ROLE, Reason(Cause.INTERRUPTED, "an interrupted apply began it"))
    )


def drift() -> Plan:
    known = update(
        "host/web:certificate",
        CERTIFICATE,
        CERTIFICATE,
        Reason(Cause.RENEWAL, "expires in 41 days, renewed from 60 days on"),
    )
    return plan(
        known,
        create("host/web:sops", SOPS, Reason(Cause.MISSING, "the file was deleted")),
        update("host/web:stack", ROLE, ROLE, Reason(Cause.DRIFTED, "its stack was changed outside iam-ra")),
        settled=("host/web:secrets", "init:stack"),
    )


def drift_below() -> Plan:
    known = update(
        "role/admin:stack", ROLE, {**ROLE, "description": "Ours"}, Reason(Cause.EDITED, "changed in the file")
    )
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": ["123456789012"]}}],
    }
    anybody = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ["*"]}}]}
    drifted = (
        Drift("role.policies.arn:aws:iam::aws:policy/ReadOnlyAccess", None, "attached", "apply detaches it"),
        Drift("role.tags.team", "blue", "red", "apply sets it back"),
        Drift("role.trust_policy", trust, anybody, "apply sets it back"),
    )
    alone = update("init:stack", ROLE, ROLE, Reason(Cause.DRIFTED, "changed outside iam-ra"))
    bucket = (Drift("bucket.versioning", "Enabled", "Suspended", "apply sets it back"),)
    return plan(
        replace(known, drift=drifted),
        replace(alone, drift=bucket, drift_only=True),
        settled=("ca/default:stack",),
    )


IGNORED = {
    Address.parse("host/web:stack"): (
        Drift("private_key_secret.tags.cost", None, "42", "apply removes it", ignored_by=0),
    )
}


def protection() -> Plan:
    known = recorded("ca/default:certificate", {"key": "ec-p256"})
    part = Part(known.address, "sample", known.inputs, protect=True)
    reason = Reason(Cause.EDITED, "protected from now on")
    change = Change(
        known.address,
        "sample",
        Action.UPDATE,
        (reason,),
        inputs=known.inputs,
        desired=part,
        recorded=known,
        record_only=True,
    )
    return plan(change, settled=("init:stack",))


def conflict() -> Plan:
    text = "a stack named iam-ra-default-host-db exists that this namespace did not make"
    return plan(
        create("host/web:certificate", CERTIFICATE),
        conflicts=[Conflict(Address.parse("host/db:stack"), text)],
    )


def hostile() -> Plan:
    evil = "\x1b[2J\x1b]0;owned\x07\r\nroot"
    name = "x" * 120
    before = {
        "description": evil,
        "bidi": "abc\u202ecba",
        "wide": "漢字" * 40,
        "path\x1b[31m": 1,
        "text": "one\ntwo",
        "n": "3600",
    }
    after = {
        **before,
        "description": f"{evil}!",
        "bidi": "",
        "wide": "漢字" * 39 + "仮名",
        "path\x1b[31m": 2,
        "text": "one\nthree",
        "n": 3600,
    }
    return plan(
        update(f"role/{evil}:stack", before, after, Reason(Cause.DRIFTED, f"changed by {evil}")),
        create(f"host/{name}:certificate", {"identity": evil, "key": name}),
        create(f"host/{name}:{name}", {"zero\x00": "a\tb"}, Reason(Cause.NEW, name)),
        update(
            "host/b:sops",
            {name: name, "same": "p" * 90 + "1" + "q" * 90},
            {name: f"{name}y", "same": "p" * 90 + "2" + "q" * 90},
        ),
        conflicts=[Conflict(Address(f"host/{evil}", "stack"), evil)],
    )


def fleet() -> Plan:
    hosts = [f"host/web-{number:03}" for number in range(25)]
    return plan(
        *(
            create(f"{host}:{part}", CERTIFICATE)
            for host in hosts
            for part in ("certificate", "secrets", "sops", "stack")
        )
    )
