# What the scripts of both actions share. Sourced, never run.
# shellcheck shell=bash

set -euo pipefail

# Where scripts leave what later steps need.
WORK="${RUNNER_TEMP:?}/iam-ra"
mkdir -p "$WORK"

output() { # NAME VALUE
  printf '%s=%s\n' "$1" "$2" >>"${GITHUB_OUTPUT:?}"
}

note() { # LEVEL TEXT: a line that the runner shows above the log (notice, warning, error)
  printf '::%s title=iam-ra::%s\n' "$1" "$2"
}

fail() { # TEXT [EXIT-CODE]
  note error "$1"
  exit "${2:-1}"
}

# Run a command whose output the runner does not obey: it reads the log, and what others wrote (names, comments of files)
# may look like one of its commands.
unheard() { # COMMAND...
  local token code=0
  token="$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')"
  printf '::stop-commands::%s\n' "$token"
  "$@" || code=$?
  printf '\n::%s::\n' "$token"
  return "$code"
}

# One call of GitHub's API; prints the answer. The token goes through a pipe: arguments are public on the machine.
api() { # METHOD PATH [FILE with the JSON to send]
  local arguments=(--request "$1" --header 'Accept: application/vnd.github+json')
  if [[ $# -gt 2 ]]; then
    arguments+=(--header 'Content-Type: application/json' --data-binary "@$3")
  fi
  curl --silent --show-error --fail-with-body --retry 3 --max-time 60 \
    --header @<(printf 'Authorization: Bearer %s\n' "${GITHUB_TOKEN:?}") \
    "${arguments[@]}" "${GITHUB_API_URL:?}$2"
}

# The pull request of this run: the one that is reviewed, or the one whose merge made this commit. Empty if there is none.
pull_request() {
  if [[ -n ${PULL_REQUEST:-} ]]; then
    printf '%s\n' "$PULL_REQUEST"
  else
    api GET "/repos/${GITHUB_REPOSITORY:?}/commits/${GITHUB_SHA:?}/pulls" |
      jq --raw-output --arg sha "$GITHUB_SHA" \
        'sort_by(.merge_commit_sha != $sha) | .[0].number // empty'
  fi
}

# The file that the action is about, as comments name it. A comment in HTML ends at `--`.
named_file() {
  sed -e 's/--*/-/g' -e 's/[<>]//g' <<<"${IAM_RA_FILE:?}"
}

# The last line of a comment: what it is, of which file. It is how the comment is found again.
footer() { # plan|apply [CHECKSUM]
  printf '<!-- iam-ra %s of: %s%s -->\n' "$1" "$(named_file)" "${2:+ checksum: $2}"
}

# The comment of this action on a pull request: `ID BODY`, the body as JSON text; empty if there is none. One that
# somebody else wrote does not count, whatever it says.
find_comment() { # NUMBER plan|apply
  local page=1 found count
  while :; do
    api GET "/repos/$GITHUB_REPOSITORY/issues/$1/comments?per_page=100&page=$page" >"$WORK/comments.json" || return 1
    found="$(jq --raw-output --arg author "${COMMENT_AUTHOR:?}" --arg start "<!-- iam-ra $2 of: $(named_file) " \
      '[.[] | select(.user.login == $author) | select((.body | split("\n") | last) | startswith($start))]
       | first // empty | "\(.id) \(.body | tojson)"' "$WORK/comments.json")"
    count="$(jq length "$WORK/comments.json")"
    if [[ -n $found || $count -lt 100 ]]; then
      break
    fi
    page=$((page + 1))
  done
  printf '%s' "$found"
}
