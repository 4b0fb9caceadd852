# What the parts of bench/run share: processes, figures of a program's `name value` lines, medians. Sourced by bench/run.
# shellcheck shell=bash disable=SC2154,SC2034

say() { printf 'bench: %s s: %s\n' "$SECONDS" "$*" >&2; }
fail() { say "$*"; exit 1; }

# ---- numbers -------------------------------------------------------------------------------------------------------

# value NAME FILE: of `name value` lines.
value() { awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' "$2" || fail "$2: no $1"; }

# calculate EXPRESSION [DIGITS]: in awk's language, rounded.
calculate() { awk -v digits="${2:-0}" "BEGIN { printf \"%.*f\", digits, ($1) }"; }

# median, least, greatest of words.
median() { printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 } END { printf "%.10g\n", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
least() { printf '%s\n' "$@" | sort -g | head -n 1; }
greatest() { printf '%s\n' "$@" | sort -g | tail -n 1; }

same() { [ "$1" = "$2" ] || fail "$3: $1, but $4: $2"; }

now_ms() { echo $(($(date +%s%N) / 1000000)); }

bytes_of() { du -sb "$1" | cut -f 1; }

# ---- programs ------------------------------------------------------------------------------------------------------

build() {
    bin=${JEJAK_BUILD:-$root/build/release}/bin
    if [ -z "${JEJAK_BUILD:-}" ]; then
        say 'building the release preset'
        scripts/setup --bench
        scripts/build release >"$work/build.log" 2>&1 || { tail -20 "$work/build.log" >&2 && fail 'it does not build'; }
    fi
    local program
    for program in jejak-collector jejak-aggregator jejak-simulate jejakctl bench-pipe bench-load bench-sync bench-logsize; do
        [ -x "$bin/$program" ] || fail "$bin/$program is not there"
    done
}

# start_collector HOME [OPTION...]: sets collector, endpoint and started_ms. A port that is taken is another port's turn.
start_collector() {
    local home=$1 begun_ms i
    shift
    for _ in 1 2 3 4 5; do
        endpoint=tcp://127.0.0.1:$((20000 + RANDOM % 12000))
        begun_ms=$(now_ms)
        : >"$home.log"
        "$bin/jejak-collector" --home "$home" --ingest "$endpoint" "$@" 2>"$home.log" &
        collector=$!
        for ((i = 0; i < 6000; i++)); do
            if grep -q 'msg=ready' "$home.log"; then
                started_ms=$(($(now_ms) - begun_ms))
                return
            fi
            kill -0 "$collector" 2>/dev/null || break
            sleep 0.01
        done
        grep -q 'in use' "$home.log" || break
        wait "$collector" || true
    done
    cat "$home.log" >&2
    fail 'the collector does not start'
}

# stop_collector HOME EVENTS: it drains, and must have stored so many since it started.
stop_collector() {
    local stored
    kill -TERM "$collector"
    wait "$collector" || fail "the collector stopped with $?"
    collector=''
    stored=$(sed -n 's/.*msg=stopped .*events=\([0-9]*\).*/\1/p' "$1.log")
    same "${stored:-nothing}" "$2" 'the collector stored' 'it acknowledged'
}

# start_follower HOME: `jejak-aggregator follow`, until it can be asked.
start_follower() {
    local i
    "$bin/jejak-aggregator" follow --home "$1" 2>"$work/follow.log" &
    follower=$!
    for ((i = 0; i < 3000; i++)); do
        [ -S "$1/run/aggregator.sock" ] && return
        kill -0 "$follower" 2>/dev/null || break
        sleep 0.02
    done
    cat "$work/follow.log" >&2
    fail 'the aggregator does not follow'
}

stop_follower() {
    kill -TERM "$follower"
    wait "$follower" || fail "follow stopped with $?"
    follower=''
}

cleanup() {
    local pid
    for pid in $follower $collector; do
        kill -KILL "$pid" 2>/dev/null || continue
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}

# load OUT OPTION...: bench-load on the collector that runs; its lines to OUT. Adds what it had stored to the variable stored.
load() {
    local out=$1
    shift
    "$bin/bench-load" --to "$endpoint" --modules "$modules" "$@" >"$out" </dev/null
    stored=$((stored + $(awk '$1 ~ /^(introduced_|new_)?events$/ { sum += $2 } END { print sum }' "$out")))
}

peak_mb() { awk '/^VmHWM/ { printf "%.1f\n", $2 * 1024 / 1e6 }' "/proc/$1/status"; }

# Processor time of a process's threads so far, in ns.
cpu_ns() { cat /proc/"$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'; }

# timed OUT COMMAND...: `wall_s`, `cpu_s` and `peak_mb` of it to OUT.
timed() {
    python3 - "$@" <<'PYTHON'
import resource, subprocess, sys, time
begun = time.monotonic()
code = subprocess.call(sys.argv[2:], stdin=subprocess.DEVNULL)
wall, used = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w", encoding="ascii") as out:
    print(f"wall_s {wall:.3f}\ncpu_s {used.ru_utime + used.ru_stime:.3f}\npeak_mb {used.ru_maxrss * 1024 / 1e6:.1f}", file=out)
sys.exit(code)
PYTHON
}
