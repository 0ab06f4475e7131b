"""Authorities in AWS Private CA: which CA an authority is, and what contradicts that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iam_ra.anywhere.arn import parse_arn
from iam_ra.config.diagnostics import Check
from iam_ra.config.model import CLUSTERS

if TYPE_CHECKING:
    from iam_ra.config.draft import Draft
    from iam_ra.config.schema import AuthorityEntry
    from iam_ra.config.source import Source

_SECTION = "certificate_authorities"
_LIST = "`aws acm-pca list-certificate-authorities`"


def check_private_cas(source: Source, draft: Draft) -> None:
    """Report ARNs of private CAs that are missing, needless, of another place, or of another authority already."""
    owners: dict[str, str] = {}
    _check_authorities(source, draft, owners)
    for name, entry in draft.entry.clusters.items():
        path = ("clusters", name, "ca")
        if entry.ca.delivery != "pca" or not draft.sound(*path):
            continue
        if entry.ca.pca_arn is None:
            source.report(
                Check.PRIVATE_CA,
                (*path, "delivery"),
                "`delivery: pca` without `pca_arn`",
                why="Which private CA the authority is to be, only its ARN says.",
                fix=f"Add the ARN that {_LIST} shows.",
            )
        else:
            _check_place(source, draft, (*path, "pca_arn"), entry.ca.pca_arn)
            _check_owner(source, (*path, "pca_arn"), f"{CLUSTERS}{name}", entry.ca.pca_arn, owners)


def _check_authorities(source: Source, draft: Draft, owners: dict[str, str]) -> None:
    for name, entry in draft.entry.certificate_authorities.items():
        if not draft.sound(_SECTION, name, "mode") or not draft.sound(_SECTION, name, "pca_arn"):
            continue
        _check_need(source, name, entry)
        if entry.mode == "pca-existing" and entry.pca_arn is not None:
            _check_place(source, draft, (_SECTION, name, "pca_arn"), entry.pca_arn)
            _check_unused(source, name, entry)
            _check_owner(source, (_SECTION, name, "pca_arn"), name, entry.pca_arn, owners)


def _check_owner(source: Source, path: tuple[str, ...], name: str, arn: str, owners: dict[str, str]) -> None:
    first = owners.setdefault(arn, name)
    if first != name:
        source.report(
            Check.PRIVATE_CA_TAKEN,
            path,
            f"the private CA of `{name}` is that of `{first}` already",
            why="Certificates of the one would count as certificates of the other.",
            fix="Give each authority a private CA of its own.",
        )


def _check_need(source: Source, name: str, entry: AuthorityEntry) -> None:
    if entry.mode == "pca-existing" and entry.pca_arn is None:
        source.report(
            Check.PRIVATE_CA,
            (_SECTION, name, "mode"),
            "`mode: pca-existing` without `pca_arn`",
            why="Which private CA the authority is to be, only its ARN says.",
            fix=f"Add the ARN that {_LIST} shows.",
        )
    elif entry.mode != "pca-existing" and entry.pca_arn is not None:
        source.report(
            Check.PRIVATE_CA,
            (_SECTION, name, "pca_arn"),
            f"the ARN of a private CA for an authority of the mode `{entry.mode}`",
            why="Such an authority is made; one that is there already has the mode `pca-existing`.",
            fix="Remove `pca_arn`, or write `mode: pca-existing`.",
        )


def _check_place(source: Source, draft: Draft, path: tuple[str, ...], text: str) -> None:
    arn, file = parse_arn(text), draft.entry
    for what, found, wanted in (
        ("region", arn.region, file.region if draft.sound("region") else arn.region),
        ("account", arn.account, (draft.sound("account_id") and file.account_id) or arn.account),
    ):
        if found != wanted:
            source.report(
                Check.PRIVATE_CA,
                path,
                f"the private CA is of the {what} {found}; the file is for {wanted}",
                why=f"A trust anchor takes private CAs of its own {what} only.",
                fix=f"Name one of this {what}: {_LIST} shows them.",
            )


def _check_unused(source: Source, name: str, entry: AuthorityEntry) -> None:
    for key in ("key", "validity"):
        if key in entry.model_fields_set:
            source.report(
                Check.UNUSED_SETTING,
                (_SECTION, name, key),
                "this setting is not used",
                why="The private CA is there already, with a key and a certificate of its own.",
                fix=f"Remove `{key}`.",
                severity="warning",
            )
