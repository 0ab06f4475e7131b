"""Where the service answers; the operations' own routes stand in the botocore model, but for that of sessions."""

from __future__ import annotations

from iam_ra.sandbox.rolesanywhere.responses import RolesAnywhereResponse
from iam_ra.sandbox.rolesanywhere.sessions import create_session

url_bases = [r"https?://rolesanywhere\.(.+)\.amazonaws\.com"]
url_paths = {"{0}/sessions$": create_session, "{0}/.*$": RolesAnywhereResponse.dispatch}
