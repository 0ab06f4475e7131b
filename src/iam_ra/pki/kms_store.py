"""The keys of authorities in AWS KMS: they never leave it, only digests go there and signatures come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from iam_ra.engine.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric import utils
    from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding
    from cryptography.utils import Buffer

    from iam_ra.pki.keys import Hash, KeyAlgorithm, PublicKey, SigningKey

KeySpec = Literal["ECC_NIST_P256", "ECC_NIST_P384", "RSA_2048", "RSA_4096"]
Algorithm = Literal["ECDSA_SHA_256", "ECDSA_SHA_384", "RSASSA_PKCS1_V1_5_SHA_256"]
# Source: AWS KMS Developer Guide, "Key spec reference".
KEY_SPECS: dict[KeyAlgorithm, KeySpec] = {
    "ec-p256": "ECC_NIST_P256",
    "ec-p384": "ECC_NIST_P384",
    "rsa-2048": "RSA_2048",
    "rsa-4096": "RSA_4096",
}


class SigningService(Protocol):
    """What KMS does for a key, which its ARN names."""

    def public_key(self, arn: str) -> PublicKey:
        """Return the public half of a key that can sign now."""
        ...

    def sign(self, arn: str, digest: bytes, algorithm: Algorithm) -> bytes:
        """Return the signature of a digest: DER for ECDSA."""
        ...


class KmsKeyStore:
    """Keys that KMS holds; `find` returns the ARN of the key of an authority's generation, `place` names it."""

    def __init__(
        self, service: SigningService, find: Callable[[str, int], str], place: Callable[[str, int], str]
    ) -> None:
        self._service = service
        self._find = find
        self._place = place

    def signing_key(self, scope: str, generation: int) -> SigningKey:
        """Return what signs for a generation."""
        arn = self._find(scope, generation)
        public = self._service.public_key(arn)
        if isinstance(public, ec.EllipticCurvePublicKey):
            return KmsEllipticCurveKey(self._service, arn, public)
        return KmsRsaKey(self._service, arn, public)

    def place(self, scope: str, generation: int) -> str:
        """Say where the key of a generation is."""
        return self._place(scope, generation)


class KmsEllipticCurveKey(ec.EllipticCurvePrivateKey):
    """A key that cryptography's builders take for their own. KMS signs by P-384 with SHA-384 only."""

    def __init__(self, service: SigningService, arn: str, public: ec.EllipticCurvePublicKey) -> None:
        self._service = service
        self._arn = arn
        self._public = public
        self._algorithm: Algorithm = (
            "ECDSA_SHA_384" if isinstance(public.curve, ec.SECP384R1) else "ECDSA_SHA_256"
        )

    @property
    def signature_hash(self) -> Hash:
        """The only hash that KMS signs with by this key."""
        return hashes.SHA384() if self._algorithm == "ECDSA_SHA_384" else hashes.SHA256()

    @property
    def curve(self) -> ec.EllipticCurve:
        """The curve."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """The bits of the curve."""
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Return the public half."""
        return self._public

    def sign(self, data: Buffer, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Have KMS sign the digest of `data`."""
        digest = _digest(data, signature_algorithm.algorithm, self.signature_hash)
        return self._service.sign(self._arn, digest, self._algorithm)

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        raise _not_here()

    def private_numbers(self) -> NoReturn:
        """Refuse."""
        raise _not_here()

    def private_bytes(self, encoding: object, format: object, encryption_algorithm: object) -> NoReturn:  # noqa: A002, ARG002 - cryptography's names
        """Refuse."""
        raise _not_here()

    def __copy__(self) -> KmsEllipticCurveKey:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> KmsEllipticCurveKey:
        return self


class KmsRsaKey(rsa.RSAPrivateKey):
    """A key that cryptography's builders take for their own."""

    signature_hash = hashes.SHA256()

    def __init__(self, service: SigningService, arn: str, public: rsa.RSAPublicKey) -> None:
        self._service = service
        self._arn = arn
        self._public = public

    @property
    def key_size(self) -> int:
        """The bits of the modulus."""
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """Return the public half."""
        return self._public

    def sign(
        self,
        data: Buffer,
        padding: AsymmetricPadding,
        algorithm: utils.Prehashed | hashes.HashAlgorithm | utils.NoDigestInfo,
    ) -> bytes:
        """Have KMS sign the digest of `data`."""
        if not isinstance(padding, PKCS1v15):
            raise InternalError(f"a certificate is to be signed with {type(padding).__name__}")
        digest = _digest(data, algorithm, self.signature_hash)
        return self._service.sign(self._arn, digest, "RSASSA_PKCS1_V1_5_SHA_256")

    def decrypt(self, ciphertext: bytes, padding: AsymmetricPadding) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        raise _not_here()

    def private_numbers(self) -> NoReturn:
        """Refuse."""
        raise _not_here()

    def private_bytes(self, encoding: object, format: object, encryption_algorithm: object) -> NoReturn:  # noqa: A002, ARG002 - cryptography's names
        """Refuse."""
        raise _not_here()

    def __copy__(self) -> KmsRsaKey:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> KmsRsaKey:
        return self


def _digest(data: Buffer, algorithm: object, expected: Hash) -> bytes:
    if not isinstance(algorithm, type(expected)):
        raise InternalError(f"KMS signs by {expected.name}, and {algorithm!r} is asked for")
    digest = hashes.Hash(expected)
    digest.update(data)
    return digest.finalize()


def _not_here() -> InternalError:
    return InternalError("the private key is in KMS and never leaves it")
