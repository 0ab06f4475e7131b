"""What moto does otherwise than AWS, put right where iam-ra leans on it. One module a service."""

from __future__ import annotations


def install() -> None:
    """Mend moto in this process; doing it twice is doing it once."""
