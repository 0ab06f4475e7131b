"""Loading the file: what it says, once every check of it is passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iam_ra.config.build import build_namespace
from iam_ra.config.checks import check_entries
from iam_ra.config.cluster_checks import check_certificates
from iam_ra.config.diagnostics import ConfigError
from iam_ra.config.draft import Draft, read_draft
from iam_ra.config.finding import read, shown_path
from iam_ra.config.hosts import check_hosts
from iam_ra.config.lives import check_lives
from iam_ra.config.policies import PolicyReader
from iam_ra.config.quotas import check_counts, check_inline_size, check_session_policy, check_trust_policies
from iam_ra.config.source import Source
from iam_ra.engine.collector import collector_paused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from iam_ra.config.diagnostics import Diagnostic
    from iam_ra.config.model import Json, Namespace


@dataclass(frozen=True, slots=True)
class Loaded:
    """A valid file, and what is odd about it."""

    namespace: Namespace
    warnings: tuple[Diagnostic, ...]


def load(path: Path, text: str | None = None) -> Loaded:
    """Return what the file at `path` says, with every default applied and every reference checked.

    `text` is what it is about to say, if that is another text. Raises ConfigError with every problem of the file, and of the policy files that it names, at once.
    """
    with collector_paused():
        return _load(path, read(path) if text is None else Source(shown_path(path), text))


def _load(path: Path, source: Source) -> Loaded:
    sources = [source]
    namespace: Namespace | None = None
    if not source.fatal:
        draft = read_draft(source)
        if draft is not None:
            policies = PolicyReader(source, _root(path))
            documents = _check(source, draft, policies)
            requests = check_hosts(source, draft, _root(path))
            certificates = check_certificates(source, draft, _root(path))
            sources += policies.sources.values()
            if not _errors(sources):
                namespace = build_namespace(
                    path.absolute(), _root(path), draft.entry, documents, requests, certificates
                )
    diagnostics = _in_order(sources)
    if namespace is None:
        raise ConfigError(source.name, diagnostics)
    return Loaded(namespace, tuple(diagnostics))


def _check(source: Source, draft: Draft, policies: PolicyReader) -> Mapping[tuple[str, ...], Json]:
    """Run every check that needs more than one value; return the policy documents by their path."""
    check_entries(source, draft)
    check_lives(source, draft)
    check_counts(source, draft)
    check_trust_policies(source, draft)
    documents: dict[tuple[str, ...], Json] = {}
    for name, role in draft.entry.roles.items():
        folder = ("roles", name, "inline_policies")
        for policy, value in role.inline_policies.items():
            documents[*folder, policy] = policies.read(value, (*folder, policy))
        check_inline_size(source, name, (documents[*folder, policy] for policy in role.inline_policies))
        if role.session_policy is not None:
            session = documents["roles", name, "session_policy"] = policies.read(
                role.session_policy, ("roles", name, "session_policy")
            )
            check_session_policy(source, name, session)
    return documents


def _in_order(sources: list[Source]) -> list[Diagnostic]:
    """Return all problems in the order of the files, each once: an alias repeats what is wrong at its anchor."""
    first = sources[0].name
    once = {
        (each.file != first, each.file, each.line, each.column, each.id, each.what): each
        for source in sources
        for each in reversed(source.diagnostics)
    }
    return [once[key] for key in sorted(once)]


def _errors(sources: list[Source]) -> bool:
    return any(each.severity == "error" for source in sources for each in source.diagnostics)


def _root(path: Path) -> Path:
    return path.absolute().parent
