"""The Secret of a cluster's authority: sealed in the moment that the authority is made, ciphertext from then on.

Its one copy with a name of its own is in the bucket; the file in the repository has the same bytes. Only the cluster
need be able to open it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from iam_ra.config.model import CLUSTERS
from iam_ra.engine.errors import IamRaError, InternalError, KeyStoreError
from iam_ra.files.manifests import ca_secret
from iam_ra.kinds.repository_files import remove_copied
from iam_ra.kinds.run import PATH
from iam_ra.pki.certificate import certificate_pem
from iam_ra.pki.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cryptography.x509 import Certificate

    from iam_ra.aws.s3 import Stored
    from iam_ra.config.model import Cluster
    from iam_ra.kinds.run import Run

# The key store of an authority whose key is in such a Secret alone.
SEALED: Final = "secret"
# What a mirror's own metadata say besides its path: which certificate it holds, since when the file does, and the
# Secret's namespace and name.
SERIAL = "serial"
SINCE = "since"
_NAMED = "named"
# Kubernetes must be able to read the rest.
_ENCRYPTED = "^(data|stringData)$"


def seal(scope: str, generation: int, certificate: Certificate, key: Secret, run: Run) -> bytes:
    """Return the Secret encrypted for whom `.sops.yaml` says, and kept in the bucket. Raises ToolError."""
    cluster = _cluster(scope, run)
    document = ca_secret(cluster, certificate_pem(certificate), key)
    data = run.sops.encrypt(document, Path(cluster.secret_path), run.root, only=_ENCRYPTED)
    keep(scope, generation, data, str(certificate.serial_number), run)
    return data


def keep(scope: str, generation: int, data: bytes, serial: str, run: Run, *, since: str = "") -> str:
    """Put a sealed Secret into the bucket and return its ETag; `since` is when its file was first written."""
    cluster = _cluster(scope, run)
    named = f"{cluster.issuer.namespace}/{cluster.secret_name}"
    metadata = {
        PATH: quote(cluster.secret_path),
        SERIAL: serial,
        _NAMED: named,
        **({SINCE: since} if since else {}),
    }
    return run.bucket.put(run.names.cluster_secret_mirror(scope, generation), data, metadata=metadata)


def sealed(scope: str, generation: int, run: Run) -> Stored | None:
    """Return the bucket's copy."""
    return run.bucket.get(run.names.cluster_secret_mirror(scope, generation))


def drop(scope: str, generation: int, run: Run) -> None:
    """Delete the bucket's copy, and the file if it has the same bytes: nobody may have recorded it."""
    stored = sealed(scope, generation, run)
    if stored is not None:
        remove_copied(place_of(stored.metadata)["path"], stored, run)
        run.bucket.delete(run.names.cluster_secret_mirror(scope, generation))


def is_sealed(scope: str, generation: int, certificate: Certificate, run: Run) -> bool:
    """Tell whether the bucket's copy holds the key of a certificate."""
    stored = sealed(scope, generation, run)
    return stored is not None and stored.metadata.get(SERIAL) == str(certificate.serial_number)


def place_of(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return what a copy's metadata say of its file and of the Secret: `path`, `namespace` and `name`."""
    namespace, _, name = metadata.get(_NAMED, "").partition("/")
    return {"path": unquote(metadata.get(PATH, "")), "namespace": namespace, "name": name}


def unseal(data: bytes, path: str, run: Run) -> Secret:
    """Return the key (PEM) in a sealed Secret. Raises ToolError when no key here opens it, KeyStoreError for another file."""
    plain = run.sops.open(data, Path(path), "json")
    try:
        document = json.loads(plain.reveal())
        return Secret(document["stringData"]["tls.key"])
    except (ValueError, KeyError, TypeError):
        # Such an exception carries the document, so it ends here.
        pass
    raise KeyStoreError(
        f"{path} holds no tls.key",
        why="somebody put another Secret in its place",
        fix="remove the file and run `iam-ra apply`: it comes back as it was",
    )


def unsealable(scope: str, run: Run) -> Iterator[IamRaError]:
    """Yield what would keep a Secret from being sealed: no sops, nobody to open it."""
    try:
        _ = run.sops.binary
    except IamRaError as error:
        yield error
    problem = run.repository.recipients_problem(_cluster(scope, run).secret_path)
    if problem is not None:
        yield problem


def _cluster(scope: str, run: Run) -> Cluster:
    cluster = run.clusters.get(scope.removeprefix(CLUSTERS))
    if cluster is None:
        raise InternalError(f"the Secret of {scope} is sealed, and the file has no such cluster")
    return cluster
