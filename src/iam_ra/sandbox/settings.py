"""What a sandbox can be told when it starts."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_ACCOUNT = "123456789012"


@dataclass(frozen=True, slots=True)
class Settings:
    """How one sandbox behaves.

    `port` 0 takes a free one. `operation_seconds` is how long CloudFormation takes for one resource; never zero, so
    that a stack is always seen in progress first, as on AWS.
    """

    host: str = "127.0.0.1"
    port: int = 0
    account_id: str = DEFAULT_ACCOUNT
    operation_seconds: float = 0.05

    def __post_init__(self) -> None:
        if self.operation_seconds <= 0:
            raise ValueError("operation_seconds must be above zero: AWS never finishes a stack at once")
