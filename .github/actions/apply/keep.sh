#!/usr/bin/env bash
# Bring what apply wrote into the repository, also after a part of it failed.
#   IAM_RA_FILE  the file that was applied; the files lie in its folder
#   FILES        the list of what iam-ra wrote
#   COMMIT       push, pull-request or false
#   MESSAGE      of the commit
#   BASE         the branch that was applied
#   BRANCH       the branch of the pull request
source "$(dirname "${BASH_SOURCE[0]}")/../common/lib.sh"

commit_sh="$(cd "$(dirname "${BASH_SOURCE[0]}")/../common" && pwd)/commit.sh"
export GIT_AUTHOR_NAME="$AUTHOR_NAME" GIT_COMMITTER_NAME="$AUTHOR_NAME"
export GIT_AUTHOR_EMAIL="$AUTHOR_EMAIL" GIT_COMMITTER_EMAIL="$AUTHOR_EMAIL"

open_pull_request() {
  jq --null-input --arg title "$MESSAGE" --arg head "$BRANCH" --arg base "$BASE" \
    '{$title, $head, $base, body: "Written by `iam-ra apply`. Secrets in it are encrypted."}' >"$WORK/pull.json"
  local open
  open="$(api GET "/repos/${GITHUB_REPOSITORY:?}/pulls?state=open&head=${GITHUB_REPOSITORY%%/*}:$BRANCH&base=$BASE" |
    jq --raw-output '.[0].number // empty')"
  if [[ -z $open ]]; then
    open="$(api POST "/repos/$GITHUB_REPOSITORY/pulls" "$WORK/pull.json" | jq --raw-output .number)"
  fi
  output pull-request "$open"
}

before="$(git rev-parse HEAD)"
cd "$(dirname "$IAM_RA_FILE")"
case $COMMIT in
  false) exit 0 ;;
  push) unheard "$commit_sh" "$FILES" "$BASE" "$MESSAGE" ;;
  pull-request) unheard "$commit_sh" "$FILES" "$BRANCH" "$MESSAGE" --force ;;
  *) fail "\`commit\` is push, pull-request or false, not $COMMIT" 64 ;;
esac
if [[ $(git rev-parse HEAD) != "$before" ]]; then
  output commit "$(git rev-parse HEAD)"
  if [[ $COMMIT == pull-request ]]; then
    open_pull_request
  fi
fi
