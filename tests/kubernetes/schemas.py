"""Manifests against the schemas of Kubernetes and cert-manager, made so strict that a misspelt field is an error."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema.validators import Draft202012Validator
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSIONS = tuple(f"1.{minor}" for minor in range(29, 36))
# Where the definitions of cert-manager's resources are, for a checkout that they do not lie beside.
SHARED = "IAM_RA_SHARED"
_CRDS = {"Certificate": "certificates", "ClusterIssuer": "clusterissuers", "Issuer": "issuers"}
# The names of sessions carry `CN=` and the name, which may have 64 characters.
_COMMON_NAME = 61
_GO_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def _texts(*names: str) -> dict[str, Any]:
    return {name: {"type": "string"} for name in names}


def _closed(*required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
    }


# Sources: cert-manager/aws-privateca-issuer, pkg/api/v1beta1; cert-manager/approver-policy, pkg/apis/policy/v1alpha1.
_PRIVATE_CA = _closed("arn", "region", **_texts("arn", "region", "role"))
_POLICY = _closed(
    "allowed",
    "constraints",
    "selector",
    allowed=_closed(
        "commonName",
        "usages",
        commonName=_closed("value", "required", value={"type": "string"}, required={"const": True}),
        isCA={"const": False},
        usages={"type": "array", "items": {"enum": ["digital signature", "client auth"]}},
    ),
    constraints=_closed(
        maxDuration={"type": "string", "pattern": r"^(\d+h)?(\d+m)?(\d+s)?$"},
        privateKey=_closed(
            algorithm={"enum": ["ECDSA", "RSA"]}, minSize={"type": "integer"}, maxSize={"type": "integer"}
        ),
    ),
    selector=_closed(
        "issuerRef",
        "namespace",
        issuerRef=_closed("name", "kind", "group", **_texts("name", "kind", "group")),
        namespace=_closed(
            "matchNames", matchNames={"type": "array", "items": {"type": "string"}, "minItems": 1}
        ),
    ),
)
_OWN = {
    ("awspca.cert-manager.io/v1beta1", "AWSPCAClusterIssuer"): _PRIVATE_CA,
    ("awspca.cert-manager.io/v1beta1", "AWSPCAIssuer"): _PRIVATE_CA,
    ("policy.cert-manager.io/v1alpha1", "CertificateRequestPolicy"): _POLICY,
}


def problems(document: Mapping[str, Any], version: str) -> list[str]:
    """Return what a cluster of a version of Kubernetes would refuse: field and problem."""
    kind = document["kind"]
    group = document["apiVersion"].rpartition("/")[0]
    if group == "cert-manager.io":
        return _errors(_cert_manager(kind), document) + webhook_problems(document)
    own = _OWN.get((document["apiVersion"], kind))
    if own:
        return _errors(Draft202012Validator(own), document["spec"])
    return _errors(_core(document["apiVersion"], kind, version), document)


def webhook_problems(document: Mapping[str, Any]) -> list[str]:
    """Return what cert-manager's webhook refuses, and AWS. Source: cert-manager v1.21, validation/certificate.go."""
    if document["kind"] != "Certificate":
        return []
    spec = document["spec"]
    life, before = go_duration(spec["duration"]), go_duration(spec["renewBefore"])
    rules = {
        "duration is none, or less than 1h": life is None or life < timedelta(hours=1),
        "renewBefore is none, or less than 5m": before is None or before < timedelta(minutes=5),
        "renewBefore is not less than duration": bool(life and before and before >= life),
        "commonName is too long": len(spec["commonName"]) > _COMMON_NAME,
        "usages lack what AWS asks for": not spec.get("isCA")
        and not {"digital signature", "client auth"} <= set(spec.get("usages", ())),
        "the key is of no use to AWS": spec["privateKey"].get("algorithm") not in {"ECDSA", "RSA"},
        "the key never changes": not spec.get("isCA")
        and spec["privateKey"].get("rotationPolicy") != "Always",
    }
    return [problem for problem, is_so in rules.items() if is_so]


def go_duration(text: str) -> timedelta | None:
    """Return a duration of Go's in whole hours, minutes and seconds, or None for anything else."""
    found = _GO_DURATION.fullmatch(text)
    if not text or found is None:
        return None
    hours, minutes, seconds = (int(each or 0) for each in found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def crds() -> Path:
    """Return the folder of cert-manager's definitions; skips the test where there is none."""
    beside = Path(__file__).parents[2].parent / "shared"
    folder = Path(os.environ.get(SHARED, beside)) / "data/cert-manager-crds"
    if not folder.is_dir():
        pytest.skip(f"the definitions of cert-manager are not in {folder}; {SHARED} names the folder above")
    return folder


def strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a structural schema as one that takes no other fields than it names.

    Source: Kubernetes documentation, "Specifying a structural schema".
    """
    found = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    if schema.get("x-kubernetes-int-or-string"):
        return {**found, "type": ["integer", "string"]}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            found[key] = strict(schema[key])
    if "properties" in schema:
        found["properties"] = {name: strict(each) for name, each in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            found.setdefault("additionalProperties", False)
    if schema.get("nullable"):
        found["type"] = [schema["type"], "null"]
    return found


def _errors(validator: Draft202012Validator, value: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


@cache
def _cert_manager(kind: str) -> Draft202012Validator:
    definition = YAML(typ="safe").load(crds() / f"{_CRDS[kind]}.yaml")
    (version,) = (each for each in definition["spec"]["versions"] if each["name"] == "v1")
    schema = strict(version["schema"]["openAPIV3Schema"])
    # It is Kubernetes' own, and open here.
    schema["properties"]["metadata"] = {"type": "object"}
    return Draft202012Validator(schema)


@cache
def _core(api_version: str, kind: str, version: str) -> Draft202012Validator:
    """Return what `kubernetes_validate.validate(strict=True)` uses, which it reads anew each time."""
    group, _, level = api_version.rpartition("/")
    short = f"{group.partition('.')[0]}-{level}" if group else level
    name = f"kubernetes-json-schema/v{version}.0-local-strict/{kind.lower()}-{short}.json"
    schema = schema_contents(name, version)
    registry = Resource.from_contents(schema) @ _definitions(version)
    return Draft202012Validator(schema, registry=registry)


@cache
def _definitions(version: str) -> Registry[Any]:
    name = f"kubernetes-json-schema/v{version}.0-local-strict/_definitions.json"
    registry: Registry[Any] = Resource.from_contents(schema_contents(name, version)) @ Registry()
    return registry
