"""One order that respects who must come before whom, the same on every run."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from iam_ra.engine.errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from iam_ra.engine.address import Address


def order(before: Mapping[Address, Iterable[Address]]) -> list[Address]:
    """Return the keys of `before` so that each comes after those it names; equals stand in the order of addresses.

    Names that are no keys are passed over: they are done already. Raises InternalError on a cycle.
    """
    sorter = TopologicalSorter(
        {node: [each for each in needs if each in before] for node, needs in before.items()}
    )
    try:
        sorter.prepare()
    except CycleError as error:
        raise InternalError(f"parts wait for each other: {' -> '.join(map(str, error.args[1]))}") from error
    ordered: list[Address] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered += ready
        sorter.done(*ready)
    return ordered
