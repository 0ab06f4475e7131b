"""What a kind may use while an apply runs: AWS, the repository, the keys, and word of how it goes."""

from __future__ import annotations

import threading
import uuid
from functools import cached_property
from typing import TYPE_CHECKING

from iam_ra.aws.naming import ADDRESS_TAG, LINEAGE_TAG, NAMESPACE_TAG, REGION_TAG, Names
from iam_ra.aws.secrets import SecretInfo, Secrets
from iam_ra.aws.stacks import Stacks
from iam_ra.engine.errors import CertificateError, InternalError, KeyStoreError, StateError
from iam_ra.files.sops import Sops
from iam_ra.kinds.host_keys import HostKeys
from iam_ra.pki.certificate import load_certificate
from iam_ra.pki.key_store import FileKeyStore
from iam_ra.pki.signer import KeySigner, Signer
from iam_ra.state.ledger import Ledger

INIT = "init"

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from iam_ra.aws.s3 import Bucket
    from iam_ra.aws.session import Aws
    from iam_ra.engine.address import Address
    from iam_ra.files.repository import Repository


class Run:
    """One apply or destroy. Shared by the worker threads of the executor.

    `id` names it in the ledger and in the history. `bucket` is not there until the init stack is. `secrets_seen` is the snapshot's metadata of secrets, by name.
    """

    def __init__(
        self,
        aws: Aws,
        names: Names,
        repository: Repository,
        environ: Mapping[str, str],
        report: Callable[[Address, str], None],
        secrets_seen: Mapping[str, SecretInfo],
    ) -> None:
        self.id = str(uuid.uuid4())
        self.aws = aws
        self.names = names
        self.repository = repository
        self.root = repository.root
        self.environ = environ
        self.report = report
        self.secrets_seen = secrets_seen
        self._bucket: Bucket | None = None
        self._lineage: str | None = None
        self._signers: dict[tuple[str, int], Signer] = {}
        self._guard = threading.Lock()

    @property
    def now(self) -> datetime:
        """AWS's time at this moment."""
        return self.aws.now()

    def use(self, lineage: str, bucket: Bucket) -> None:
        """Say that the init stack is there, and what it holds."""
        self._lineage = lineage
        self._bucket = bucket

    @property
    def has_lineage(self) -> bool:
        """Whether the init stack is there."""
        return self._lineage is not None

    @property
    def lineage(self) -> str:
        """The namespace's lineage: the init stack's UUID."""
        if self._lineage is None:
            raise InternalError("the lineage is used before the init stack is made")
        return self._lineage

    @property
    def bucket(self) -> Bucket:
        """The namespace's bucket."""
        if self._bucket is None:
            raise InternalError("the namespace's bucket is used before it is made")
        return self._bucket

    @cached_property
    def stacks(self) -> Stacks:
        """CloudFormation, with the one poller of this run."""
        return Stacks(self.aws.cloudformation)

    @cached_property
    def secrets(self) -> Secrets:
        """Secrets Manager."""
        return Secrets(self.aws.secretsmanager)

    @cached_property
    def sops(self) -> Sops:
        """The sops program."""
        return Sops(self.environ)

    @cached_property
    def key_store(self) -> FileKeyStore:
        """The keys of this namespace's authorities on this machine."""
        return FileKeyStore(self.names.namespace, self.lineage, self.environ)

    @cached_property
    def host_keys(self) -> HostKeys:
        """The hosts' keys, in memory or read back from where they are."""
        return HostKeys(self)

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        return Ledger(self.bucket, self.names)

    def stack_tags(self, address: Address, own: Mapping[str, str]) -> dict[str, str]:
        """Return the tags of a stack: the user's own, and those that prove whose it is."""
        return {**own, **self.owner_tags(address), REGION_TAG: self.aws.region, ADDRESS_TAG: str(address)}

    def owner_tags(self, address: Address) -> dict[str, str]:
        """Return the tags without which a stack is not ours to change. The init stack is the lineage, it bears none."""
        owner = {NAMESPACE_TAG: self.names.namespace}
        return owner if address.entity == INIT else {**owner, LINEAGE_TAG: self.lineage}

    def certificate_of(self, host: str) -> bytes:
        """Return a host's certificate (PEM). Raises StateError when the bucket does not have it."""
        key = self.names.host_key(host, "certificate.pem")
        stored = self.bucket.get(key)
        if stored is None:
            raise StateError(
                f"the certificate of host/{host} is not in the bucket",
                why=f"{key} is missing",
                fix="run apply again",
            )
        return stored.data

    def mirrors_of(self, host: str, prefix: str) -> Iterator[bytes]:
        """Yield the bucket's copies of a host's files whose names begin with `prefix`."""
        if self._bucket is None:
            return
        for key in self._bucket.list(self.names.host_key(host, prefix)):
            stored = self._bucket.get(key)
            if stored is not None:
                yield stored.data

    def check_signer(self, scope: str, generation: int) -> None:
        """Raise KeyStoreError or CertificateError if an authority could not sign.

        Its certificate in the bucket, if it is gone, comes back by itself.
        """
        with self._guard:
            known = (scope, generation) in self._signers
        if not known and self.bucket.get(self.names.authority_key(scope, generation)) is None:
            self.key_store.load(scope, generation)
            return
        end = self.signer(scope, generation).certificate.not_valid_after_utc
        if end <= self.now:
            raise CertificateError(
                f"ca/{scope} ended on {end:%Y-%m-%d}",
                why="no certificate that it signs now would be valid",
                fix="add a new authority to the file and move the hosts to it (`ca:` of each host)",
            )

    def signer(self, scope: str, generation: int) -> Signer:
        """Return who signs for an authority. Raises KeyStoreError when its key is not on this machine."""
        with self._guard:
            if (scope, generation) not in self._signers:
                stored = self.bucket.get(self.names.authority_key(scope, generation))
                if stored is None:
                    raise KeyStoreError(
                        f"the certificate of ca/{scope} is not in the bucket",
                        why=f"{self.names.authority_key(scope, generation)} is missing",
                        fix="restore its latest version in the bucket",
                    )
                key = self.key_store.load(scope, generation)
                self._signers[scope, generation] = KeySigner(load_certificate(stored.data), key.signing_key)
            return self._signers[scope, generation]
