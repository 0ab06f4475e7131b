"""Why a certificate may or may not take a role: the facts, from the recorded state or from AWS, for the rules to judge."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError
from cryptography import x509

from iam_ra.anywhere.arn import parse_arn
from iam_ra.anywhere.evaluate import TRUST_FIX, evaluate
from iam_ra.anywhere.request import SessionRequest, model_problems
from iam_ra.anywhere.revocation import Crl, load_crls
from iam_ra.anywhere.situation import CheckResult, Profile, Role, Situation, TrustAnchor
from iam_ra.anywhere.trust_policy import trust_policy
from iam_ra.aws.errors import code
from iam_ra.aws.pca import Pca
from iam_ra.aws.session import Aws
from iam_ra.config.durations import parse_duration
from iam_ra.config.model import CLUSTERS, WORKLOADS
from iam_ra.engine.address import Address
from iam_ra.engine.errors import AwsError, StateError, UsageError
from iam_ra.kinds.authority import authority_certificate
from iam_ra.kinds.host_certificate import host_certificate
from iam_ra.kinds.host_keys import ENTITIES as HOSTS
from iam_ra.kinds.manifest_texts import workload_of
from iam_ra.kinds.manifests import PART as MANIFESTS
from iam_ra.kinds.role import role_stack, session_policy_of, taken_by
from iam_ra.kinds.trust_anchor import trust_anchor_arn
from iam_ra.operations.workplace import Workplace, translated
from iam_ra.pki.certificate import load_bundle, load_certificate
from iam_ra.pki.stand_in import stand_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from iam_ra.config.model import Host, Namespace, Workload
    from iam_ra.engine.part import Recorded

_LEAST_MAX_SESSION = 3600
_BUNDLE = "CERTIFICATE_BUNDLE"
_PRIVATE_CA = "AWS_ACM_PCA"


def explain_recorded(
    workplace: Workplace, taker: str, role: str, certificates: bytes | None = None
) -> tuple[CheckResult, ...]:
    """Judge by the state whether a host or a workload (its address) may take a role; fixes name what to edit in the file.

    Of a workload `certificates` (PEM, intermediates after it) is what it has in its cluster; without them it is judged
    by what cert-manager would issue. Raises StateError for what was not applied.
    """
    with translated():
        snapshot = workplace.observe()
        state = workplace.recorded(snapshot)
        parts = {} if state is None else state.parts
        if taker.startswith(WORKLOADS):
            scope = _cluster_of(parts, taker)
            held = () if certificates is None else tuple(load_bundle(certificates))
        else:
            scope = _part(parts, host_certificate(taker.removeprefix(HOSTS))).inputs["ca"]
            held = (load_certificate(workplace.run(snapshot).certificate_of(taker.removeprefix(HOSTS))),)
    situation = _of_parts(parts, scope, role, held, _Asked(taker, workplace.namespace, snapshot.caller.now))
    if situation.trust_anchor is not None:
        crls = tuple(
            Crl(each.arn, each.enabled, load_crls(each.data))
            for each in snapshot.crls
            if each.anchor_arn == situation.trust_anchor.arn
        )
        situation = replace(situation, trust_anchor=replace(situation.trust_anchor, crls=crls))
    results = evaluate(situation)
    fix = _fix(workplace.namespace, taker, role)
    return tuple(replace(each, fix=fix) if each.fix == TRUST_FIX else each for each in results)


def explain_live(
    certificates: bytes, request: SessionRequest, aws_profile: str | None
) -> tuple[CheckResult, ...]:
    """Judge by what AWS says whether a certificate (PEM, its intermediates after it) may take a role.

    Raises CertificateError for a certificate that cannot be read, UsageError for ARNs of another form.
    """
    leaf, *chain = load_bundle(certificates)
    problems = model_problems(request.members())
    if problems:
        raise UsageError(f"no session can be asked for with these ARNs: {problems[0]}")
    region = parse_arn(request.trust_anchor_arn).region
    if not region:
        raise UsageError(f"the trust anchor's ARN names no Region: {request.trust_anchor_arn}")
    with translated():
        aws = Aws(region, aws_profile)
        situation = Situation(
            request,
            leaf,
            tuple(chain),
            _anchor(aws, request.trust_anchor_arn),
            _profile(aws, request.profile_arn),
            _role(aws, request.role_arn),
            aws.caller.now,
        )
    return evaluate(situation)


def _fix(namespace: Namespace, taker: str, role: str) -> str:
    """Say what to do that a host or workload of the state gets a role, by what the file says of both."""
    file = namespace.file.name
    found = workload_of(taker, namespace)
    known: Host | Workload | None
    if taker.startswith(WORKLOADS):
        _, cluster, key = taker.split("/", 2)
        known, place = None if found is None else found[1], f"clusters.{cluster}.workloads.{key}"
    else:
        name = taker.removeprefix(HOSTS)
        known, place = namespace.hosts.get(name), f"hosts.{name}"
    if known is None:
        return (
            f"{place} is not in {file} any more; put it back and run `iam-ra apply`, if it is to have roles."
        )
    if role in known.roles and known.disabled:
        return f"{place} is disabled in {file}: take `disabled: true` out and run `iam-ra apply`."
    if role in known.roles:
        return f"{file} gives {role} to {place}, and that was not applied yet: run `iam-ra apply`."
    if role not in namespace.roles:
        return f"roles.{role} is not in {file} any more, and the next apply deletes it: put it back first."
    return f"To give it: add {role} to roles of {place} in {file} and run `iam-ra apply`."


class _Asked(NamedTuple):
    """Who asks, by which file, and when."""

    taker: str
    namespace: Namespace
    now: datetime


def _cluster_of(parts: Mapping[Address, Recorded], workload: str) -> str:
    """Return the authority of a recorded workload. Raises StateError."""
    _part(parts, Address(workload, MANIFESTS))
    return f"{CLUSTERS}{workload.split('/')[1]}"


def _of_parts(
    parts: Mapping[Address, Recorded],
    scope: str,
    role: str,
    held: tuple[x509.Certificate, ...],
    asked: _Asked,
) -> Situation:
    stack = _part(parts, role_stack(role))
    anchor = _part(parts, trust_anchor_arn(scope).address)
    vouching = tuple(map(load_certificate, _vouching(parts, anchor, scope)))
    if not held:
        part = _part(parts, Address(asked.taker, MANIFESTS))
        life = parse_duration(part.inputs["duration"])
        like, leaf = stand_in(vouching[-1], part.inputs["identity"], life, asked.now)
        vouching, held = (like,), (leaf,)
    duration = int(stack.inputs["session_duration"])
    trusted = {each["trust_anchor"]: taken_by(each) for each in stack.inputs["trust"]}
    anchor_arn, profile_arn, role_arn = (
        anchor.outputs["TrustAnchorArn"],
        stack.outputs["ProfileArn"],
        stack.outputs["RoleArn"],
    )
    return Situation(
        SessionRequest(anchor_arn, profile_arn, role_arn, duration),
        held[0],
        held[1:],
        TrustAnchor(
            anchor_arn,
            enabled=anchor.inputs["enabled"],
            certificates=vouching,
        ),
        Profile(
            profile_arn,
            enabled=stack.inputs["enabled"],
            role_arns=(role_arn,),
            duration_seconds=duration,
            accept_role_session_name=stack.inputs["accept_role_session_name"],
            session_policy=session_policy_of(stack.inputs),
        ),
        Role(role_arn, max(_LEAST_MAX_SESSION, duration), trust_policy(trusted)),
        asked.now,
    )


def _vouching(parts: Mapping[Address, Recorded], anchor: Recorded, authority: str) -> list[str]:
    """Return the certificates (PEM) that a trust anchor knows; one of a private CA names only that."""
    if "certificates" in anchor.inputs:
        return list(anchor.inputs["certificates"])
    return [_part(parts, authority_certificate(authority, 1)).outputs["certificate"]]


def _part(parts: Mapping[Address, Recorded], address: Address) -> Recorded:
    if address not in parts:
        raise StateError(
            f"{address.entity} was not applied yet",
            why="the recorded state does not have it",
            fix="run `iam-ra apply`, or check the name: `iam-ra status` shows what there is",
        )
    return parts[address]


def _anchor(aws: Aws, arn: str) -> TrustAnchor | None:
    client = aws.rolesanywhere
    found = _unless_missing(lambda: client.get_trust_anchor(trustAnchorId=_id(arn))["trustAnchor"])
    if found is None or found["trustAnchorArn"] != arn:
        return None
    crls = (
        Crl(each["crlArn"], bool(each["enabled"]), load_crls(each["crlData"]))
        for page in client.get_paginator("list_crls").paginate()
        for each in page["crls"]
        if each.get("trustAnchorArn") == arn
    )
    return TrustAnchor(arn, bool(found["enabled"]), _certificates(aws, arn, found["source"]), tuple(crls))


def _certificates(aws: Aws, anchor: str, source: Mapping[str, Any]) -> tuple[x509.Certificate, ...]:
    if source["sourceType"] == _BUNDLE:
        bundle = source["sourceData"]["x509CertificateData"]
        return tuple(x509.load_pem_x509_certificates(bundle.encode()))
    if source["sourceType"] == _PRIVATE_CA:
        return (load_certificate(Pca(aws.acm_pca, aws.s3).certificate(source["sourceData"]["acmPcaArn"])),)
    raise AwsError(
        f"the certificates of {anchor} cannot be read",
        why=f"its source is {source['sourceType']}; explain knows {_BUNDLE} and {_PRIVATE_CA}",
    )


def _profile(aws: Aws, arn: str) -> Profile | None:
    found = _unless_missing(lambda: aws.rolesanywhere.get_profile(profileId=_id(arn))["profile"])
    if found is None or found["profileArn"] != arn:
        return None
    mappings = {
        each["certificateField"]: [rule["specifier"] for rule in each["mappingRules"]]
        for each in found.get("attributeMappings", [])
    }
    return Profile(
        arn,
        bool(found["enabled"]),
        tuple(found.get("roleArns", ())),
        int(found.get("durationSeconds", _LEAST_MAX_SESSION)),
        bool(found.get("acceptRoleSessionName", False)),
        mappings=mappings,
        session_policy=found.get("sessionPolicy"),
        managed_policy_arns=tuple(found.get("managedPolicyArns", ())),
    )


def _role(aws: Aws, arn: str) -> Role | None:
    found = _unless_missing(lambda: aws.iam.get_role(RoleName=_id(arn))["Role"])
    # Of another account or path, and only called the same.
    if found is None or found["Arn"] != arn:
        return None
    return Role(
        arn, int(found.get("MaxSessionDuration", _LEAST_MAX_SESSION)), found["AssumeRolePolicyDocument"]
    )


def _id(arn: str) -> str:
    return arn.rpartition("/")[2]


def _unless_missing(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except ClientError as error:
        if code(error) in {"ResourceNotFoundException", "NoSuchEntity"}:
            return None
        raise
