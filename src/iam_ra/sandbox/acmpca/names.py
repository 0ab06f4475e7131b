"""ASN1Subject, the API's form of a distinguished name."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from iam_ra.sandbox.acmpca.errors import InvalidArgsError

# In the order in which a name is written.
FIELDS = {
    "Country": NameOID.COUNTRY_NAME,
    "Organization": NameOID.ORGANIZATION_NAME,
    "OrganizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "DistinguishedNameQualifier": NameOID.DN_QUALIFIER,
    "State": NameOID.STATE_OR_PROVINCE_NAME,
    "CommonName": NameOID.COMMON_NAME,
    "SerialNumber": NameOID.SERIAL_NUMBER,
    "Locality": NameOID.LOCALITY_NAME,
    "Title": NameOID.TITLE,
    "Surname": NameOID.SURNAME,
    "GivenName": NameOID.GIVEN_NAME,
    "Initials": NameOID.INITIALS,
    "Pseudonym": NameOID.PSEUDONYM,
    "GenerationQualifier": NameOID.GENERATION_QUALIFIER,
}


def to_name(subject: dict[str, Any]) -> x509.Name:
    """Return the distinguished name of an authority's subject."""
    custom = subject.get("CustomAttributes") or []
    if custom and len(subject) > 1:
        raise InvalidArgsError("CustomAttributes cannot be used together with other attributes of a subject.")
    try:
        pairs = [(FIELDS[key], subject[key]) for key in FIELDS if subject.get(key)]
        pairs += [(x509.ObjectIdentifier(each["ObjectIdentifier"]), each["Value"]) for each in custom]
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])
    except ValueError as error:
        raise InvalidArgsError(f"The subject is not valid: {error}") from error
