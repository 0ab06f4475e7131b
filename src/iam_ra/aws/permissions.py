"""What iam-ra may have to ask of AWS, as the IAM policy that allows it and nothing else.

The one table of actions: what iam-ra calls itself, and what CloudFormation's resource handlers call on the behalf of
whoever makes a stack. The end-to-end tests hold it true: a call that is not in it fails them.

Sources: AWS Service Authorization Reference (actions, the resources and conditions they take); CloudFormation registry,
`handlers.*.permissions` of the resource types (what a stack's resources need); IAM User Guide, "IAM and STS quotas"
(size of a policy).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from iam_ra.aws.naming import Names

Use = Literal[
    "secretsmanager",
    "kms",
    "private CA",
    "new private CA",
    "inline policies",
    "boundaries",
    "managed policies",
]
Purpose = Literal["plan", "apply"]

# A managed policy's characters, white space not counted.
MAX_CHARACTERS: Final = 6144
# How many ARNs a condition lists before it is written as several statements: each must fit a policy.
_MAX_LISTED: Final = 40
_ANY: Final = ("*",)

# What needs no permission: everybody may ask who they are, and a session is asked for with a certificate.
FREE: Final = frozenset({"sts:GetCallerIdentity", "rolesanywhere:CreateSession"})

# Operations that IAM knows by another name, or that need more than the action of their name.
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "cloudformation:CreateStack": ("cloudformation:CreateStack", "cloudformation:TagResource"),
    "cloudformation:UpdateStack": (
        "cloudformation:UpdateStack",
        "cloudformation:TagResource",
        "cloudformation:UntagResource",
    ),
    "rolesanywhere:ImportCrl": ("rolesanywhere:ImportCrl", "rolesanywhere:TagResource"),
    "s3:DeleteObjects": ("s3:DeleteObjectVersion",),
    "s3:GetBucketEncryption": ("s3:GetEncryptionConfiguration",),
    "s3:GetBucketLifecycleConfiguration": ("s3:GetLifecycleConfiguration",),
    "s3:GetObject": ("s3:GetObject", "kms:Decrypt"),
    "s3:GetObjectVersion": ("s3:GetObjectVersion", "kms:Decrypt"),
    "s3:GetPublicAccessBlock": ("s3:GetBucketPublicAccessBlock",),
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:HeadObject": ("s3:GetObject", "kms:Decrypt"),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:PutBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3:PutBucketLifecycleConfiguration": ("s3:PutLifecycleConfiguration",),
    "s3:PutObject": ("s3:PutObject", "kms:GenerateDataKey"),
    "s3:PutPublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
    "secretsmanager:GetSecretValue": ("secretsmanager:GetSecretValue", "kms:Decrypt"),
    "secretsmanager:PutSecretValue": (
        "secretsmanager:PutSecretValue",
        "kms:GenerateDataKey",
        "kms:Decrypt",
    ),
}


def actions_of(call: str) -> tuple[str, ...]:
    """Return the IAM actions that an operation (`s3:ListObjectsV2`) needs, its own first; none for what all may do."""
    return () if call in FREE else _NEEDED.get(call, (call,))


@dataclass(frozen=True, slots=True)
class Scope:
    """What a policy is for: one namespace in one region, and what its file uses.

    `account` is `*` while it is not known. `policies` and `boundaries` are the ARNs of the managed policies that its
    roles have, `private_cas` those of the authorities in AWS Private CA that are there already.
    """

    names: Names
    partition: str
    region: str
    account: str
    uses: frozenset[Use]
    policies: Sequence[str] = ()
    boundaries: Sequence[str] = ()
    private_cas: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """A line of the table: actions on resources. `{…}` in a resource or condition is filled in from the scope.

    `{private_ca}` and `{private_ca_id}` make one resource of each private CA. `reads` says that plan needs it too, `use` that only files which use that do. `listed` is the condition key whose
    value is a list of ARNs of the scope.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    reads: bool = False
    use: Use | None = None
    condition: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    listed: str = ""


_STACK = "arn:{partition}:cloudformation:{region}:{account}:stack"
_IAM = "arn:{partition}:iam::{account}"
_OWN_ROLES = _IAM + ":role/iam-ra/{namespace}/*"
# A role that is not there has no path yet, and one of our name may be somebody else's.
_ROLES = (_OWN_ROLES, _IAM + ":role/iam-ra-{namespace}-*")
_SERVICE_ROLE = _IAM + ":role/aws-service-role/rolesanywhere.amazonaws.com/AWSServiceRoleForRolesAnywhere"
_ANYWHERE = "arn:{partition}:rolesanywhere:{region}:{account}"
_ANCHORS, _PROFILES, _CRLS = (f"{_ANYWHERE}:{kind}/*" for kind in ("trust-anchor", "profile", "crl"))
_SUBJECTS = f"{_ANYWHERE}:subject/*"
# CloudFormation names the bucket: stack, logical id, random.
_BUCKET = "arn:{partition}:s3:::iam-ra-{namespace}-init-bucket-*"
# Keys have random ids. Their tags and aliases count in conditions only minutes after they were made: too late for us.
_KEYS = "arn:{partition}:kms:{region}:{account}:key/*"
_ALIAS = "arn:{partition}:kms:{region}:{account}:alias/iam-ra-{namespace}"
_SECRETS = "arn:{partition}:secretsmanager:{region}:{account}:secret:/iam-ra/{namespace}/hosts/*"
_PARAMETERS = "arn:{partition}:ssm:{region}:{account}:parameter/iam-ra/{namespace}/*"
_PRIVATE_CAS = "arn:{partition}:acm-pca:{region}:{account}:certificate-authority/*"
_PCA_BUCKETS = "arn:{partition}:s3:::iam-ra-{namespace}-pca-*"
_CRL_FILE = "arn:{partition}:s3:::*/{private_ca_id}.crl"
_VIA_S3 = {"StringEquals": {"kms:ViaService": "s3.{region}.{suffix}"}}
_VIA_SECRETS = {"StringEquals": {"kms:ViaService": "secretsmanager.{region}.{suffix}"}}


def _of(service: str, names: str) -> tuple[str, ...]:
    return tuple(f"{service}:{name}" for name in names.split())


_PCA_READ = _of("acm-pca", "DescribeCertificateAuthority GetCertificateAuthorityCertificate")
_PCA_SIGN = _of("acm-pca", "GetCertificate IssueCertificate RevokeCertificate")
_MAKE_BUCKET = _of(
    "s3",
    "CreateBucket DeleteBucket DeleteBucketPolicy GetBucketAcl ListTagsForResource "
    "PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock PutBucketTagging "
    "PutBucketVersioning PutEncryptionConfiguration PutLifecycleConfiguration TagResource "
    "UntagResource",
)

# What shows whether others changed something below the stacks.
_BUCKET_SETTINGS = _of(
    "s3",
    "GetBucketOwnershipControls GetBucketPolicy GetBucketPublicAccessBlock GetBucketTagging GetBucketVersioning "
    "GetEncryptionConfiguration GetLifecycleConfiguration",
)

TABLE: Final = (
    # CloudFormation
    Grant("CloudFormationLook", _of("cloudformation", "DescribeStacks"), (f"{_STACK}/*",), reads=True),
    Grant(
        "CloudFormationStacks",
        _of(
            "cloudformation",
            "ContinueUpdateRollback CreateStack DeleteStack DescribeStackEvents DescribeStackResources "
            "TagResource UntagResource UpdateStack UpdateTerminationProtection",
        ),
        (_STACK + "/iam-ra-{namespace}-*",),
    ),
    # S3: the namespace's bucket
    Grant("S3List", _of("s3", "ListBucket ListBucketVersions"), (_BUCKET,), reads=True),
    Grant("S3Read", _of("s3", "GetObject GetObjectVersion"), (_BUCKET + "/{namespace}/*",), reads=True),
    Grant("S3Write", _of("s3", "DeleteObject PutObject"), (_BUCKET + "/{namespace}/*",)),
    # A bucket must be empty before it can be deleted, whoever put something into it.
    Grant("S3Empty", _of("s3", "DeleteObjectVersion"), (_BUCKET + "/*",)),
    Grant("S3Settings", _BUCKET_SETTINGS, (_BUCKET,), reads=True),
    Grant("S3Bucket", _MAKE_BUCKET, (_BUCKET,)),
    # KMS: the namespace's key, and those of authorities
    Grant("KmsOpenObjects", _of("kms", "Decrypt"), (_KEYS,), reads=True, condition=_VIA_S3),
    Grant(
        "KmsSettings",
        _of("kms", "DescribeKey GetKeyPolicy GetKeyRotationStatus ListResourceTags"),
        (_KEYS,),
        reads=True,
    ),
    Grant("KmsCloseObjects", _of("kms", "GenerateDataKey"), (_KEYS,), condition=_VIA_S3),
    Grant(
        "KmsSecrets",
        _of("kms", "Decrypt GenerateDataKey"),
        (_KEYS,),
        use="secretsmanager",
        condition=_VIA_SECRETS,
    ),
    Grant("KmsNew", _of("kms", "CreateKey ListAliases"), _ANY),
    Grant(
        "KmsKeys",
        _of(
            "kms",
            "CancelKeyDeletion DisableKey DisableKeyRotation EnableKey EnableKeyRotation PutKeyPolicy ScheduleKeyDeletion "
            "TagResource UntagResource UpdateKeyDescription",
        ),
        (_KEYS,),
    ),
    Grant("KmsAlias", _of("kms", "CreateAlias DeleteAlias UpdateAlias"), (_ALIAS, _KEYS)),
    Grant("KmsSign", _of("kms", "GetPublicKey Sign"), (_KEYS,), use="kms"),
    # AWS Private CA, and the buckets of the revocation lists that it writes
    Grant("PcaRead", _PCA_READ, ("{private_ca}",), reads=True, use="private CA"),
    Grant("PcaSign", _PCA_SIGN, ("{private_ca}",), use="private CA"),
    Grant("PcaList", _of("s3", "GetObject"), (_CRL_FILE,), reads=True, use="private CA"),
    Grant("PcaNew", _of("acm-pca", "CreateCertificateAuthority"), _ANY, use="new private CA"),
    Grant("PcaNewRead", _PCA_READ, (_PRIVATE_CAS,), reads=True, use="new private CA"),
    Grant(
        "PcaNewChange",
        (
            *_PCA_SIGN,
            *_of(
                "acm-pca",
                "DeleteCertificateAuthority GetCertificateAuthorityCsr ImportCertificateAuthorityCertificate ListTags "
                "TagCertificateAuthority UntagCertificateAuthority UpdateCertificateAuthority",
            ),
        ),
        (_PRIVATE_CAS,),
        use="new private CA",
    ),
    Grant("PcaNewList", _of("s3", "GetObject"), (_PCA_BUCKETS + "/*",), reads=True, use="new private CA"),
    Grant(
        "PcaNewBucket",
        (*_MAKE_BUCKET, *_BUCKET_SETTINGS, *_of("s3", "ListBucket ListBucketVersions")),
        (_PCA_BUCKETS,),
        use="new private CA",
    ),
    Grant("PcaNewEmpty", _of("s3", "DeleteObjectVersion"), (_PCA_BUCKETS + "/*",), use="new private CA"),
    # Roles Anywhere
    Grant(
        "AnywhereLists",
        _of("rolesanywhere", "ListCrls ListProfiles ListSubjects ListTrustAnchors"),
        _ANY,
        reads=True,
    ),
    Grant(
        "AnywhereRead",
        _of("rolesanywhere", "GetProfile GetSubject GetTrustAnchor"),
        (_ANCHORS, _PROFILES, _SUBJECTS),
        reads=True,
    ),
    Grant("AnywhereTags", _of("rolesanywhere", "ListTagsForResource"), _ANY, reads=True),
    Grant("AnywhereNew", _of("rolesanywhere", "CreateProfile CreateTrustAnchor ImportCrl"), _ANY),
    Grant(
        "AnywhereChange",
        _of(
            "rolesanywhere",
            "DeleteAttributeMapping DeleteCrl DeleteProfile DeleteTrustAnchor DisableProfile DisableTrustAnchor "
            "EnableCrl EnableProfile EnableTrustAnchor PutAttributeMapping PutNotificationSettings "
            "ResetNotificationSettings TagResource UntagResource UpdateCrl UpdateProfile UpdateTrustAnchor",
        ),
        (_ANCHORS, _PROFILES, _CRLS),
    ),
    # IAM
    Grant("IamLists", _of("iam", "GetAccountAuthorizationDetails ListRoles"), _ANY, reads=True),
    Grant(
        "IamRead",
        _of("iam", "GetRole GetRolePolicy ListAttachedRolePolicies ListRolePolicies"),
        _ROLES,
        reads=True,
    ),
    Grant(
        "IamRoles",
        _of(
            "iam",
            "CreateRole DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy DetachRolePolicy ListRoleTags TagRole "
            "UntagRole UpdateAssumeRolePolicy "
            "UpdateRole UpdateRoleDescription",
        ),
        _ROLES,
    ),
    Grant(
        "IamAttach",
        _of("iam", "AttachRolePolicy"),
        (_OWN_ROLES,),
        use="managed policies",
        listed="iam:PolicyARN",
    ),
    Grant("IamInline", _of("iam", "PutRolePolicy"), (_OWN_ROLES,), use="inline policies"),
    Grant(
        "IamBoundary",
        _of("iam", "PutRolePermissionsBoundary"),
        (_OWN_ROLES,),
        use="boundaries",
        listed="iam:PermissionsBoundary",
    ),
    Grant(
        "IamPass",
        _of("iam", "PassRole"),
        (_OWN_ROLES,),
        condition={"StringEquals": {"iam:PassedToService": "rolesanywhere.amazonaws.com"}},
    ),
    # The first trust anchor of an account brings the service's own role.
    Grant(
        "IamServiceRole",
        _of("iam", "CreateServiceLinkedRole"),
        (_SERVICE_ROLE,),
        condition={"StringEquals": {"iam:AWSServiceName": "rolesanywhere.amazonaws.com"}},
    ),
    # Secrets Manager
    Grant("SecretsList", _of("secretsmanager", "ListSecrets"), _ANY, reads=True, use="secretsmanager"),
    Grant(
        "SecretsRead",
        _of("secretsmanager", "DescribeSecret"),
        (_SECRETS,),
        reads=True,
        use="secretsmanager",
    ),
    Grant(
        "SecretsWrite",
        _of(
            "secretsmanager",
            "CreateSecret DeleteSecret GetSecretValue PutSecretValue RestoreSecret TagResource UntagResource "
            "UpdateSecret UpdateSecretVersionStage",
        ),
        (_SECRETS,),
        use="secretsmanager",
    ),
    # SSM: where the state is
    Grant(
        "SsmParameters",
        _of(
            "ssm",
            "AddTagsToResource DeleteParameter GetParameters ListTagsForResource PutParameter RemoveTagsFromResource",
        ),
        (_PARAMETERS,),
    ),
)
USES: Final[frozenset[Use]] = frozenset(grant.use for grant in TABLE if grant.use is not None)


def grants(purpose: Purpose, scope: Scope) -> Iterator[Grant]:
    """Yield the lines of the table that a command needs for a file."""
    for grant in TABLE:
        if (grant.reads or purpose == "apply") and (grant.use is None or grant.use in scope.uses):
            yield grant


def statements(purpose: Purpose, scope: Scope) -> list[dict[str, Any]]:
    """Return what a command must be allowed, as statements of an IAM policy, service by service."""
    words = {
        "partition": scope.partition,
        "region": scope.region,
        "account": scope.account,
        "namespace": scope.names.namespace,
        "suffix": "amazonaws.com.cn" if scope.partition == "aws-cn" else "amazonaws.com",
    }
    return [each for grant in grants(purpose, scope) for each in _statements(grant, scope, words)]


def policies(purpose: Purpose, scope: Scope) -> list[dict[str, Any]]:
    """Return the policy documents for a command: one, or as many as it takes when one would be above IAM's limit."""
    documents: list[dict[str, Any]] = []
    for statement in statements(purpose, scope):
        grown = _document([*documents[-1]["Statement"], statement]) if documents else None
        if grown is not None and size(grown) <= MAX_CHARACTERS:
            documents[-1] = grown
        else:
            documents.append(_document([statement]))
    return documents


def size(document: Mapping[str, Any]) -> int:
    """Return the characters of a policy as IAM counts them, without white space."""
    return len(json.dumps(document, separators=(",", ":")))


def _document(statements: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _resources(grant: Grant, scope: Scope, words: Mapping[str, str]) -> list[str]:
    if not any("{private_ca" in resource for resource in grant.resources):
        return [resource.format_map(words) for resource in grant.resources]
    known = [
        {**words, "private_ca": arn, "private_ca_id": arn.rpartition("/")[2]} for arn in scope.private_cas
    ]
    return [resource.format_map(each) for resource in grant.resources for each in known]


def _statements(grant: Grant, scope: Scope, words: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    condition: Any = {
        operator: {key: value.format_map(words) for key, value in keys.items()}
        for operator, keys in grant.condition.items()
    }
    statement = {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Action": list(grant.actions),
        "Resource": _resources(grant, scope, words),
        **({"Condition": condition} if condition else {}),
    }
    if not grant.listed:
        # None of what it is about is there.
        yield from [statement] if statement["Resource"] else []
        return
    arns = sorted(scope.boundaries if grant.use == "boundaries" else scope.policies)
    for start in range(0, len(arns), _MAX_LISTED):
        listed = {"ArnEquals": {grant.listed: arns[start : start + _MAX_LISTED]}}
        number = str(start // _MAX_LISTED + 1) if start else ""
        yield {**statement, "Sid": grant.sid + number, "Condition": listed}
