"""Single answers of AWS in the form in which settings are compared. Pure.

Templates say the same in CloudFormation's words; whoever has those puts them into the shape of the API first.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from iam_ra.aws.documents import canonical

Settings: TypeAlias = Mapping[str, Any]

_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


def tags(found: Iterable[Any], key: str = "Key", value: str = "Value") -> Settings:
    """Return tags as settings, without those of AWS itself."""
    return {f"tags.{each[key]}": each[value] for each in found if not each[key].startswith("aws:")}


def secret_settings(secret: Mapping[str, Any]) -> Settings:
    """Return what ListSecrets and DescribeSecret show of a secret."""
    return {
        "arn": secret["ARN"],
        "description": secret.get("Description", ""),
        **({"kms_key": key_id(secret["KmsKeyId"])} if "KmsKeyId" in secret else {}),
        **tags(secret.get("Tags", [])),
    }


def key_id(key: str) -> str:
    """Return the id of a KMS key that is named by its ARN or by its id."""
    return key.rpartition("/")[2]


def profile_settings(profile: Mapping[str, Any]) -> Settings:
    """Return the settings of a ProfileDetail. Source: botocore model rolesanywhere 2018-05-10."""
    policy = profile.get("sessionPolicy")
    return {
        "name": profile["name"],
        "enabled": profile["enabled"],
        "role_arns": sorted(profile["roleArns"]),
        "session_duration": profile["durationSeconds"],
        "accept_role_session_name": profile.get("acceptRoleSessionName", False),
        **({"session_policy": canonical(policy)} if policy else {}),
        **({"managed_policies": arns} if (arns := sorted(profile.get("managedPolicyArns", []))) else {}),
        **{
            f"attribute_mappings.{each['certificateField']}": sorted(
                rule["specifier"] for rule in each["mappingRules"]
            )
            for each in profile.get("attributeMappings", [])
        },
    }


def anchor_settings(anchor: Mapping[str, Any]) -> Settings:
    """Return the settings of a TrustAnchorDetail.

    AWS always shows a setting for each of the two events, made or not; the channel is always ALL.
    """
    return {
        "name": anchor["name"],
        "enabled": anchor["enabled"],
        **source_settings(anchor["source"].get("sourceData", {})),
        **{
            f"notifications.{each['event']}": notification(each)
            for each in anchor.get("notificationSettings", [])
        },
    }


def notification(setting: Mapping[str, Any]) -> dict[str, Any]:
    """Return a notification setting: on or off, and how many days before."""
    return {"enabled": setting["enabled"], "threshold": setting.get("threshold")}


def source_settings(data: Mapping[str, Any]) -> Settings:
    """Return where an anchor's certificates come from: their SHA-256 fingerprints, or the private CA."""
    if "acmPcaArn" in data:
        return {"private_ca": data["acmPcaArn"]}
    return {"certificates": sorted(map(_fingerprint, _PEM.findall(data.get("x509CertificateData", ""))))}


def _fingerprint(body: str) -> str:
    try:
        return f"sha256:{hashlib.sha256(base64.b64decode(body)).hexdigest()}"
    except binascii.Error:
        return body


def encryption(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return a bucket's encryption by default."""
    rules = configuration.get("Rules", [])
    rule = rules[0] if rules else {}
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    return {
        "algorithm": default.get("SSEAlgorithm"),
        "kms_key": key_id(default.get("KMSMasterKeyID") or ""),
        "bucket_key": rule.get("BucketKeyEnabled", False),
    }


def ownership(controls: Mapping[str, Any]) -> str:
    """Return who owns a bucket's objects."""
    rules = controls.get("Rules", [])
    return str(rules[0].get("ObjectOwnership", "")) if rules else ""


def lifecycle(rules: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a bucket's lifecycle rules by their id. A prefix may stand in a filter, or alone as it did once."""
    return {str(rule.get("ID", "")): _lifecycle_rule(rule) for rule in rules}


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in rule.items() if key not in {"ID", "Filter", "Prefix"}}
    where = dict(rule.get("Filter") or {})
    prefix = where.pop("Prefix", None) or rule.get("Prefix") or ""
    return {**kept, "Prefix": prefix, **({"Filter": where} if where else {})}
