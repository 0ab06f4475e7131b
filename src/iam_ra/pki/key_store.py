"""What the key stores of authorities have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from iam_ra.pki.keys import SigningKey


class KeyStore(Protocol):
    """A home of authorities' keys. A key is known by its authority's name and the number of the generation."""

    def signing_key(self, scope: str, generation: int) -> SigningKey:
        """Return what signs for a generation. Raises KeyStoreError, or ToolError, when that cannot be had here."""
        ...

    def place(self, scope: str, generation: int) -> str:
        """Say where the key of a generation is, in words for people."""
        ...
