"""The service's HTTP interface: parsed, validated and serialised by the botocore model."""

from __future__ import annotations

from collections import ChainMap
from typing import Any

from botocore import xform_name
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import get_service_model
from moto.sts.models import sts_backends

from iam_ra.sandbox.rolesanywhere.errors import ValidationError
from iam_ra.sandbox.rolesanywhere.models import RolesAnywhereBackend, rolesanywhere_backends
from iam_ra.sandbox.validation import validate

SERVICE = "rolesanywhere"


class SerializationError(ServiceException):
    """400: the request's JSON does not fit the model's types."""

    code = "SerializationException"


class RolesAnywhereResponse(BaseResponse):
    """Answers every operation of the model through the backend's method of the same name."""

    def __init__(self) -> None:
        super().__init__(service_name=SERVICE)
        self.automated_parameter_parsing = True

    @property
    def backend(self) -> RolesAnywhereBackend:
        """The service in the caller's account and region."""
        return rolesanywhere_backends[self.current_account][self.region]

    def parse_parameters(self, request: Any) -> None:
        """Parse the request by the model."""
        try:
            super().parse_parameters(request)
        except (ValueError, TypeError, AttributeError) as error:
            raise SerializationError(
                "The request does not have the types of the operation's input."
            ) from error

    def perform(self) -> ActionResult:
        """Validate the input and run the operation that was called."""
        name = self._get_action()
        shape = get_service_model(SERVICE).operation_model(name).input_shape
        given = ChainMap(self.params, self.uri_match)
        members = shape.members if shape is not None else {}
        request = {member: given[member] for member in members if given.get(member) is not None}
        problem = validate(shape, request) if shape is not None else None
        if problem:
            raise ValidationError(problem)
        return ActionResult(
            self.backend.operation(xform_name(name))(request | {"caller": self._caller_arn()})
        )

    def _caller_arn(self) -> str:
        sts = sts_backends[self.current_account][self.partition]
        return str(sts.get_caller_identity(self.get_access_key(), self.region)[1])


# moto finds an operation by a method of its name.
for _operation in get_service_model(SERVICE).operation_names:
    setattr(RolesAnywhereResponse, xform_name(_operation), RolesAnywhereResponse.perform)
