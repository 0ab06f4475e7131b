"""CloudFormation stacks: one that must be as a template says, or gone, whatever state it is found in."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from iam_ra.anywhere.arn import parse_arn
from iam_ra.aws.errors import code, message
from iam_ra.aws.poller import PACE, Poller
from iam_ra.engine.errors import ConflictError, StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_cloudformation import CloudFormationClient

# A stack in one of these can only be deleted. Source: CloudFormation User Guide, "Stack status codes".
DEAD = frozenset(
    {
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "CREATE_FAILED",
        "DELETE_FAILED",
        "REVIEW_IN_PROGRESS",
        "IMPORT_ROLLBACK_FAILED",
    }
)
# An update failed, and so did its rollback: it can be continued without what failed, or the stack be deleted.
STUCK = "UPDATE_ROLLBACK_FAILED"
_SUCCESS = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
_MAX_TEMPLATE = 51_200
_CAPABILITY = "CAPABILITY_NAMED_IAM"

_TRIES = 4
# Of a quarter of a second each.
_LAGGING_ROUNDS = 40
# What CloudFormation says of the resources that it stopped because another one failed.
_CANCELLED = re.compile(r"Resource (creation|update|deletion) cancelled")


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as DescribeStacks shows it; `updated` is the time of its last change, in ISO 8601."""

    id: str
    name: str
    status: str
    status_reason: str
    outputs: Mapping[str, str]
    tags: Mapping[str, str]
    updated: str
    is_protected: bool = False

    @property
    def uuid(self) -> str:
        """The part of the id that no other stack ever has, also none of the same name."""
        return self.id.rpartition("/")[2]

    @property
    def region(self) -> str:
        """Where the stack is."""
        return parse_arn(self.id).region

    @property
    def in_progress(self) -> bool:
        """Whether an operation is under way."""
        return self.status.endswith("_IN_PROGRESS") and self.status not in DEAD

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Stack:
        """Read one element of DescribeStacks' answer."""
        return cls(
            answer["StackId"],
            answer["StackName"],
            answer["StackStatus"],
            answer.get("StackStatusReason", ""),
            {each["OutputKey"]: each["OutputValue"] for each in answer.get("Outputs", [])},
            {each["Key"]: each["Value"] for each in answer.get("Tags", [])},
            (answer.get("LastUpdatedTime") or answer["CreationTime"]).isoformat(),
            bool(answer.get("EnableTerminationProtection", False)),
        )


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a stack must be: its template's text and its tags, those in `owner` on it already if there is one.

    `outputs` are those that tell this template from the one before.
    """

    name: str
    template: str
    tags: Mapping[str, str]
    owner: Mapping[str, str]
    protect: bool = False
    outputs: Mapping[str, str] = field(default_factory=dict)

    def parameters(self) -> dict[str, Any]:
        """Return what CreateStack and UpdateStack both take."""
        if len(self.template.encode()) > _MAX_TEMPLATE:
            raise StackError(
                f"the template of stack {self.name} has {len(self.template.encode()):,} bytes; CloudFormation takes {_MAX_TEMPLATE:,}",
                fix="make its policies smaller, or move them into managed policies",
            )
        return {
            "StackName": self.name,
            "TemplateBody": self.template,
            "Capabilities": [_CAPABILITY],
            "Tags": [{"Key": key, "Value": value} for key, value in sorted(self.tags.items())],
            "ClientRequestToken": f"iam-ra-{uuid.uuid4()}",
        }


class Stacks:
    """Every stack operation of a run; all waiting goes through one poller."""

    def __init__(self, client: CloudFormationClient, pace: Sequence[float] = PACE) -> None:
        self._client = client
        self._poller = Poller(self._describe_many, pace)

    def list(self) -> Iterator[Stack]:
        """Yield every stack of the region but the deleted ones, in pages."""
        for page in self._client.get_paginator("describe_stacks").paginate():
            for each in page["Stacks"]:
                yield Stack.of(each)

    def find(self, name_or_id: str) -> Stack | None:
        """Return one stack, a deleted one only by its id; None where there is none."""
        try:
            return Stack.of(self._client.describe_stacks(StackName=name_or_id)["Stacks"][0])
        except ClientError as error:
            if code(error) == "ValidationError" and "does not exist" in message(error):
                return None
            raise

    def ensure(self, blueprint: Blueprint, progress: Callable[[str], None]) -> Stack:
        """Make the stack as the blueprint says and return it: created, updated, or made anew if it is beyond repair.

        An operation that is under way, whoever began it, is waited for. Raises StackError with the first real cause,
        ConflictError when the stack is not ours.
        """
        for _ in range(_TRIES):
            stack = self._find_own(blueprint.name, blueprint.owner)
            if stack is not None and stack.in_progress:
                progress(f"waits for {stack.status}")
                stack = self._settled(stack.id)
            if stack is not None and stack.status in DEAD:
                progress(f"deletes what {stack.status} left")
                self._delete(stack)
                stack = None
            if stack is not None and stack.status == STUCK:
                progress("skips what could not be rolled back")
                stack = self._unstick(stack)
            made = (
                self._create(blueprint)
                if stack is None or _is_gone(stack)
                else self._update(blueprint, stack)
            )
            if made is not None:
                return made
        raise StackError(
            f"stack {blueprint.name} is being changed by somebody else all the time", fix="run apply again"
        )

    def delete(self, name: str, owner: Mapping[str, str], progress: Callable[[str], None]) -> None:
        """Delete the stack; one that is gone is fine.

        Raises StackError with the first real cause, ConflictError when the stack does not bear the tags in `owner`.
        """
        stack = self._find_own(name, owner)
        if stack is not None and stack.in_progress:
            progress(f"waits for {stack.status}")
            stack = self._settled(stack.id)
        if stack is not None and not _is_gone(stack):
            self._delete(stack)

    def _find_own(self, name: str, owner: Mapping[str, str]) -> Stack | None:
        stack = self.find(name)
        if stack is not None and any(stack.tags.get(key) != value for key, value in owner.items()):
            raise ConflictError(
                f"stack {name} is not ours; it was not touched",
                why=f"its tags are not {', '.join(f'{key}={value}' for key, value in sorted(owner.items()))}",
                fix="give one of the two another name, or delete the stack if nobody needs it",
            )
        return stack

    def _create(self, blueprint: Blueprint) -> Stack | None:
        parameters = blueprint.parameters()
        try:
            stack_id = self._client.create_stack(**parameters, EnableTerminationProtection=blueprint.protect)[
                "StackId"
            ]
        except ClientError as error:
            if code(error) == "AlreadyExistsException":
                return None
            raise
        return self._finished(stack_id, parameters["ClientRequestToken"], blueprint)

    def _update(self, blueprint: Blueprint, stack: Stack) -> Stack | None:
        if blueprint.protect and not stack.is_protected:
            self._protect(stack.id, enable=True)
        parameters = blueprint.parameters()
        try:
            self._client.update_stack(**parameters)
        except ClientError as error:
            if "No updates are to be performed" in message(error):
                return stack
            if "_IN_PROGRESS state" in message(error):
                return None
            raise
        return self._finished(stack.id, parameters["ClientRequestToken"], blueprint)

    def _unstick(self, stack: Stack) -> Stack | None:
        """End a rollback that failed, leaving out the resources that failed; the next update makes them right."""
        resources = self._client.describe_stack_resources(StackName=stack.id)["StackResources"]
        failed = [
            each["LogicalResourceId"] for each in resources if each["ResourceStatus"] == "UPDATE_FAILED"
        ]
        token = f"iam-ra-{uuid.uuid4()}"
        self._client.continue_update_rollback(
            StackName=stack.id, ResourcesToSkip=failed, ClientRequestToken=token
        )
        found = self._settled(stack.id)
        if found is not None and found.status == STUCK:
            raise self._failure(found, token, stack.name)
        return found

    def _delete(self, stack: Stack) -> None:
        if stack.is_protected:
            self._protect(stack.id, enable=False)
        token = f"iam-ra-{uuid.uuid4()}"
        self._client.delete_stack(StackName=stack.id, ClientRequestToken=token)
        gone = self._settled(stack.id)
        if gone is not None and not _is_gone(gone):
            raise self._failure(gone, token, stack.name)

    def _protect(self, stack_id: str, *, enable: bool) -> None:
        self._client.update_termination_protection(StackName=stack_id, EnableTerminationProtection=enable)

    def _finished(self, stack_id: str, token: str, blueprint: Blueprint) -> Stack:
        """Wait until the operation is over. A description may lag: success is believed when the outputs are the new ones."""
        for _ in range(_LAGGING_ROUNDS):
            stack = self._settled(stack_id)
            if stack is None:
                raise StackError(
                    f"stack {blueprint.name} was deleted by somebody else meanwhile", fix="run apply again"
                )
            if stack.status not in _SUCCESS:
                raise self._failure(stack, token, blueprint.name)
            if blueprint.outputs.items() <= dict(stack.outputs).items():
                return stack
        raise StackError(
            f"stack {blueprint.name} is done, and its outputs are still the former ones",
            fix="run apply again in a minute",
        )

    def _settled(self, stack_id: str) -> Stack | None:
        return self._poller.wait(stack_id)

    def _describe_many(self, ids: frozenset[str]) -> Mapping[str, Stack | None]:
        """Describe the stacks in flight: one by id, several through the pages of all."""
        found: dict[str, Stack | None] = {}
        if len(ids) > 1:
            found.update({stack.id: stack for stack in self.list() if stack.id in ids})
        # Deleted stacks are shown by id only, and so are new ones that the list does not hold yet.
        found.update({each: self.find(each) for each in ids - found.keys()})
        return found

    def _failure(self, stack: Stack, token: str, name: str) -> StackError:
        return StackError(
            f"stack {name} ended in {stack.status}",
            why=self._first_cause(stack.id, token) or stack.status_reason,
            fix="put the cause right and run the same command again; it picks up from here",
        )

    def _first_cause(self, stack_id: str, token: str) -> str:
        """Return the reason of the operation's first resource that failed by itself, not because another did."""
        first = ""
        for page in self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id):
            for event in page["StackEvents"]:
                if event.get("ClientRequestToken") not in {token, None}:
                    return first
                reason = event.get("ResourceStatusReason", "")
                failed = event.get("ResourceStatus", "").endswith("_FAILED")
                if (
                    failed
                    and event["LogicalResourceId"] != event["StackName"]
                    and not _CANCELLED.match(reason)
                ):
                    first = f"{event['LogicalResourceId']} ({event.get('ResourceType', '')}): {reason}"
        return first


def _is_gone(stack: Stack) -> bool:
    return stack.status == "DELETE_COMPLETE"
