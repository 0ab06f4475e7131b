"""The file that `iam-ra init` begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iam_ra.config.yaml_style import Style, flow, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

_COLUMN = 37


def starter(namespace: str, region: str, account_id: str, authority: Mapping[str, Any]) -> str:
    """Return a whole file with one authority, and no role or host yet; `authority` is its entry."""
    head = "\n".join(
        f"{line.ljust(_COLUMN)}# {comment}"
        for line, comment in (
            ("version: 1", "of this format"),
            (f"namespace: {scalar(namespace)}", "begins every name that iam-ra gives"),
            (f"region: {scalar(region)}", "always beats the environment"),
            (f'account_id: "{account_id}"', "any other account is refused"),
        )
    )
    return f"""\
# yaml-language-server: $schema=./iam-ra.schema.json
# (make it with: iam-ra schema -o iam-ra.schema.json)

{head}

# Each authority is a root of its own in a trust anchor of its own.
certificate_authorities:
  default: {flow(dict(authority), Style())}

# Each role is an IAM role with a Roles Anywhere profile:
# iam-ra role create readonly --policy arn:aws:iam::aws:policy/ReadOnlyAccess
roles: {{}}

# Each host is a machine with one certificate: iam-ra host onboard web --role readonly
hosts: {{}}
"""
