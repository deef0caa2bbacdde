# shellcheck shell=bash
# What the commands of ./dev do, once on Debian 13. Sourced by ./dev.
set -euo pipefail

RESULTS=$TOP/.dev/results # junit and vitest reports of one ./dev test

set_environment() {
    export CCACHE_DIR=$CACHE/ccache CCACHE_BASEDIR=$TOP CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=5G
    export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    export npm_config_cache=$CACHE/npm npm_config_update_notifier=false
    S3_PYTHON_HOME=$CACHE/s3-server/$(sha256sum <"$TOP/tests/servers/s3_requirements.txt" | cut -c1-16)
    export FACET_TEST_S3_PYTHON=$S3_PYTHON_HOME/bin/python
    MONITORS_PYTHON=$CACHE/monitors/$(sha256sum <"$TOP/tests/conformance/pypi_requirements.txt" | cut -c1-16)/bin/python
    if [[ -n ${FACET_DEV_ROOT-} ]]; then # the checkout may belong to someone else than root
        export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
    fi
}

cmd_shell() {
    if (($# == 0)); then
        exec bash
    fi
    exec "$@"
}

cmd_build() {
    build_web
    build_cpp "${1:-release}"
}

cmd_up() {
    local facet=$TOP/.dev/build/release/bin/facet
    cd "$TOP"
    build_web
    build_cpp release facet
    "$facet" models ensure
    if [[ -f web/dist/index.html ]]; then
        export FACET_SERVER__WEB_ROOT=${FACET_SERVER__WEB_ROOT:-$TOP/web/dist}
    fi
    exec "$facet" serve --data ./data "$@"
}

cmd_bench() {
    cd "$TOP"
    build_cpp release
    exec python3 bench/run.py "$@"
}

# build_cpp PRESET [TARGET]: configures when the presets or the set of CMake files changed; what is
# in those files, ninja itself watches.
build_cpp() {
    local preset=$1 tree=$TOP/.dev/build/$1 inputs lock
    mkdir -p "$tree"
    exec {lock}>"$tree/.lock"
    flock "$lock"
    [[ -f $TOP/CMakePresets.json ]] || die "no CMakePresets.json"
    cd "$TOP"
    inputs=$(find . \( -name '.?*' -o -name node_modules \) -prune -o -name CMakeLists.txt -print |
        LC_ALL=C sort | cat - CMakePresets.json | sha256sum)
    if [[ ! -f $tree/build.ninja || $(cat "$tree/.configured" 2>/dev/null) != "$inputs" ]]; then
        quietly "configure-$preset" cmake --preset "$preset"
        echo "$inputs" >"$tree/.configured"
    fi
    progress "build-$preset" cmake --build --preset "$preset" ${2:+--target "$2"}
    exec {lock}>&-
}

# progress NAME CMD...: like quietly, but on a terminal the output is shown.
progress() {
    if [[ -t 2 && -z ${CI-} ]]; then
        shift
        "$@" >&2
    else
        quietly "$@"
    fi
}

content_hash() { # of all files that the build of the web assets reads
    find "$TOP/web" \( -name node_modules -o -name dist -o -name test-results \) -prune -o -type f -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

install_web() {
    local lock stamp=$TOP/web/node_modules/.facet-stamp
    lock=$(sha256sum <"$TOP/web/package-lock.json")
    if [[ $(cat "$stamp" 2>/dev/null) != "$lock" ]]; then
        (cd "$TOP/web" && quietly npm-ci npm ci --ignore-scripts --no-audit --no-fund)
        echo "$lock" >"$stamp"
    fi
}

build_web() {
    local hash stamp=$TOP/.dev/web.stamp
    if [[ ! -f $TOP/web/package-lock.json ]]; then
        say "no web/ yet, skipped"
        return 0
    fi
    hash=$(content_hash)
    if [[ ! -f $TOP/web/dist/index.html || $(cat "$stamp" 2>/dev/null) != "$hash" ]]; then
        install_web
        (cd "$TOP/web" && quietly web-build npm run build)
        content_hash >"$stamp"
    fi
}

# --- ./dev test -----------------------------------------------------------------------------------

STAGES=(style web unit functional conformance conformance-pypi tidy asan tsan fuzz chaos)
# What runs when none is named.
DEFAULT_STAGES=(style web unit functional conformance conformance-pypi tidy asan tsan fuzz)

cmd_test() {
    local stage began status=0
    (($#)) || set -- "${DEFAULT_STAGES[@]}"
    for stage in "$@"; do
        [[ " ${STAGES[*]} " == *" $stage "* ]] || die "no stage '$stage'; there are: ${STAGES[*]}"
    done
    cd "$TOP"
    rm -rf "$RESULTS"
    mkdir -p "$RESULTS"
    for stage in "$@"; do
        [[ $stage != functional ]] || build_behind "$@"
        say "$stage"
        began=$SECONDS
        "$TOP/dev" _stage "$stage" || status=$? # a process of its own, so that set -e holds in it
        say "$stage: $( ((status == 0)) && echo ok || echo FAILED), $((SECONDS - began)) s"
        ((status == 0)) || break
    done
    python3 scripts/dev/count_tests.py "$RESULTS" "$( ((status == 0)) || echo "$stage")"
    return "$status"
}

# build_behind STAGES: what later stages compile and lint is made already, with the processor time that
# servers and browsers of the functional tests leave. When it fails, those stages fail and tell.
build_behind() {
    set -m # a process group of its own
    chrt --idle 0 "$TOP/dev" _behind "$@" &>"$LOGS/behind.log" </dev/null &
    set +m
    # shellcheck disable=SC2064 # the process of now
    trap "kill -- -$! 2>/dev/null || true" EXIT
}

cmd__behind() {
    local stage
    for stage in "$@"; do
        if [[ $stage == tidy ]]; then
            "$TOP/dev" _stage tidy || true
        else
            build_for "$stage"
        fi
    done
}

# build_for STAGE: what a stage with a preset of its own compiles; nothing for the others.
build_for() {
    case $1 in
        asan) build_cpp asan ;;
        tsan) build_cpp tsan tsan_tests ;;
        fuzz) build_cpp fuzz fuzz_targets ;;
    esac
}

cmd__stage() {
    cd "$TOP"
    "stage_${1//-/_}"
}

# Files of the checkout, also those not yet committed, whose name or first line fits.
checkout_files() { git ls-files -co --exclude-standard -- "$@" | while read -r f; do [[ ! -f $f ]] || echo "$f"; done; }

stage_style() {
    local file cpp scripts=()
    mapfile -t cpp < <(checkout_files 'src/*.hpp' 'src/*.cpp' 'tests/*.hpp' 'tests/*.cpp' 'bench/*.hpp' 'bench/*.cpp')
    if ((${#cpp[@]})) && ! quietly format clang-format --dry-run -Werror "${cpp[@]}"; then
        echo "to format: ./dev shell clang-format -i $(sed -n 's/:[0-9]*:[0-9]*: error:.*//p' "$LOGS/format.log" |
            sort -u | tr '\n' ' ')" >&2
        return 1
    fi
    while read -r file; do
        if [[ $file == *.sh ]] || head -c 64 "$file" | head -n1 | grep -qaE '^#!.*\b(ba)?sh$'; then
            scripts+=("$file")
        fi
    done < <(checkout_files dev .ci scripts deploy tests bench)
    shellcheck -x "${scripts[@]}"
    python3 scripts/check_layers.py
    python3 scripts/check_docs.py
}

stage_web() {
    if [[ ! -f web/package-lock.json ]]; then
        say "no web/ yet, skipped"
        return 0
    fi
    install_web
    (
        cd web
        quietly web-lint npm run lint
        quietly web-typecheck npm run typecheck
        quietly web-test npm test -- --reporter=default --reporter=json --outputFile.json="$RESULTS/web.json"
    )
    build_web
}

# The S3 server of the tests. Without the package index, they are skipped and say so.
install_s3_server() {
    install_venv "$S3_PYTHON_HOME" "$TOP/tests/servers/s3_requirements.txt" --only-binary=:all: ||
        say "no S3 server for the tests: its packages could not be installed"
}

# run_ctest PRESET [ARGS]
run_ctest() {
    local preset=$1
    shift
    install_s3_server
    quietly "ctest-$preset" ctest --test-dir ".dev/build/$preset" -j "$(nproc)" --output-on-failure \
        --no-tests=error --output-junit "$RESULTS/$preset.xml" "$@"
}

# obtain_test_inputs PRESET: what tests need besides the checkout, once a machine. The starter pack, by
# the program itself; free pictures, which stand in where FACET_TESTDATA is not there.
obtain_test_inputs() {
    local facet=$TOP/.dev/build/$1/bin/facet models pictures lock work
    models=$CACHE/tests/models-$(sha256sum <src/infer/catalogue.cpp | cut -c1-12)
    pictures=$CACHE/tests/pictures-$(cat tests/pictures/* | sha256sum | cut -c1-12)
    exec {lock}>"$CACHE/tests/lock"
    flock "$lock"
    if ! "$facet" --models "$models" models verify starter &>/dev/null; then
        quietly starter-pack "$facet" --models "$models" models fetch starter ||
            die "tests need the starter pack; it is not in $models, and the npm registry did not give it"
    fi
    if [[ ! -d $pictures ]]; then
        rm -rf "$CACHE"/tests/tmp.* # of a run that was ended
        work=$(mktemp -d "$CACHE/tests/tmp.XXXXXX")
        quietly test-pictures python3 -m pip download --disable-pip-version-check --no-deps \
            --no-binary face-recognition,pillow --require-hashes -r tests/pictures/sources.txt -d "$work" ||
            die "tests need pictures; they are not in $pictures, and the Python package index did not give them"
        quietly test-pictures python3 tests/pictures/make.py "$work" "$work/pictures"
        mv "$work/pictures" "$pictures"
        rm -rf "$work"
    fi
    exec {lock}>&-
    export FACET_STARTER_PACK=$models/starter FACET_FREE_PICTURES=$pictures
    if [[ -z ${FACET_TESTDATA-} && -d $TOP/../shared/testdata ]]; then
        FACET_TESTDATA=$TOP/../shared/testdata
    fi
    if [[ ! -d ${FACET_TESTDATA-} ]]; then
        say "no labelled pictures (FACET_TESTDATA): the free ones stand in, tests of labels are skipped"
        FACET_TESTDATA=$pictures
    fi
    export FACET_TESTDATA
}

stage_unit() {
    build_cpp release
    obtain_test_inputs release
    run_ctest release
}

# Options for tests that wait more than they compute: some at a time.
AT_ONCE=(-n auto --maxprocesses=4 --dist=worksteal)

# run_pytest NAME PYTHON ARGS
run_pytest() {
    local name=$1 python=$2
    shift 2
    quietly "$name" "$python" -m pytest -q -p no:cacheprovider --junitxml="$RESULTS/$name.xml" "$@"
}

stage_functional() {
    build_cpp release
    if ! compgen -G 'tests/functional/*.py' >/dev/null; then
        say "no tests/functional yet, skipped"
        return 0
    fi
    build_web
    obtain_test_inputs release
    install_s3_server
    export FACET_BIN=$TOP/.dev/build/release/bin/facet
    export FACET_API_SEEN=$RESULTS/seen
    mkdir -p "$FACET_API_SEEN"
    run_pytest functional python3 "${AT_ONCE[@]}" tests/functional tests/video
    run_pytest documented python3 tests/documented
    # The main job once more on what the set-up itself obtains.
    FACET_TESTDATA=$FACET_FREE_PICTURES FACET_TESTMODELS=/nonexistent \
        run_pytest functional-free python3 tests/functional/test_main_job.py
}

# The chaos test of the functional stage with 2,000 files; its figures go to .dev/log/chaos.json.
stage_chaos() {
    build_cpp release
    obtain_test_inputs release
    export FACET_BIN=$TOP/.dev/build/release/bin/facet
    FACET_CHAOS_FILES=${FACET_CHAOS_FILES:-2000} FACET_CHAOS_REPORT=$LOGS/chaos.json \
        run_pytest chaos python3 tests/functional/test_chaos.py
    cat "$LOGS/chaos.json"
}

# run_conformance NAME PYTHON: the tests of tests/conformance with the Celery of that Python.
run_conformance() {
    build_cpp release
    obtain_test_inputs release
    export FACET_PROBE=$TOP/.dev/build/release/bin/celery_probe FACET_BIN=$TOP/.dev/build/release/bin/facet
    run_pytest "$1" "$2" "${AT_ONCE[@]}" tests/conformance
}

stage_conformance() { run_conformance conformance python3; }

# The same with the newest Celery, and Flower and an exporter, none of which Debian has.
stage_conformance_pypi() {
    if ! install_monitors; then
        say "conformance-pypi SKIPPED: the Python package index did not give tests/conformance/pypi_requirements.txt"
        return 0
    fi
    install_web # Flower's pages are opened by the browser driver of the web tests
    FACET_TEST_SERVERS=redis-server FACET_SCREENSHOTS=$TOP/.dev/results/flower FLOWER_CMD="$MONITORS_PYTHON -m celery flower" \
        run_conformance conformance-pypi "$MONITORS_PYTHON"
}

# install_venv HOME REQUIREMENTS [PIP OPTIONS]: a Python of its own, whole or not at all.
install_venv() {
    local home=$1 requirements=$2 new=$1.$$
    shift 2
    [[ ! -x $home/bin/python ]] || return 0
    if quietly "venv-$(basename "$(dirname "$home")")" python3 -m venv "$new" &&
        quietly "pip-$(basename "$(dirname "$home")")" "$new/bin/python" -m pip install --quiet --no-deps "$@" \
            -r "$requirements"; then
        mv -T "$new" "$home" || rm -rf "$new" # another run was faster
    else
        rm -rf "$new"
        return 1
    fi
}

install_monitors() {
    install_venv "${MONITORS_PYTHON%/bin/python}" tests/conformance/pypi_requirements.txt --ignore-requires-python
}

stage_tidy() {
    build_cpp release
    python3 scripts/tidy.py --build .dev/build/release --cache "$CACHE/tidy"
}

set_sanitizer_options() {
    export ASAN_OPTIONS=strict_string_checks=1:detect_stack_use_after_return=1
    export UBSAN_OPTIONS=print_stacktrace=1
    export LSAN_OPTIONS=suppressions=$TOP/cmake/lsan.supp:print_suppressions=0
}

stage_asan() {
    set_sanitizer_options
    build_for asan
    obtain_test_inputs asan
    run_ctest asan -LE no_asan
}

stage_tsan() {
    export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$TOP/cmake/tsan.supp
    build_for tsan
    run_ctest tsan -L -tsan
}

# Fuzz targets and how many inputs each is given, those that take longest first.
FUZZ_RUNS=(decode 10000 headers 100000 query 10000 multipart 100000 api_body 50000 http 50000 s3_page 30000
    celery_message 20000 celery_control 20000 manifest 10000)

# Every fuzz target for a fixed number of inputs from a fixed seed, one on each core. An input that breaks one stays
# in .dev/fuzz; longer hunts are started by hand (docs/developer/fuzzing.md).
stage_fuzz() {
    set_sanitizer_options
    build_for fuzz
    printf '%s\n' "${FUZZ_RUNS[@]}" | xargs -P "$(nproc)" -n 2 "$TOP/dev" _fuzz
}

# cmd__fuzz TARGET RUNS
cmd__fuzz() {
    local name=$1 runs=$2 folder=$TOP/.dev/fuzz/$1 seeds=("tests/fuzz/seeds/$1")
    cd "$TOP"
    case $name in
        manifest) seeds=(tests/packs) ;;
        headers | decode)
            seeds=(tests/fuzz/seeds/decode)
            [[ ! -d ${FACET_TESTDATA-} ]] || seeds+=("$FACET_TESTDATA"/{formats,corrupt,odd_sizes})
            ;;
    esac
    rm -rf "$folder/inputs"
    mkdir -p "$folder/inputs"
    quietly "fuzz-$name" ".dev/build/fuzz/bin/facet_${name}_fuzz" -seed=1 -runs="$runs" -timeout=20 \
        -artifact_prefix="$folder/" "$folder/inputs" "${seeds[@]}"
}
