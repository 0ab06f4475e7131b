"""What becomes of exceptions, and of a stdout that nobody reads any more."""

from __future__ import annotations

import os
import re
import sys

import click

from iam_ra import __version__
from iam_ra.engine.errors import IamRaError, InternalError, UsageError

# As click says it, of one option and of several.
_SUGGESTION = re.compile(r"\. \(?Did you mean (?:one of: )?(.*\?)\)?$")


def as_ours(error: Exception, *, debug: bool = False) -> IamRaError:
    """Return any exception as an error of ours; `debug` when its trace was shown."""
    if isinstance(error, IamRaError):
        return error
    if isinstance(error, click.UsageError):
        return _usage(error)
    if isinstance(error, click.ClickException):
        return IamRaError(error.format_message())
    from iam_ra.operations.foreign import ours  # noqa: PLC0415 - not needed while all goes well

    return ours(error) or _internal(error, debug=debug)


def _usage(error: click.UsageError) -> IamRaError:
    path = error.ctx.command_path if error.ctx else "iam-ra"
    message = _SUGGESTION.sub(r"; did you mean \1", " ".join(error.format_message().split()))
    return UsageError(message[:1].lower() + message[1:].rstrip("."), fix=f"Run `{path} --help`.")


def _internal(error: Exception, *, debug: bool) -> InternalError:
    again = "" if debug else "Run the same command with `--debug`, and "
    return InternalError(
        f"{type(error).__name__}: {error}",
        why="This is a bug in iam-ra, not in your file.",
        fix=f"{again or 'Please '}report the trace, the command and `iam-ra {__version__}`.",
    )


def silence_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter does not complain on its way out."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
