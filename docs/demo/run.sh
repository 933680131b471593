#!/usr/bin/env bash
# Ingest real models into a database of their own, show the history, catch a regression, and say how
# to open the pages. Needs costdb with the extra `server`, its plugins and python on the PATH; `make
# demo` sees to that.
set -euo pipefail

output=${1:-demo-output}
here=$(dirname "$0")
mkdir -p "$output"
rm -f "$output"/costs.db*
export COSTDB_URL="$output/costs.db"

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

python "$here/build_models.py" "$output/models" 2>"$output/build.log"
zoo=$(python -c 'import importlib.util as u; print(u.find_spec("onnx").submodule_search_locations[0])')
zoo=$zoo/backend/test/data/light

run costdb ingest "$output/models/detector-v1.pb" --model detector --tag v1
run costdb ingest "$output/models/detector-v2.pb" --model detector --tag v2
run costdb ingest "$output/models/detector-v3.pb" --model detector --tag v3
run costdb ingest "$output/models/resnet50.pb" --tag keras
for name in bvlc_alexnet densenet121 resnet50 shufflenet squeezenet vgg19 zfnet512; do
    run costdb ingest "$zoo/light_$name.onnx" --model "$name-onnx" --tag v1
done
run costdb ingest "$zoo/light_inception_v1.onnx" --model inception --tag v1
run costdb ingest "$zoo/light_inception_v2.onnx" --model inception --tag v2

run costdb models
run costdb show resnet50@keras --by op --top 8
run costdb history detector
run costdb history inception

# A check that finds a regression exits with 3; anything else here is a failure of the demo.
status=0
run costdb check detector || status=$?
if [ "$status" -ne 3 ]; then
    echo "the check should have found the regression of detector@v3 (exit code 3, not $status)" >&2
    exit 1
fi
printf '\nThe check exited with 3: detector@v3 costs more than the policy allows.\n'
printf 'The database stays in %s.\n' "$COSTDB_URL"
printf '\nTo see it in a browser, run\n\n    %s serve --db %s\n\n' \
    "$(command -v costdb)" "$(realpath "$COSTDB_URL")"
printf 'and open http://127.0.0.1:8765; Ctrl-C ends it.\n'
