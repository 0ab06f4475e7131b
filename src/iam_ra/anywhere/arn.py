"""Amazon Resource Names, as far as the rules of CreateSession look into them."""

from __future__ import annotations

from dataclasses import dataclass

PARTS = 6


@dataclass(frozen=True, slots=True)
class Arn:
    """`arn:partition:service:region:account:resource`."""

    partition: str
    service: str
    region: str
    account: str
    resource: str


def parse_arn(text: str) -> Arn:
    """Split an ARN; the resource keeps its own colons. Raises ValueError when the text is no ARN."""
    parts = text.split(":", PARTS - 1)
    if len(parts) != PARTS or parts[0] != "arn":
        raise ValueError(f"{text!r} is not an ARN")
    return Arn(*parts[1:])
