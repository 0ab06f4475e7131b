"""The form of age's recipients: native keys, keys of plugins, SSH keys.

Sources: age(1), "Recipients and identities"; C2SP age specification, "The X25519 recipient type"; BIP 173 (Bech32).
"""

from __future__ import annotations

import base64
import binascii
import re

_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_NATIVE_LENGTH = 62
_AGE = re.compile(rf"(?P<prefix>age|age1[a-z0-9+._-]+)1(?P<data>[{_BECH32}]{{6,}})")
_SSH = re.compile(r"(?P<kind>ssh-ed25519|ssh-rsa) (?P<key>[A-Za-z0-9+/]+=*)( [^\n]*)?")


def recipient_problem(recipient: str) -> str:
    """Return why `age` would not encrypt to a recipient, in a sentence; an empty text when it would."""
    if recipient.upper().startswith("AGE-SECRET-KEY-"):
        return "It is a secret key. Whoever saw this file can open what was encrypted to it."
    if found := _SSH.fullmatch(recipient):
        return "" if _names_itself(found["key"], found["kind"]) else "The SSH key is damaged."
    found = _AGE.fullmatch(recipient)
    if not found:
        return "It has the form neither of an age key nor of an SSH key."
    if found["prefix"] == "age" and len(recipient) != _NATIVE_LENGTH:
        return f"It has {len(recipient)} characters; a key of age has {_NATIVE_LENGTH}."
    return "" if _checksum(found["prefix"], found["data"]) else "Its checksum does not match: it is misspelt."


def _names_itself(key: str, kind: str) -> bool:
    """Tell whether the blob of an SSH key begins with its own type. Source: RFC 4253, 6.6."""
    try:
        blob = base64.b64decode(key, validate=True)
    except binascii.Error:
        return False
    return blob.startswith(len(kind).to_bytes(4, "big") + kind.encode())


def _checksum(prefix: str, data: str) -> bool:
    values = [ord(each) >> 5 for each in prefix] + [0] + [ord(each) & 31 for each in prefix]
    check = 1
    for value in (*values, *map(_BECH32.index, data)):
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return check == 1
