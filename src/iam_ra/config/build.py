"""From what the schema read to what the rest of iam-ra works with: every default applied, everything in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iam_ra.config import model
from iam_ra.config.authorities import authority_sops_path
from iam_ra.config.build_clusters import build_cluster, cluster_authorities
from iam_ra.config.checks import sops_path
from iam_ra.config.hosts import age_path
from iam_ra.config.lives import authority_renew_before, certificate_spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta
    from pathlib import Path

    from iam_ra.config import schema

_DELIVERIES: tuple[model.Delivery, ...] = ("secretsmanager", "sops", "age")


def build_namespace(
    file: Path,
    root: Path,
    entry: schema.FileEntry,
    documents: Mapping[tuple[str, ...], model.Json],
    requests: Mapping[str, str],
    certificates: Mapping[str, str],
) -> model.Namespace:
    """Return the namespace that a file without problems describes.

    `documents` are its policies by their path, `requests` the digests of signing requests by the host, `certificates`
    those that clusters made (PEM), by the cluster.
    """
    defaults = entry.defaults
    clusters = {
        name: build_cluster(name, each, certificates.get(name, ""))
        for name, each in sorted(entry.clusters.items())
    }
    return model.Namespace(
        name=entry.namespace,
        region=entry.region,
        account_id=entry.account_id,
        file=file,
        root=root,
        authorities={
            **cluster_authorities(clusters.values()),
            **{
                name: _authority(name, each, authority_renew_before(entry, name))
                for name, each in sorted(entry.certificate_authorities.items())
            },
        },
        roles={name: _role(name, each, defaults, documents) for name, each in sorted(entry.roles.items())},
        hosts={
            name: _host(name, each, defaults, requests.get(name, ""))
            for name, each in sorted(entry.hosts.items())
        },
        limits=model.Limits(entry.limits.max_delete_percent, entry.limits.trust_policy_size),
        host_paths=model.HostPaths(defaults.host_paths.certificate, defaults.host_paths.private_key),
        ignore_drift=tuple(
            model.IgnoreDrift(each.address, tuple(each.fields)) for each in entry.ignore_drift
        ),
        clusters=clusters,
    )


def _authority(name: str, entry: schema.AuthorityEntry, renew_before: timedelta) -> model.Authority:
    ca, leaf = entry.notifications.ca_certificate_expiry, entry.notifications.end_entity_certificate_expiry
    path = authority_sops_path(name, entry)
    return model.Authority(
        name=name,
        mode=entry.mode,
        key_store=entry.key_store,
        key=entry.key,
        validity=entry.validity,
        renew_before=renew_before,
        bind=entry.bind,
        disabled=entry.disabled,
        pca_arn=entry.pca_arn,
        sops_path=path,
        notifications=(
            model.Notification("CA_CERTIFICATE_EXPIRY", ca.enabled, ca.threshold),
            model.Notification("END_ENTITY_CERTIFICATE_EXPIRY", leaf.enabled, leaf.threshold),
        ),
        tags=_sorted(entry.tags),
        protect=entry.protect,
        generations=(model.Generation(1, entry.key_store, entry.key, entry.validity, path),),
        revoked={},
    )


def _role(
    name: str,
    entry: schema.RoleEntry,
    defaults: schema.Defaults,
    documents: Mapping[tuple[str, ...], model.Json],
) -> model.Role:
    return model.Role(
        name=name,
        policies=tuple(sorted(entry.policies)),
        inline_policies={
            policy: documents["roles", name, "inline_policies", policy]
            for policy in sorted(entry.inline_policies)
        },
        permissions_boundary=entry.permissions_boundary,
        session_policy=documents.get(("roles", name, "session_policy")),
        session_duration=int((entry.session_duration or defaults.session_duration).total_seconds()),
        accept_role_session_name=entry.accept_role_session_name,
        description=entry.description,
        authorities=tuple(sorted(entry.ca or ())),
        bind=entry.bind,
        disabled=entry.disabled,
        tags=_sorted(entry.tags),
        protect=entry.protect,
    )


def _host(name: str, entry: schema.HostEntry, defaults: schema.Defaults, csr_digest: str) -> model.Host:
    return model.Host(
        name=name,
        identity=entry.identity or name,
        authority=entry.ca,
        roles=tuple(sorted(entry.roles)),
        default_role=entry.default_role or entry.roles[0],
        certificate=certificate_spec(defaults.certificate, entry.certificate),
        delivery=() if entry.csr else _deliveries(entry.delivery or defaults.delivery),
        sops_path=sops_path(name, entry),
        age_path=age_path(name, entry),
        age_recipients=tuple(sorted(entry.age_recipients or defaults.age_recipients or ())),
        csr=entry.csr,
        csr_digest=csr_digest,
        disabled=entry.disabled,
        tags=_sorted(entry.tags),
        protect=entry.protect,
    )


def _deliveries(chosen: Iterable[model.Delivery]) -> tuple[model.Delivery, ...]:
    wanted = set(chosen)
    return tuple(each for each in _DELIVERIES if each in wanted)


def _sorted(tags: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(tags.items()))
