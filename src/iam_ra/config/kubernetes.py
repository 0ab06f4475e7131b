"""The types of values that reach Kubernetes: names as RFC 1123 has them, images, ports, the lives of certificates.

Sources: Kubernetes documentation, "Object Names and IDs"; cert-manager v1.21, internal/apis/certmanager/validation
(a Certificate's duration is at least 1h, its renewBefore at least 5m); distribution/reference, the grammar of images.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from iam_ra.config import durations, fields, model
from iam_ra.config.diagnostics import Check
from iam_ra.config.fields import Distinct, Filled, Text, form_of, matching, one_or_many, refuse

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
LABEL_PATTERN = f"^{LABEL}$"
WORKLOAD_PATTERN = f"^{LABEL}/{LABEL}$"
# Names of Deployments and their like; a Pod's host name is cut to 63 of them.
SUBDOMAIN_PATTERN = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"
_LOWEST_PORT = 1024
HIGHEST_PORT = 65_535
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?"
_STEP = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_STEP}(?:/{_STEP})*)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?(?P<digest>@sha256:[0-9a-f]{{64}})?"
)
_ONE_ARCHITECTURE = re.compile(r"(^|-)(amd64|arm64)(-|$)")
_EXAMPLE = "public.ecr.aws/rolesanywhere/credential-helper:1.8.1-2026.04.09.16.01"


def is_pinned(image: str) -> bool:
    """Tell whether an image is named by its digest."""
    return "@sha256:" in image


def _image(value: str) -> str:
    found = _IMAGE.fullmatch(value)
    tag = found["tag"] if found else None
    one = _ONE_ARCHITECTURE.search(tag or "")
    problem, why = (
        ("is not the name of an image", "It is a registry, a path, and a tag or a digest.")
        if found is None
        else ("has neither a tag nor a digest", "Without them it means `latest`: any version, another one each day.")
        if tag is None and not found["digest"]
        else ("is any version", "`latest` is another one each day.")
        if tag == "latest"
        else (f"is of one architecture, {one[2]}", "It fails on nodes of another one, and so does its digest.")
        if one
        else ("", "")
    )  # fmt: skip
    if problem:
        refuse(
            Check.IMAGE,
            f"`{value}` {problem}",
            why=why,
            fix=f"Name a version for all architectures, such as {_EXAMPLE}, best with the digest of its manifest list.",
        )
    return value


Label = Annotated[
    Text,
    matching(
        LABEL_PATTERN,
        Check.NAME,
        "is no name for Kubernetes",
        why="It takes up to 63 of a-z, 0-9 and `-`, with a letter or digit at both ends (RFC 1123).",
        fix="Write small letters, digits and inner `-` only.",
    ),
    form_of(LABEL_PATTERN),
]
Subdomain = Annotated[
    Text,
    matching(
        SUBDOMAIN_PATTERN,
        Check.NAME,
        "is no name for Kubernetes",
        why="It takes up to 253 of a-z, 0-9, `-` and `.`, with a letter or digit at both ends (RFC 1123).",
        fix="Write the name as `kubectl get` shows it.",
    ),
    form_of(SUBDOMAIN_PATTERN),
]
# Keys of clusters and workloads are judged by the checks, together with what they must fit.
ClusterName = Annotated[Text, form_of(LABEL_PATTERN)]
WorkloadKey = Annotated[Text, form_of(WORKLOAD_PATTERN)]
Labels = Annotated[
    list[Label],
    BeforeValidator(one_or_many),
    Filled,
    Distinct,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": LABEL_PATTERN},
                {
                    "type": "array",
                    "minItems": 1,
                    "uniqueItems": True,
                    "items": {"type": "string", "pattern": LABEL_PATTERN},
                },
            ]
        }
    ),
]
Image = Annotated[Text, AfterValidator(_image), WithJsonSchema({"type": "string", "minLength": 1})]
_Word = BeforeValidator(lambda value: str(value) if isinstance(value, str) else value)
ClusterDelivery = Annotated[model.ClusterDelivery, _Word]
IssuerKind = Annotated[model.IssuerKind, _Word]
SidecarStyle = Annotated[model.SidecarStyle, _Word]
WorkloadDelivery = Annotated[model.WorkloadDelivery, _Word]
WorkloadKind = Annotated[model.WorkloadKind, _Word]
Folder = Annotated[
    Text,
    AfterValidator(fields.relative_path(())),
    AfterValidator(fields.unclaimed),
    form_of(fields.FILE_PATTERN),
]
CertificatePath = Annotated[
    Text,
    AfterValidator(fields.relative_path((".pem", ".crt"))),
    AfterValidator(fields.unclaimed),
    form_of(fields.FILE_PATTERN),
]
Duration = Annotated[
    timedelta,
    fields.duration_from("1h", "50y", "cert-manager issues no certificate for less than an hour.", "h"),
    form_of(durations.PATTERN),
]
RenewBefore = Annotated[
    timedelta,
    fields.duration_from("5m", "50y", "cert-manager renews no later than 5 minutes before the end.", "h"),
    form_of(durations.PATTERN),
]
if TYPE_CHECKING:
    Port = int
else:
    Port = fields.count_of("a TCP port that needs no privileges", _LOWEST_PORT, HIGHEST_PORT)
