"""The history: one object an apply, so that one can see later who changed what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from iam_ra.aws.naming import Names
    from iam_ra.aws.s3 import Bucket

FORMAT = "1.0"


def write(bucket: Bucket, names: Names, now: datetime, run_id: str, record: Mapping[str, Any]) -> None:
    """Write an apply's record under its time (by AWS's clock) and its id."""
    name = f"{now:%Y%m%dT%H%M%SZ}-{run_id}"
    bucket.put(
        names.history_key(name), json.dumps({"format_version": FORMAT, **record}, indent=1).encode() + b"\n"
    )
