"""The service's interface: parsed, validated and serialised by the botocore model."""

from __future__ import annotations

from typing import Any

from botocore import xform_name
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import get_service_model

from iam_ra.sandbox.acmpca.errors import ValidationError
from iam_ra.sandbox.acmpca.models import PrivateCaBackend, acmpca_backends
from iam_ra.sandbox.validation import validate

SERVICE = "acm-pca"


class SerializationError(ServiceException):
    """The request does not fit the model's types."""

    code = "SerializationException"


class PrivateCaResponse(BaseResponse):
    """Answers every operation of the model through the backend's method of the same name."""

    def __init__(self) -> None:
        super().__init__(service_name=SERVICE)
        self.automated_parameter_parsing = True

    @property
    def backend(self) -> PrivateCaBackend:
        """The service in the caller's account and region."""
        return acmpca_backends[self.current_account][self.region]

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
        request = {
            member: self.params[member] for member in shape.members if self.params.get(member) is not None
        }
        problem = validate(shape, request)
        if problem:
            raise ValidationError(problem)
        return ActionResult(self.backend.operation(xform_name(name))(request))


# moto finds an operation by a method of its name.
for _operation in get_service_model(SERVICE).operation_names:
    setattr(PrivateCaResponse, xform_name(_operation), PrivateCaResponse.perform)
