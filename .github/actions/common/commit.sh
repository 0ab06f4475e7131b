#!/usr/bin/env bash
# Commit the files that iam-ra wrote, and no others, and push the commit. It stands alone: any pipeline may use a copy.
#
#   commit.sh FILES BRANCH MESSAGE [--force]
#
# FILES lists paths from the working folder, one a line, as `iam-ra state files` does; those that are gone are committed
# as deleted. Where BRANCH moved meanwhile, the commit is put on top of it. With --force, BRANCH is this commit's own, and
# what stood there is replaced. Nothing to commit is no error.
set -euo pipefail

list="$1" branch="$2" message="$3" force="${4:-}"
# Paths are names here, never patterns.
export GIT_LITERAL_PATHSPECS=1

paths=()
while IFS= read -r path; do
  if GIT_LITERAL_PATHSPECS=0 git check-ignore --quiet -- "$path"; then
    echo "git ignores $path, so it is not committed" >&2
  elif [[ -e $path ]]; then
    if grep --quiet --text -e 'PRIVATE KEY-----' -- "$path"; then
      echo "$path holds a private key in clear: nothing is committed" >&2
      exit 1
    fi
    paths+=("$path")
  elif git ls-files --error-unmatch -- "$path" >/dev/null 2>&1; then
    paths+=("$path")
  fi
done < <(sort -u "$list")

if [[ ${#paths[@]} -gt 0 ]]; then
  printf '%s\0' "${paths[@]}" | git add --all --pathspec-from-file=- --pathspec-file-nul
fi
if [[ ${#paths[@]} -eq 0 ]] || git diff --cached --quiet -- "${paths[@]}"; then
  echo "Nothing to commit."
  exit 0
fi
printf '%s\0' "${paths[@]}" |
  git commit --quiet --only --message "$message" --pathspec-from-file=- --pathspec-file-nul
git show --stat --format='Committed %h: %s' HEAD

if [[ $force == --force ]]; then
  git push --quiet --force origin "HEAD:refs/heads/$branch"
  exit 0
fi
for attempt in 1 2 3 4 5; do
  if git push --quiet origin "HEAD:refs/heads/$branch"; then
    exit 0
  fi
  echo "$branch moved, or cannot be pushed to (attempt $attempt)" >&2
  git fetch --quiet origin "$branch"
  if ! git rebase --quiet FETCH_HEAD; then
    git rebase --abort
    echo "somebody else changed the same files on $branch" >&2
    break
  fi
done
echo "not pushed. Nothing is lost: the bucket has a copy of each file, and the next apply writes what is missing" >&2
exit 1
