"""What Roles Anywhere asks of a leaf certificate, and the path from it to a trust anchor.

Source: AWS IAM Roles Anywhere User Guide, "Signature verification" (leaf and CA rules), and RFC 5280 section 6 (paths).
cryptography's own verifier is made for web servers and their names, so the path is built here and only the signatures
are verified there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtensionOID

from iam_ra.anywhere.keys import certificate_key, describe_key, key_family

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

MAX_CHAIN = 5
WEAK_HASHES = (hashes.MD5, hashes.SHA1, hashes.SHA224)
MLDSA_SIGNATURES = frozenset(f"2.16.840.1.101.3.4.3.{last}" for last in (17, 18, 19))
# Critical extensions that these rules take into account, or that restrict nothing that Roles Anywhere does.
EVALUATED = frozenset({
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.CERTIFICATE_POLICIES,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Path:
    """The leaf, its intermediates upward, and a certificate of the trust anchor at the end."""

    certificates: tuple[x509.Certificate, ...]

    def outside(self, now: datetime) -> tuple[x509.Certificate, ...]:
        """Return the certificates whose validity does not include this time."""
        # UNCERTAIN: anchor-path: the anchor's validity counts too.
        return tuple(
            each
            for each in self.certificates
            if not each.not_valid_before_utc <= now <= each.not_valid_after_utc
        )


@dataclass(frozen=True, slots=True)
class PathSearch:
    """Every path that was found, and why other certificates do not lead on."""

    paths: tuple[Path, ...]
    misses: tuple[str, ...]

    def best(self, now: datetime) -> Path | None:
        """Return a path that is valid now, else any, else None."""
        return next((path for path in self.paths if not path.outside(now)), next(iter(self.paths), None))


def name_of(certificate: x509.Certificate) -> str:
    """Return a certificate's subject for a reader."""
    return certificate.subject.rfc4514_string() or "(empty subject)"


def leaf_problems(leaf: x509.Certificate) -> tuple[str, ...]:
    """Return what a leaf lacks, each as a sentence with the rule and what was found; empty when it is fit."""
    try:
        extensions = leaf.extensions
    except ValueError:
        return ("the extensions cannot be read",)
    return tuple(_leaf_problems(leaf, extensions))


def _leaf_problems(leaf: x509.Certificate, extensions: x509.Extensions) -> Iterator[str]:
    key = certificate_key(leaf)
    if leaf.version is not x509.Version.v3:
        yield f"the certificate must be X.509 version 3; it is {leaf.version.name}"
    if _is_ca(extensions):
        yield "basicConstraints must not say CA; the certificate is an authority's"
    usage = _key_usage(extensions)
    if usage is None or not usage.digital_signature:
        yield "keyUsage must hold digitalSignature; " + (
            "there is no keyUsage" if usage is None else "it does not"
        )
    if not _strong(leaf):
        yield f"the certificate must be signed with SHA-256 or stronger; it is signed with {_signature_name(leaf)}"
    if not list(leaf.subject):
        yield "the subject must not be empty"
    if key_family(key) is None:
        yield f"the key must be RSA, EC or ML-DSA; it is {describe_key(key)}"
    unread = _unevaluated(extensions)
    if unread:
        yield f"the critical extension {unread} cannot be evaluated"


def find_paths(
    leaf: x509.Certificate, chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]
) -> PathSearch:
    """Look for ways from the leaf to a certificate of the trust anchor, whatever the order of the chain.

    The anchor's own certificate and the leaf may stand in the chain. Validity in time is not looked at here.
    """
    # UNCERTAIN: leaf-in-chain, anchor-three: the leaf is passed over, and all of the anchor's certificates count.
    between = [each for each in dict.fromkeys(chain) if each != leaf and each not in anchors]
    paths: list[Path] = []
    misses: dict[str, None] = {}
    _walk((leaf,), between, anchors, paths, misses)
    return PathSearch(tuple(paths), tuple(misses))


def _walk(
    so_far: tuple[x509.Certificate, ...],
    between: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    paths: list[Path],
    misses: dict[str, None],
) -> None:
    known = False
    for candidate in (*anchors, *(each for each in between if each not in so_far)):
        if candidate.subject != so_far[-1].issuer:
            continue
        known = True
        why = _cannot_issue(candidate, so_far)
        if why:
            misses[f"{name_of(candidate)} did not issue {name_of(so_far[-1])}: {why}"] = None
        elif candidate in anchors:
            paths.append(Path((*so_far, candidate)))
        else:
            _walk((*so_far, candidate), between, anchors, paths, misses)
    if not known:
        issuer = so_far[-1].issuer.rfc4514_string()
        misses[f"{name_of(so_far[-1])} is issued by {issuer}, which neither anchor nor chain holds"] = None


def _cannot_issue(issuer: x509.Certificate, below: tuple[x509.Certificate, ...]) -> str:
    """Say why a certificate of the right name cannot stand above these, or nothing when it can."""
    try:
        extensions = issuer.extensions
    except ValueError:
        return "its extensions cannot be read"
    return next(_obstacles(extensions, below), "") or _bad_signature(below[-1], issuer)


def _obstacles(extensions: x509.Extensions, below: tuple[x509.Certificate, ...]) -> Iterator[str]:
    usage, unread, limit = _key_usage(extensions), _unevaluated(extensions), _path_length(extensions)
    if not _is_ca(extensions):
        yield "its basicConstraints do not say CA"
    if usage is None or not usage.key_cert_sign:
        yield "its keyUsage does not hold keyCertSign"
    if unread:
        # UNCERTAIN: unread-extensions: name constraints are not evaluated, so their bearer is refused.
        yield f"its critical extension {unread} cannot be evaluated"
    depth = sum(each.subject != each.issuer for each in below[1:])
    # UNCERTAIN: anchor-path: the path length of the anchor itself counts too.
    if limit is not None and depth > limit:
        yield f"its path length is {limit}, and {depth} authorities stand below it"
    weak = next((each for each in below[1:] if not _strong(each)), None)
    if weak is not None:
        yield f"{name_of(weak)} is signed with {_signature_name(weak)}"


def _bad_signature(certificate: x509.Certificate, issuer: x509.Certificate) -> str:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        return "the signature is another key's"
    return ""


def _strong(certificate: x509.Certificate) -> bool:
    try:
        algorithm = certificate.signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        return False
    if algorithm is None:
        # UNCERTAIN: mldsa-authority: accepted. Of the algorithms without a hash of their own, no other is.
        return certificate.signature_algorithm_oid.dotted_string in MLDSA_SIGNATURES
    return not isinstance(algorithm, WEAK_HASHES)


def _signature_name(certificate: x509.Certificate) -> str:
    return certificate.signature_algorithm_oid._name  # noqa: SLF001  the only readable name there is


def _is_ca(extensions: x509.Extensions) -> bool:
    return any(isinstance(each.value, x509.BasicConstraints) and each.value.ca for each in extensions)


def _path_length(extensions: x509.Extensions) -> int | None:
    return next(
        (each.value.path_length for each in extensions if isinstance(each.value, x509.BasicConstraints)), None
    )


def _key_usage(extensions: x509.Extensions) -> x509.KeyUsage | None:
    return next((each.value for each in extensions if isinstance(each.value, x509.KeyUsage)), None)


def _unevaluated(extensions: x509.Extensions) -> str:
    unread = (each.oid for each in extensions if each.critical and each.oid not in EVALUATED)
    return next((oid.dotted_string for oid in unread), "")
