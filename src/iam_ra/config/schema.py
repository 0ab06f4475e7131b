"""The file's schema: every key, what it means, and an example. The JSON Schema and the reference come from here."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from iam_ra.config import fields as f  # noqa: TC001 - pydantic reads the annotations
from iam_ra.config import kubernetes as k  # noqa: TC001 - pydantic reads the annotations
from iam_ra.config.cluster_schema import ClusterEntry  # noqa: TC001 - pydantic reads the annotations
from iam_ra.config.entry import Entry

SCHEMA_ID = "https://raw.githubusercontent.com/igorlg/iam-roles-anywhere/main/docs/schema/iam-ra.schema.json"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
READ_BUCKET = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::releases/*"}],
}


class CertificateDefaults(Entry):
    """How certificates of hosts are made and renewed, unless a host says otherwise."""

    validity: f.HostValidity = Field(
        default="365d",
        validate_default=True,
        description="How long a certificate is valid, from 1h on; no longer than its authority.",
        examples=["365d", "90d"],
    )
    renew_before: f.Span = Field(
        default="60d",
        validate_default=True,
        description="How long before its end a certificate is renewed; cut to a third of the life of each certificate.",
        examples=["60d", "20d"],
    )
    overlap: f.Span = Field(
        default="30d",
        validate_default=True,
        description="How long the old certificate stays valid after a renewal, unless the new one is seen in use before; "
        "shorter than `renew_before`, and cut to half of it for a certificate where it would not be.",
        examples=["30d", "7d"],
    )
    key: f.Key = Field(
        default="ec-p256", description="The algorithm of new private keys.", examples=["ec-p256", "rsa-2048"]
    )


class CertificateOverrides(Entry):
    """What differs from `defaults.certificate` for one host."""

    validity: f.HostValidity | None = Field(
        default=None,
        description="How long this host's certificates are valid; no longer than its authority.",
        examples=["90d"],
    )
    renew_before: f.Span | None = Field(
        default=None,
        description="How long before its end this host's certificate is renewed; shorter than its life. Written here, "
        "it is taken as it is.",
        examples=["30d"],
    )
    overlap: f.Span | None = Field(
        default=None,
        description="How long this host's old certificate stays valid after a renewal; shorter than `renew_before`.",
        examples=["10d"],
    )
    key: f.Key | None = Field(
        default=None, description="The algorithm of this host's new keys.", examples=["rsa-2048"]
    )


class HostPathDefaults(Entry):
    """Where hosts find their certificate and key; exported configuration points there."""

    certificate: f.HostPath = Field(
        default="/run/secrets/iam-ra/cert",
        description="The file with the certificate, on the host.",
        examples=["/run/secrets/iam-ra/cert"],
    )
    private_key: f.HostPath = Field(
        default="/run/secrets/iam-ra/key",
        description="The file with the private key, on the host; another one than `certificate`.",
        examples=["/run/secrets/iam-ra/key"],
    )


class Defaults(Entry):
    """What holds for every role and host that says nothing else."""

    certificate: CertificateDefaults = Field(
        default_factory=CertificateDefaults,
        description="How certificates of hosts are made and renewed.",
        examples=[{"validity": "365d", "renew_before": "60d", "overlap": "30d", "key": "ec-p256"}],
    )
    session_duration: f.SessionDuration = Field(
        default="1h",
        validate_default=True,
        description="How long credentials of a role are valid, 15m to 12h.",
        examples=["1h", "12h"],
    )
    delivery: f.Deliveries = Field(
        default=["secretsmanager", "sops"],
        description="Where a host's certificate and key are put: Secrets Manager, a SOPS file in the repository, an age file for the "
        "key alone (for agenix), or several of them. "
        "`[sops]` alone makes no stack and no secret for a host: the choice for large fleets.",
        examples=[["secretsmanager", "sops"], ["sops"]],
    )
    age_recipients: f.Recipients | None = Field(
        default=None,
        description="Who can open the age files of hosts: public keys of age or SSH.",
        examples=[["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]],
    )
    host_paths: HostPathDefaults = Field(
        default_factory=HostPathDefaults,
        description="Where hosts find their certificate and key.",
        examples=[{"certificate": "/run/secrets/iam-ra/cert", "private_key": "/run/secrets/iam-ra/key"}],
    )


class Expiry(Entry):
    """One notification of a trust anchor."""

    enabled: f.Flag = Field(default=True, description="Whether AWS notifies.", examples=[True])
    threshold: f.Days = Field(
        default=45, description="How many days before the end AWS begins to notify, 1 to 360.", examples=[45]
    )


class Notifications(Entry):
    """What AWS says before certificates of an authority end (CloudWatch, EventBridge, Health)."""

    ca_certificate_expiry: Expiry = Field(
        default_factory=Expiry,
        description="Before the authority's own certificate ends (CA_CERTIFICATE_EXPIRY).",
        examples=[{"enabled": True, "threshold": 45}],
    )
    end_entity_certificate_expiry: Expiry = Field(
        default_factory=Expiry,
        description="Before the certificate of a host that has been used ends (END_ENTITY_CERTIFICATE_EXPIRY).",
        examples=[{"enabled": True, "threshold": 45}],
    )


class AuthorityEntry(Entry):
    """A certificate authority (scope): a self-signed root in a trust anchor of its own."""

    mode: f.Mode = Field(
        default="self-signed",
        description="How the authority is made: `self-signed` is a root whose key iam-ra makes, `pca-new` a root in AWS "
        "Private CA that iam-ra makes (AWS bills it by the month), `pca-existing` one that is there already.",
        examples=["self-signed", "pca-existing"],
    )
    pca_arn: f.PcaArn | None = Field(
        default=None,
        description="The ARN of the private CA; needed with `mode: pca-existing`, and only there.",
        examples=[
            "arn:aws:acm-pca:ap-southeast-2:123456789012:certificate-authority/11111111-2222-3333-4444-555555555555"
        ],
    )
    key_store: f.KeyStore = Field(
        default="file",
        description="Where its private key is kept: `file` is a file on this machine that only you can read, `sops` a SOPS "
        "file in the repository, so that whoever can open it can sign, `kms` a KMS key, which never leaves AWS. "
        "For `mode: self-signed` only.",
        examples=["file", "kms"],
    )
    sops: f.SopsPath | None = Field(
        default=None,
        description="The path of its SOPS file for `key_store: sops`; default: `secrets/ca/<authority>/iam-ra.yaml`. Later "
        "generations have theirs beside it.",
        examples=["secrets/ca/default/iam-ra.yaml"],
    )
    key: f.Key = Field(
        default="ec-p256", description="The algorithm of its key.", examples=["ec-p256", "ec-p384"]
    )
    validity: f.AuthorityValidity = Field(
        default="10y",
        validate_default=True,
        description="How long it is valid, 30d to 50y; no certificate that it signs is valid for longer.",
        examples=["10y"],
    )
    renew_before: f.Span | None = Field(
        default=None,
        description="How long before its end it is followed by a new generation. Default, and the least: the longest life "
        "that it signs, plus 60 days; cut to half of its own life.",
        examples=["2y"],
    )
    bind: f.Binding = Field(
        default="identity",
        description="How trust policies know who may take a role: `identity` lists the hosts' names, `certificate` puts "
        "the names of a host's roles into its certificate, so that a policy has the same size for any number of hosts.",
        examples=["certificate"],
    )
    disabled: f.Flag = Field(
        default=False,
        description="Disable its trust anchor: nobody opens a session by it until this is taken back.",
        examples=[True],
    )
    notifications: Notifications = Field(
        default_factory=Notifications,
        description="What AWS says before its certificates end.",
        examples=[{"ca_certificate_expiry": {"enabled": True, "threshold": 90}}],
    )
    tags: f.Tags = Field(
        default_factory=dict, description="Tags of everything made for it.", examples=[{"team": "platform"}]
    )
    protect: f.Flag = Field(default=False, description="Refuse to delete or replace it.", examples=[True])


class RoleEntry(Entry):
    """An IAM role and its Roles Anywhere profile."""

    policies: f.PolicyArns = Field(
        default=[], description="The ARNs of managed policies.", examples=[[ADMINISTRATOR]]
    )
    inline_policies: dict[f.PolicyName, f.PolicySource] = Field(
        default_factory=dict,
        description="Policies of its own by name: each a policy document, or the path of a JSON or YAML file with one.",
        examples=[{"read-releases": READ_BUCKET}, {"read-releases": "policies/read-releases.json"}],
    )
    permissions_boundary: f.PolicyArnText | None = Field(
        default=None,
        description="The ARN of the policy that bounds what it may ever do.",
        examples=["arn:aws:iam::aws:policy/PowerUserAccess"],
    )
    session_policy: f.PolicySource | None = Field(
        default=None,
        description="A policy that narrows each session, as a document or the path of a file; at most 2,048 characters.",
        examples=[READ_BUCKET, "policies/session.json"],
    )
    session_duration: f.SessionDuration | None = Field(
        default=None,
        description="How long its credentials are valid, 15m to 12h; default: `defaults.session_duration`.",
        examples=["1h"],
    )
    accept_role_session_name: f.Flag = Field(
        default=False, description="Whether hosts may name their sessions themselves.", examples=[True]
    )
    description: f.Description = Field(
        default="", description="What it is for, in one line.", examples=["Deploys the web site"]
    )
    ca: f.AuthorityNames | None = Field(
        default=None,
        description="The authorities whose certificates may take it, one or a list; that of a cluster is `cluster/<name>`. "
        "Default: all of them.",
        examples=["default", ["default", "cluster/prod"]],
    )
    bind: f.Binding | None = Field(
        default=None,
        description="How its trust policy knows who may take it, by name or by what certificates say; default: as the "
        "authority says.",
        examples=["certificate"],
    )
    disabled: f.Flag = Field(
        default=False,
        description="Disable its profile: nobody opens a session with it until this is taken back.",
        examples=[True],
    )
    tags: f.Tags = Field(
        default_factory=dict, description="Tags of the role and its profile.", examples=[{"team": "web"}]
    )
    protect: f.Flag = Field(default=False, description="Refuse to delete or replace it.", examples=[True])


class HostEntry(Entry):
    """A machine with one certificate, and the roles that it may take."""

    identity: f.Identity | None = Field(
        default=None,
        description="The certificate's common name; unique within its authority, whatever the case of its letters. "
        "Default: the host's key.",
        examples=["web.example.com"],
    )
    ca: f.AuthorityName = Field(
        default="default", description="The authority that signs its certificate.", examples=["default"]
    )
    roles: f.Names = Field(
        description="The roles that it may take.", examples=[["readonly"], ["admin", "readonly"]]
    )
    default_role: f.EntityName | None = Field(
        default=None,
        description="The role that its configuration names; needed when there are several.",
        examples=["readonly"],
    )
    certificate: CertificateOverrides = Field(
        default_factory=CertificateOverrides,
        description="What differs from `defaults.certificate`.",
        examples=[{"validity": "90d"}],
    )
    delivery: f.Deliveries | None = Field(
        default=None,
        description="Where its certificate and key are put; default: `defaults.delivery`.",
        examples=[["sops"]],
    )
    sops: f.SopsPath | None = Field(
        default=None,
        description="The path of its SOPS file, relative to this file, of no other host and with `.yaml` or `.yml` at its end; "
        "default: `secrets/hosts/<host>/iam-ra.yaml`.",
        examples=["secrets/web.yaml"],
    )
    age: f.AgePath | None = Field(
        default=None,
        description="The path of its age file, relative to this file, with `.age` at its end; default: "
        "`secrets/hosts/<host>/iam-ra-key.age`.",
        examples=["secrets/web-key.age"],
    )
    age_recipients: f.Recipients | None = Field(
        default=None,
        description="Who can open its age file: public keys of age or SSH; default: `defaults.age_recipients`.",
        examples=[["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]],
    )
    csr: f.CsrPath | None = Field(
        default=None,
        description="The path of a certificate signing request (PEM), relative to this file, for a host that keeps its "
        "private key to itself: nothing is delivered but its certificate.",
        examples=["csrs/tpm-box.pem"],
    )
    disabled: f.Flag = Field(
        default=False,
        description="Take its roles from it until this is taken back; certificate and key stay.",
        examples=[True],
    )
    tags: f.Tags = Field(
        default_factory=dict,
        description="Tags of its stack and its secrets.",
        examples=[{"site": "melbourne"}],
    )
    protect: f.Flag = Field(default=False, description="Refuse to delete or replace it.", examples=[True])


class LimitsEntry(Entry):
    """Guards against accidents, and the quotas of the account. Raise a quota at AWS first, then here."""

    max_delete_percent: f.Percent = Field(
        default=30,
        description="The share of recorded entities that one apply may delete or replace, in percent; counts from 10 "
        "entities on.",
        examples=[30],
    )
    trust_policy_size: f.TrustPolicySize = Field(
        default=2048,
        description="The characters that a role's trust policy may have: the IAM quota of the account, at most 8192.",
        examples=[4096],
    )
    managed_policies: f.ManagedPolicies = Field(
        default=10,
        description="The managed policies that a role may have: the IAM quota of the account, at most 25.",
        examples=[20],
    )
    profiles: f.Profiles = Field(
        default=250,
        description="The roles that the file may have: the Roles Anywhere quota of profiles in the region.",
        examples=[500],
    )
    trust_anchors: f.TrustAnchors = Field(
        default=50,
        description="The authorities and clusters that the file may have: the Roles Anywhere quota of trust anchors in the "
        "region.",
        examples=[100],
    )


class IgnoreDriftEntry(Entry):
    """What others may change below the stacks: plan shows it as ignored, apply leaves it."""

    address: f.AddressGlob = Field(
        description="Whose resources: an entity, or a pattern in which `*` and `?` stand for anything.",
        examples=["role/*", "init"],
    )
    fields: f.FieldGlobs = Field(
        description="Which settings, named as plan names them, `*` and `?` again for anything.",
        examples=[["role.tags.*"], ["trust_anchor.notifications.*"]],
    )


class FileEntry(Entry):
    """One file is one namespace in one account and one region."""

    version: f.Version = Field(description="The version of this format.", examples=[1])
    namespace: f.NamespaceName = Field(
        description="The name that begins all other names: a small letter, then up to 19 of a-z, 0-9 and `-`.",
        examples=["default"],
    )
    region: f.Region = Field(
        description="The region; it always beats the environment.", examples=["ap-southeast-2"]
    )
    account_id: f.AccountId | None = Field(
        default=None,
        description="The account; when written, every other one is refused.",
        examples=["123456789012"],
    )
    defaults: Defaults = Field(
        default_factory=Defaults,
        description="What holds for every role and host that says nothing else.",
        examples=[{"session_duration": "1h", "delivery": ["sops"]}],
    )
    certificate_authorities: dict[f.EntityName, AuthorityEntry] = Field(
        default_factory=lambda: {"default": AuthorityEntry()},
        description="The authorities by name. When left out there is one, `default`.",
        examples=[{"default": {"validity": "10y"}}],
    )
    roles: dict[f.EntityName, RoleEntry] = Field(
        default_factory=dict,
        description="The roles by name.",
        examples=[{"readonly": {"policies": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}}],
    )
    hosts: dict[f.EntityName, HostEntry] = Field(
        default_factory=dict,
        description="The hosts by name.",
        examples=[{"webserver": {"roles": ["readonly"]}}],
    )
    clusters: dict[k.ClusterName, ClusterEntry] = Field(
        default_factory=dict,
        description="The Kubernetes clusters by name, each with its workloads.",
        examples=[{"prod": {"workloads": {"payments/api": {"role": "readonly"}}}}],
    )
    limits: LimitsEntry = Field(
        default_factory=LimitsEntry,
        description="Guards against accidents, and the quotas of the account.",
        examples=[{"max_delete_percent": 30}],
    )
    ignore_drift: list[IgnoreDriftEntry] = Field(
        default_factory=list,
        description="What others may change below the stacks. Plan and apply leave it as it is.",
        examples=[[{"address": "role/*", "fields": ["role.tags.*"]}]],
    )


class _Draft07(GenerateJsonSchema):
    """Pydantic's schema in the words of draft-07, which editors understand."""

    schema_dialect = "http://json-schema.org/draft-07/schema#"

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:  # noqa: ARG002
        """Keep the order of the models, which is the order of the file."""
        return value


def schema() -> dict[str, Any]:
    """Return the file's JSON Schema (draft-07)."""
    made = FileEntry.model_json_schema(ref_template="#/definitions/{model}", schema_generator=_Draft07)
    definitions = made.pop("$defs")
    body = _tidy({**made, "definitions": definitions})
    return {
        "$schema": _Draft07.schema_dialect,
        "$id": SCHEMA_ID,
        **body,
        "title": "iam-ra.yaml",
    }


def _tidy(node: Any) -> Any:
    """Return a schema without pydantic's titles, with `$ref` alone in an `allOf`: draft-07 ignores its neighbours."""
    if isinstance(node, list):
        return [_tidy(each) for each in node]
    if not isinstance(node, dict):
        return node
    tidy = {
        key: value if key in {"default", "examples", "enum", "const"} else _tidy(value)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
    }
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False
    options = tidy.get("anyOf")
    if options and {"type": "null"} in options:
        # An optional key is left out, never null.
        rest = [each for each in options if each != {"type": "null"}]
        tidy.pop("anyOf")
        tidy = {**(rest[0] if len(rest) == 1 else {"anyOf": rest}), **tidy}
        if tidy.get("default", 0) is None:
            del tidy["default"]
    if "$ref" in tidy and len(tidy) > 1:
        tidy = {"allOf": [{"$ref": tidy.pop("$ref")}], **tidy}
    return tidy
