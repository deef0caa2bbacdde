#!/usr/bin/env bash
# run.sh [PYTEST ARGS]: the proof, beside the engine that engine.sh has started. The stack runs from a
# copy of the checkout, so that no settings or secrets of somebody's own are used or written.
set -euo pipefail

TOP=$(dirname "$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")")
RESULTS=$TOP/.dev/results
copy=/tmp/stack
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
export STACK_LOGS=$TOP/.dev/log

rm -rf "$RESULTS"
mkdir -p "$copy" "$RESULTS" "$STACK_LOGS"
cd "$TOP"
git ls-files -co --exclude-standard -z | while IFS= read -r -d '' file; do
    [[ ! -f $file ]] || printf '%s\0' "$file"
done | xargs -0 cp --parents --preserve=mode,timestamps -t "$copy"

cd "$copy"
status=0
python3 -m pytest -q -x -p no:cacheprovider --durations=8 --junitxml="$RESULTS/containers.xml" \
    tests/containers "$@" || status=$?
python3 scripts/dev/count_tests.py "$RESULTS" "$( ((status == 0)) || echo containers)"
exit "$status"
