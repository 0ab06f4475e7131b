"""`iam-ra schema`: the JSON Schema of the file, for editors and other checkers."""

from __future__ import annotations

import json
from pathlib import Path

import click

from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.engine.errors import FileError


@click.command("schema", cls=Command)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to FILE instead of stdout.",
)
@pass_options
def command(options: Options, output: Path | None) -> None:  # noqa: ARG001 - every command gets its options
    """Print the JSON Schema (draft-07) of iam-ra.yaml.

    With the first line `# yaml-language-server: $schema=iam-ra.schema.json` in the file, editors complete and check it.
    """
    from iam_ra.config.schema import schema  # noqa: PLC0415 - pydantic is slow to import

    text = json.dumps(schema(), indent=2, ensure_ascii=False)
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise FileError(
            f"cannot write {output}",
            why=f"The system says: {error.strerror}.",
            fix="Name a file in a folder that exists and that you may write to.",
        ) from error
    click.echo(f"wrote {output}", err=True)
