"""The stacks of one account and region, and the requests that begin operations on them.

Source of behaviours and texts: the CloudFormation API reference and user guide, as far as public; each has a test.
"""

from __future__ import annotations

from threading import Event, RLock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from moto.core.base_backend import BackendDict, BaseBackend

from iam_ra.sandbox.cloudformation import template as templates
from iam_ra.sandbox.cloudformation import validation
from iam_ra.sandbox.cloudformation.errors import AlreadyExistsError, ValidationError
from iam_ra.sandbox.cloudformation.faults import Fault, Faults
from iam_ra.sandbox.cloudformation.operations import Operation
from iam_ra.sandbox.cloudformation.scheduler import Scheduler, Task
from iam_ra.sandbox.cloudformation.stack import Resource, Stack, now
from iam_ra.sandbox.cloudformation.tokens import ClientToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Params = dict[str, Any]

UPDATABLE = frozenset(
    {"CREATE_COMPLETE", "CREATE_FAILED", "UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE"}
)
DELETABLE_IN_PROGRESS = frozenset({"CREATE_IN_PROGRESS"})
WAIT_FOR_PREVIOUS = 0.005

_scheduler = Scheduler()


class CloudFormationBackend(BaseBackend):
    """CloudFormation in one account and region.

    Requests come one at a time; operations change stacks from the scheduler's threads, meanwhile. `_lock` makes
    accepting a request one step.
    """

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._lock = RLock()
        self._over = Event()
        self._faults = Faults()
        self._by_id: dict[str, Stack] = {}
        self._by_name: dict[str, Stack] = {}

    def reset(self) -> None:
        """Forget all stacks; operations that run end before their next step."""
        self._over.set()
        super().reset()

    def fail_resource(
        self, logical_id: str, operation: str, reason: str, *, times: int = 1, stack_name: str = ""
    ) -> None:
        """Let the next operations (create, update or delete) on a resource fail with a reason."""
        self._faults.add(Fault(logical_id, operation, reason, times, stack_name))

    def waiting_faults(self) -> list[Fault]:
        """Return the failures of resources that were asked for and have not happened yet."""
        return self._faults.waiting()

    def clear_faults(self) -> None:
        """Let no resource fail any more."""
        self._faults.clear()

    def create_stack(self, params: Params) -> str:
        """Begin to create a stack; return its id."""
        validation.refuse_unknown(params)
        name = params["StackName"]
        validation.stack_name(name)
        token = ClientToken.of("CreateStack", params)
        template = self._template(params)
        capabilities = validation.capabilities(params.get("Capabilities", []), template)
        on_failure = validation.on_failure(params)
        stack = Stack(
            self._new_id(name),
            name,
            template,
            validation.tags(params.get("Tags", [])),
            capabilities,
            on_failure=on_failure,
            disable_rollback=on_failure == "DO_NOTHING",
            protected=params.get("EnableTerminationProtection", False),
            role_arn=params.get("RoleARN", ""),
        )
        with self._lock:
            existing = self._by_name.get(name)
            if existing and not existing.deleted_for_good:
                if token.used_for(existing):
                    return existing.stack_id
                raise AlreadyExistsError(f"Stack [{name}] already exists")
            self._by_id[stack.stack_id] = self._by_name[name] = stack
            self._begin(stack, "CREATE", token, lambda operation: operation.create())
        return stack.stack_id

    def update_stack(self, params: Params) -> str:
        """Begin to update a stack; return its id."""
        validation.refuse_unknown(params)
        token = ClientToken.of("UpdateStack", params)
        with self._lock:
            stack = self._live(params["StackName"])
            if token.used_for(stack):
                return stack.stack_id
            template = stack.template if params.get("UsePreviousTemplate") else self._template(params)
            capabilities = validation.capabilities(params.get("Capabilities", []), template)
            tags = validation.tags(params["Tags"]) if "Tags" in params else stack.tags
            if stack.status not in UPDATABLE:
                raise ValidationError(
                    f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated."
                )
            self._refuse_other_types(stack, template)
            unchanged = template.same_as(stack.template) and tags == stack.tags
            if unchanged and not stack.status.endswith("FAILED"):
                raise ValidationError("No updates are to be performed.")
            stack.remember()
            stack.template, stack.tags, stack.capabilities = template, tags, capabilities
            stack.role_arn = params.get("RoleARN", stack.role_arn)
            stack.disable_rollback = params.get("DisableRollback", False)
            stack.updated = now()
            self._begin(stack, "UPDATE", token, lambda operation: operation.update())
        return stack.stack_id

    def delete_stack(self, params: Params) -> None:
        """Begin to delete a stack; a stack that is not there is fine."""
        validation.refuse_unknown(params)
        token = ClientToken.of("DeleteStack", params)
        retain = frozenset(params.get("RetainResources", []))
        with self._lock:
            stack = self._find(params["StackName"])
            if stack is None or stack.deleted_for_good or stack.status == "DELETE_IN_PROGRESS":
                return
            if token.used_for(stack):
                return
            if stack.protected:
                raise ValidationError(
                    f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
                )
            if stack.in_progress and stack.status not in DELETABLE_IN_PROGRESS:
                raise ValidationError(
                    f"Stack [{stack.stack_id}] cannot be deleted while in status {stack.status}"
                )
            self._check_retained(stack, retain)
            stack.deleted = now()
            self._begin(stack, "DELETE", token, lambda operation: operation.delete(retain))

    def continue_update_rollback(self, params: Params) -> None:
        """Go on with a rollback that failed."""
        validation.refuse_unknown(params)
        token = ClientToken.of("ContinueUpdateRollback", params)
        skip = frozenset(params.get("ResourcesToSkip", []))
        with self._lock:
            stack = self._live(params["StackName"])
            if token.used_for(stack):
                return
            if stack.status != "UPDATE_ROLLBACK_FAILED":
                raise ValidationError(
                    f"Stack:{stack.stack_id} is in {stack.status} state and can not continue rolling back updates."
                )
            wrong = [name for name in sorted(skip) if not self._has_failed(stack, name, "UPDATE_FAILED")]
            if wrong:
                raise ValidationError(
                    f"Resources [{', '.join(wrong)}] are not in UPDATE_FAILED state and cannot be skipped."
                )
            self._begin(stack, "UPDATE_ROLLBACK", token, lambda operation: operation.roll_back(skip))

    def protect(self, name: str, *, enabled: bool) -> str:
        """Switch termination protection; return the stack's id."""
        stack = self._live(name)
        stack.protected = enabled
        return stack.stack_id

    def stack(self, name: str) -> Stack:
        """Return a stack by name, or by id even when it is deleted."""
        stack = self._find(name)
        if stack is None:
            raise ValidationError(f"Stack with id {name} does not exist")
        return stack

    def stacks(self, *, deleted: bool = False) -> list[Stack]:
        """Return all stacks, newest first."""
        with self._lock:
            return [
                stack for stack in reversed(self._by_id.values()) if deleted or not stack.deleted_for_good
            ]

    def _template(self, params: Params) -> templates.Template:
        return templates.parse(validation.template_text(params, self.region_name, self.account_id))

    def _find(self, name: str) -> Stack | None:
        if name.startswith("arn:"):
            return self._by_id.get(name)
        stack = self._by_name.get(name)
        return None if stack is None or stack.deleted_for_good else stack

    def _live(self, name: str) -> Stack:
        stack = self._find(name)
        if stack is None or stack.deleted_for_good:
            raise ValidationError(f"Stack [{name}] does not exist")
        return stack

    def _new_id(self, name: str) -> str:
        return (
            f"arn:{self.partition}:cloudformation:{self.region_name}:{self.account_id}:stack/{name}/{uuid4()}"
        )

    @staticmethod
    def _refuse_other_types(stack: Stack, template: templates.Template) -> None:
        changed = [
            name
            for name, resource in stack.resources.items()
            if name in template.resources and template.resources[name].type != resource.type
        ]
        if changed:
            raise ValidationError(
                "Update of resource type is not permitted. The new template modifies resource type of the following "
                f"resources: [{', '.join(changed)}]"
            )

    @staticmethod
    def _has_failed(stack: Stack, name: str, status: str) -> bool:
        resource: Resource | None = stack.resources.get(name)
        return resource is not None and resource.status == status

    def _check_retained(self, stack: Stack, retain: frozenset[str]) -> None:
        if not retain:
            return
        if stack.status != "DELETE_FAILED":
            raise ValidationError(
                f"Invalid operation on stack [{stack.stack_id}]. Resources can only be retained when the stack is in "
                "DELETE_FAILED state"
            )
        wrong = [name for name in sorted(retain) if name not in stack.resources]
        if wrong:
            raise ValidationError(
                f"The specified resources to retain [{', '.join(wrong)}] do not exist in the stack"
            )

    def _begin(
        self, stack: Stack, verb: str, token: ClientToken, steps: Callable[[Operation], Iterator[float]]
    ) -> None:
        operation = Operation(stack, self.account_id, self.region_name, self.partition, self._faults)
        previous: Operation | None = stack.operation
        with stack.lock:
            stack.operation = operation
            stack.token = token.text
            if token.text:
                stack.tokens[token.text] = token.digest
            stack.move(f"{verb}_IN_PROGRESS", "User Initiated")
        task = Task(
            _after(previous, steps(operation)),
            self._over,
            lambda: stack.operation is operation,
            lambda error: operation.move(f"{verb}_FAILED", f"Internal Failure: {type(error).__name__}"),
            operation.finished,
        )
        _scheduler.start(task)


def _after(previous: Operation | None, steps: Iterator[float]) -> Iterator[float]:
    """Yield the steps of an operation once the one that it interrupts has come to rest."""
    while previous and not previous.finished.is_set():
        yield WAIT_FOR_PREVIOUS
    yield from steps


cloudformation_backends = BackendDict(CloudFormationBackend, "cloudformation")
