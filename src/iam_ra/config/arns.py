"""Regions, partitions and the ARNs of policies.

Sources: botocore's endpoint data (regions and partitions), AWS IAM User Guide, "IAM identifiers" (ARNs, names).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches

# Not the last word on regions, only on what a typo meant: AWS adds some every year.
_REGION_NAMES = (
    "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 "
    "ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 "
    "ca-central-1 ca-west-1 cn-north-1 cn-northwest-1 eu-central-1 eu-central-2 eu-isoe-west-1 eu-north-1 "
    "eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 eusc-de-east-1 il-central-1 me-central-1 me-south-1 "
    "mx-central-1 sa-east-1 us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-iso-east-1 us-iso-west-1 "
    "us-isob-east-1 us-isob-west-1 us-isof-east-1 us-isof-south-1 us-west-1 us-west-2"
)
REGIONS = frozenset(_REGION_NAMES.split())
REGION_PATTERN = r"^[a-z]{2,4}(-[a-z]{2,4})?-(central|north|south|east|west|northeast|northwest|southeast|southwest)-[1-9][0-9]?$"
PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc")
POLICY_ARN_PATTERN = rf"^arn:({'|'.join(PARTITIONS)}):iam::([0-9]{{12}}|aws):policy/[!-~]+$"

_PREFIXES = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}
_ARN_PARTS = 6
_POLICY = re.compile(r"policy/([!-.0-~]{1,510}/)*[A-Za-z0-9_+=,.@-]{1,128}")
_ACCOUNT = re.compile(r"[0-9]{12}|aws")


@dataclass(frozen=True, slots=True)
class PolicyArn:
    """The parts of a policy's ARN that others must fit; `account` is `aws` for a policy that AWS manages."""

    partition: str
    account: str


def parse_policy_arn(text: str) -> PolicyArn:
    """Return the parts of an IAM policy's ARN. Raises ValueError, naming the part that is wrong."""
    parts = text.split(":", _ARN_PARTS - 1)
    if parts[0] != "arn" or len(parts) < _ARN_PARTS:
        raise ValueError("it must have six parts, arn:PARTITION:iam::ACCOUNT:policy/NAME")
    _, partition, service, region, account, resource = parts
    if partition not in PARTITIONS:
        raise ValueError(f"`{partition}` is no partition of AWS ({', '.join(PARTITIONS)})")
    if service != "iam":
        raise ValueError(f"its service is `{service}`, not `iam`")
    if region:
        raise ValueError(f"IAM is global: nothing stands where it has the region `{region}`")
    if not _ACCOUNT.fullmatch(account):
        raise ValueError(f"its account `{account}` is neither 12 digits nor `aws`")
    if not resource.startswith("policy/"):
        raise ValueError(f"`{resource}` is no policy (policy/NAME)")
    if not _POLICY.fullmatch(resource):
        raise ValueError(
            f"`{resource.removeprefix('policy/')}` is no name of a policy: letters, digits and _+=,.@- only"
        )
    return PolicyArn(partition, account)


def partition_of(region: str) -> str:
    """Return the partition that a region is in: `aws-cn` for `cn-north-1`."""
    return next((name for prefix, name in _PREFIXES.items() if region.startswith(prefix)), "aws")


def nearest_region(text: str) -> str:
    """Return the known region that `text` most likely means, or an empty text."""
    tidy = re.sub(r"(?<=[a-z])(?=[0-9])", "-", text.lower().replace("_", "-").strip())
    # Among equally near ones the first of the list, so that us-est-1 means us-east-1.
    near = get_close_matches(tidy, REGIONS, n=5, cutoff=0.7)
    return max(sorted(near), key=lambda each: SequenceMatcher(None, each, tidy).ratio(), default="")
