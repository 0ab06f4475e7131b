#!/usr/bin/env bash
# Fail the job as apply ended, after what it did was committed and told.
#   CODE  iam-ra's exit code
source "$(dirname "${BASH_SOURCE[0]}")/../common/lib.sh"

case ${CODE:-} in
  0) ;;
  "") fail "the apply step did not come to its end" ;;
  3) fail "some parts failed or were skipped; the next apply goes on" 3 ;;
  4) fail "refused: nothing was changed" 4 ;;
  *) fail "apply failed" "$CODE" ;;
esac
