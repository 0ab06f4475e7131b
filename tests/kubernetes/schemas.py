"""Manifests against the schemas of Kubernetes and cert-manager, made so strict that a misspelt field is an error."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema.validators import Draft202012Validator
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource
from ruamel.yaml import YAML

from iam_ra.config.model import IDENTITY_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema.protocols import Validator

VERSIONS = tuple(f"1.{minor}" for minor in range(29, 36))
# Where the definitions of cert-manager's resources are, for a checkout that they do not lie beside.
SHARED = "IAM_RA_SHARED"
_CRDS = {
    "Certificate": "certificates",
    "ClusterIssuer": "clusterissuers",
    "Issuer": "issuers",
    "CertificateRequest": "certificaterequests",
}
