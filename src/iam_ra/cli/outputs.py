"""Where what plan, show and apply have to say goes: to stdout in one format, into files in others."""

from __future__ import annotations

import functools
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from iam_ra.cli.failures import as_ours
from iam_ra.engine.errors import IamRaError, UsageError
from iam_ra.render.formats import FORMATS, OUTCOMES, Look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from iam_ra.cli.options import Options
    from iam_ra.config.load import Loaded
    from iam_ra.engine.events import Listener
    from iam_ra.render.model import Header, OutcomeDocument, PlanDocument

STREAM: Final = "jsonl"
PLAN_FORMATS: Final = tuple(FORMATS)
# The events of an apply are told while it goes on; the others render its outcome.
APPLY_FORMATS: Final = (*OUTCOMES, STREAM)
# Whoever reads these looks at stderr for errors.
_SILENT: Final = frozenset({"text", "json"})


class Output(NamedTuple):
    """A file to write, and in which format."""

    format: str
    path: Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """The values of the options: the format of stdout, if one was named, and the files."""

    format: str | None = None
    files: tuple[Output, ...] = ()


def output_options(formats: Sequence[str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `--format` and `--out`; the function gets them as `wanted`."""
    stdout = click.option("--format", type=click.Choice(formats), help="What stdout gets; without it, text.")
    files = click.option(
        "--out",
        metavar="FORMAT=FILE",
        multiple=True,
        callback=lambda _, __, texts: tuple(_output(each, formats) for each in texts),
        help="Write it into a file, too, in this format; also an error, if one comes instead. May be given several times.",
    )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def bundled(*args: Any, **kwargs: Any) -> Any:
            wanted = Wanted(kwargs.pop("format"), kwargs.pop("out"))
            return function(*args, wanted=wanted, **kwargs)

        return stdout(files(bundled))

    return decorate


def _output(text: str, formats: Sequence[str]) -> Output:
    name, _, file = text.partition("=")
    if name not in formats:
        raise click.BadParameter(f"{text}: write FORMAT=FILE, where FORMAT is {', '.join(formats)}")
    if file in {"", "-"}:
        raise click.BadParameter(f"{text} names no file; --format {name} writes to stdout")
    return Output(name, Path(file))


class Outputs:
    """What is written of one run of `command`. Raises UsageError for options that contradict each other.

    `saved` is the file into which the plan itself goes: somebody else writes it, it only has to be possible.
    """

    def __init__(
        self, options: Options, command: str, wanted: Wanted | None = None, *, saved: Path | None = None
    ) -> None:
        wanted = wanted or Wanted()
        if options.json and wanted.format not in {None, "json"}:
            raise UsageError(
                f"--json and --format {wanted.format} contradict each other",
                why="--json is --format json with errors as JSON, too",
                fix="leave one of the two out",
            )
        self.format: Final = wanted.format or ("json" if options.json else "text")
        self.files: Final = wanted.files
        self._options = options
        self._command = command
        self._paths = [*(each.path for each in wanted.files), *([] if saved is None else [saved])]
        self._header: Header | None = None
        self._has_result = False

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing but text on stdout."""
        return self.format == "text" and not self.files

    def check(self, *keep: Path) -> None:
        """Raise FileError unless all files can be written, and UsageError if two are one or would overwrite what is read.

        Read is the file of the namespace and what `keep` holds.
        """
        if not self._paths:
            return
        from iam_ra.files import atomic  # noqa: PLC0415 - part of no --help

        taken = {each.resolve() for each in keep}
        with suppress(IamRaError):
            taken.add(self._options.path().resolve())
        for path in self._paths:
            if path.resolve() in taken:
                raise UsageError(
                    f"{path} is not written",
                    why="it is what is read, or another output has this name, too",
                    fix="give each output a file of its own",
                )
            taken.add(path.resolve())
            atomic.check(path.absolute(), root=_root(path))

    def begin(self, loaded: Loaded) -> None:
        """Learn what the run is about."""
        from iam_ra.render.model import Header  # noqa: PLC0415 - part of no --help

        space = loaded.namespace
        self._header = Header(space.name, space.region, "", space.file.name, self._command)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Write an error that ends the run to where its result would have gone, and let it pass."""
        try:
            yield
        except BrokenPipeError:
            raise
        except Exception as error:
            # The error itself matters more than a file that cannot be written.
            with suppress(IamRaError, OSError):
                self._write_error(as_ours(error))
            raise

    def ends_with(self, code: int) -> int:
        """Learn the exit code, and return it."""
        return code

    def write_plan(self, document: PlanDocument) -> None:
        """Write a plan that nothing follows. Files go first: stdout may be closed before its end."""
        self._has_result = True
        for each in self.whole_files():
            self.save(each, FORMATS[each.format].plan(document, self._look(each)))
        if self.writes_stdout():
            self.show(document)

    def show(self, document: PlanDocument) -> None:
        """Write a plan to stdout."""
        look = self._look()
        click.echo(FORMATS[self.format].plan(document, look), nl=False, color=look.color)

    def announce(self, document: PlanDocument) -> None:
        """Write a plan that is about to be made, where somebody reads along."""
        if self.format == "text":
            self.show(document)

    @contextmanager
    def listening(self, total: int) -> Iterator[Listener]:
        """Yield whom the executor tells its events; `total` is how many changes there are."""
        from iam_ra.render.progress import listener  # noqa: PLC0415 - part of no --help

        options = self._options
        color = options.wants_color(sys.stderr)
        with listener(sys.stderr, color=color, verbose=options.verbose, total=total) as shown:
            yield shown

    def write_outcome(self, document: OutcomeDocument) -> None:
        """Write how an apply ended; for people to stderr, below its progress."""
        self._has_result = True
        if self.format == "text":
            color = self._options.wants_color(sys.stderr)
            text = OUTCOMES["text"](document, Look(self._options.verbose, color))
            click.echo(f"\n{text}", err=True, nl=False, color=color)
        for each in self.whole_files():
            self.save(each, OUTCOMES[each.format](document, self._look(each)))
        if self.format != "text" and self.writes_stdout():
            click.echo(OUTCOMES[self.format](document, self._look()), nl=False)

    def _write_error(self, error: IamRaError) -> None:
        from iam_ra.render.model import ErrorDocument, Header  # noqa: PLC0415 - part of no --help

        files = self.whole_files()
        speaks = self.writes_stdout() and self.format not in _SILENT
        if self._has_result or not (files or speaks):
            return
        header = self._header or Header(*self._glimpse(), "", "", self._command)
        document = ErrorDocument(error, header)
        for each in files:
            self.save(each, FORMATS[each.format].error(document, Look()))
        if speaks:
            click.echo(FORMATS[self.format].error(document, Look()), nl=False)

    def _glimpse(self) -> tuple[str, str]:
        from iam_ra.config.finding import glimpse  # noqa: PLC0415 - part of no --help

        try:
            return glimpse(self._options.path())
        except IamRaError:
            return "", ""

    def whole_files(self) -> Sequence[Output]:
        """Return the files that are rendered at the end."""
        return self.files

    def writes_stdout(self) -> bool:
        """Tell whether stdout gets what is rendered at the end."""
        return True

    def _look(self, output: Output | None = None) -> Look:
        """Return how a file, or stdout, is to look."""
        others = [f"`{each.path}`" for each in self.files if each is not output and each.format != "markdown"]
        color = output is None and self.format == "text" and self._options.wants_color(sys.stdout)
        return Look(self._options.verbose, color, f"All of it is in {', '.join(others)}" if others else "")

    @staticmethod
    def save(output: Output, text: str) -> None:
        """Write a file, whole or not at all."""
        from iam_ra.files import atomic  # noqa: PLC0415 - part of no --help

        data = text.encode("utf-8", "backslashreplace")
        atomic.write(output.path.absolute(), data, root=_root(output.path))


def _root(path: Path) -> Path:
    return Path(path.absolute().anchor)
