"""What a file says, with every default applied and every reference checked: the input of the kinds.

Only `config.load` makes these; whoever holds a `Namespace` holds a valid one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from pathlib import Path

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
KeyAlgorithm: TypeAlias = Literal["ec-p256", "ec-p384", "rsa-2048", "rsa-4096"]
Delivery: TypeAlias = Literal["secretsmanager", "sops"]
NotificationEvent: TypeAlias = Literal["CA_CERTIFICATE_EXPIRY", "END_ENTITY_CERTIFICATE_EXPIRY"]


@dataclass(frozen=True, slots=True)
class CertificateSpec:
    """How a host's certificate is made and when it is renewed."""

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
class Authority:
    """A certificate authority (scope): a root of its own in a trust anchor of its own."""

    name: str
    mode: Literal["self-signed"]
    key_store: Literal["file"]
    key: KeyAlgorithm
    validity: timedelta
    notifications: tuple[Notification, ...]
    tags: Mapping[str, str]
    protect: bool


@dataclass(frozen=True, slots=True)
class Role:
    """An IAM role and its Roles Anywhere profile. `session_duration` is in seconds, 900 to 43,200.

    `authorities` is empty when certificates of every authority may take the role.
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
    tags: Mapping[str, str]
    protect: bool


@dataclass(frozen=True, slots=True)
class Host:
    """A machine with one certificate. `sops_path` is relative to the file's folder, with forward slashes.

    `former` holds what its earlier certificates prove while they overlap: authority and identity. The file does not say
    that, the state does.
    """

    name: str
    identity: str
    authority: str
    roles: tuple[str, ...]
    default_role: str
    certificate: CertificateSpec
    delivery: tuple[Delivery, ...]
    sops_path: str
    tags: Mapping[str, str]
    protect: bool
    former: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Guards: percent of entities an apply may delete, and characters a trust policy may have."""

    max_delete_percent: int
    trust_policy_size: int


@dataclass(frozen=True, slots=True)
class HostPaths:
    """Where hosts find their files; absolute paths on the host."""

    certificate: str = "/run/secrets/iam-ra/cert"
    private_key: str = "/run/secrets/iam-ra/key"


@dataclass(frozen=True, slots=True)
class Namespace:
    """One file: one namespace in one account and one region.

    `file` is the path it was read from, `root` the folder that relative paths start at. Mappings are in the
    order of their keys, so the order of entries in the file never shows.
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
