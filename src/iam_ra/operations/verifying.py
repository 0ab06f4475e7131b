"""Really obtaining credentials: each host with its own certificate and key, each of its roles, or one it must not have."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from iam_ra.anywhere.request import SessionRequest
from iam_ra.aws.errors import translate
from iam_ra.aws.sessions import CREATE_SESSION_RATE, Sessions
from iam_ra.config.model import CLUSTERS
from iam_ra.engine.address import Address
from iam_ra.engine.errors import IamRaError, PermissionDeniedError, StateError
from iam_ra.files.aws_config import Profile
from iam_ra.kinds.host_aws_config import PART, host_config
from iam_ra.kinds.host_certificate import host_certificate
from iam_ra.kinds.host_keys import ENTITIES, HostKey
from iam_ra.kinds.manifests import PART as MANIFESTS
from iam_ra.kinds.role import ENTITIES as ROLES
from iam_ra.operations.workplace import Workplace, translated
from iam_ra.pki.certificate import load_certificate
from iam_ra.state.status import switched_off

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iam_ra.engine.part import Recorded
    from iam_ra.files.aws_config import HostConfig

Result: TypeAlias = Literal["opened", "refused", "failed", "unchecked"]
ELSEWHERE = "not checked: its key is on the host"
_THREADS = 8


@dataclass(frozen=True, slots=True)
class Attempt:
    """One host (or workload, by its address) trying to take one role. `expected` says whether it may.

    A result of `failed` says nothing about the role: the key could not be read, or the service not be reached. Nor does
    `unchecked`, which is no fault: the key never leaves the host. `arn` and
    `expires` (ISO 8601) are of the session, if there was one; `error` holds the refusal or the failure.
    """

    host: str
    role: str
    expected: bool
    result: Result
    arn: str = ""
    expires: str = ""
    days_left: int | None = None
    error: str = ""

    @property
    def is_right(self) -> bool:
        """Whether it went as the file says."""
        return self.result in {"unchecked", "opened" if self.expected else "refused"}


class Verifier:
    """Verifies what the state records. Private keys are read into memory and go nowhere else."""

    def __init__(self, workplace: Workplace, *, per_second: float = CREATE_SESSION_RATE) -> None:
        """Read the state. `per_second` is how many sessions are asked for. Raises StateError before the first apply."""
        with translated():
            # That the service does not answer is for the attempts to say.
            snapshot = workplace.observe(with_crls=False)
            state = workplace.recorded(snapshot)
        if state is None:
            raise StateError("nothing was applied yet", fix="run `iam-ra apply`")
        self._run = workplace.run(snapshot)
        self._parts = state.parts
        hosts = [name for name, host in workplace.namespace.hosts.items() if host.disabled]
        workloads = [
            each.entity
            for cluster in workplace.namespace.clusters.values()
            for each in cluster.workloads.values()
            if each.disabled
        ]
        self._off = switched_off(state.parts, hosts) | frozenset(workloads)
        self._sessions = Sessions(workplace.aws, per_second=per_second)

    def hosts(self) -> list[str]:
        """Return the recorded hosts by name."""
        return sorted(
            address.entity.removeprefix(ENTITIES) for address in self._parts if address.part == PART
        )

    def verify(self, hosts: Sequence[str], *, negative: bool) -> list[Attempt]:
        """Try every role of these hosts, with `negative` also every role that they must not open.

        Raises StateError for a host that was not applied.
        """
        configs = [self._config(host) for host in hosts]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="verify") as threads:
            # Each host's key once, before its roles are tried side by side.
            trials = [
                (config, key, profile, expected)
                for config, key in zip(configs, threads.map(self._key, configs), strict=True)
                for profile, expected in self._profiles(config, negative=negative)
            ]
            return list(threads.map(lambda trial: self._attempt(*trial), trials))

    def verify_workload(self, entity: str, held: HostKey, *, negative: bool) -> list[Attempt]:
        """Try every role of a workload with a certificate and key from its cluster. Raises StateError if it was not applied."""
        part = self._parts.get(Address(entity, MANIFESTS))
        if part is None:
            raise _unapplied(entity)
        giving = {entity, f"{CLUSTERS}{entity.split('/')[1]}"}
        own = [
            Profile(name, each["role_arn"], each["profile_arn"], each["session_duration"])
            for name, each in part.inputs["roles"].items()
        ]
        anchor = part.inputs["trust_anchor_arn"]
        trials = self._judged(own, giving, negative=negative)
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="verify") as threads:
            return list(threads.map(lambda each: self._try(entity, anchor, held, *each), trials))

    def _config(self, host: str) -> HostConfig:
        recorded = self._parts.get(Address(f"{ENTITIES}{host}", PART))
        if recorded is None:
            raise _unapplied(f"{ENTITIES}{host}")
        return host_config(host, recorded.inputs)

    def _profiles(self, config: HostConfig, *, negative: bool) -> list[tuple[Profile, bool]]:
        certificate = self._parts.get(host_certificate(config.host))
        giving = {f"{ENTITIES}{config.host}", f"ca/{certificate.inputs['ca'] if certificate else ''}"}
        return self._judged(config.profiles, giving, negative=negative)

    def _judged(
        self, profiles: Sequence[Profile], giving: set[str], *, negative: bool
    ) -> list[tuple[Profile, bool]]:
        """Return what is to be tried, and whether it is to be given."""
        own = [(profile, self._off.isdisjoint({*giving, f"{ROLES}{profile.name}"})) for profile in profiles]
        held = {profile.name for profile in profiles}
        others = [
            (self._profile(address.entity.removeprefix(ROLES), part), False)
            for address, part in sorted(self._parts.items())
            if address.entity.startswith(ROLES) and address.entity.removeprefix(ROLES) not in held
        ]
        return own + others if negative else own

    @staticmethod
    def _profile(name: str, part: Recorded) -> Profile:
        outputs = part.outputs
        return Profile(name, outputs["RoleArn"], outputs["ProfileArn"], part.inputs["session_duration"])

    def _key(self, config: HostConfig) -> HostKey | str:
        """Return a host's certificate and key, or why there are none."""
        host = f"{ENTITIES}{config.host}"
        recorded = self._parts.get(host_certificate(config.host))
        if recorded is None:
            return "it has no certificate yet: the apply that was to issue it did not end well"
        if "csr" in recorded.inputs:
            return ELSEWHERE
        files = (self._parts.get(Address(host, part)) for part in ("sops", "age"))
        try:
            with translated():
                return self._run.host_keys.obtain(
                    config.host,
                    recorded.outputs["serial"],
                    *(each.inputs["path"] for each in files if each is not None),
                )
        except IamRaError as error:
            return _said(error)

    def _attempt(self, config: HostConfig, key: HostKey | str, profile: Profile, expected: bool) -> Attempt:
        host, role = f"{ENTITIES}{config.host}", profile.name
        if isinstance(key, str):
            result: Result = "unchecked" if key == ELSEWHERE else "failed"
            return Attempt(host, role, expected, result, error=key)
        return self._try(host, config.trust_anchor_arn, key, profile, expected)

    def _try(self, host: str, anchor: str, key: HostKey, profile: Profile, expected: bool) -> Attempt:
        role, leaf = profile.name, load_certificate(key.certificate)
        request = SessionRequest(anchor, profile.profile_arn, profile.role_arn, profile.session_duration)
        try:
            with translated():
                credentials = self._sessions.open(request, leaf, key.key)
        except PermissionDeniedError as error:
            return Attempt(host, role, expected, "refused", error=error.what)
        except IamRaError as error:
            return Attempt(host, role, expected, "failed", error=_said(error))
        try:
            arn = self._sessions.caller_arn(credentials)
        except (ClientError, BotoCoreError) as error:
            return Attempt(host, role, expected, "failed", error=_said(translate(error)))
        days = (leaf.not_valid_after_utc - self._run.now).days
        return Attempt(host, role, expected, "opened", arn, credentials.expiration, days)


def _unapplied(entity: str) -> StateError:
    return StateError(
        f"{entity} was not applied yet",
        why="the recorded state does not have it",
        fix="run `iam-ra apply`, or check the name: `iam-ra status` shows the hosts",
    )


def _said(error: IamRaError) -> str:
    return f"{error.what}: {error.why}" if error.why else error.what
