"""What `--json` writes to stdout: one object, in an envelope that says what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

# Minor: something was added, which readers must pass over. Major: something they may rely on is gone.
SCHEMA_VERSION: Final = "1.0"


def write_json(command: str, data: Mapping[str, Any]) -> None:
    """Write a command's result in its envelope."""
    write_object({"schema_version": SCHEMA_VERSION, "command": command, "data": data})


def write_object(value: Mapping[str, Any]) -> None:
    """Write one JSON object that carries its own version, such as a plan."""
    import json  # noqa: PLC0415 - no part of --help

    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
