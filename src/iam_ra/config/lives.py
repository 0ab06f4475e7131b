"""The lives of certificates: defaults and overrides put together, and what contradicts what."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from iam_ra.config.diagnostics import Check
from iam_ra.config.durations import format_duration
from iam_ra.config.model import CertificateSpec

if TYPE_CHECKING:
    from iam_ra.config.cluster_schema import ClusterAuthorityEntry
    from iam_ra.config.draft import Draft
    from iam_ra.config.schema import CertificateDefaults, CertificateOverrides, FileEntry
    from iam_ra.config.source import Source

_SECTION = ("defaults", "certificate")
_AHEAD = timedelta(days=60)


def certificate_spec(
    defaults: CertificateDefaults | CertificateSpec, overrides: CertificateOverrides | ClusterAuthorityEntry
) -> CertificateSpec:
    """Return how one host's certificate, or a cluster's authority, is made.

    `renew_before` of the defaults is cut to a third of the certificate's life, `overlap` of the defaults to half of
    `renew_before` where it would not be shorter. What the host or cluster itself says is taken as it is.
    """
    validity = overrides.validity or defaults.validity
    renew_before = overrides.renew_before or min(defaults.renew_before, part_of(validity, 3))
    overlap = overrides.overlap or _shorter(defaults.overlap, renew_before)
    return CertificateSpec(validity, renew_before, overlap, overrides.key or defaults.key)


def authority_renew_before(entry: FileEntry, name: str) -> timedelta:
    """Return how long before its end an authority is followed by its next generation.

    That is early enough that the longest life it signs ends two months before it does, but no earlier than at half of
    its own life: an authority that signs for nearly all of its life would be followed again and again.
    """
    authority, defaults = entry.certificate_authorities[name], entry.defaults.certificate
    lives = [
        certificate_spec(defaults, host.certificate).validity
        for host in entry.hosts.values()
        if host.ca == name
    ]
    least = max(lives, default=defaults.validity) + _AHEAD
    return min(max(authority.renew_before or least, least), part_of(authority.validity, 2))


def check_lives(source: Source, draft: Draft) -> None:
    """Report every contradiction between the lives in the file."""
    _check_defaults(source, draft)
    too_short: Counter[str] = Counter()
    defaults, authorities = draft.entry.defaults.certificate, draft.entry.certificate_authorities
    for name, host in draft.entry.hosts.items():
        path = ("hosts", name, "certificate")
        if not draft.sound(*path):
            continue
        spec = certificate_spec(defaults, host.certificate)
        check_order(source, path, host.certificate.model_fields_set, spec)
        authority = authorities.get(host.ca)
        if authority is None or spec.validity <= authority.validity:
            continue
        if host.certificate.validity is None:
            too_short[host.ca] += 1
        else:
            report_outlives(source, (*path, "validity"), host.ca, authority.validity, spec.validity)
    for name, count in too_short.items():
        _report_short(source, name, authorities[name].validity, defaults.validity, count)


def _check_defaults(source: Source, draft: Draft) -> None:
    entry = draft.entry.defaults.certificate
    if not draft.sound(*_SECTION):
        return
    written = entry.model_fields_set
    spec = CertificateSpec(entry.validity, entry.renew_before, entry.overlap, entry.key)
    check_order(source, _SECTION, written, spec)
    third = part_of(entry.validity, 3)
    if "renew_before" in written and third < entry.renew_before < entry.validity:
        source.report(
            Check.RENEW_BEFORE_CUT,
            (*_SECTION, "renew_before"),
            f"{format_duration(entry.renew_before)} is cut to {format_duration(third)} for certificates of "
            f"{format_duration(entry.validity)}",
            why="A default is cut to a third of each certificate's life.",
            fix=f"Write {format_duration(third)} or less, or write it at the hosts that need more.",
            severity="warning",
        )


def check_order(source: Source, path: tuple[str, ...], written: set[str], spec: CertificateSpec) -> None:
    """Report a renewal that would begin before the certificate, and an overlap that would end after it."""
    if "renew_before" in written and spec.renew_before >= spec.validity:
        source.report(
            Check.RENEW_BEFORE,
            (*path, "renew_before"),
            f"renewal {format_duration(spec.renew_before)} before the end of a life of {format_duration(spec.validity)}",
            why="Each apply would renew the certificate again.",
            fix=f"Write less than {format_duration(spec.validity)}, for example {format_duration(part_of(spec.validity, 3))}.",
        )
    elif "overlap" in written and spec.overlap >= spec.renew_before:
        source.report(
            Check.OVERLAP,
            (*path, "overlap"),
            f"an overlap of {format_duration(spec.overlap)}, but renewal is {format_duration(spec.renew_before)} before the end",
            why="The old certificate would end before the overlap does.",
            fix=f"Write less than {format_duration(spec.renew_before)}, or raise `renew_before`.",
        )


def report_outlives(
    source: Source, path: tuple[str, ...], authority: str, limit: timedelta, validity: timedelta
) -> None:
    """Report a certificate that lives longer than its authority."""
    source.report(
        Check.OUTLIVES_AUTHORITY,
        path,
        f"{format_duration(validity)} is longer than the authority `{authority}` is valid ({format_duration(limit)})",
        why="A certificate counts only as long as the one that signed it.",
        fix=f"Write at most {format_duration(limit)}, or give the authority a longer validity.",
    )


def _report_short(source: Source, authority: str, limit: timedelta, validity: timedelta, hosts: int) -> None:
    source.report(
        Check.OUTLIVES_AUTHORITY,
        ("certificate_authorities", authority, "validity"),
        f"`{authority}` is valid for {format_duration(limit)}, but signs for {format_duration(validity)} "
        f"({hosts} host{'s' * (hosts != 1)})",
        why="A certificate counts only as long as the one that signed it.",
        fix=f"Write at least {format_duration(validity)}, or lower defaults.certificate.validity.",
    )


def part_of(duration: timedelta, share: int) -> timedelta:
    """Return a part of a duration in whole minutes, at least one."""
    return max(duration // share // timedelta(minutes=1) * timedelta(minutes=1), timedelta(minutes=1))


def _shorter(overlap: timedelta, renew_before: timedelta) -> timedelta:
    return overlap if overlap < renew_before else part_of(renew_before, 2)
