#!/usr/bin/env bash
# Renew what is due, and nothing else; commit and push what that wrote. For a checkout that nobody works in:
#
#   17 4 * * *  /srv/iam-ra/renew.sh /srv/fleet
#
# Beside it lies commit.sh, a copy of .github/actions/common/commit.sh of iam-ra's repository. Its exit code is that of
# `iam-ra apply`, or 1 if the commit failed: anything but 0 is for somebody to look at.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$1"
branch="$(git symbolic-ref --short HEAD)"
written="$(mktemp)"
trap 'rm -f "$written"' EXIT

git pull --quiet --ff-only
iam-ra state files >"$written"
code=0
iam-ra apply --only renewals --yes --lock-timeout 10m --color never || code=$?
iam-ra state files >>"$written"
"$here/commit.sh" "$written" "$branch" "Renew certificates"
exit "$code"
