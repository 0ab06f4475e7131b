"""The ledger: one entry a certificate, written before it is signed, never changed, never deleted but by destroy.

An entry's key says what matters most of it, so that one listing of the bucket tells of every certificate that was ever
begun, which authority and generation of it signs, for which host, how long it can be valid, and which roles it says.
"""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from iam_ra.aws.s3 import ConditionFailedError
from iam_ra.config.model import entity_of
from iam_ra.engine.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from iam_ra.aws.naming import Names
    from iam_ra.aws.s3 import Bucket

FORMAT = "1.0"
_THREADS = 16
# Begins the name of an intent whose serial somebody else will choose.
_UNNAMED = "token-"
_TIME = "%Y%m%dT%H%M%SZ"
_KEY = re.compile(
    r"(?P<authority>(?:cluster/)?[^/]+)/(?P<generation>[0-9]+)/(?P<host>[^/]*)/(?P<serial>[0-9a-f]{40})-(?P<begin>\w{16})-(?P<end>\w{16})"
    r"(?P<units>(?:\.[A-Za-z0-9-]+)*)\.json"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is said of a certificate before it exists. `serial` is its number in decimal; times are ISO 8601.

    `entity` is `host/x`, or `ca/x` or `cluster/x` for an authority's own certificate; `run` names the apply that wrote it. `units`
    are the roles that the certificate itself says.

    A private CA chooses the serial: of what it is asked, the intent has an empty `serial`, the `token` that stands for
    the one request, and the request (PEM) in `csr`; the entry that follows has the serial, and the same token.
    """

    serial: str
    identity: str
    entity: str
    authority: str
    generation: int
    authority_fingerprint: str
    not_before: str
    not_after: str
    why: str
    written: str
    run: str
    units: tuple[str, ...] = ()
    token: str = ""
    csr: str = ""

    def __post_init__(self) -> None:
        # JSON knows lists only.
        object.__setattr__(self, "units", tuple(self.units))


class Written(NamedTuple):
    """An entry as it was read back; `is_signed`: the certificate lies beside it."""

    entry: Entry
    is_signed: bool


class Issued(NamedTuple):
    """What an entry's key says. `host` is empty for an authority's own certificate; `serial` is decimal."""

    authority: str
    generation: int
    host: str
    serial: str
    not_before: datetime
    not_after: datetime
    units: tuple[str, ...] = ()


class Ledger:
    """One namespace's ledger in its bucket: an entry (JSON) a serial, and beside it the certificate (PEM) once signed."""

    def __init__(self, bucket: Bucket, names: Names) -> None:
        self._bucket = bucket
        self._names = names

    def intend(self, entry: Entry) -> None:
        """Write down that a certificate is about to be signed. Raises StateError if the serial is taken."""
        document = {"format_version": FORMAT, **asdict(entry)}
        key = self._key(entry, "json")
        try:
            self._bucket.put(key, json.dumps(document, indent=1).encode() + b"\n", if_absent=True)
        except ConditionFailedError as error:
            raise StateError(
                f"nothing was signed for {entry.entity}: its entry in the ledger cannot be written",
                why=f"{key} is there already, or S3 says so",
                fix="run apply again: it draws another serial",
            ) from error

    def signed(self, entry: Entry, certificate: bytes) -> None:
        """Keep the certificate itself (PEM): its public part."""
        self._bucket.put(self._key(entry, "pem"), certificate)

    def certificate(self, authority: str, generation: int, host: str, serial: str) -> bytes:
        """Return a host's signed certificate (PEM). Raises StateError when the ledger does not have it."""
        begin = self._names.ledger_key(f"{authority}/{generation}/{host}/{int(serial):040x}-")
        for key in self._bucket.list(begin):
            stored = self._bucket.get(key) if key.endswith(".pem") else None
            if stored is not None:
                return stored.data
        raise StateError(
            f"the ledger has no certificate {serial} of {entity_of(authority)}",
            why=f"no object in the bucket begins with {begin} and ends with .pem",
            fix="restore its latest version in the bucket",
        )

    def unnamed(self, like: Entry, since: datetime) -> list[Entry]:
        """Return the intents for a host and generation, written after `since`, whose serial nobody wrote down."""
        folder, keys = self._folder(like)
        intents = [self._entry(key) for key in keys if key.startswith(f"{folder}/{_UNNAMED}")]
        recent = [each for each in intents if datetime.fromisoformat(each.written) > since]
        if not recent:
            return []
        known = {self._entry(key).token for key in keys if not key.startswith(f"{folder}/{_UNNAMED}")}
        return [each for each in recent if each.token not in known]

    def unsigned(self, like: Entry) -> list[Entry]:
        """Return the entries for a host and generation with a serial, and without the certificate beside them."""
        folder, keys = self._folder(like)
        return [
            self._entry(key)
            for key, is_signed in keys.items()
            if not is_signed and not key.startswith(f"{folder}/{_UNNAMED}")
        ]

    def read(self) -> list[Written]:
        """Return every entry, read sixteen at a time. Raises StateError when one cannot be read."""
        keys = self._bucket.list(self._names.ledger_key(""))
        entries = [key for key in keys if key.endswith(".json")]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="ledger") as threads:
            return [
                Written(entry, f"{key.removesuffix('json')}pem" in keys)
                for key, entry in zip(entries, threads.map(self._entry, entries), strict=True)
            ]

    def _folder(self, like: Entry) -> tuple[str, Mapping[str, bool]]:
        """Return where the entries for a host and generation are, and the key of each with whether it is signed."""
        folder = self._key(like, "json").rpartition("/")[0]
        keys = self._bucket.list(f"{folder}/")
        return folder, {
            key: f"{key.removesuffix('json')}pem" in keys for key in keys if key.endswith(".json")
        }

    def _entry(self, key: str) -> Entry:
        stored = self._bucket.get(key)
        try:
            document = json.loads(b"" if stored is None else stored.data)
            # A newer iam-ra may say more.
            said = {each.name: document[each.name] for each in fields(Entry) if each.name in document}
            return Entry(**{**said, "units": tuple(said.get("units", ()))})
        except (ValueError, TypeError, KeyError) as error:
            raise StateError(
                "an entry of the ledger cannot be read",
                why=f"{key} is damaged: {type(error).__name__}",
                fix="restore its first version in the bucket (it is versioned)",
            ) from error

    def _key(self, entry: Entry, suffix: str) -> str:
        host = entry.entity.removeprefix("host/") if entry.entity.startswith("host/") else ""
        begin, end = (
            datetime.fromisoformat(each).astimezone(UTC) for each in (entry.not_before, entry.not_after)
        )
        return self._names.ledger_key(
            f"{entry.authority}/{entry.generation}/{host}/"
            f"{'.'.join((f'{_name(entry)}-{begin:{_TIME}}-{end:{_TIME}}', *entry.units))}.{suffix}"
        )


def _name(entry: Entry) -> str:
    return f"{int(entry.serial):040x}" if entry.serial else f"{_UNNAMED}{entry.token}"


def issued_in(objects: Iterable[str], names: Names) -> Iterator[Issued]:
    """Yield what the keys of a bucket's listing say of certificates. An entry without its certificate counts too."""
    prefix = names.ledger_key("")
    for key in objects:
        found = _KEY.fullmatch(key.removeprefix(prefix)) if key.startswith(prefix) else None
        if found:
            yield Issued(
                found["authority"],
                int(found["generation"]),
                found["host"],
                str(int(found["serial"], 16)),
                _moment(found["begin"]),
                _moment(found["end"]),
                tuple(found["units"].split(".")[1:]),
            )


def _moment(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
