"""What a host's next steps need to know, from the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iam_ra.aws.naming import Names
from iam_ra.files.aws_config import config_path
from iam_ra.kinds.host_certificate_file import HostCertificateFile
from iam_ra.render.next_steps import Onboarded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iam_ra.config.model import Host, Namespace


def onboarded(namespace: Namespace, host: Host) -> Onboarded:
    """Return what there is of a host once it is applied, and how to get at it."""
    paths = namespace.host_paths
    return Onboarded(
        host=host.name,
        file=namespace.file.name,
        folders=["exports", *(["secrets"] if {"sops", "age"} & {*host.delivery} else [])],
        config=config_path(host.name),
        certificate=_certificate(namespace, host),
        certificate_path=paths.certificate,
        private_key=_private_key(namespace, host),
        private_key_path=paths.private_key,
    )


def _certificate(namespace: Namespace, host: Host) -> Sequence[str]:
    if "sops" in host.delivery:
        return _from_sops(host, "certificate")
    if "secretsmanager" in host.delivery:
        return _from_secrets_manager(namespace, host, "certificate")
    return ["cat", f"{HostCertificateFile.folder}/{host.name}{HostCertificateFile.suffix}"]


def _private_key(namespace: Namespace, host: Host) -> Sequence[str]:
    if "sops" in host.delivery:
        return _from_sops(host, "private_key")
    if "secretsmanager" in host.delivery:
        return _from_secrets_manager(namespace, host, "private-key")
    if "age" in host.delivery:
        return ["age", "--decrypt", "--identity", "key.txt", host.age_path]
    return []


def _from_sops(host: Host, key: str) -> Sequence[str]:
    return ["sops", "decrypt", "--extract", f'["{key}"]', host.sops_path]


def _from_secrets_manager(namespace: Namespace, host: Host, content: str) -> Sequence[str]:
    secret = Names(namespace.name).secret(host.name, content)
    shown = ["--query", "SecretString", "--output", "text"]
    return [
        "aws",
        "secretsmanager",
        "get-secret-value",
        "--region",
        namespace.region,
        "--secret-id",
        secret,
        *shown,
    ]
