# What the scripts beside this file share. Sourced by them, in bash with `set -euo pipefail`; leaves the caller in the
# project's folder.
# shellcheck shell=bash disable=SC2034,SC2164
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cores=$(nproc)
build_programs=(jejak-collector jejak-aggregator jejak-publish jejak-simulate jejakctl)

say() { printf '%s\n' "$*" >&2; }

die() {
    say "${0##*/}: $*"
    exit 1
}

# quietly COMMAND...: its output is shown only if it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || status=$?
    [ "$status" = 0 ] || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

# step NAME COMMAND...: says how it went and goes on after a failure; `failed` keeps the names. A command that cannot do
# its work here, and has said why, exits with 77. It runs as a condition, where bash ignores `set -e`: a function given
# here must return its own failure.
failed=()
step() {
    local name=$1 started=$SECONDS status=0
    shift
    "$@" </dev/null || status=$?
    case $status in
    0) say "ok      $name ($((SECONDS - started)) s)" ;;
    77) say "NOT DONE $name ($((SECONDS - started)) s), see above" ;;
    *)
        failed+=("$name")
        say "FAILED  $name ($((SECONDS - started)) s)"
        ;;
    esac
}

# The version whose layout the tree has; another one would want to change files that nobody touched.
check_format() {
    local tool
    tool=$(command -v clang-format-14 || command -v clang-format || true)
    if [[ $("${tool:-false}" --version) != *"version 14."* ]]; then
        say "        no clang-format 14 here: layout not checked"
        return 77
    fi
    git ls-files -z -- '*.c' '*.h' | xargs -0 --no-run-if-empty -P "$cores" -n 40 "$tool" --dry-run -Werror
}
