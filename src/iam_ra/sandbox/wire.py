"""Errors in the wire format of the service that was called, so that SDKs can read them."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING

from botocore.exceptions import UnknownServiceError
from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel
from moto.core.request import determine_request_protocol
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

if TYPE_CHECKING:
    from iam_ra.sandbox.call import Call


class WireError(ServiceException):
    """An error of a service, by its code."""


def serialise(call: Call, content_type: str, code: str, message: str) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of an error of the called service.

    A call whose service is unknown gets JSON, in which people and most SDKs find code and message.
    """
    error = WireError(code, message)
    try:
        model = get_service_model(call.service)
        protocol = determine_request_protocol(model, content_type)
    except (UnknownServiceError, NotImplementedError):
        body = json.dumps({"__type": code, "message": message})
        return {"Content-Type": "application/json", "X-Amzn-Errortype": code}, body.encode()
    serializer = get_serializer_class(model.service_name, protocol)
    with warnings.catch_warnings():
        # moto warns when a service's model does not list a code; the common codes stand in no model.
        warnings.simplefilter("ignore", UserWarning)
        answer = serializer(OperationModel({}, model)).serialize(error)
    text = answer["body"]
    return dict(answer["headers"]), text.encode() if isinstance(text, str) else bytes(text)
