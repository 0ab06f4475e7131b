"""`iam-ra demo`: the main job as a tour, each step the real command, on a local AWS."""

from __future__ import annotations

import difflib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iam_ra.cli.options import Command, Options, pass_options
from iam_ra.engine.errors import InternalError, SandboxError, ToolError
from iam_ra.render.edit_diff import diff_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from iam_ra.render.style import Style

FILE = "iam-ra.yaml"
ENVIRONMENT = "env.sh"
HELPER = "aws_signing_helper"


@click.command("demo", cls=Command)
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Work in DIR, and leave it and the sandbox for you to play with.",
)
@pass_options
def command(options: Options, keep: Path | None) -> None:
    """Take a tour: plan, apply, change and destroy a namespace on a local AWS, in a temporary folder.

    Every step shows the command that it runs. Nothing of it reaches AWS or your own keys.
    """
    color = options.wants_color(sys.stdout)
    with _folder(keep) as folder:
        _Tour(folder, options.style(), color=color).go(destroy=keep is None)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="iam-ra-demo-") as name:
            yield Path(name)
        return
    if keep.exists() and any(keep.iterdir()):
        raise SandboxError(f"{keep} is not empty", fix="name a folder that does not exist yet")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep.absolute()


class _Tour:
    def __init__(self, folder: Path, style: Style, *, color: bool) -> None:
        self._folder = folder
        self._style = style
        self._color = color
        self._environ = {
            **os.environ,
            # sops may have been installed beside iam-ra, by its extra `demo`.
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
            "XDG_DATA_HOME": str(folder / ".keys"),
            "SOPS_AGE_KEY_FILE": str(folder / ".keys" / "age.txt"),
            "PYTHONUNBUFFERED": "1",
        }

    def go(self, *, destroy: bool) -> None:
        """Walk through a namespace's life; end the sandbox on every way out, unless it is to stay."""
        self._title("An empty folder, a file, and a local AWS")
        self._prepare()
        try:
            self._run("sandbox", "up")
            self._point_at_sandbox()
            self._walk()
            if destroy:
                self._title("Take everything down again")
                self._run("destroy", "--yes", quiet=True)
        except BaseException:
            destroy = True
            raise
        finally:
            if destroy:
                self._run("sandbox", "down")
        self._farewell(stays=not destroy)

    def _walk(self) -> None:
        self._title("What would be made")
        self._run("validate")
        self._run("plan")
        self._title("Make it")
        self._run("apply", "--yes", quiet=True)
        self._title("Plan again: nothing to do")
        self._run("plan")
        self._title("Give host/webserver one more role")
        self._edit(
            lambda text: text.replace("[admin, readonly]         #", "[admin, readonly, releases] #", 1)
        )
        self._run("apply", "--yes")
        self._title("Let host/edge-2 go")
        self._edit(lambda text: text.replace("  edge-2: *edge\n", "", 1))
        self._run("apply", "--yes")
        self._title("Be the hosts: really obtain credentials")
        self._run("verify", "--all", "--negative")
        if shutil.which(HELPER, path=self._environ["PATH"]):
            self._be_webserver()
        self._title("Who may take what, and for how long")
        self._run("status")

    def _prepare(self) -> None:
        from iam_ra.shipped import example  # noqa: PLC0415 - part of no --help

        (self._folder / FILE).write_text(example(), encoding="utf-8")
        self._say(f"{FILE}: the example, every option with a comment")
        keys = self._folder / ".keys"
        keys.mkdir(mode=0o700)
        identity, recipient = _age_key()
        descriptor = os.open(keys / "age.txt", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(identity)
        rules = f"creation_rules:\n  - path_regex: ^secrets/\n    age: {recipient}\n"
        (self._folder / ".sops.yaml").write_text(rules, encoding="utf-8")
        self._say(".sops.yaml: who may open the hosts' secrets, an age key made for this tour\n")

    def _point_at_sandbox(self) -> None:
        from iam_ra.sandbox import process  # noqa: PLC0415 - part of no --help

        endpoint = process.status(self._folder)
        if endpoint is None:
            raise SandboxError("the sandbox is gone", fix="run the command again")
        click.echo(self._style.bold('$ eval "$(iam-ra sandbox env)"\n'), color=self._color)
        for name, value in process.environment(endpoint, "ap-southeast-2").items():
            if value is None:
                self._environ.pop(name, None)
            else:
                self._environ[name] = value

    def _be_webserver(self) -> None:
        """Do what host/webserver does: its secrets in files, AWS's helper behind an AWS profile."""
        self._title("The same with AWS's own helper, as on host/webserver")
        paths = {"certificate": ".keys/cert", "private_key": ".keys/key"}
        for field, path in paths.items():
            extract = f"""sops decrypt --extract '["{field}"]' secrets/hosts/webserver/iam-ra.yaml"""
            self._shell(f"(umask 077; {extract} > {path})")
        self._shell("sed 's#/run/secrets/iam-ra#.keys#g' exports/aws/webserver.config > .keys/config")
        ask = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
        self._shell(
            f'env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY AWS_CONFIG_FILE=.keys/config python3 -c "{ask}"'
        )
        click.echo()

    def _shell(self, line: str) -> None:
        click.echo(self._style.bold(f"$ {line}"), color=self._color)
        done = subprocess.run(["/bin/sh", "-c", line], cwd=self._folder, env=self._environ, check=False)
        self._check(done.returncode, line)

    @staticmethod
    def _check(returncode: int, shown: str) -> None:
        if returncode:
            raise SandboxError(
                f"`{shown}` ended with exit code {returncode}", why="the tour stops here", fix="see above"
            )

    def _edit(self, change: Callable[[str], str]) -> None:
        file = self._folder / FILE
        before = file.read_text(encoding="utf-8")
        after = change(before)
        if after == before:
            raise InternalError("the tour's edit does not fit the example file")
        file.write_text(after, encoding="utf-8")
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), FILE, FILE, n=1, lineterm="")
        for line in diff_text(list(lines), color=self._color).splitlines():
            click.echo(f"  {line}", color=self._color)
        click.echo()

    def _run(self, *arguments: str, quiet: bool = False) -> None:
        """Run a command of iam-ra and show it; `quiet` leaves out the plan that was shown just before."""
        shown = shlex.join(("iam-ra", *arguments)) + (" >/dev/null" if quiet else "")
        click.echo(self._style.bold(f"$ {shown}"), color=self._color)
        done = subprocess.run(
            [sys.executable, "-m", "iam_ra", *arguments, "--color", "always" if self._color else "never"],
            cwd=self._folder,
            env=self._environ,
            stdout=subprocess.DEVNULL if quiet else None,
            check=False,
        )
        if done.returncode:
            raise SandboxError(
                f"`{shown}` ended with exit code {done.returncode}",
                why="the tour stops here",
                fix="see above",
            )
        click.echo()

    def _title(self, text: str) -> None:
        rule = "─" * max(3, 76 - len(text))
        click.echo(self._style.cyan(f"── {text} {rule}") + "\n", color=self._color)

    def _say(self, text: str) -> None:
        click.echo(f"  {text}", color=self._color)

    def _farewell(self, *, stays: bool) -> None:
        if not stays:
            click.echo("That was all of it. Next: iam-ra demo --keep DIR leaves the folder to play with.")
            return
        names = ("PATH", "XDG_DATA_HOME", "SOPS_AGE_KEY_FILE")
        lines = [f"export {name}={shlex.quote(self._environ[name])}" for name in names]
        lines += ['eval "$(iam-ra sandbox env)"']
        (self._folder / ENVIRONMENT).write_text("\n".join(lines) + "\n", encoding="utf-8")
        click.echo(
            "The folder and the sandbox stay. Go on with:\n\n"
            f"  cd {shlex.quote(str(self._folder))} && . ./{ENVIRONMENT}\n"
            f"  $EDITOR {FILE} && iam-ra plan\n\n"
            "and at last: iam-ra destroy && iam-ra sandbox down"
        )


def _age_key() -> Sequence[str]:
    """Return a new age identity and its recipient. Raises ToolError without the library that makes them."""
    try:
        import pyrage  # noqa: PLC0415 - only the extra `demo` installs it
    except ImportError as error:
        raise ToolError(
            "the tour needs age keys and sops",
            why="its hosts get SOPS files, and pyrage is not installed",
            fix="pip install 'iam-ra[demo]'",
        ) from error
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())
