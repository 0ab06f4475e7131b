"""What `apply` says while it works, as JSON lines: on stdout at once, in files at the end."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from iam_ra.cli import exits
from iam_ra.cli.failures import as_ours, silence_stdout
from iam_ra.cli.outputs import STREAM, Output, Outputs, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iam_ra.cli.options import Options
    from iam_ra.engine.errors import IamRaError
    from iam_ra.engine.events import Event, Listener
    from iam_ra.render.model import OutcomeDocument, PlanDocument


def apply_outputs(options: Options, wanted: Wanted) -> Outputs:
    """Return what an apply writes."""
    formats = {wanted.format, *(each.format for each in wanted.files)}
    return (StreamedOutputs if STREAM in formats else Outputs)(options, "apply", wanted)


class StreamedOutputs(Outputs):
    """Writes the events of a run from its start to its end, whichever end that is; other formats as ever."""

    def __init__(self, options: Options, command: str, wanted: Wanted) -> None:
        from iam_ra.render.jsonl import EventStream  # noqa: PLC0415 - part of no --help

        super().__init__(options, command, wanted)
        self._lines: list[str] = []
        self._stream = EventStream(self._write, command)
        self._outcome: OutcomeDocument | None = None
        self._code: int = exits.OK
        self._is_read = self.format == STREAM

    @contextmanager
    def told(self) -> Iterator[None]:
        """Write the first event, and the last one in any case."""
        error: IamRaError | None = None
        with self._stream:
            try:
                with super().told():
                    yield
            except Exception as cause:
                error = as_ours(cause)
                self._code = error.exit_code
                raise
            except BaseException:
                self._code = exits.INTERRUPTED
                raise
            finally:
                self._stream.end(self._code, error, self._outcome)
                for each in self.files:
                    if each.format == STREAM:
                        self.save(each, "".join(self._lines))

    def ends_with(self, code: int) -> int:
        """Keep the exit code for the last event."""
        self._code = code
        return code

    def write_plan(self, document: PlanDocument) -> None:
        """Write a plan that nothing follows."""
        self._stream.plan(document)
        super().write_plan(document)

    def announce(self, document: PlanDocument) -> None:
        """Write a plan that is about to be made."""
        self._stream.plan(document)
        super().announce(document)

    @contextmanager
    def listening(self, total: int) -> Iterator[Listener]:
        """Yield the stream, and people on stderr unless stdout has it all."""
        if self.format == STREAM:
            yield self._stream
            return
        with super().listening(total) as shown:

            def tell(event: Event) -> None:
                shown(event)
                self._stream(event)

            yield tell

    def write_outcome(self, document: OutcomeDocument) -> None:
        """Keep the outcome for the last event, and write it where it is wanted whole."""
        self._outcome = document
        super().write_outcome(document)

    def whole_files(self) -> list[Output]:
        """Return the files that are rendered at the end."""
        return [each for each in self.files if each.format != STREAM]

    def writes_stdout(self) -> bool:
        """Tell whether stdout gets what is rendered at the end."""
        return self.format != STREAM

    def _write(self, line: str) -> None:
        self._lines.append(line)
        if not self._is_read:
            return
        try:
            click.echo(line, nl=False)
        except OSError:
            # Nobody reads any more: an apply must not stop half way for that.
            self._is_read = False
            silence_stdout()
