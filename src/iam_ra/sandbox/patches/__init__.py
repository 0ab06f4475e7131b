"""What moto does otherwise than AWS, put right where iam-ra leans on it. One module a service.

Each module's `install()` replaces methods of moto's classes for the life of the process. It runs when the service is
first called, so that starting the sandbox does not pay for it.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

# Where a request's WSGI environ says when it began to arrive, by time.perf_counter().
ARRIVED = "iam_ra.sandbox.arrived"
MENDED = frozenset({"iam", "kms", "s3", "secretsmanager", "ssm"})


@cache
def apply(service: str) -> None:
    """Mend one of moto's services, by the name of its package; once a process."""
    if service in MENDED:
        import_module(f"iam_ra.sandbox.patches.{service}").install()
