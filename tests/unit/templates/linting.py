"""cfn-lint, its rules read once: that takes ten times as long as to use them."""

from __future__ import annotations

from functools import cache
from typing import Any

from cfnlint.config import ConfigMixIn
from cfnlint.decode.decode import decode_str
from cfnlint.runner import Runner

REGIONS = ["ap-southeast-2", "cn-north-1", "us-gov-west-1"]


def lint(template: str) -> list[Any]:
    """Return what is wrong with a template, in regions of each partition."""
    decoded, errors = decode_str(template)
    return errors or list(_runner().validate_template(decoded))


@cache
def _runner() -> Any:
    return Runner(ConfigMixIn(regions=REGIONS))
