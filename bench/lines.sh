# The lines of bench/run: what is to be reached, how a line is printed and judged, and the file of results. Sourced by
# bench/run. A line's fields, on standard output with tabs between and in the file by name:
#
#   name unit value low high goal reached details
#
# low and high are the least and greatest of the repetitions, `-` where there was one. goal is `-` for lines that only
# support others. reached: `reached`, `missed`, `not judged` (measured at another size than the goal speaks of) or `not
# measured`; details say why.
# shellcheck shell=bash disable=SC2154,SC2034

# name, relation, limit. collector_mb's limit depends on the learners, so it is given with the line.
goals='
ingest_ratio            >= 0.5
curve_ratio             >= 0.75
small_batches           >= 150000
ack_p99_ratio           <= 3
cold_p99_ratio          <= 2
restart_ratio           >= 0.8
log_bytes_random        <= 10
log_bytes_simulated     <= 7
fold_rate               >= 4000000
rebuild_s               <= 40
report_ms               <= 250
report_topic_ms         <= 1000
report_module_ms        <= 30
report_vs_duckdb        >= 20
collector_mb            <= given
aggregator_mb           <= 512
growth_ingest_events    <= 1.2
growth_ingest_learners  <= 1.2
growth_fold             <= 1.2
growth_report           <= 1.2
growth_aggregator_mb    <= 1.2
'

# put NAME UNIT VALUE LOW HIGH GOAL REACHED DETAILS
put() { printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$@" | tee -a "$rows"; }

# goal_of NAME: "RELATION LIMIT", or nothing.
goal_of() { awk -v name="$1" '$1 == name { print $2, $3 }' <<<"$goals"; }

# line NAME UNIT VALUE LOW HIGH DETAILS [LIMIT]
line() {
    local goal reached=-
    goal=$(goal_of "$1")
    if [ -n "$goal" ]; then
        goal=${goal/given/${7:-}}
        reached=$(awk -v value="$3" -v relation="${goal% *}" -v limit="${goal#* }" 'BEGIN {
            print (relation == ">=" ? value + 0 >= limit + 0 : value + 0 <= limit + 0) ? "reached" : "missed" }')
    fi
    put "$1" "$2" "$3" "$4" "$5" "${goal:--}" "$reached" "$6"
}

# line_at SIZE GOAL_SIZE WHAT, and the arguments of line: judged only where both sizes are the same.
line_at() {
    local size=$1 goal_size=$2 what=$3
    shift 3
    if [ "$size" = "$goal_size" ]; then
        line "$@"
    else
        put "$1" "$2" "$3" "$4" "$5" "$(goal_of "$1")" 'not judged' "$6; the goal is for $goal_size $what (--full)"
    fi
}

# not_measured NAME UNIT WHY
not_measured() { put "$1" "$2" - - - "$(goal_of "$1")" 'not measured' "not measured: $3"; }

describe() {
    local cpu memory
    cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
    memory=$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)
    machine="$(nproc) cores, ${cpu:-unknown processor}, $memory, $(uname -sr), work on $(stat -f -c %T "$work")"
    commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
    [ -z "$(git status --porcelain 2>/dev/null)" ] || commit="$commit with uncommitted changes"
    date=$(date -u +%FT%TZ)
    settings="$mode; load before: $(cut -d ' ' -f 1-3 /proc/loadavg); $learners learners, $modules modules, batches of $batch, $in_flight in flight, $rounds rounds of $events events"
    printf '# machine\t%s\n# commit\t%s\n# date\t%s\n# settings\t%s\n' "$machine" "$commit" "$date" "$settings"
    printf '# name\tunit\tvalue\tlow\thigh\tgoal\treached\tdetails\n'
}

write_json() {
    local file=bench/results/${date//:/}.json
    mkdir -p bench/results
    python3 - "$rows" "$machine" "$commit" "$date" "$settings" >"$file" <<'PYTHON'
import json, sys

NAMES = ("name", "unit", "value", "low", "high", "goal", "reached", "details")
path, *about = sys.argv[1:]
result = dict(zip(("machine", "commit", "date", "settings"), about), lines=[])
with open(path, encoding="utf-8") as rows:
    for row in rows:
        line = {name: None if text == "-" else text for name, text in zip(NAMES, row.rstrip("\n").split("\t"))}
        for name in ("value", "low", "high"):
            line[name] = None if line[name] is None else json.loads(line[name])
        result["lines"].append(line)
json.dump(result, sys.stdout, indent=1, ensure_ascii=False)
print()
PYTHON
    say "written: $file"
}

summary() {
    awk -F '\t' '$7 != "-" { count[$7]++; names[$7] = names[$7] " " $1 }
        END { for (how in count) printf "bench: %s: %d:%s\n", how, count[how], names[how] }' "$rows" | sort >&2
}
