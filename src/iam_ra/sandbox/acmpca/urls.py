"""Where the service answers, in both of its protocols."""

from __future__ import annotations

from iam_ra.sandbox.acmpca.responses import PrivateCaResponse

url_bases = [r"https?://acm-pca\.(.+)\.amazonaws\.com"]
url_paths = {"{0}/$": PrivateCaResponse.dispatch, "{0}/service/.*$": PrivateCaResponse.dispatch}
