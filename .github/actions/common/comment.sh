#!/usr/bin/env bash
# Put a text on the pull request: into the comment that is there from before, else into a new one.
#   KIND  plan or apply
#   BODY  the file with the text; its last line is the footer that finds it again
# A comment is a courtesy: whatever goes wrong here is a warning, and the plan stands in the job's summary all the same.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

comment() {
  local number found
  number="$(pull_request)"
  if [[ -z $number ]]; then
    note notice "no pull request belongs to this commit, so there is nothing to comment on"
    return
  fi
  jq --null-input --rawfile body "$BODY" '{body: $body | rtrimstr("\n")}' >"$WORK/comment.json"
  found="$(find_comment "$number" "$KIND")"
  if [[ -n $found ]]; then
    api PATCH "/repos/$GITHUB_REPOSITORY/issues/comments/${found%% *}" "$WORK/comment.json"
  else
    api POST "/repos/$GITHUB_REPOSITORY/issues/$number/comments" "$WORK/comment.json"
  fi >"$WORK/comment.answer"
}

[[ -s $BODY ]] || exit 0
# `set -e` does not count inside of what is tried, so this is a process of its own.
comment &
wait $! ||
  note warning "the comment could not be written: the job needs \`permissions: pull-requests: write\`, which a fork's never has"
