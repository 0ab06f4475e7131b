"""`init:stack`: the namespace's bucket and key. Everything else stands on it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from iam_ra.aws.s3 import Bucket
from iam_ra.engine.address import Address
from iam_ra.engine.part import Observed, Part, Recorded, Ref
from iam_ra.kinds.base import register
from iam_ra.kinds.run import INIT
from iam_ra.kinds.stack import STACK, StackKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iam_ra.aws.naming import Names
    from iam_ra.aws.stacks import Stack
    from iam_ra.config.model import Namespace
    from iam_ra.engine.plan import Change
    from iam_ra.files.repository import Repository
    from iam_ra.kinds.run import Run

INIT_STACK = Address(INIT, STACK)
KMS_KEY_ARN = Ref(INIT_STACK, "KMSKeyArn")


@register
class InitStack(StackKind):
    """The base infrastructure. Its stack's UUID is the lineage of the namespace."""

    name = "init-stack"
    summary = "the S3 bucket and the KMS key of the namespace, and the parameters that say where they are"
    template = "cloudformation/init.json"
    entities = INIT
    protect_termination = True
    is_replaceable = False
    stable_outputs: ClassVar[frozenset[str]] = frozenset({"BucketName", "KMSKeyArn"})

    def desired(self, namespace: Namespace, repository: Repository) -> Iterator[Part]:  # noqa: ARG002
        """Yield the one part."""
        yield Part(INIT_STACK, self.name, {"template": self.template_input()})

    def stack_name(self, names: Names, entity: str) -> str:
        """Return the fixed name."""
        return names.stack(entity)

    def entity_named(self, stack_name: str, names: Names) -> str | None:
        """Recognise the fixed name."""
        return INIT if stack_name == names.stack(INIT) else None

    def values(self, name: str, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:  # noqa: ARG002
        """Return whose account it is."""
        return {"partition": run.aws.caller.partition, "account_id": run.aws.caller.account_id}

    def apply(self, change: Change, inputs: Mapping[str, Any], run: Run) -> Mapping[str, Any]:
        """Create or update the stack, and let the run use what is in it."""
        outputs = super().apply(change, inputs, run)
        run.use(str(outputs["lineage"]), Bucket(run.aws.s3, str(outputs["BucketName"])))
        return outputs

    def recover(
        self, address: Address, seen: Observed, inputs: Mapping[str, Any] | None, run: Run
    ) -> Recorded | None:
        """Keep the lineage too."""
        found = super().recover(address, seen, inputs, run)
        return None if found is None else replace(found, outputs={**found.outputs, "lineage": run.lineage})

    def outputs(self, stack: Stack) -> dict[str, Any]:
        """Keep the lineage too."""
        return {**super().outputs(stack), "lineage": stack.uuid}

    def delete(self, recorded: Recorded, run: Run) -> None:
        """Empty the bucket, the state and the lock last, then delete the stack: it is the record of what is left."""
        run.report(recorded.address, "empties the bucket")
        # Not the run's bucket: after a deletion that failed there may be none any more.
        bucket = Bucket(run.aws.s3, str(recorded.outputs.get("BucketName", "")))
        if bucket.name:
            bucket.empty(last=(run.names.state_key, run.names.lock_key))
        super().delete(recorded, run)
        # Where the bucket was lost, no part was left that named an authority.
        run.key_files.clear()
