#!/usr/bin/env bash
# Judges the latest version of every model, writes the reports, and tells of what the last night did
# not have. Exits as the check does: with 3 until what got worse is accepted or mended.
#
#   nightly.sh [FOLDER [OPTION ...]]
#
# FOLDER is where the reports go. Options are handed to `costdb check`, such as --policy FILE. The
# database is that of COSTDB_URL or costdb.toml; the plugin costdb-webhook posts to
# COSTDB_WEBHOOK_URL. Every CI sample beside this file calls it.
set -euo pipefail

folder=${1:-costdb-reports}
[ $# -eq 0 ] || shift
mkdir -p "$folder"

exec costdb check --all --notify \
    -o "$folder/report.html" \
    -o "$folder/junit.xml" \
    -o "$folder/results.sarif" \
    -o "$folder/check.json" \
    "$@"
