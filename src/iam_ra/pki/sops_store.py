"""The keys of authorities as SOPS files: in memory while they are needed, on the disk as ciphertext only."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from iam_ra.engine.errors import CertificateError, KeyStoreError
from iam_ra.pki.keys import PrivateKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.pki.keys import SigningKey
    from iam_ra.pki.secret import Secret


class SopsKeyStore:
    """Keys that `decrypt` opens, each once a run. Safe to use from several threads.

    `decrypt` returns the PEM in the SOPS file of an authority's generation, or in the bytes that it is given besides, and
    raises KeyStoreError or ToolError; `place` names that file.
    """

    def __init__(
        self, decrypt: Callable[[str, int, bytes | None], Secret], place: Callable[[str, int], str]
    ) -> None:
        self._decrypt = decrypt
        self._place = place
        self._known: dict[tuple[str, int], PrivateKey] = {}
        self._guard = threading.Lock()

    def remember(self, scope: str, generation: int, key: PrivateKey) -> None:
        """Keep a key that was just made: who may encrypt a file need not be able to open it."""
        with self._guard:
            self._known[scope, generation] = key

    def load(self, scope: str, generation: int, spare: bytes | None = None) -> PrivateKey:
        """Return a key; `spare` are the bytes of its SOPS file, for the case that there is no copy in the bucket."""
        with self._guard:
            if (scope, generation) not in self._known:
                self._known[scope, generation] = self._opened(scope, generation, spare)
            return self._known[scope, generation]

    def signing_key(self, scope: str, generation: int) -> SigningKey:
        """Return what signs for a generation."""
        return self.load(scope, generation).signing_key

    def place(self, scope: str, generation: int) -> str:
        """Say where the key of a generation is."""
        return self._place(scope, generation)

    def _opened(self, scope: str, generation: int, spare: bytes | None) -> PrivateKey:
        try:
            return PrivateKey.from_pem(self._decrypt(scope, generation, spare))
        except CertificateError as error:
            raise KeyStoreError(
                f"{self.place(scope, generation)} holds no usable key.",
                why=error.why,
                fix="Restore the file and its copy in the bucket from an earlier version.",
            ) from error
