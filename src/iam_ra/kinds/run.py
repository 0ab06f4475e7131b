"""What a kind may use while an apply runs: AWS, the repository, the keys, and word of how it goes."""

from __future__ import annotations

import threading
import uuid
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from iam_ra.aws.crls import Crls
from iam_ra.aws.kms import Kms
from iam_ra.aws.naming import ADDRESS_TAG, LINEAGE_TAG, NAMESPACE_TAG, REGION_TAG, Names
from iam_ra.aws.pca import ACTIVE, Pca, PcaInfo
from iam_ra.aws.pca_signer import PcaSigner, inactive
from iam_ra.aws.secrets import SecretInfo, Secrets
from iam_ra.aws.stacks import Stacks
from iam_ra.config.model import entity_of
from iam_ra.engine.errors import CertificateError, InternalError, KeyStoreError, StateError
from iam_ra.files.age import Age
from iam_ra.files.sops import Sops
from iam_ra.kinds.host_keys import HostKeys
from iam_ra.pki.certificate import load_certificate
from iam_ra.pki.crl import revocations_in
from iam_ra.pki.file_store import FileKeyStore
from iam_ra.pki.kms_store import KmsKeyStore
from iam_ra.pki.signer import KeySigner, Signer
from iam_ra.pki.sops_store import SopsKeyStore
from iam_ra.state.ledger import Entry, Ledger

INIT = "init"
# An authority's certificate says in its own metadata where its key is.
KEY_STORE = "key-store"
# A mirror's own metadata: where its file is, percent-encoded.
PATH = "path"
# What the stack of an authority's KMS key gives.
KEY_ARN = "KeyArn"
# Of an authority in AWS Private CA, the certificate says which that is; so does the stack of its trust anchor.
PRIVATE_CA = "pca"
PRIVATE_CA_ARN = "pca-arn"
PRIVATE_CA_OUTPUT = "PrivateCaArn"

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from cryptography.x509 import Certificate

    from iam_ra.aws.s3 import Bucket
    from iam_ra.aws.session import Aws
    from iam_ra.config.model import Cluster, IgnoreDrift
    from iam_ra.engine.address import Address
    from iam_ra.files.repository import Repository
    from iam_ra.pki.key_store import KeyStore
    from iam_ra.pki.secret import Secret


class Run:
    """One apply or destroy. Shared by the worker threads of the executor.

    `id` names it in the ledger and in the history. `bucket` is not there until the init stack is. `secrets_seen` is the snapshot's metadata of secrets, by name.
    `ignore_drift` are the file's rules for what stays, `clusters` its clusters by name.
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
        self.ignore_drift: tuple[IgnoreDrift, ...] = ()
        self.clusters: Mapping[str, Cluster] = {}
        self._bucket: Bucket | None = None
        self._lineage: str | None = None
        self._signers: dict[tuple[str, int], Signer | PcaSigner] = {}
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
    def pca(self) -> Pca:
        """AWS Private CA."""
        return Pca(self.aws.acm_pca, self.aws.s3)

    @cached_property
    def age(self) -> Age:
        """The age program."""
        return Age(self.environ)

    @cached_property
    def sops(self) -> Sops:
        """The sops program."""
        return Sops(self.environ)

    @cached_property
    def key_files(self) -> FileKeyStore:
        """The keys of this namespace's authorities on this machine."""
        return FileKeyStore(self.names.namespace, self.lineage, self.environ)

    @cached_property
    def sops_keys(self) -> SopsKeyStore:
        """The keys of this namespace's authorities in SOPS files."""
        return SopsKeyStore(
            self._open_key, lambda scope, number: f"the SOPS file of {entity_of(scope)} G{number}"
        )

    @cached_property
    def kms_keys(self) -> KmsKeyStore:
        """The keys of this namespace's authorities in KMS."""
        return KmsKeyStore(Kms(self.aws.kms), self._find_key, self.names.authority_key_stack)

    def key_store(self, name: str) -> KeyStore:
        """Return a key store by the name that the file uses for it."""
        stores: Mapping[str, Callable[[], KeyStore]] = {
            "file": lambda: self.key_files,
            "sops": lambda: self.sops_keys,
            "kms": lambda: self.kms_keys,
        }
        return stores[name]()

    @cached_property
    def host_keys(self) -> HostKeys:
        """The hosts' keys, in memory or read back from where they are."""
        return HostKeys(self)

    @cached_property
    def written(self) -> tuple[Entry, ...]:
        """Every entry of the ledger, read once."""
        return tuple(each.entry for each in self.ledger.read())

    @cached_property
    def issued(self) -> tuple[str, ...]:
        """The keys of the ledger, listed once."""
        return tuple(self.bucket.list(self.names.ledger_key("")))

    @cached_property
    def revoked_serials(self) -> Mapping[str, tuple[str, datetime]]:
        """Of all that revocation lists of this region hold: why, and since when; by serial (decimal); read once."""
        return {
            serial: entry
            for each in Crls(self.aws.rolesanywhere).list()
            for serial, entry in revocations_in(each.data).items()
        }

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
        """Raise KeyStoreError, ToolError or CertificateError if an authority could not sign.

        Its certificate in the bucket, if it is gone, comes back by itself.
        """
        with self._guard:
            known = (scope, generation) in self._signers
        if not known and self.bucket.get(self.names.authority_key(scope, generation)) is None:
            arn = self._guessed_private_ca(scope)
            if arn is not None:
                self.active_private_ca(arn)
            else:
                self.key_store(self._guessed_store(scope, generation)).signing_key(scope, generation)
            return
        signer = self.signer(scope, generation)
        if isinstance(signer, PcaSigner) and signer.info.status != ACTIVE:
            raise inactive(signer.info, signer.info.arn)
        end = signer.certificate.not_valid_after_utc
        if end <= self.now:
            raise CertificateError(
                f"{entity_of(scope)} ended on {end:%Y-%m-%d}",
                why="no certificate that it signs now would be valid",
                fix=f"give it a new generation: `iam-ra ca rotate {scope}`",
            )

    def signer(self, scope: str, generation: int) -> Signer | PcaSigner:
        """Return who signs for an authority. Raises KeyStoreError or ToolError when its key cannot be used here."""
        with self._guard:
            if (scope, generation) not in self._signers:
                stored = self.bucket.get(self.names.authority_key(scope, generation))
                if stored is None:
                    raise KeyStoreError(
                        f"the certificate of {entity_of(scope)} is not in the bucket",
                        why=f"{self.names.authority_key(scope, generation)} is missing",
                        fix="restore its latest version in the bucket",
                    )
                certificate, store = load_certificate(stored.data), stored.metadata.get(KEY_STORE, "file")
                self._signers[scope, generation] = (
                    self._private_ca(certificate, stored.metadata[PRIVATE_CA_ARN])
                    if store == PRIVATE_CA
                    else KeySigner(certificate, self.key_store(store).signing_key(scope, generation))
                )
            return self._signers[scope, generation]

    def _private_ca(self, certificate: Certificate, arn: str) -> PcaSigner:
        """Return the private CA of an ARN, in whichever state it is. Raises KeyStoreError when there is none."""
        info = self.pca.find(arn)
        if info is None:
            raise inactive(None, arn)
        return PcaSigner(self.pca, info, certificate)

    def active_private_ca(self, arn: str) -> PcaInfo:
        """Return a private CA that can sign. Raises KeyStoreError, with its status and the next command, for another."""
        info = self.pca.find(arn)
        if info is None or info.status != ACTIVE:
            raise inactive(info, arn)
        return info

    def _guessed_private_ca(self, scope: str) -> str | None:
        """Return the ARN of an authority in AWS Private CA: what the stack of its trust anchor says."""
        stack = self.stacks.find(self.names.authority_stack(scope))
        return None if stack is None else stack.outputs.get(PRIVATE_CA_OUTPUT)

    def _guessed_store(self, scope: str, generation: int) -> str:
        """Return where a key seems to be, when the certificate that says so is gone."""
        if self.bucket.get(self.names.authority_key_mirror(scope, generation)) is not None:
            return "sops"
        name = self.names.authority_key_stack(scope, generation)
        return "file" if self.stacks.find(name) is None else "kms"

    def _open_key(self, scope: str, generation: int, spare: bytes | None) -> Secret:
        """Decrypt the key in the bucket's copy of an authority's SOPS file, or in what there is besides."""
        key = self.names.authority_key_mirror(scope, generation)
        stored = self.bucket.get(key)
        data = spare if stored is None else stored.data
        if data is None:
            raise KeyStoreError(
                f"the key of {entity_of(scope)} cannot be read",
                why=f"the bucket has no {key}, the copy of its SOPS file",
                fix="run iam-ra apply again: it restores that from the repository",
            )
        path = Path(key if stored is None else unquote(stored.metadata.get(PATH, key)))
        values = self.sops.decrypt(data, path)
        if "private_key" not in values:
            raise KeyStoreError(
                f"the key of {entity_of(scope)} cannot be read",
                why=f"{path} holds no private_key",
                fix=f"restore an earlier version of {key} in the bucket",
            )
        return values["private_key"]

    def _find_key(self, scope: str, generation: int) -> str:
        """Return the ARN of an authority's KMS key: what its own stack says."""
        name = self.names.authority_key_stack(scope, generation)
        stack = self.stacks.find(name)
        owner = {NAMESPACE_TAG: self.names.namespace, LINEAGE_TAG: self.lineage}
        if stack is None or not owner.items() <= dict(stack.tags).items() or KEY_ARN not in stack.outputs:
            raise KeyStoreError(
                f"the KMS key of {entity_of(scope)} is not there",
                why=f"the stack {name} that holds it is gone, or not ours",
                fix=f"give the authority a new generation: `iam-ra ca rotate {scope}`",
            )
        return stack.outputs[KEY_ARN]
