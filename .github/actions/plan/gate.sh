#!/usr/bin/env bash
# Fail the job, after everything was shown, for the reason that plan.sh found.
#   CODE  iam-ra's exit code
#   WHY   the reason, empty if there is none
source "$(dirname "${BASH_SOURCE[0]}")/../common/lib.sh"

[[ -n $CODE ]] || fail "the plan step did not come to its end"
if [[ -n $WHY ]]; then
  case $CODE in
    0 | 2) fail "$WHY" ;;
    *) fail "$WHY" "$CODE" ;;
  esac
fi
