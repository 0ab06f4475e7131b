"""Imported by the fork servers after `shared_models`: the models are read before the forks, which saves a plan half its time."""

from __future__ import annotations

import boto3

SERVICES = ("sts", "cloudformation", "s3", "iam", "rolesanywhere", "ssm", "secretsmanager", "kms", "acm-pca")

_session = boto3.Session()
for _service in SERVICES:
    _session.client(_service, region_name="us-east-1")  # type: ignore[call-overload]
