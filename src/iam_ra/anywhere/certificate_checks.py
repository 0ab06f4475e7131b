"""The checks of the certificate: its trust anchor, its path, itself, its revocation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iam_ra.anywhere.chain import MAX_CHAIN, find_paths, leaf_problems, name_of
from iam_ra.anywhere.revocation import describe_lists, describe_revoked, revoked
from iam_ra.anywhere.situation import Finding

if TYPE_CHECKING:
    from cryptography import x509

    from iam_ra.anywhere.chain import Path
    from iam_ra.anywhere.situation import Situation, TrustAnchor


def anchor_exists(situation: Situation) -> Finding:
    """Demand the trust anchor."""
    arn = situation.request.trust_anchor_arn
    there = situation.trust_anchor is not None
    return Finding(there, (f"{arn} {'exists' if there else 'does not exist'}",), {"arn": arn})


def anchor_enabled(situation: Situation) -> Finding:
    """Demand that the trust anchor is enabled."""
    anchor = _anchor(situation)
    return Finding(anchor.enabled, (f"{anchor.arn} is {'enabled' if anchor.enabled else 'disabled'}",))


def chain_length(situation: Situation) -> Finding:
    """Count the chain."""
    count = len(situation.chain)
    return Finding(count <= MAX_CHAIN, (f"{count} certificates besides the leaf; at most {MAX_CHAIN}",))


def path(situation: Situation) -> Finding:
    """Look for a path from the leaf to the trust anchor."""
    anchor = _anchor(situation)
    search = find_paths(situation.leaf, situation.chain, anchor.certificates)
    best = search.best(situation.now)
    if best is not None:
        return Finding(True, (" ← ".join(map(name_of, best.certificates)),))
    subjects = "; ".join(map(name_of, anchor.certificates)) or "none"
    return Finding(False, (*search.misses, f"the trust anchor's certificates: {subjects}"))


def validity(situation: Situation) -> Finding:
    """Hold the validity of every certificate of the path against the clock."""
    best = _best_path(situation)
    now = f"now {situation.now:%Y-%m-%d %H:%M:%S} UTC"
    return Finding(not best.outside(situation.now), (now, *map(_life, best.certificates)))


def leaf(situation: Situation) -> Finding:
    """Hold the leaf against the rules for leaves."""
    problems = leaf_problems(situation.leaf)
    return Finding(not problems, problems or (f"{name_of(situation.leaf)} is fit to be a leaf",))


def revocation(situation: Situation) -> Finding:
    """Look the certificates of the path up in the trust anchor's enabled lists."""
    crls = _anchor(situation).crls
    gone = revoked(_best_path(situation), crls)
    named = tuple(f"revoked: {describe_revoked(each)}" for each in gone)
    return Finding(not gone, (*named, *describe_lists(crls)) or ("the trust anchor has no revocation list",))


def _anchor(situation: Situation) -> TrustAnchor:
    if situation.trust_anchor is None:
        raise LookupError("there is no trust anchor in this situation")
    return situation.trust_anchor


def _best_path(situation: Situation) -> Path:
    best = find_paths(situation.leaf, situation.chain, _anchor(situation).certificates).best(situation.now)
    if best is None:
        raise LookupError("there is no path to the trust anchor")
    return best


def _life(certificate: x509.Certificate) -> str:
    return (
        f"{name_of(certificate)}: valid from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S} "
        f"to {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC"
    )
