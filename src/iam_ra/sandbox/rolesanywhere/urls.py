"""Where the service answers; the operations' own routes stand in the botocore model."""

from __future__ import annotations

from iam_ra.sandbox.rolesanywhere.responses import RolesAnywhereResponse

url_bases = [r"https?://rolesanywhere\.(.+)\.amazonaws\.com"]
url_paths = {"{0}/.*$": RolesAnywhereResponse.dispatch}
