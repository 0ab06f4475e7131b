"""What the resources of a stack must look like: what its template says, in the form in which settings are compared.

Nothing is written twice: the template is rendered from the recorded inputs, its resources are read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from iam_ra.aws.documents import canonical
from iam_ra.aws.live import ATTACHED, Key
from iam_ra.aws.live_settings import (
    Settings,
    anchor_settings,
    encryption,
    key_id,
    lifecycle,
    ownership,
    profile_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Source: IAM Roles Anywhere User Guide, "Attribute mapping"; templates of ours do not change them.
DEFAULT_MAPPINGS: Final = {"x509Subject": ["*"], "x509Issuer": ["*"], "x509SAN": ["DNS", "Name/*", "URI"]}
# A bucket's policy is a resource of its own only for CloudFormation.
_POLICY: Final = "AWS::S3::BucketPolicy"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a template with every intrinsic function worked out.

    `name` begins the names of its settings. `arn` is empty where nothing but the name tells which resource it is.
    """

    name: str
    key: Key
    arn: str
    properties: Mapping[str, Any]
    tags: Mapping[str, str]

    @property
    def settings(self) -> Settings:
        """What it must look like."""
        return _SETTINGS[self.key.sort](self.properties, self.tags)


def resources(
    template: Mapping[str, Any], outputs: Mapping[str, Any], tags: Mapping[str, str], partition: str
) -> Iterator[Resource]:
    """Yield the resources of a rendered template that can drift; `outputs` are those of its stack, `tags` too."""
    known = _known(template["Outputs"], outputs, partition)
    found = {
        name: (each["Type"], _resolve(each["Properties"], known))
        for name, each in template["Resources"].items()
        if each["Type"] in _IDENTITIES or each["Type"] == _POLICY
    }
    policies = [properties["PolicyDocument"] for type_, properties in found.values() if type_ == _POLICY]
    for logical_id, (type_, properties) in found.items():
        if type_ == _POLICY:
            continue
        sort, name, arn = _IDENTITIES[type_]
        sort = "signing_key" if properties.get("KeyUsage") == "SIGN_VERIFY" else sort
        more = {"Policy": policies[0]} if sort == "bucket" and policies else {}
        identity = name(logical_id, properties, known)
        yield Resource(
            _NAMES.get(logical_id, logical_id.lower()),
            Key(sort, identity),
            arn(logical_id, known),
            {**properties, **more},
            tags,
        )


_NAMES: Final = {
    "TrustAnchor": "trust_anchor",
    "CertificateSecret": "certificate_secret",
    "PrivateKeySecret": "private_key_secret",
    "KMSKey": "kms_key",
    "Key": "kms_key",
}


def _known(template_outputs: Mapping[str, Any], outputs: Mapping[str, Any], partition: str) -> dict[str, str]:
    """Return what intrinsic functions give, by their text: the stack's outputs are such."""
    known = {
        json.dumps(each["Value"]): str(outputs[name])
        for name, each in template_outputs.items()
        if name in outputs and isinstance(each["Value"], dict)
    }
    bucket = known.get(_ref("Bucket"))
    return known if bucket is None else {**known, _arn("Bucket"): f"arn:{partition}:s3:::{bucket}"}


def _ref(logical_id: str) -> str:
    return json.dumps({"Ref": logical_id})


def _arn(logical_id: str, attribute: str = "Arn") -> str:
    return json.dumps({"Fn::GetAtt": [logical_id, attribute]})


def _resolve(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in {"Ref", "Fn::GetAtt"}:
            return known[json.dumps(value)]
        if value.keys() == {"Fn::Join"}:
            separator, pieces = value["Fn::Join"]
            return separator.join(_resolve(each, known) for each in pieces)
        return {key: _resolve(each, known) for key, each in value.items()}
    return [_resolve(each, known) for each in value] if isinstance(value, list) else value


# By type: the sort, what names the resource, and its ARN.
_IDENTITIES: Final[
    Mapping[
        str,
        tuple[
            str,
            Callable[[str, Mapping[str, Any], Mapping[str, str]], str],
            Callable[[str, Mapping[str, str]], str],
        ],
    ]
] = {
    "AWS::IAM::Role": ("role", lambda _, wanted, __: str(wanted["RoleName"]), lambda id_, known: known[_arn(id_)]),
    "AWS::RolesAnywhere::Profile": (
        "profile",
        lambda id_, _, known: known[_arn(id_, "ProfileArn")],
        lambda _, __: "",
    ),
    "AWS::RolesAnywhere::TrustAnchor": (
        "trust_anchor",
        lambda id_, _, known: known[_arn(id_, "TrustAnchorArn")],
        lambda _, __: "",
    ),
    "AWS::SecretsManager::Secret": (
        "secret",
        lambda _, wanted, __: str(wanted["Name"]),
        lambda id_, known: known[_ref(id_)],
    ),
    "AWS::S3::Bucket": ("bucket", lambda id_, _, known: known[_ref(id_)], lambda _, __: ""),
    "AWS::KMS::Key": ("key", lambda id_, _, known: known[_arn(id_)], lambda _, __: ""),
}  # fmt: skip


def _tags(tags: Mapping[str, str]) -> Settings:
    return {f"tags.{key}": value for key, value in tags.items()}


def _role(wanted: Mapping[str, Any], tags: Mapping[str, str]) -> Settings:
    boundary = wanted.get("PermissionsBoundary")
    return {
        "trust_policy": canonical(wanted["AssumeRolePolicyDocument"]),
        "description": wanted["Description"],
        "max_session_duration": wanted["MaxSessionDuration"],
        **({"permissions_boundary": boundary} if boundary else {}),
        **{f"policies.{arn}": ATTACHED for arn in wanted["ManagedPolicyArns"]},
        **{
            f"inline_policies.{each['PolicyName']}": canonical(each["PolicyDocument"])
            for each in wanted["Policies"]
        },
        **_tags(tags),
    }


def _profile(wanted: Mapping[str, Any], _: Mapping[str, str]) -> Settings:
    mappings = [
        {"certificateField": name, "mappingRules": [{"specifier": each} for each in specifiers]}
        for name, specifiers in DEFAULT_MAPPINGS.items()
    ]
    return profile_settings(
        {
            "name": wanted["Name"],
            "enabled": wanted["Enabled"],
            "roleArns": wanted["RoleArns"],
            "durationSeconds": wanted["DurationSeconds"],
            "sessionPolicy": wanted["SessionPolicy"],
            "acceptRoleSessionName": wanted["AcceptRoleSessionName"],
            "attributeMappings": mappings,
        }
    )


def _anchor(wanted: Mapping[str, Any], _: Mapping[str, str]) -> Settings:
    return anchor_settings(
        {
            "name": wanted["Name"],
            "enabled": wanted["Enabled"],
            "source": {"sourceData": _api_names(wanted["Source"]["SourceData"])},
            "notificationSettings": [_api_names(each) for each in wanted["NotificationSettings"]],
        }
    )


def _api_names(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties by the names that the API has for them: they begin with a small letter."""
    return {key[0].lower() + key[1:]: value for key, value in properties.items()}


def _secret(wanted: Mapping[str, Any], tags: Mapping[str, str]) -> Settings:
    return {"description": wanted["Description"], "kms_key": key_id(wanted["KmsKeyId"]), **_tags(tags)}


def _bucket(wanted: Mapping[str, Any], tags: Mapping[str, str]) -> Settings:
    return {
        "versioning": wanted["VersioningConfiguration"]["Status"],
        "encryption": encryption(encryption_configuration(wanted)),
        "public_access_block": dict(wanted["PublicAccessBlockConfiguration"]),
        "policy": canonical(wanted["Policy"]),
        "lifecycle": lifecycle(lifecycle_rules(wanted)),
        "ownership": ownership(wanted["OwnershipControls"]),
        **_tags(tags),
    }


def encryption_configuration(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the encryption of a bucket's properties as the API takes it."""
    rules = wanted["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    return {
        "Rules": [
            {
                "ApplyServerSideEncryptionByDefault": each["ServerSideEncryptionByDefault"],
                "BucketKeyEnabled": each["BucketKeyEnabled"],
            }
            for each in rules
        ]
    }


def lifecycle_rules(wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the lifecycle rules of a bucket's properties as the API takes them."""
    renamed = {"Id", "Prefix", "ExpiredObjectDeleteMarker"}
    return [
        {
            "ID": each["Id"],
            "Filter": {"Prefix": each.get("Prefix", "")},
            **(
                {"Expiration": {"ExpiredObjectDeleteMarker": each["ExpiredObjectDeleteMarker"]}}
                if "ExpiredObjectDeleteMarker" in each
                else {}
            ),
            **{key: value for key, value in each.items() if key not in renamed},
        }
        for each in wanted["LifecycleConfiguration"]["Rules"]
    ]


def _key(wanted: Mapping[str, Any], tags: Mapping[str, str]) -> Settings:
    return {
        "state": "Enabled",
        "description": wanted["Description"],
        **({"rotation": wanted["EnableKeyRotation"]} if "EnableKeyRotation" in wanted else {}),
        "policy": canonical(wanted["KeyPolicy"]),
        **_tags(tags),
    }


_SETTINGS: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, str]], Settings]]] = {
    "role": _role,
    "profile": _profile,
    "trust_anchor": _anchor,
    "secret": _secret,
    "bucket": _bucket,
    "key": _key,
    "signing_key": _key,
}
