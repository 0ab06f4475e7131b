"""What a sandbox can be told when it starts."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_ACCOUNT = "123456789012"


@dataclass(frozen=True, slots=True)
class Settings:
    """How one sandbox behaves.

    `port` 0 takes a free one. `operation_seconds` is how long CloudFormation takes for one resource; never zero, so
    that a stack is always seen in progress first, as on AWS. `real_limits` holds callers to AWS's rates of calls (see
    `limits`). `iam_delay_seconds` is how long CreateSession goes on seeing a role as it was before a change.
    """

    host: str = "127.0.0.1"
    port: int = 0
    account_id: str = DEFAULT_ACCOUNT
    operation_seconds: float = 0.05
    real_limits: bool = False
    iam_delay_seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.operation_seconds <= 0:
            raise ValueError("operation_seconds must be above zero: AWS never finishes a stack at once")
        if self.iam_delay_seconds < 0:
            raise ValueError("iam_delay_seconds must not be below zero")
