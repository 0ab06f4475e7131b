"""Namespaces from YAML, snapshots by hand, and a run whose stacks are only drawn."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from iam_ra.aws.naming import ADDRESS_TAG, LINEAGE_TAG, NAMESPACE_TAG, Names
from iam_ra.aws.secrets import SecretInfo
from iam_ra.aws.session import Aws, Caller
from iam_ra.aws.snapshot import Snapshot
from iam_ra.aws.stacks import Blueprint, Stack
from iam_ra.config.load import load
from iam_ra.engine.action import Action, Cause, Reason
from iam_ra.engine.address import Address
from iam_ra.engine.part import Part, Recorded, Ref, resolve
from iam_ra.engine.plan import Change
from iam_ra.files.repository import Repository
from iam_ra.kinds.base import all_kinds
from iam_ra.kinds.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iam_ra.config.model import Namespace

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LINEAGE = "6f0c4d1e-0000-4000-8000-000000000001"
ACCOUNT = "123456789012"
REGION = "ap-southeast-2"
ANCHOR = f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:trust-anchor/0f8a8a3b-97b5-4a3e-9e3f-5d0c4a1b2c3d"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0f8a8a3b-97b5-4a3e-9e3f-5d0c4a1b2c3d"
NAMES = Names("default")
HEAD = "version: 1\nnamespace: default\nregion: ap-southeast-2\n"
SOPS_RULES = f"creation_rules:\n  - age: age1{'q' * 58}\n"


def namespace(folder: Path, text: str) -> Namespace:
    """Load a file as a user would; the recipients of its SOPS files stand beside it."""
    (folder / ".sops.yaml").write_text(SOPS_RULES)
    path = folder / "iam-ra.yaml"
    path.write_text(HEAD + text)
    return load(path).namespace


def parts(loaded: Namespace) -> dict[Address, Part]:
    repository = Repository(loaded.root)
    return {part.address: part for kind in all_kinds().values() for part in kind.desired(loaded, repository)}


def stack(
    name: str,
    status: str = "CREATE_COMPLETE",
    outputs: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    *,
    address: str = "",
    uuid: str = "0000",
) -> Stack:
    """Return a stack of ours, unless `tags` say otherwise."""
    own = {NAMESPACE_TAG: "default", LINEAGE_TAG: LINEAGE, **({ADDRESS_TAG: address} if address else {})}
    stack_id = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/{uuid}"
    return Stack(
        stack_id, name, status, "", outputs or {}, own if tags is None else tags, NOW.isoformat(), False
    )


def init_stack(**changes: Any) -> Stack:
    return stack("iam-ra-default-init", uuid=LINEAGE, tags={NAMESPACE_TAG: "default"}, **changes)


def secret(name: str, version: str | None = "1" * 40, *, is_deleted: bool = False) -> SecretInfo:
    return SecretInfo(name, f"arn:{name}", version, is_deleted, {NAMESPACE_TAG: "default"})


def snapshot(
    *stacks: Stack,
    roles: frozenset[str] = frozenset(),
    secrets: tuple[SecretInfo, ...] = (),
    objects: Mapping[str, str] | None = None,
    files: Mapping[Address, str | None] | None = None,
) -> Snapshot:
    caller = Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/me", "aws", NOW)
    return Snapshot(
        caller,
        NAMES,
        LINEAGE,
        None,
        {each.name: each for each in stacks},
        roles,
        {each.name: each for each in secrets},
        objects or {},
        files or {},
    )


class Drawn(Exception):  # noqa: N818 - it carries what was asked for, it is no failure
    """The blueprint that a kind would have given to CloudFormation."""

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__(blueprint.name)
        self.blueprint = blueprint


class DrawingBoard:
    """Stands for `Stacks`."""

    def ensure(self, blueprint: Blueprint, progress: Callable[[str], None]) -> Stack:  # noqa: ARG002
        raise Drawn(blueprint)


class NoAws:
    """Stands for `Aws` where nothing is called."""

    region = REGION
    caller = Caller(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/me", "aws", NOW)

    @staticmethod
    def now() -> datetime:
        return NOW


def run(names: Names = NAMES) -> Run:
    """Return a run that can draw stacks and nothing else."""
    made = Run(cast(Aws, NoAws()), names, Repository(Path("/nowhere")), {}, lambda *_: None, {})
    made.use(LINEAGE, cast(Any, None))
    cast(Any, made).stacks = DrawingBoard()
    return made


def known_values(ref: Ref) -> str:
    """Return for each output what AWS would give."""
    return {
        "TrustAnchorArn": ANCHOR,
        "KMSKeyArn": KEY,
        "certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    }.get(ref.output, f"{ref.address}/{ref.output}")


def blueprint(
    kind: str, entity: str, inputs: Mapping[str, Any], names: Names = NAMES, recorded: Recorded | None = None
) -> Blueprint:
    """Return the stack that a kind would ask for."""
    address = Address(entity, "stack")
    change = Change(
        address, kind, Action.UPDATE, (Reason(Cause.NEW, "new"),), inputs=inputs, recorded=recorded
    )
    try:
        all_kinds()[kind].apply(change, resolve(inputs, known_values), run(names))
    except Drawn as drawn:
        return drawn.blueprint
    raise AssertionError(f"{kind} asked for no stack")
