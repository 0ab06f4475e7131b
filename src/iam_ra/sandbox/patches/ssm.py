"""SSM: starts without EC2, holds standard parameters to 4 KB, and can be saved."""

from __future__ import annotations

import sys
from collections import defaultdict
from types import ModuleType
from typing import Any

import moto

STANDARD_BYTES = 4096


class _NoEc2(dict[str, Any]):
    """Stands for EC2's backends, which this sandbox does not offer."""

    def __missing__(self, _: str) -> Any:
        raise NotImplementedError("EC2")


def install() -> None:
    """Mend moto.ssm.

    It imports moto.ec2 for the targets of its associations. That costs half a second, three times what the rest of
    the sandbox takes, so a stand-in that refuses every call takes its place, unless EC2 is loaded already.
    """
    if "moto.ec2" not in sys.modules:
        stand_in = ModuleType("moto.ec2")
        stand_in.ec2_backends = _NoEc2()  # type: ignore[attr-defined]
        sys.modules["moto.ec2"] = stand_in
        moto.ec2 = stand_in

    from moto.ssm.exceptions import ValidationException  # noqa: PLC0415 (only now, with the stand-in in place)
    from moto.ssm.models import SimpleSystemManagerBackend  # noqa: PLC0415 (only now, with the stand-in in place)
    from moto.ssm.responses import SimpleSystemManagerResponse  # noqa: PLC0415 (only now)

    from iam_ra.sandbox.patches.wrapping import around  # noqa: PLC0415 (beside what it is used on)
    from iam_ra.sandbox.pickling import dicts  # noqa: PLC0415 (beside what it is used on)

    @around(SimpleSystemManagerBackend, "__init__")
    def __init__(original: Any, self: Any, *arguments: Any, **options: Any) -> None:  # noqa: N807
        original(self, *arguments, **options)
        # moto's factory is a lambda, which has no name to be found by.
        self._resource_tags = defaultdict(dicts)

    @around(SimpleSystemManagerResponse, "put_parameter")
    def put_parameter(original: Any, self: Any) -> Any:
        value, tier = self._get_param("Value") or "", self._get_param("Tier") or "Standard"
        if tier == "Standard" and len(value.encode()) > STANDARD_BYTES:
            raise ValidationException(
                "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger "
                "parameter value, upgrade the parameter to use the advanced-parameter tier."
            )
        return original(self)
