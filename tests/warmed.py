"""Imported by the fork server of iam-ra: what each start would read and compile anew, more than half of its time."""

from __future__ import annotations

import boto3

from iam_ra.files import templating
from iam_ra.shipped import names

SERVICES = ("sts", "cloudformation", "s3", "iam", "rolesanywhere", "ssm", "secretsmanager", "kms", "acm-pca")

_session = boto3.Session()
for _service in SERVICES:
    _client = _session.client(_service, region_name="us-east-1")  # type: ignore[call-overload]
    # What has pages is read when it is first asked for.
    _client.can_paginate(next(iter(_client.meta.method_to_api_mapping)))
for _name in names():
    if _name.startswith("cloudformation/"):
        templating._compiled(_name)
