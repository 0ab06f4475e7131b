"""SigV4-X509: how a CreateSession request is signed with the key of a certificate, and how that is verified.

Sources: AWS IAM Roles Anywhere User Guide, "Signing process"; what clients really send: rolesanywhere-credential-helper
v1.8, aws_signing_helper/signer.go, and iam-rolesanywhere-session 3.0.0.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

from cryptography.hazmat.primitives.serialization import Encoding

from iam_ra.anywhere.arn import parse_arn
from iam_ra.anywhere.keys import MLDSA, certificate_key, key_family, signature_fits
from iam_ra.anywhere.request import CERTIFICATE_HEADER, CHAIN_HEADER, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cryptography import x509

    from iam_ra.anywhere.keys import Sign
    from iam_ra.anywhere.request import SessionRequest

SERVICE = "rolesanywhere"
TERMINATOR = "aws4_request"
# Signed as it is also when the path sent is longer: aws_signing_helper leaves an endpoint's base path out.
CANONICAL_URI = "/sessions"
DATE_HEADER = "x-amz-date"
TIMESTAMP = "%Y%m%dT%H%M%SZ"
# UNCERTAIN: clock-skew: the window of Signature Version 4.
MAX_SKEW = timedelta(minutes=15)
# UNCERTAIN: algorithm-token: SHA384 and SHA512 in the name are accepted; what is signed is SHA-256 all the same.
ALGORITHM = re.compile(r"AWS4-X509-(?:(?P<family>RSA|ECDSA)-SHA(?:256|384|512)|(?P<mldsa>MLDSA))")
AUTHORIZATION = re.compile(
    r"(?P<algorithm>\S+) +Credential=(?P<serial>[^/,\s]+)/(?P<scope>[^,\s]+), *"
    r"SignedHeaders=(?P<headers>[^,\s]+), *Signature=(?P<signature>[0-9a-fA-F]+)"
)
# UNCERTAIN: signed-headers: host and x-amz-date are demanded as in Signature Version 4.
ALWAYS_SIGNED = ("host", DATE_HEADER, CERTIFICATE_HEADER)
EQUALS, EQUALS_TWICE = "%3D", "%253D"


@dataclass(frozen=True, slots=True)
class Authorization:
    """The parts of an Authorization header; `serial` is text, as it was sent."""

    algorithm: str
    serial: str
    scope: str
    signed_headers: tuple[str, ...]
    signature: bytes


def read_authorization(text: str) -> Authorization | None:
    """Split an Authorization header, or return None when it is not one of SigV4-X509."""
    found = AUTHORIZATION.fullmatch(text.strip())
    if found is None or len(found["signature"]) % 2:
        return None
    return Authorization(
        found["algorithm"],
        found["serial"],
        found["scope"],
        tuple(found["headers"].split(";")),
        bytes.fromhex(found["signature"]),
    )


def algorithm_family(algorithm: str) -> str | None:
    """Return the kind of key that an algorithm's name asks for: RSA, ECDSA or MLDSA; None for other names."""
    found = ALGORITHM.fullmatch(algorithm)
    return None if found is None else found["family"] or found["mldsa"]


def credential_scope(date: str, region: str) -> str:
    """Return the scope that a Credential must name; `date` is the first eight digits of X-Amz-Date."""
    return f"{date}/{region}/{SERVICE}/{TERMINATOR}"


def unsigned_headers(http: HttpRequest, authorization: Authorization) -> tuple[str, ...]:
    """Return the headers that must be signed and are not, or that are named as signed and not there."""
    chain = [CHAIN_HEADER] if http.header(CHAIN_HEADER) is not None else []
    unsigned = [name for name in (*ALWAYS_SIGNED, *chain) if name not in authorization.signed_headers]
    missing = [name for name in authorization.signed_headers if http.header(name) is None]
    return tuple(dict.fromkeys(unsigned + missing))


def request_time(http: HttpRequest) -> datetime | None:
    """Return the time of X-Amz-Date, or None when there is none or it has another form."""
    try:
        return datetime.strptime(http.header(DATE_HEADER) or "", TIMESTAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def signature_matches(http: HttpRequest, authorization: Authorization, leaf: x509.Certificate) -> bool:
    """Return whether the leaf's key signed this request. The headers to be signed must be there."""
    key = certificate_key(leaf)
    return any(
        signature_fits(key, authorization.signature, _string_to_sign(http, authorization, query))
        for query in _canonical_queries(http.query)
    )


def create_session_request(
    request: SessionRequest,
    *,
    host: str,
    leaf: x509.Certificate,
    sign: Sign,
    now: datetime,
    chain: Sequence[x509.Certificate] = (),
) -> HttpRequest:
    """Return the signed HTTP request for a session, everything in the body, ready to be sent to `host`.

    `host` is the Host header's value, with the port if it is not the scheme's own. `sign` gets the string to sign; see
    `keys.sign_with`. The Region is the trust anchor's. Raises ValueError for a leaf whose key cannot sign.
    """
    family = key_family(certificate_key(leaf))
    if family is None:
        raise ValueError("the certificate's key is neither RSA, EC nor ML-DSA")
    headers = {
        "Content-Type": "application/json",
        "Host": host,
        "X-Amz-Date": f"{now.astimezone(UTC):{TIMESTAMP}}",
        "X-Amz-X509": _encoded(leaf),
        **({"X-Amz-X509-Chain": ",".join(map(_encoded, chain))} if chain else {}),
    }
    scope = credential_scope(headers["X-Amz-Date"][:8], parse_arn(request.trust_anchor_arn).region)
    algorithm = f"AWS4-X509-{family}" + ("" if family == MLDSA else "-SHA256")
    unsigned = Authorization(
        algorithm, str(leaf.serial_number), scope, tuple(sorted(name.lower() for name in headers)), b""
    )
    body = json.dumps(request.members()).encode()
    http = HttpRequest("POST", CANONICAL_URI, "", tuple(headers.items()), body)
    signature = sign(_string_to_sign(http, unsigned, ""))
    written = (
        f"{algorithm} Credential={unsigned.serial}/{scope}, "
        f"SignedHeaders={';'.join(unsigned.signed_headers)}, Signature={signature.hex()}"
    )
    return HttpRequest(http.method, http.path, http.query, (*http.headers, ("Authorization", written)), body)


def _string_to_sign(http: HttpRequest, authorization: Authorization, canonical_query: str) -> bytes:
    canonical = "\n".join((
        http.method,
        CANONICAL_URI,
        canonical_query,
        *(f"{name}:{_trimmed(http.header(name) or '')}" for name in authorization.signed_headers),
        "",
        ";".join(authorization.signed_headers),
        hashlib.sha256(http.body).hexdigest(),
    ))  # fmt: skip
    date = http.header(DATE_HEADER) or ""
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return f"{authorization.algorithm}\n{date}\n{authorization.scope}\n{digest}".encode()


def _canonical_queries(query: str) -> Iterator[str]:
    """Yield the forms in which clients sign a query: sorted and percent-encoded, space as %20."""
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(query, keep_blank_values=True)
    )
    yield "&".join(f"{name}={value}" for name, value in pairs)
    if any(EQUALS in value for _, value in pairs):
        # UNCERTAIN: query-encoding: the user guide's way.
        yield "&".join(f"{name}={value.replace(EQUALS, EQUALS_TWICE)}" for name, value in pairs)


def _trimmed(value: str) -> str:
    return re.sub(" +", " ", value.strip())


def _encoded(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
