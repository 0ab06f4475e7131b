#!/usr/bin/env bash
# Apply what was agreed to. How it ended goes to outputs and to the text of the comment; the job fails only in finish.sh.
#   IAM_RA_FILE   the file that is applied
#   PLAN_FILE     a saved plan, or
#   CHECKSUM      that of a plan; `reviewed`: the one that stands on the merged pull request
#   OPTIONS       more options of `iam-ra apply`
#   LOCK_TIMEOUT  how long to wait for another apply
source "$(dirname "${BASH_SOURCE[0]}")/../common/lib.sh"

# What GitHub takes as a comment is 65,536 characters.
readonly ROOM=65000
told="$WORK/apply.md" now="$WORK/now.md" files="$WORK/files.txt"
rm -f "$told" "$now"
read -r -a more <<<"${OPTIONS:-}"

# The checksum of the plan on the pull request that made this commit; else the reason why there is none.
reviewed() {
  local number found checksum
  if ! number="$(pull_request)"; then
    echo "GitHub does not say which pull request made the commit $GITHUB_SHA."
    return 1
  fi
  if [[ -z $number ]]; then
    echo "No pull request made the commit $GITHUB_SHA: run this with the checksum of a plan."
    return 4
  fi
  if ! found="$(find_comment "$number" plan)"; then
    echo "GitHub does not show the comments on pull request #$number."
    return 1
  fi
  checksum="$(jq --raw-output 'split("\n") | last | capture("checksum: (?<sum>[0-9a-f]+) -->").sum' <<<"${found#* }")"
  if [[ -z $checksum ]]; then
    echo "Pull request #$number shows no plan of $(named_file) that may be applied."
    return 4
  fi
  echo "$checksum"
}

code=0
agreed=()
if [[ -n $CHECKSUM && -n $PLAN_FILE ]]; then
  fail "give \`plan-file\` or \`checksum\`, not both" 64
elif [[ -n $PLAN_FILE ]]; then
  agreed=("$PLAN_FILE")
elif [[ $CHECKSUM == reviewed ]]; then
  answer="$(reviewed)" || code=$?
  agreed=(--checksum "$answer")
elif [[ -n $CHECKSUM ]]; then
  agreed=(--checksum "$CHECKSUM")
fi

# What apply deletes, only the state from before names.
iam-ra state files >"$files" 2>/dev/null || true
if [[ $code -ne 0 ]]; then
  echo "$answer" | tee "$told"
else
  unheard iam-ra apply --color never --lock-timeout "$LOCK_TIMEOUT" --out markdown="$told" \
    "${more[@]}" "${agreed[@]}" || code=$?
fi
if ! iam-ra state files >>"$files" 2>/dev/null && [[ $code -eq 0 || $code -eq 3 ]]; then
  note error "the files that apply wrote cannot be listed, so not all of them are committed"
  code=1
fi
# Whoever was refused wants to see what would be made now, and its checksum.
if [[ $code -eq 4 ]]; then
  iam-ra plan --color never --out markdown="$now" "${more[@]}" >/dev/null 2>&1 || true
fi

body() {
  if [[ -s $told ]]; then
    cat "$told"
  else
    echo "**Apply ended with $code.** The log says why."
  fi
  if [[ -s $now && $(cat "$told" "$now" | wc -m) -lt $ROOM ]]; then
    printf '\n'
    tail -n +2 "$now"
  fi
  printf '\n'
  footer apply
}

body >"$WORK/apply-comment.md"
cat "$WORK/apply-comment.md" >>"${GITHUB_STEP_SUMMARY:?}"
output exit-code "$code"
output files "$files"
output comment "$WORK/apply-comment.md"
