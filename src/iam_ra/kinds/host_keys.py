"""The private keys of hosts: in memory when they were just made, else read back from where they were delivered."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iam_ra.engine.action import Action
from iam_ra.engine.address import Address
from iam_ra.engine.errors import CertificateError, IamRaError, KeyStoreError, StateError, ToolError
from iam_ra.engine.part import UNKNOWN
from iam_ra.pki.certificate import load_certificate, matches
from iam_ra.pki.keys import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from iam_ra.aws.snapshot import Snapshot
    from iam_ra.engine.plan import Change
    from iam_ra.kinds.run import Run
    from iam_ra.pki.secret import Secret

ENTITIES = "host/"
SECRET_CERTIFICATE = "certificate"  # noqa: S105 - the name of a secret, not a secret
SECRET_PRIVATE_KEY = "private-key"  # noqa: S105 - the name of a secret, not a secret
_MIRROR = re.compile(r"(?:sops-([0-9a-f]{40})\.yaml|age-([0-9a-f]{40})\.age)")
_AGE_SUFFIX = ".age"
# The parts that are files with a key.
_FILES = frozenset({"sops", "age"})
IN_FILE = "in a file"


@dataclass(frozen=True, slots=True)
class HostKey:
    """A certificate (PEM) and its private key; `serial` is decimal."""

    serial: str
    certificate: bytes
    key: PrivateKey


def version_token(serial: str) -> str:
    """Return the version id that a certificate's secrets get: the serial in 40 hex digits."""
    return f"{int(serial):040x}"


def mirror_name(serial: str) -> str:
    """Return the name of the bucket's copy of a host's SOPS file; it says whose key is in it."""
    return f"sops-{version_token(serial)}.yaml"


def age_mirror_name(serial: str) -> str:
    """Return the name of the bucket's copy of a host's age file; it says whose key is in it."""
    return f"age-{version_token(serial)}{_AGE_SUFFIX}"


def copies_of_keys(snapshot: Snapshot) -> Mapping[str, frozenset[str]]:
    """Return, by host, the serials (decimal) whose private key has a copy in Secrets Manager or in the bucket.

    IN_FILE stands among them where a file of the host is there: whose key is in it is looked at when that matters.
    """
    copies: defaultdict[str, set[str]] = defaultdict(set)
    prefix = f"{snapshot.names.secret_prefix}hosts/"
    for name, secret in snapshot.secrets.items():
        host = name.removeprefix(prefix).removesuffix(f"/{SECRET_PRIVATE_KEY}")
        if (
            name == snapshot.names.secret(host, SECRET_PRIVATE_KEY)
            and secret.version
            and not secret.is_deleted
        ):
            copies[host].add(_serial_of(secret.version))
    for key in snapshot.objects:
        host, _, name = key.removeprefix(f"{snapshot.names.namespace}/hosts/").partition("/")
        if found := _MIRROR.fullmatch(name):
            copies[host].add(_serial_of(found[1] or found[2]))
    for address, digest in snapshot.files.items():
        if address.part in _FILES and digest is not None:
            copies[address.entity.removeprefix(ENTITIES)].add(IN_FILE)
    return {host: frozenset(serials) for host, serials in copies.items()}


def _serial_of(token: str) -> str:
    try:
        return str(int(token, 16))
    except ValueError:
        # A version that somebody else wrote.
        return ""


class HostKeys:
    """The keys of one run. Safe to use from several threads, one host in one thread at a time."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._known: dict[str, HostKey] = {}
        self._guard = threading.Lock()

    def remember(self, host: str, key: HostKey) -> None:
        """Keep a key that was just made."""
        with self._guard:
            self._known[host] = key

    def obtain(self, host: str, serial: str, *paths: str) -> HostKey:
        """Return the certificate with this serial and its key; `paths` are the host's SOPS and age files, if it has any.

        Raises KeyStoreError when no copy of the key can be read, naming what was tried.
        """
        with self._guard:
            known = self._known.get(host)
        if known is None or known.serial != serial:
            known = self._read_back(host, serial, paths)
            self.remember(host, known)
        return known

    def rescue(self, host: str) -> None:
        """Take a host's key into memory, if it can be read, before the secret that holds it is deleted."""
        with contextlib.suppress(KeyStoreError, StateError):
            serial = load_certificate(self._run.certificate_of(host)).serial_number
            self.obtain(host, str(serial))

    def _read_back(self, host: str, serial: str, paths: Sequence[str]) -> HostKey:
        pem = self._run.certificate_of(host)
        certificate = load_certificate(pem)
        tried: list[str] = []
        for place, secret in self._copies(host, serial, paths, tried):
            try:
                key = PrivateKey.from_pem(secret)
            except CertificateError as error:
                tried.append(f"{place}: {error.why}")
                continue
            if str(certificate.serial_number) == serial and matches(key, certificate):
                return HostKey(serial, pem, key)
            tried.append(f"{place}: it holds another certificate's key")
        raise KeyStoreError(
            f"no copy of the private key of host/{host} can be read",
            why="; ".join(tried) or "there is none",
            fix="run iam-ra apply again: it issues a new certificate",
        )

    def _copies(
        self, host: str, serial: str, paths: Sequence[str], tried: list[str]
    ) -> Iterator[tuple[str, Secret]]:
        name = self._run.names.secret(host, SECRET_PRIVATE_KEY)
        held = self._run.secrets.get(name)
        if held is not None:
            yield f"secret {name}", held
        for place, is_age, ciphertext in self._ciphertexts(host, serial, paths):
            try:
                if is_age:
                    yield place, self._run.age.decrypt(ciphertext, Path(place))
                else:
                    yield place, self._run.sops.decrypt(ciphertext, Path(place))["private_key"]
            except (ToolError, KeyError) as error:
                tried.append(f"{place}: {error}")

    def _ciphertexts(self, host: str, serial: str, paths: Sequence[str]) -> Iterator[tuple[str, bool, bytes]]:
        """Yield place and bytes of each copy in a file, and whether it is one of age."""
        for name in (mirror_name(serial), age_mirror_name(serial)):
            mirror = self._run.bucket.get(self._run.names.host_key(host, name))
            if mirror is not None:
                yield f"mirror of host/{host}", name.endswith(_AGE_SUFFIX), mirror.data
        for path in paths:
            if (self._run.root / path).is_file():
                yield path, path.endswith(_AGE_SUFFIX), (self._run.root / path).read_bytes()


def unreadable_key(change: Change, run: Run) -> Iterator[tuple[Address, Mapping[str, Any]]]:
    """Yield the fact that a host's private key cannot be read, when `change` needs it and its certificate stays."""
    serial = change.inputs.get("serial", UNKNOWN)
    if change.action is Action.DELETE or serial is UNKNOWN:
        return
    entity = change.address.entity
    host = entity.removeprefix(ENTITIES)
    held = run.secrets_seen.get(run.names.secret(host, SECRET_PRIVATE_KEY))
    if held is not None and not held.is_deleted and held.version == version_token(serial):
        return
    try:
        run.host_keys.obtain(host, serial, *([change.inputs["path"]] if "path" in change.inputs else []))
    except IamRaError:
        yield Address(entity, "certificate"), {"key_copies": frozenset()}
