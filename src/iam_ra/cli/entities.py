"""The parameters that name something of the file; shells complete them from the nearest one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from iam_ra.cli.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterator


class Entity(click.types.StringParamType):
    """The name or the address of an entity of one of these kinds; `is_address` takes addresses alone.

    So does the kind `prefixed`, whose names could be taken for others'. The name is not looked up: what a command does not know, it says itself.
    """

    def __init__(self, *kinds: str, is_address: bool = False, prefixed: str = "") -> None:
        self.kinds = kinds
        self.is_address = is_address
        self.prefixed = prefixed

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Return what may stand here; nothing where there is no file, or none that can be read."""
        try:
            found = list(self._words(ctx.find_object(Options) or Options(), incomplete))
        except Exception:  # noqa: BLE001 - somebody is typing, and nothing that a file holds may disturb that
            return []
        return [CompletionItem(word) for word in found if word.startswith(incomplete)]

    def _words(self, options: Options, incomplete: str) -> Iterator[str]:
        from iam_ra.config.finding import find, read  # noqa: PLC0415 - ruamel.yaml is part of no --help
        from iam_ra.config.names import names  # noqa: PLC0415

        known = names(read(find(options.file, os.environ, Path.cwd())))
        for kind in self.kinds:
            with_kind = self.is_address or kind == self.prefixed or incomplete.startswith(f"{kind}/")
            yield from (f"{kind}/{name}" if with_kind else name for name in known[kind])
        if self.kinds == _ALL and known["ca"]:
            yield "init"


_ALL = ("ca", "role", "host", "cluster", "workload")
AUTHORITY = Entity("ca")
ROLE = Entity("role")
HOST = Entity("host")
TAKER = Entity("host", "workload", prefixed="workload")
CLUSTER = Entity("cluster")
WORKLOAD = Entity("workload")
ADDRESS = Entity(*_ALL, is_address=True)
RENEWABLE = Entity("host", "ca", "cluster", is_address=True)
