#!/usr/bin/env bash
# Validate and plan. What comes of it goes to files and outputs; the job fails only in gate.sh, after it was shown.
#   IAM_RA_FILE      the file that is planned
#   OPTIONS          more options of `iam-ra plan`
#   MAX_DELETIONS    how many parts may be deleted or replaced; empty: any number
#   MAX_CHANGES      how many parts may change at all; empty: any number
#   FAIL_ON_CHANGES  `true`: changes fail the job, too, as when only looking for drift
source "$(dirname "${BASH_SOURCE[0]}")/../common/lib.sh"

for limit in MAX_DELETIONS MAX_CHANGES; do
  [[ ${!limit} =~ ^[0-9]*$ ]] || fail "$limit is no whole number: ${!limit}" 64
done
read -r -a more <<<"${OPTIONS:-}"
folder="$WORK/plan"
rm -rf "$folder"
mkdir "$folder"

look() {
  # What is wrong with the file, plan says as well, and in Markdown.
  iam-ra validate --color never 2>/dev/null || true
  iam-ra plan --detailed-exitcode --color never -o "$folder/plan.iamra" \
    --out markdown="$folder/plan.md" --out json="$folder/plan.json" --out html="$folder/plan.html" \
    "${more[@]}"
}

code=0
look >"$folder/plan.txt" 2>"$folder/errors.txt" || code=$?
unheard cat "$folder/plan.txt" "$folder/errors.txt"

count() { # FIELD...: the sum of these counts
  jq --arg fields "$*" '[.summary[$fields | split(" ")[]]] | add' "$folder/plan.json"
}

# Why the job is to fail, in a sentence; empty if it is not.
verdict() {
  local changed deleted
  case $code in
    0 | 2) ;;
    4) echo "iam-ra refuses this plan (exit code 4)." && return ;;
    *) echo "There is no plan (exit code $code)." && return ;;
  esac
  deleted="$(count delete replace)"
  changed="$(count create update delete replace)"
  if [[ -n $MAX_DELETIONS && $deleted -gt $MAX_DELETIONS ]]; then
    echo "$deleted parts would be deleted or replaced, and this workflow allows $MAX_DELETIONS."
  elif [[ -n $MAX_CHANGES && $changed -gt $MAX_CHANGES ]]; then
    echo "$changed parts would change, and this workflow allows $MAX_CHANGES."
  elif [[ $FAIL_ON_CHANGES == true && $code -eq 2 ]]; then
    echo "There are changes, and this workflow expects none."
  fi
}

# The text of the comment: what iam-ra wrote, with what fails the job behind its first line.
body() {
  if [[ -s $folder/plan.md ]]; then
    head -n 1 "$folder/plan.md"
  fi
  if [[ -n $why ]]; then
    printf '**Not to be merged.** %s\n\n' "$why"
  fi
  if [[ -s $folder/plan.md ]]; then
    tail -n +2 "$folder/plan.md"
  fi
  printf '\n'
  # What may not be merged is not applied for having been shown.
  if [[ -n $why ]]; then
    footer plan
  else
    footer plan "$checksum"
  fi
}

checksum=""
# Without a plan, the file holds the error.
if jq --exit-status .summary "$folder/plan.json" >/dev/null 2>&1; then
  checksum="$(jq --raw-output '.checksum // empty' "$folder/plan.json")"
  for field in create update replace delete; do
    output "$field" "$(count "$field")"
  done
fi
why="$(verdict)"
body >"$WORK/plan-comment.md"
cat "$WORK/plan-comment.md" >>"${GITHUB_STEP_SUMMARY:?}"
output exit-code "$code"
output changes "$(jq --null-input "$code == 2")"
output checksum "$checksum"
output folder "$folder"
if [[ -s $folder/plan.iamra ]]; then
  output plan-file "$folder/plan.iamra"
fi
output why "$why"
output comment "$WORK/plan-comment.md"
