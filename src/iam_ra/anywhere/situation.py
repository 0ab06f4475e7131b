"""The facts that a CreateSession request is judged by, and the form of a judgement."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from iam_ra.anywhere.session import DEFAULT_MAPPINGS, Session, session_duration, session_name, session_tags
from iam_ra.anywhere.session import source_identity as source_identity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from cryptography import x509

    from iam_ra.anywhere.refusal import Refusal
    from iam_ra.anywhere.request import HttpRequest, SessionRequest
    from iam_ra.anywhere.revocation import Crl


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """A trust anchor as it stands: its certificates (one or two) and the CRLs imported for it."""

    arn: str
    enabled: bool
    certificates: tuple[x509.Certificate, ...]
    crls: tuple[Crl, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile as it stands; the duration is in seconds, `mappings` holds specifiers by certificate field.

    `session_policy` is the inline policy as it is kept, which with the managed ones narrows every session.
    """

    arn: str
    enabled: bool
    role_arns: tuple[str, ...]
    duration_seconds: int = 3600
    accept_role_session_name: bool = False
    mappings: Mapping[str, Sequence[str]] = field(default_factory=lambda: DEFAULT_MAPPINGS)
    session_policy: str | None = None
    managed_policy_arns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Role:
    """A role as it stands: its longest session in seconds, and its trust policy as parsed JSON."""

    arn: str
    max_session_seconds: int
    trust_policy: Any


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that decides over one request. A resource that does not exist is None.

    `http` is the signed request as it came in; without one (nothing is sent when a situation is only explained) the
    checks of the signature are left out.
    """

    request: SessionRequest
    leaf: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    trust_anchor: TrustAnchor | None
    profile: Profile | None
    role: Role | None
    now: datetime
    http: HttpRequest | None = None

    def session(self) -> Session:
        """Return the session that a granted request gets. Raises LookupError without a profile."""
        if self.profile is None:
            raise LookupError("there is no session without a profile")
        return Session(
            name=session_name(self.request.role_session_name, self.leaf.serial_number),
            source_identity=source_identity_of(self.leaf),
            duration_seconds=session_duration(self.profile.duration_seconds, self.request.duration_seconds),
            tags=session_tags(self.leaf, self.profile.mappings),
            policy=self.profile.session_policy,
            policy_arns=self.profile.managed_policy_arns,
        )


class Outcome(StrEnum):
    """How a check ended. Skipped is one that needs what an earlier one did not find."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: whether it passed, what was compared, and the words that its refusal leaves open."""

    passed: bool
    compared: tuple[str, ...]
    words: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Check:
    """One rule of CreateSession.

    `answer` is the refusal, with `{…}` in its message where `Finding.words` go; `fix` says how to put it right; `needs`
    names checks without which this one has no meaning; `signed` ones look at the request as it was sent; `uncertain`
    names the assumptions of the table in `uncertain.py` that it rests on.
    """

    id: str
    title: str
    run: Callable[[Situation], Finding]
    answer: Refusal
    fix: str
    needs: tuple[str, ...] = ()
    signed: bool = False
    uncertain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check went in one situation; a failed one holds the service's refusal and the fix."""

    id: str
    title: str
    outcome: Outcome
    compared: tuple[str, ...]
    refusal: Refusal | None = None
    fix: str = ""
    uncertain: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the check was made and passed."""
        return self.outcome is Outcome.PASSED
