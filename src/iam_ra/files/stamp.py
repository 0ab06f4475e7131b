"""The mark on exported files: whose they are, and that nobody edited them. Without a record it proves what is ours."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_STAMP = re.compile(
    rb"# Made by iam-ra for host/(?P<host>\S+) of lineage (?P<lineage>\S+); [^\n]*\n"
    rb"# sha256 of what follows: (?P<digest>[0-9a-f]{64})\n(?P<text>.*)",
    re.DOTALL,
)


def stamped(text: str, host: str, lineage: str) -> str:
    """Return a file as it lies in the repository: on top, whose it is, and proof that nobody edited it."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return (
        f"# Made by iam-ra for host/{host} of lineage {lineage}; edits are overwritten.\n"
        f"# sha256 of what follows: {digest}\n{text}"
    )


def stamped_host(data: bytes, lineage: str) -> str | None:
    """Return the host that a file was made for by this lineage, or None for anything else, an edited file included."""
    found = _STAMP.fullmatch(data)
    if found is None or found["lineage"].decode() != lineage:
        return None
    return (
        found["host"].decode()
        if hashlib.sha256(found["text"]).hexdigest() == found["digest"].decode()
        else None
    )


def stamped_files(root: Path, folder: str, suffix: str, lineage: str) -> dict[str, str]:
    """Return, by host, the SHA-256 of each file `{host}{suffix}` in a folder that this lineage made and nobody edited."""
    paths = {path.name.removesuffix(suffix): path for path in sorted((root / folder).glob(f"*{suffix}"))}
    found = {host: stamped_digest(path, host, lineage) for host, path in paths.items()}
    return {host: digest for host, digest in found.items() if digest is not None}


def stamped_digest(path: Path, host: str, lineage: str) -> str | None:
    """Return the SHA-256 of a host's file, or None unless this lineage made it for the host, and nobody edited it."""
    data = path.read_bytes() if path.is_file() else b""
    return hashlib.sha256(data).hexdigest() if stamped_host(data, lineage) == host else None
