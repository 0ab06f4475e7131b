"""Revocation lists that AWS Private CA publishes by itself: taken over once they hold all that they must.

Until then what is recorded of a list says so: under `pending` what to do, under `unpublished` which serials. A list
that was taken over may end soon, as its authority is configured; the authority renews it at about half of its life, and
from then on the next one is looked for.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from cryptography import x509

from iam_ra.aws.pca_signer import PcaSigner
from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.diff import Finding
from iam_ra.engine.errors import IamRaError
from iam_ra.engine.part import Ref
from iam_ra.kinds.authority import ENTITIES, authority_certificate, number_of
from iam_ra.kinds.run import PRIVATE_CA
from iam_ra.pki.crl import crl_pem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.config.model import Authority
    from iam_ra.engine.address import Address
    from iam_ra.engine.part import Observed, Recorded
    from iam_ra.engine.plan import Change
    from iam_ra.kinds.run import Run

PENDING = "pending"
UNPUBLISHED = "unpublished"
# From when on a newer list is there, and when the one that was taken over ends.
RENEWED = "renewed"
ENDS = "ends"
# The fact that the authority published a whole list: its digest; empty while it did not.
PUBLISHED = "published"


def private_ca_input(authority: Authority, generation: int) -> Mapping[str, Any]:
    """Return the input that says which private CA publishes a list; none where iam-ra signs it."""
    if authority.mode == "self-signed":
        return {}
    return {PRIVATE_CA: Ref(authority_certificate(authority.name, generation), PRIVATE_CA)}


def dates_of(pem: bytes) -> Mapping[str, str]:
    """Return when the authority will have a newer list than this one, and when this one ends."""
    found = x509.load_pem_x509_crl(pem)
    begin, end = found.last_update_utc, found.next_update_utc
    return {} if end is None else {RENEWED: (begin + (end - begin) / 2).isoformat(), ENDS: end.isoformat()}


def is_awaited(recorded: Recorded, now: datetime) -> bool:
    """Tell whether another list than the recorded one is to be there, now or soon."""
    outputs = recorded.outputs
    return PENDING in outputs or (RENEWED in outputs and datetime.fromisoformat(outputs[RENEWED]) <= now)


def awaited(recorded: Recorded, seen: Observed | None, now: datetime) -> Finding | None:
    """Return why to take over another list; None when the closer look has shown that there is none yet."""
    published = None if seen is None else seen.facts.get(PUBLISHED)
    is_seen = published is not None and published in {"", recorded.outputs.get("data")}
    if is_seen or not is_awaited(recorded, now):
        return None
    if PENDING in recorded.outputs:
        text = "AWS Private CA has published its list" if published else recorded.outputs[PENDING]
        return Finding(Action.UPDATE, (Reason(Cause.PENDING, text),))
    end = datetime.fromisoformat(recorded.outputs[ENDS])
    text = f"the list that was taken over ends on {end:%Y-%m-%d}; AWS Private CA has a newer one"
    return Finding(Action.UPDATE, (Reason(Cause.RENEWAL, text),))


def look(change: Change, run: Run) -> Iterator[tuple[Address, Mapping[str, Any]]]:
    """Yield what the authority has published, while that is awaited. What cannot be read is left for apply to say."""
    recorded = change.recorded
    if recorded is None or not recorded.outputs.keys() & {PENDING, RENEWED}:
        return
    try:
        signer = run.signer(change.address.entity.removeprefix(ENTITIES), number_of(change.address))
        found = signer.published() if isinstance(signer, PcaSigner) else None
    except (IamRaError, ClientError, BotoCoreError):
        return
    serials = set(map(int, live(recorded.inputs["revoked"], run.now)))
    is_whole = found is not None and serials <= {each.serial_number for each in found}
    digest = hashlib.sha256(crl_pem(found)).hexdigest() if found is not None and is_whole else ""
    yield change.address, {PUBLISHED: digest}


def live(revoked: Mapping[str, Mapping[str, Any]], now: datetime) -> Mapping[str, Mapping[str, Any]]:
    """Return those entries, by serial, whose certificate has not ended: a published list drops the others."""
    return {
        serial: each for serial, each in revoked.items() if now < datetime.fromisoformat(each["not_after"])
    }
