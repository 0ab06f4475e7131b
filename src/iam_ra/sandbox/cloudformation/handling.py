"""Calls of resource handlers for one stack: values resolved, properties checked, failures worded as on AWS."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from iam_ra.sandbox import loopback
from iam_ra.sandbox.cloudformation.intrinsics import NO_VALUE, Reference, resolve
from iam_ra.sandbox.cloudformation.resources import HANDLERS
from iam_ra.sandbox.cloudformation.resources.base import HandlerError, Request
from iam_ra.sandbox.cloudformation.schema import coerce, violations

if TYPE_CHECKING:
    from collections.abc import Callable

    from iam_ra.sandbox.cloudformation.faults import Faults
    from iam_ra.sandbox.cloudformation.resources.base import Made
    from iam_ra.sandbox.cloudformation.stack import Resource, Stack
    from iam_ra.sandbox.cloudformation.template import Definition, Template

log = logging.getLogger(__name__)

T = TypeVar("T")

CUSTOM_NAME = (
    "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
    "Rename {name} and update the stack again."
)
SERVER_FAULT = 500
HANDLER_CODES_BY_NAME = {
    "NotFound": "NotFound",
    "NoSuch": "NotFound",
    "Exists": "AlreadyExists",
    "Limit": "ServiceLimitExceeded",
    "Quota": "ServiceLimitExceeded",
    "Throttl": "Throttling",
}
HANDLER_CODES_BY_STATUS = {403: "AccessDenied", 404: "NotFound", 409: "ResourceConflict", 429: "Throttling"}


class ResourceError(Exception):
    """A resource failed; the text is the event's reason."""


@dataclass(frozen=True, slots=True)
class Handling:
    """The handlers, seen from one stack."""

    stack: Stack
    account: str
    region: str
    partition: str
    faults: Faults

    def value(self, reference: Reference) -> Any:
        """Return what a reference means in this stack, now."""
        resource = self.stack.resources.get(reference.name)
        if resource is None:
            return self._pseudo(reference.name)
        return resource.attributes[reference.attribute] if reference.attribute else resource.physical_id

    def properties(self, definition: Definition) -> dict[str, Any]:
        """Return a resource's properties with values for functions; raise ResourceError if the type's schema refuses them."""
        schema = HANDLERS[definition.type].schema
        found: dict[str, Any] = coerce(schema, resolve(definition.properties, self))
        wrong = list(violations(schema, found))
        if wrong:
            raise ResourceError(
                f"Properties validation failed for resource {definition.logical_id} with message:\n"
                + "\n".join(wrong)
            )
        return found

    def tags(self, definition: Definition, properties: dict[str, Any]) -> dict[str, str]:
        """Return a resource's tags: the stack's, its own, and CloudFormation's where the type takes them."""
        handler = HANDLERS[definition.type]
        if not handler.taggable:
            return {}
        tags = self.stack.tags | handler.own_tags(properties)
        if handler.system_tags:
            tags |= {
                "aws:cloudformation:stack-name": self.stack.name,
                "aws:cloudformation:stack-id": self.stack.stack_id,
                "aws:cloudformation:logical-id": definition.logical_id,
            }
        return tags

    def outputs(self, template: Template) -> list[dict[str, str]]:
        """Return the stack's outputs as DescribeStacks gives them."""
        return [
            {
                "OutputKey": output.key,
                "OutputValue": str(resolve(output.value, self)),
                **({"Description": output.description} if output.description else {}),
            }
            for output in template.outputs
        ]

    def create(self, resource: Resource, announce: Callable[[str], None]) -> Made:
        """Create a resource, or raise ResourceError."""
        request = self._request(resource, announce=announce)
        return self._guarded(resource, "create", lambda: HANDLERS[resource.type].create(request))

    def update(self, current: Resource, wanted: Resource) -> Made:
        """Change a resource in place, or raise ResourceError."""
        request = self._request(
            wanted,
            physical_id=current.physical_id,
            attributes=current.attributes,
            previous=current.properties,
            previous_tags=current.tags,
        )
        return self._guarded(wanted, "update", lambda: HANDLERS[wanted.type].update(request))

    def delete(self, resource: Resource) -> None:
        """Delete a resource, or raise ResourceError; one that is gone already is fine."""
        handler = HANDLERS[resource.type]
        request = self._request(resource, physical_id=resource.physical_id, attributes=resource.attributes)

        def work() -> None:
            try:
                handler.delete(request)
            except ClientError as error:
                if error.response["Error"]["Code"] not in handler.gone:
                    raise

        self._guarded(resource, "delete", work)

    def _request(self, resource: Resource, **details: Any) -> Request:
        return Request(
            self.account,
            self.region,
            self.partition,
            self.stack.name,
            resource.logical_id,
            resource.properties,
            resource.tags,
            **details,
        )

    def _guarded(self, resource: Resource, operation: str, work: Callable[[], T]) -> T:
        if reason := self.faults.take(self.stack.name, resource.logical_id, operation):
            raise ResourceError(reason)
        try:
            return work()
        except loopback.AbandonedError:
            raise
        except HandlerError as error:
            raise ResourceError(_worded(error.message, error.code)) from error
        except ClientError as error:
            raise ResourceError(_client_error(error, resource.type)) from error
        except ParamValidationError as error:
            raise ResourceError(_worded(str(error), "InvalidRequest")) from error
        except BotoCoreError as error:
            raise ResourceError(_worded(str(error), "GeneralServiceException")) from error
        except Exception as error:
            log.exception("the handler of %s broke", resource.type)
            raise ResourceError(_worded(f"{type(error).__name__}", "InternalFailure")) from error

    def _pseudo(self, name: str) -> Any:
        return {
            "AWS::AccountId": self.account,
            "AWS::NotificationARNs": [],
            "AWS::NoValue": NO_VALUE,
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::StackId": self.stack.stack_id,
            "AWS::StackName": self.stack.name,
            "AWS::URLSuffix": "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com",
        }[name]


def _worded(message: str, code: str) -> str:
    return (
        f'Resource handler returned message: "{message}" (RequestToken: {uuid4()}, HandlerErrorCode: {code})'
    )


def _client_error(error: ClientError, kind: str) -> str:
    service = kind.split("::")[1]
    details = error.response["Error"]
    metadata = error.response["ResponseMetadata"]
    status = int(metadata["HTTPStatusCode"])
    message = (
        f"{details.get('Message') or details['Code']} (Service: {service}, Status Code: {status}, "
        f"Request ID: {metadata.get('RequestId', uuid4())})"
    )
    return _worded(message, _handler_code(details["Code"], status))


def _handler_code(code: str, status: int) -> str:
    for part, found in HANDLER_CODES_BY_NAME.items():
        if part in code:
            return found
    return HANDLER_CODES_BY_STATUS.get(
        status, "GeneralServiceException" if status >= SERVER_FAULT else "InvalidRequest"
    )
