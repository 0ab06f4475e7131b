"""Where the service is found. The names of this module's values are moto's."""

from __future__ import annotations

from iam_ra.sandbox.cloudformation.responses import CloudFormationResponse

url_bases = [r"https?://cloudformation\.(.+)\.amazonaws\.com"]
url_paths = {"{0}/$": CloudFormationResponse.dispatch}
