"""What is left to do by hand after a host was onboarded, ready to paste."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iam_ra.render.style import WIDTH, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_INDENT = "     "


@dataclass(frozen=True, slots=True)
class Onboarded:
    """A host and what apply made for it.

    `certificate` and `private_key` are commands that print each as PEM, no key for a host that keeps its own.
    `certificate_path` and `private_key_path` are where they belong on the host; `config` is its exported AWS config,
    `folders` what apply wrote into, and `file` is iam-ra.yaml, all relative to the folder of the file.
    """

    host: str
    file: str
    folders: Sequence[str]
    config: str
    certificate: Sequence[str]
    certificate_path: str
    private_key: Sequence[str]
    private_key_path: str


def next_steps(new: Onboarded) -> str:
    """Return the steps as text that ends in a newline, in 80 columns as far as names allow."""
    return "".join(f"{line}\n" for line in _lines(new))


def _lines(new: Onboarded) -> Iterator[str]:
    host = new.host
    yield f"Next, for host/{host}:"
    yield ""
    yield f"  1. Keep what was written: `{shlex.join(['git', 'add', new.file, *new.folders])}`"
    yield ""
    yield "  2. On NixOS, nix-darwin or home-manager, with the module of the flake:"
    yield ""
    yield from _block(_nix(host))
    yield ""
    brought = (
        "the certificate, the private key and the AWS config"
        if new.private_key
        else f"the certificate and the AWS config, which expects the private key in {new.private_key_path},"
    )
    yield from wrap(f"Without it, {brought} by SSH:", first=_INDENT, rest=_INDENT)
    yield ""
    yield from _sent(new.certificate, host, "444", new.certificate_path)
    if new.private_key:
        yield from _sent(new.private_key, host, "400", new.private_key_path)
    yield from _block(_command(["scp", new.config, f"{host}:iam-ra.config"]))
    yield ""
    yield "  3. See that it works, here and there:"
    yield ""
    if new.private_key:
        yield from _block(_command(["iam-ra", "verify", host]))
    yield from _block(_command(["ssh", host, "AWS_CONFIG_FILE=iam-ra.config aws sts get-caller-identity"]))


def _nix(host: str) -> Iterator[str]:
    yield "programs.iamRolesAnywhere = {"
    yield "  enable = true;"
    yield '  user = "alice"; # who gets the AWS profiles; not in home-manager'
    yield f"  host = {json.dumps(host)};"
    yield "  fleet = ./.; # the folder of iam-ra.yaml"
    yield "};"


def _sent(command: Sequence[str], host: str, mode: str, path: str) -> Iterator[str]:
    """Yield what pipes the output of a command into a file of the host, so that no disk here sees it."""
    first = list(_command(command))
    install = shlex.join(["sudo", "install", "-D", "-m", mode, "/dev/stdin", path])
    yield from _block([*first[:-1], f"{first[-1]} |"])
    yield from _block(f"  {line}" for line in _command(["ssh", host, install]))


def _command(words: Sequence[str]) -> Iterator[str]:
    """Yield a command line, broken behind a word where it does not fit."""
    room = WIDTH - len(_INDENT) - len("   |")
    line = ""
    for word in map(shlex.quote, words):
        if line and len(line) + 1 + len(word) > room:
            yield f"{line} \\"
            line = f"  {word}"
        else:
            line = f"{line} {word}" if line else word
    yield line


def _block(lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield f"{_INDENT}{line}"
