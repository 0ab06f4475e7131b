"""The CloudFormation API: requests parsed and answers written from the botocore model cloudformation 2010-05-15."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from moto.core.responses import BaseResponse

from iam_ra.sandbox.cloudformation import template as templates
from iam_ra.sandbox.cloudformation import validation
from iam_ra.sandbox.cloudformation.answers import Answer
from iam_ra.sandbox.cloudformation.errors import ValidationError
from iam_ra.sandbox.cloudformation.models import CloudFormationBackend, cloudformation_backends
from iam_ra.sandbox.cloudformation.paging import PAGE, page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iam_ra.sandbox.cloudformation.stack import Event, Resource, Stack

STACK_LIMIT = 2000
OUTPUT_LIMIT = 200
CONCURRENT_RESOURCES_LIMIT = 2500
NOT_CHECKED = {"StackDriftStatus": "NOT_CHECKED"}
RESOURCE_NOT_CHECKED = {"StackResourceDriftStatus": "NOT_CHECKED"}

T = TypeVar("T")


class CloudFormationResponse(BaseResponse):
    """One method an operation; the operations without one are refused by the server, by name."""

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    @property
    def backend(self) -> CloudFormationBackend:
        """The stacks of the caller's account and region."""
        return cloudformation_backends[self.current_account][self.region]

    def create_stack(self) -> Answer:
        """Begin to create a stack."""
        return Answer({"StackId": self.backend.create_stack(self.params)})

    def update_stack(self) -> Answer:
        """Begin to update a stack."""
        return Answer({"StackId": self.backend.update_stack(self.params)})

    def delete_stack(self) -> Answer:
        """Begin to delete a stack."""
        self.backend.delete_stack(self.params)
        return Answer({})

    def continue_update_rollback(self) -> Answer:
        """Go on with a failed rollback."""
        self.backend.continue_update_rollback(self.params)
        return Answer({})

    def update_termination_protection(self) -> Answer:
        """Switch termination protection."""
        enabled = self.params["EnableTerminationProtection"]
        return Answer({"StackId": self.backend.protect(self.params["StackName"], enabled=enabled)})

    def describe_stacks(self) -> Answer:
        """Describe one stack, or a page of all that are not deleted."""
        if name := self.params.get("StackName"):
            return Answer({"Stacks": [_stack(self.backend.stack(name))]})
        found, token = self._page(self.backend.stacks())
        return Answer({"Stacks": [_stack(stack) for stack in found], "NextToken": token})

    def list_stacks(self) -> Answer:
        """List all stacks, deleted ones too."""
        wanted = self.params.get("StackStatusFilter") or []
        stacks = [
            stack for stack in self.backend.stacks(deleted=True) if not wanted or stack.status in wanted
        ]
        found, token = self._page(stacks)
        return Answer({"StackSummaries": [_summary(stack) for stack in found], "NextToken": token})

    def describe_stack_events(self) -> Answer:
        """Return a page of a stack's events, newest first."""
        stack = self.backend.stack(self.params["StackName"])
        with stack.lock:
            events = stack.events[::-1]
        found, token = self._page(events)
        return Answer({"StackEvents": [_event(stack, event) for event in found], "NextToken": token})

    def describe_stack_resources(self) -> Answer:
        """Describe a stack's resources, at most 100, or the stack that holds a physical resource."""
        stack = self._stack_of_resource()
        wanted = self.params.get("LogicalResourceId")
        resources = [each for each in _resources(stack) if wanted in {None, each.logical_id}]
        found = [_of(stack) | _resource(each) | {"Timestamp": each.since} for each in resources[:PAGE]]
        return Answer({"StackResources": found})

    def describe_stack_resource(self) -> Answer:
        """Describe one resource."""
        stack = self.backend.stack(self.params["StackName"])
        resource = stack.resources.get(self.params["LogicalResourceId"])
        if resource is None:
            raise ValidationError(
                f"Resource {self.params['LogicalResourceId']} does not exist for stack {stack.name}"
            )
        detail = _of(stack) | _resource(resource) | {"LastUpdatedTimestamp": resource.since}
        if resource.metadata is not None:
            detail["Metadata"] = json.dumps(resource.metadata)
        return Answer({"StackResourceDetail": detail})

    def list_stack_resources(self) -> Answer:
        """List a page of a stack's resources."""
        found, token = self._page(_resources(self.backend.stack(self.params["StackName"])))
        summaries = [_resource(each) | {"LastUpdatedTimestamp": each.since} for each in found]
        return Answer({"StackResourceSummaries": summaries, "NextToken": token})

    def get_template(self) -> Answer:
        """Return a stack's template as it was given."""
        stack = self.backend.stack(self.params["StackName"])
        stages = ["Original", "Processed"]
        return Answer({"TemplateBody": stack.template.text, "StagesAvailable": stages})

    def validate_template(self) -> Answer:
        """Check a template as a stack operation does."""
        template = self._given_template()
        return Answer({"Parameters": [], "Description": template.description} | _needs(template))

    def get_template_summary(self) -> Answer:
        """Tell what is in a template, or in a stack's."""
        name = self.params.get("StackName")
        template = self.backend.stack(name).template if name else self._given_template()
        types = sorted({each.type for each in template.resources.values()})
        summary = {"Parameters": [], "Description": template.description, "ResourceTypes": types}
        return Answer(summary | _needs(template))

    def describe_account_limits(self) -> Answer:
        """Return the account's quotas; the sandbox does not enforce them."""
        limits = {
            "StackLimit": STACK_LIMIT,
            "StackOutputsLimit": OUTPUT_LIMIT,
            "ConcurrentResourcesLimit": CONCURRENT_RESOURCES_LIMIT,
        }
        return Answer({"AccountLimits": [{"Name": name, "Value": value} for name, value in limits.items()]})

    def _given_template(self) -> templates.Template:
        text = validation.template_text(self.params, self.region, self.current_account)
        return templates.parse(text)

    def _stack_of_resource(self) -> Stack:
        if name := self.params.get("StackName"):
            return self.backend.stack(name)
        physical_id = self.params.get("PhysicalResourceId")
        for stack in self.backend.stacks():
            if any(each.physical_id == physical_id for each in _resources(stack)):
                return stack
        raise ValidationError(f"Stack for {physical_id} does not exist")

    def _page(self, items: Sequence[T]) -> tuple[Sequence[T], str | None]:
        return page(items, self.params.get("NextToken"), self._get_action())


def _stack(stack: Stack) -> dict[str, Any]:
    with stack.lock:
        found: dict[str, Any] = {
            "StackId": stack.stack_id,
            "StackName": stack.name,
            "CreationTime": stack.created,
            "RollbackConfiguration": {},
            "StackStatus": stack.status,
            "DisableRollback": stack.disable_rollback,
            "NotificationARNs": [],
            "Tags": [{"Key": key, "Value": value} for key, value in stack.tags.items()],
            "EnableTerminationProtection": stack.protected,
            "DriftInformation": NOT_CHECKED,
        }
        optional = {
            "Description": stack.template.description,
            "LastUpdatedTime": stack.updated,
            "DeletionTime": stack.deleted,
            "StackStatusReason": stack.reason,
            "Capabilities": list(stack.capabilities),
            "Outputs": stack.outputs,
            "RoleARN": stack.role_arn,
        }
    return found | {key: value for key, value in optional.items() if value}


def _summary(stack: Stack) -> dict[str, Any]:
    with stack.lock:
        summary = {
            "StackId": stack.stack_id,
            "StackName": stack.name,
            "TemplateDescription": stack.template.description,
            "CreationTime": stack.created,
            "LastUpdatedTime": stack.updated,
            "DeletionTime": stack.deleted,
            "StackStatus": stack.status,
            "StackStatusReason": stack.reason,
            "DriftInformation": NOT_CHECKED,
        }
    return {key: value for key, value in summary.items() if value}


def _event(stack: Stack, event: Event) -> dict[str, Any]:
    found = _of(stack) | {
        "EventId": event.event_id,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.time,
        "ResourceStatus": event.status,
    }
    if event.reason:
        found["ResourceStatusReason"] = event.reason
    if event.properties:
        found["ResourceProperties"] = json.dumps(event.properties)
    if event.token:
        found["ClientRequestToken"] = event.token
    return found


def _resources(stack: Stack) -> list[Resource]:
    with stack.lock:
        return list(stack.resources.values())


def _of(stack: Stack) -> dict[str, Any]:
    return {"StackId": stack.stack_id, "StackName": stack.name}


def _resource(resource: Resource) -> dict[str, Any]:
    found = {
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.type,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason,
        "DriftInformation": RESOURCE_NOT_CHECKED,
    }
    return {key: value for key, value in found.items() if value}


def _needs(template: templates.Template) -> dict[str, Any]:
    if not template.capabilities:
        return {}
    types = sorted({each.type for each in template.resources.values() if each.type.startswith("AWS::IAM::")})
    reason = f"The following resource(s) require capabilities: [{', '.join(types)}]"
    return {"Capabilities": list(template.capabilities), "CapabilitiesReason": reason}
