#!/usr/bin/env bash
# Keeps one comment on a pull request up to date: the one with the same last line, or a new one.
#
#   comment.sh FILE
#
# FILE is what `costdb check -o comment.md` wrote. Needs gh, and GH_TOKEN, REPOSITORY (owner/name)
# and NUMBER in the environment.
set -euo pipefail

file=$1
marker=$(tail -n 1 "$file")
export marker

# Anyone can write the marker into a comment; only the workflow's own is changed.
own='.[] | select(.user.login == "github-actions[bot]") | select(.body | contains(env.marker)) | .id'
comments=repos/$REPOSITORY/issues/$NUMBER/comments
known=$(gh api --paginate "$comments" --jq "$own" | sed -n 1p)

if [ -n "$known" ]; then
    gh api --method PATCH "repos/$REPOSITORY/issues/comments/$known" -F "body=@$file" >/dev/null
else
    gh api --method POST "$comments" -F "body=@$file" >/dev/null
fi
