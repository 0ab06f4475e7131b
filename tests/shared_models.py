"""Imported by the fork servers, so that botocore reads its models once and not in each start: half of what a plan costs.

Whoever names a folder of models in the environment gets a loader of their own.
"""

from __future__ import annotations

import boto3
from botocore import loaders, session

SERVICES = ("sts", "cloudformation", "s3", "iam", "rolesanywhere", "ssm", "secretsmanager", "kms")

_shared = loaders.create_loader()


def _loader(search_path_string: str | None = None) -> loaders.Loader:
    return _shared if search_path_string is None else loaders.create_loader(search_path_string)


session.create_loader = _loader
_session = boto3.Session()
for _service in SERVICES:
    _session.client(_service, region_name="us-east-1")  # type: ignore[call-overload]
