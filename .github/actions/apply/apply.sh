#!/usr/bin/env bash
# Apply what was agreed to. How it ended goes to outputs and to the text of the comment; the job fails only in finish.sh.
#   IAM_RA_FILE   the file that is applied
#   PLAN_FILE     a saved plan, or
#   CHECKSUM      that of a plan; `reviewed`: the one that stands on the merged pull request
#   OPTIONS       more options of `iam-ra apply`
#   LOCK_TIMEOUT  how long to wait for another apply
source "$(dirname "${BASH_SOURCE[0]}")/../common/lib.sh"

log="$WORK/apply.txt" files="$WORK/files.txt"
: >"$log"
read -r -a arguments <<<"${OPTIONS:-}"

# The checksum of the plan on the pull request that made this commit; else the reason why there is none.
reviewed() {
  local number found checksum
  number="$(pull_request)" || return 1
  if [[ -z $number ]]; then
    echo "no pull request made the commit $GITHUB_SHA: run this with the checksum of a plan"
    return 4
  fi
  found="$(find_comment "$number" plan)" || return 1
  checksum="$(jq --raw-output 'split("\n") | last | capture("checksum: (?<sum>[0-9a-f]+) -->").sum' <<<"${found#* }")"
  if [[ -z $checksum ]]; then
    echo "pull request #$number shows no plan of $(named_file) that could be applied"
    return 4
  fi
  echo "$checksum"
}

code=0
if [[ -n $CHECKSUM && -n $PLAN_FILE ]]; then
  fail "give \`plan-file\` or \`checksum\`, not both" 64
elif [[ -n $PLAN_FILE ]]; then
  arguments+=("$PLAN_FILE")
elif [[ $CHECKSUM == reviewed ]]; then
  answer="$(reviewed)" || code=$?
  arguments+=(--checksum "$answer")
elif [[ -n $CHECKSUM ]]; then
  arguments+=(--checksum "$CHECKSUM")
fi

# What apply deletes, only the state from before names.
iam-ra state files >"$files" 2>/dev/null || true
if [[ $code -ne 0 ]]; then
  echo "$answer" >"$log"
  shown "$log"
else
  iam-ra apply --color never --lock-timeout "$LOCK_TIMEOUT" "${arguments[@]}" 2>&1 | tee "$log" || code=$?
fi
if ! iam-ra state files >>"$files" 2>/dev/null && [[ $code -eq 0 || $code -eq 3 ]]; then
  note error "the files that apply wrote cannot be listed, so not all of them are committed"
  code=1
fi

body() {
  case $code in
    0) echo "**Applied.**" ;;
    3) echo "**Applied in part.** What is done is recorded; the next run goes on." ;;
    4) echo "**Refused: nothing was changed.**" ;;
    *) echo "**Apply failed** (exit code $code)." ;;
  esac
  printf '\n<details%s><summary>What iam-ra said</summary>\n\n' "$([[ $code -eq 0 ]] || echo ' open')"
  end_of "$log" | verbatim /dev/stdin
  printf '\n</details>\n\n'
  footer apply
}

body >"$WORK/apply-comment.md"
cat "$WORK/apply-comment.md" >>"${GITHUB_STEP_SUMMARY:?}"
output exit-code "$code"
output files "$files"
output comment "$WORK/apply-comment.md"
