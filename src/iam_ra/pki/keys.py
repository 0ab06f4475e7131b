"""Private keys, and the digests by which keys and certificates are named."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, final, get_args

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from iam_ra.engine.errors import CertificateError
from iam_ra.pki.secret import Opaque, Secret

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

KeyAlgorithm: TypeAlias = Literal["ec-p256", "ec-p384", "rsa-2048", "rsa-4096"]
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
# cryptography's own key objects. A key that signs elsewhere (KMS) is a subclass of one of these two.
SigningKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

Hash: TypeAlias = hashes.SHA256 | hashes.SHA384

# SHA-256 for every key, P-384 included: iam-rolesanywhere-session derives the algorithm of its request signature from
# the hash in the leaf's signature, and AWS names only AWS4-X509-{RSA,ECDSA}-SHA256. Roots follow, to have one rule.
SIGNATURE_HASH = hashes.SHA256()
ALGORITHMS: tuple[KeyAlgorithm, ...] = get_args(KeyAlgorithm)
_CURVES: dict[str, ec.EllipticCurve] = {"ec-p256": ec.SECP256R1(), "ec-p384": ec.SECP384R1()}
_RSA_BITS: dict[str, int] = {"rsa-2048": 2048, "rsa-4096": 4096}


@final
class PrivateKey(Opaque):
    """A private key in memory. It prints as `<secret>`; `pem()` is the only way out."""

    __slots__ = ("_signing_key",)

    def __init__(self, signing_key: SigningKey) -> None:
        self._signing_key = signing_key

    @classmethod
    def generate(cls, algorithm: KeyAlgorithm) -> PrivateKey:
        """Make a new key. RSA-4096 takes a second or more, EC well under a millisecond."""
        if algorithm in _CURVES:
            return cls(ec.generate_private_key(_CURVES[algorithm]))
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS[algorithm]))

    @classmethod
    def from_pem(cls, pem: Secret) -> PrivateKey:
        """Read an unencrypted PEM private key. Raises CertificateError for anything else."""
        try:
            key = serialization.load_pem_private_key(pem.reveal(), password=None)
        except (ValueError, TypeError):
            # The parser's own message is left out: it may quote what it read.
            key = None
        if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
            raise CertificateError(
                "The private key cannot be used.",
                why="It is no unencrypted PEM private key of an elliptic curve or RSA.",
                fix="Give it as PKCS#8: `openssl pkcs8 -topk8 -nocrypt -in KEY -out KEY.pem`",
            )
        algorithm_of(key.public_key())
        return cls(key)

    def pem(self) -> Secret:
        """Return the key as unencrypted PKCS#8 PEM."""
        return Secret(
            self._signing_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    @property
    def signing_key(self) -> SigningKey:
        """The key as the object that cryptography's builders sign with."""
        return self._signing_key

    @property
    def public_key(self) -> PublicKey:
        """The public half."""
        return self._signing_key.public_key()

    @property
    def algorithm(self) -> KeyAlgorithm:
        """The algorithm, by the name that the file uses for it."""
        return algorithm_of(self.public_key)


def algorithm_of(key: object) -> KeyAlgorithm:
    """Return the name of a public key's algorithm. Raises CertificateError for one that iam-ra does not use."""
    for name in ALGORITHMS:
        curve, bits = _CURVES.get(name), _RSA_BITS.get(name)
        if curve and isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == curve.name:
            return name
        if bits and isinstance(key, rsa.RSAPublicKey) and key.key_size == bits:
            return name
    raise CertificateError(
        "The key's algorithm is not supported.",
        why=f"It is {describe_key(key)}; iam-ra uses {', '.join(ALGORITHMS)}.",
        fix="Make a key of one of these algorithms.",
    )


def signature_hash(key: SigningKey) -> Hash:
    """Return the hash that a key's signatures are made with: one that is elsewhere may leave no choice."""
    hash_of_key: Hash = getattr(key, "signature_hash", SIGNATURE_HASH)
    return hash_of_key


def usable(key: object) -> PublicKey:
    """Return a public key as what it is. Raises CertificateError for one that iam-ra does not use."""
    algorithm_of(key)
    return cast(PublicKey, key)


def spki_digest(key: PublicKey) -> str:
    """Return the SHA-256 of a public key's SubjectPublicKeyInfo (DER), as lower-case hex."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def fingerprint(certificate: Certificate) -> str:
    """Return the SHA-256 of a certificate's DER, as lower-case hex."""
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def describe_key(key: object) -> str:
    """Say in words what a public key is that iam-ra does not make."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA with {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"the curve {key.curve.name}"
    return type(key).__name__.removeprefix("_").removesuffix("PublicKey")
