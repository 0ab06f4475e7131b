"""A whole sandbox in one file: a line that says what the file is, a line of JSON about it, and the pickled rest.

It holds the sandbox's test data, its keys and secrets included. The two lines are checked before anything else is read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import iam_ra
from iam_ra.engine.errors import SandboxError
from iam_ra.files import atomic

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
MAGIC = b"iam-ra sandbox snapshot\n"
LONGEST_HEADER = 10_000
OWNER_ONLY = 0o600
OWN = "Load only files that you saved yourself, with `iam-ra sandbox save FILE`."


@dataclass(frozen=True, slots=True)
class Header:
    """What a snapshot says about itself. `saved` is an ISO 8601 time; `size` and `sha256` are of what follows.

    `services` are those that it holds, by moto's names; those in `left_out` were used too, but cannot be saved.
    """

    format_version: int
    iam_ra: str
    moto: str
    saved: str
    services: list[str]
    left_out: list[str]
    size: int
    sha256: str


def pack(content: bytes, services: list[str], left_out: list[str]) -> bytes:
    """Return the bytes of a file."""
    header = Header(
        format_version=FORMAT,
        iam_ra=iam_ra.__version__,
        moto=version("moto"),
        saved=datetime.now(UTC).isoformat(timespec="seconds"),
        services=services,
        left_out=left_out,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    return MAGIC + json.dumps(asdict(header)).encode() + b"\n" + content


def unpack(data: bytes, name: str) -> tuple[Header, bytes]:
    """Return what follows the header of a file, which `name` names in errors.

    Raises SandboxError unless this iam-ra, with this moto, wrote every byte of it.
    """
    header = read_header(data, name)
    here = (iam_ra.__version__, version("moto"))
    if header.format_version != FORMAT or (header.iam_ra, header.moto) != here:
        raise SandboxError(
            f"{name} was saved by iam-ra {header.iam_ra} with moto {header.moto}, in format {header.format_version}.",
            why=f"A sandbox is loaded by what saved it; here are iam-ra {here[0]}, moto {here[1]} and format {FORMAT}.",
            fix="Load it with those versions, or run `iam-ra apply` in a new sandbox and save that one.",
        )
    content = data[len(data) - header.size :] if 0 <= header.size <= len(data) else b""
    whole = len(data) == data.index(b"\n", len(MAGIC)) + 1 + header.size
    if not whole or hashlib.sha256(content).hexdigest() != header.sha256:
        raise SandboxError(
            f"{name} is damaged.",
            why="It is not what was saved: its end is missing, or some of it has changed.",
            fix="Copy it again from where it was saved, or save the sandbox again.",
        )
    return header, content


def read_header(data: bytes, name: str) -> Header:
    """Return what a file says about itself. Raises SandboxError when it is none of ours."""
    if not data.startswith(MAGIC):
        raise _foreign(name, "It does not begin as such a file does.")
    line, end, _ = data[len(MAGIC) : len(MAGIC) + LONGEST_HEADER].partition(b"\n")
    try:
        found: dict[str, Any] = json.loads(line) if end else {}
        if found["format_version"] == FORMAT:
            return _checked(Header(**found))
        known = ("iam_ra", "moto", "saved")
        told = {key: str(found[key])[:40] for key in known}
        return Header(int(found["format_version"]), services=[], left_out=[], size=0, sha256="", **told)
    except (ValueError, TypeError, KeyError):
        raise _foreign(name, "Its second line does not say who saved it.") from None


def read(path: Path) -> bytes:
    """Return a file's bytes. Raises SandboxError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SandboxError(f"{path} cannot be read.", why=f"{error.strerror}.", fix=OWN) from error


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, for its owner only.

    Raises SandboxError where something else than a snapshot is in its place, FileError when it cannot be written.
    """
    if path.exists() and (not path.is_file() or not read(path).startswith(MAGIC)):
        raise SandboxError(
            f"{path} is not replaced.",
            why="It is there already, and is no sandbox that was saved.",
            fix="Give another name.",
        )
    atomic.write(path, data, root=path.parent, mode=OWNER_ONLY)


def _checked(header: Header) -> Header:
    for field in (
        header.iam_ra,
        header.moto,
        header.saved,
        header.sha256,
        *header.services,
        *header.left_out,
    ):
        if not isinstance(field, str):
            raise TypeError
    if not isinstance(header.size, int):
        raise TypeError
    return header


def _foreign(name: str, why: str) -> SandboxError:
    return SandboxError(f"{name} is no sandbox that was saved.", why=why, fix=OWN)
