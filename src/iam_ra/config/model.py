"""What a file says, with every default applied and every reference checked: the input of the kinds.

Only `config.load` makes these; whoever holds a `Namespace` holds a valid one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from iam_ra.engine.action import Reason

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
KeyAlgorithm: TypeAlias = Literal["ec-p256", "ec-p384", "rsa-2048", "rsa-4096"]
Delivery: TypeAlias = Literal["secretsmanager", "sops", "age"]
Mode: TypeAlias = Literal["self-signed", "pca-new", "pca-existing"]
KeyStore: TypeAlias = Literal["file", "sops", "kms"]
# Where the key of any authority may be: a cluster's is in an encrypted Secret, or was born in the cluster.
KeyPlace: TypeAlias = Literal["file", "sops", "kms", "secret", "cluster"]
Binding: TypeAlias = Literal["identity", "certificate"]
ClusterDelivery: TypeAlias = Literal["sops", "cluster", "pca"]
IssuerKind: TypeAlias = Literal["ClusterIssuer", "Issuer"]
SidecarStyle: TypeAlias = Literal["native", "container"]
WorkloadDelivery: TypeAlias = Literal["secret", "csi"]
WorkloadKind: TypeAlias = Literal["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"]
# What addresses of authorities begin with.
AUTHORITIES = "ca/"
CLUSTERS = "cluster/"
WORKLOADS = "workload/"
NotificationEvent: TypeAlias = Literal["CA_CERTIFICATE_EXPIRY", "END_ENTITY_CERTIFICATE_EXPIRY"]


def entity_of(scope: str) -> str:
    """Return the entity of an authority: `ca/default` of `default`, and `cluster/prod` of itself."""
    return scope if scope.startswith(CLUSTERS) else f"{AUTHORITIES}{scope}"


def scope_of(entity: str) -> str | None:
    """Return the authority of an entity; the inverse of `entity_of`, and None for an entity that is no authority."""
    if entity.startswith(CLUSTERS):
        return entity
    return entity.removeprefix(AUTHORITIES) if entity.startswith(AUTHORITIES) else None


@dataclass(frozen=True, slots=True)
class CertificateSpec:
    """How a certificate, of a host or of a cluster's authority, is made and when it is followed by the next."""

    validity: timedelta
    renew_before: timedelta
    overlap: timedelta
    key: KeyAlgorithm


@dataclass(frozen=True, slots=True)
class Notification:
    """An expiry event of a trust anchor; `threshold` is in days, 1 to 360."""

    event: NotificationEvent
    enabled: bool
    threshold: int


@dataclass(frozen=True, slots=True)
class Generation:
    """One life of an authority: a key and a certificate of its own. `because` says why there is a new one.

    Older ones keep the settings that they were made with, whatever the file says by now. `sops_path` is where the key
    is with the key stores `sops` and `secret`, `certificate` (PEM) what the cluster made with `cluster`.
    """

    number: int
    key_store: KeyPlace
    key: KeyAlgorithm
    validity: timedelta
    sops_path: str
    because: tuple[Reason, ...] = ()
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class Revocation:
    """A certificate that no longer counts. `serial` is decimal, `reason` a word of RFC 5280 5.3.1 (`superseded`).

    Of one that the recorded list does not hold yet, `host` says whose it is and `text` why it goes.
    """

    serial: str
    reason: str
    when: datetime
    not_after: datetime
    host: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority: a root of its own in a trust anchor of its own.

    `name` is its scope: the name that the file gives it, or `cluster/prod` for that of a cluster, which no name of the
    file can be; `bind` is None there, for what certificates say in a cluster its own users decide. `renew_before` is how
    long before its end a generation is followed by the next. `sops_path` is where the key store `sops` keeps the first
    generation's key, and where the Secret of a cluster is; `overlap` is how long a cluster's former generation counts. `generations` are those that some live certificate needs, the one that
    signs last; `revoked` holds, by generation, the certificates that count no more, and `reinstated` generations and
    hosts of which a certificate counts again; `turnover` says why its anchor is to hold other generations than it does:
    the file says none of that, the state does.
    """

    name: str
    mode: Mode
    key_store: KeyPlace
    key: KeyAlgorithm
    validity: timedelta
    renew_before: timedelta
    bind: Binding | None
    disabled: bool
    pca_arn: str | None
    sops_path: str
    notifications: tuple[Notification, ...]
    tags: Mapping[str, str]
    protect: bool
    generations: tuple[Generation, ...]
    revoked: Mapping[int, tuple[Revocation, ...]]
    reinstated: tuple[tuple[int, str], ...] = ()
    turnover: tuple[Reason, ...] = ()
    overlap: timedelta | None = None

    @property
    def entity(self) -> str:
        """What the authority belongs to, as an address."""
        return entity_of(self.name)

    @property
    def current(self) -> Generation:
        """The generation that signs."""
        return self.generations[-1]


@dataclass(frozen=True, slots=True)
class Role:
    """An IAM role and its Roles Anywhere profile. `session_duration` is in seconds, 900 to 43,200.

    `authorities` is empty when certificates of every authority may take the role; `bind` is None when each authority
    says how.

    `named` holds the authorities with which its trust policy names identities still, though it is bound by certificate:
    those of which some live certificate does not say the role yet. `lapsed` are authority and identity of certificates
    whose overlap is over and which its recorded trust policy names still. `sessions_before` (ISO 8601) is when a session
    must have been opened at the earliest not to be denied everything, `sessions_recorded` what the
    state says of that, and `because` why there is a difference.
    The file does not say that, the state does.
    """

    name: str
    policies: tuple[str, ...]
    inline_policies: Mapping[str, Json]
    permissions_boundary: str | None
    session_policy: Json
    session_duration: int
    accept_role_session_name: bool
    description: str
    authorities: tuple[str, ...]
    bind: Binding | None
    disabled: bool
    tags: Mapping[str, str]
    protect: bool
    named: frozenset[str] = frozenset()
    lapsed: tuple[tuple[str, str], ...] = ()
    sessions_before: str | None = None
    sessions_recorded: str | None = None
    because: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Host:
    """A machine with one certificate. `sops_path`, `age_path` and `csr` are relative to the file's folder, with forward slashes.

    `csr` is the path of its certificate signing request, for a host that keeps its key to itself, and `csr_digest` the
    SHA-256 of that request's DER in lower-case hex; `delivery` is then empty.

    The file does not say the rest, the state does. `former` holds what its earlier certificates prove while they
    overlap: authority and identity. `renewal` is why it is to get a new certificate now, or a new overlap, though
    neither the file nor the calendar asks for it. `withdrawn` are the roles that its present certificate says and that
    it no longer has. `revoked`, a word of RFC 5280 5.3.1, is why its present certificate is not to overlap with the
    next one, which this plan issues; empty when it may. `lists` are the revocation lists, authority and generation,
    that name its certificates when it goes.
    """

    name: str
    identity: str
    authority: str
    roles: tuple[str, ...]
    default_role: str
    certificate: CertificateSpec
    delivery: tuple[Delivery, ...]
    sops_path: str
    age_path: str
    age_recipients: tuple[str, ...]
    csr: str | None
    csr_digest: str
    disabled: bool
    tags: Mapping[str, str]
    protect: bool
    former: tuple[tuple[str, str], ...] = ()
    renewal: tuple[Reason, ...] = ()
    withdrawn: tuple[str, ...] = ()
    revoked: str = ""
    lists: tuple[tuple[str, int], ...] = ()


# Of a cluster's authority, unless the file says otherwise.
CLUSTER_AUTHORITY = CertificateSpec(timedelta(days=365), timedelta(days=60), timedelta(days=30), "ec-p256")


@dataclass(frozen=True, slots=True)
class Issuer:
    """The cert-manager issuer of a cluster. `namespace` is where its Secret is: cert-manager's own for a ClusterIssuer."""

    kind: IssuerKind
    name: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The container that serves credentials to an app. `port` is that of the first role, the next ones follow it."""

    image: str
    style: SidecarStyle
    port: int


@dataclass(frozen=True, slots=True)
class Workload:
    """Pods of one namespace of a cluster that share an identity. Its address is `workload/{cluster}/{namespace}/{name}`.

    `kind` is what the component patches, None for any of them by the name `target`; `containers` are those of the app
    that get the environment. Of `roles` the default comes first, then the others in the order of their names.
    """

    cluster: str
    namespace: str
    name: str
    identity: str
    roles: tuple[str, ...]
    duration: timedelta
    renew_before: timedelta
    delivery: WorkloadDelivery
    kind: WorkloadKind | None
    target: str
    containers: tuple[str, ...]
    network_policy: bool
    helm_values: bool
    sample_pod: bool
    disabled: bool
    protect: bool

    @property
    def entity(self) -> str:
        """Its address."""
        return f"{WORKLOADS}{self.cluster}/{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Kubernetes cluster: an authority of its own, an issuer inside, and the workloads whose certificates that signs.

    `delivery` is how the authority gets there: `sops` as an encrypted Secret, `cluster` is born there and only its
    certificate comes out (`certificate_path`), `pca` is a private CA (`pca_arn`). `folder` holds its manifests;
    `secret_path` is the encrypted Secret in it. `secret_name` names the Secret of the issuer. `ca` is how the authority
    is made, `certificate` what the cluster made (PEM), empty until that is there.
    """

    name: str
    delivery: ClusterDelivery
    issuer: Issuer
    secret_name: str
    secret_path: str
    certificate_path: str
    pca_arn: str | None
    folder: str
    sidecar: Sidecar
    admission_policy: bool
    approver_policy: bool
    workloads: Mapping[str, Workload]
    ca: CertificateSpec = CLUSTER_AUTHORITY
    certificate: str = ""
    disabled: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False

    @property
    def scope(self) -> str:
        """The scope of its authority, which is its address too."""
        return f"{CLUSTERS}{self.name}"


@dataclass(frozen=True, slots=True)
class Limits:
    """Guards: percent of entities an apply may delete, and characters a trust policy may have."""

    max_delete_percent: int
    trust_policy_size: int


@dataclass(frozen=True, slots=True)
class IgnoreDrift:
    """A rule by which what somebody changed below the stacks stays: globs for addresses, and for fields."""

    address: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostPaths:
    """Where hosts find their files; absolute paths on the host."""

    certificate: str = "/run/secrets/iam-ra/cert"
    private_key: str = "/run/secrets/iam-ra/key"


@dataclass(frozen=True, slots=True)
class Namespace:
    """One file: one namespace in one account and one region.

    `file` is the path it was read from, `root` the folder that relative paths start at. `authorities` are those of the
    file and those of the clusters, by scope. Mappings are in the order of their keys, so the order of entries in the
    file never shows.
    """

    name: str
    region: str
    account_id: str | None
    file: Path
    root: Path
    authorities: Mapping[str, Authority]
    roles: Mapping[str, Role]
    hosts: Mapping[str, Host]
    limits: Limits
    host_paths: HostPaths = HostPaths()
    ignore_drift: tuple[IgnoreDrift, ...] = ()
    clusters: Mapping[str, Cluster] = field(default_factory=dict)
