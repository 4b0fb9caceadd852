# Fold and reports over histories of a simulated population, each ten times the one before. Sourced by bench/run.
# shellcheck shell=bash disable=SC2154,SC2034

# 200 modules in 20 programs over 13 weeks up to today, a learner for 100 events.
simulation() {
    course=(--modules 200 --programs 20 --learners $((size / 100)) --events "$size" --weeks 13 --until "$last"
        --cohorts 13 --intake 1 --slice 60 --curriculum "$work/curriculum.csv")
}

# Fills $home with a history of about $size events; sets sent.
fill() {
    home=$work/history.$size
    start_collector "$home" --plain
    "$bin/jejak-simulate" "${course[@]}" --to "$endpoint" >"$work/simulated" 2>&1 ||
        { cat "$work/simulated" >&2 && fail 'jejak-simulate failed'; }
    sent=$(sed -n 's/.*: accepted \([0-9]*\), rejected 0, duplicate 0$/\1/p' "$work/simulated")
    [ -n "$sent" ] || { cat "$work/simulated" >&2 && fail 'not every simulated event was accepted'; }
}

# aggregate COMMAND: fold or rebuild, on one core; its time to $work/COMMAND.
aggregate() {
    timed "$work/$1" taskset --cpu-list 0 "$bin/jejak-aggregator" "$1" --home "$home" >"$work/$1.log" 2>&1 ||
        { cat "$work/$1.log" >&2 && fail "$1 failed"; }
    same "$(tr -d , <"$work/$1.log" | sed -n 's/^folded \([0-9]*\) entries.*/\1/p')" "$sent" "$1 says it folded" 'the collector acknowledged'
}

# report OUT OPTION...: how long it took, process start included, in ms.
report() {
    local begun out=$1
    shift
    begun=$(date +%s%N)
    "$bin/jejak-aggregator" report --home "$home" --curriculum "$work/curriculum.csv" --format csv -o "$out" "$@" </dev/null
    calculate "($(date +%s%N) - $begun) / 1e6" 1
    echo
}

# ask NAME FROM TO OPTION...: a window of days, and four more that lie one day earlier each; each is asked for twice, and the
# second answer must be the first: sets took, low and high of the first times, again of the second ones.
ask() {
    local i name=$1 from=$2 to=$3 window of=() second=()
    shift 3
    for i in 0 1 2 3 4; do
        window=(--tz Asia/Jakarta --from "$(day "$((from - i))")" --to "$(day "$((to - i))")")
        of+=("$(report "$work/$name.$i.csv" "${window[@]}" "$@")")
        second+=("$(report "$work/again.csv" "${window[@]}" "$@")")
        cmp -s "$work/$name.$i.csv" "$work/again.csv" || fail "the report $name differs when asked again"
    done
    took=$(median "${of[@]}") low=$(least "${of[@]}") high=$(greatest "${of[@]}") again=$(median "${second[@]}")
}

# over TEXT: keeps the slowest of the reports that were asked for.
over() {
    if [ -z "$slowest" ] || [ "$(calculate "$took > $slowest")" = 1 ]; then slowest=$took slow_low=$low slow_high=$high; fi
    windows+="$1: $took; "
}

# All are windows that this follower was not asked for before, but where the line says so.
ask_reports() {
    local module slowest='' slow_low slow_high windows='' whole_again
    report "$work/cold.csv" --tz Asia/Jakarta --from "$first" --to "$last" >"$work/cold_ms"
    start_follower "$home"
    ask warm -91 -6 # what lies on the disk is in memory now
    ask whole -91 0 && over '13 weeks'
    whole_ms=$took whole_again=$again
    cmp -s "$work/cold.csv" "$work/whole.0.csv" || fail 'follow gives another report than the cells by themselves'
    ask month -60 -32 && over '4 weeks in the middle'
    ask week -7 0 && over 'the last week'
    line_at "$size" 100000000 events report_ms ms "$slowest" "$slow_low" "$slow_high" "module report over a window that was not asked for before, of a running follow, process start included; the slowest of: ${windows%; }; medians of 5 windows each; $sent events"
    line report_again_ms ms "$whole_again" - - "13 weeks, asked for again: the figures were kept"
    line report_cold_ms ms "$(cat "$work/cold_ms")" - - "13 weeks, from the cells by themselves, opened for it"
    ask topics -91 0 --level topic
    line_at "$size" 100000000 events report_topic_ms ms "$took" "$low" "$high" "13 weeks, topic level; median of 5 windows that were not asked for before"
    module=$(awk -F, 'NR == 2 { print $1 }' "$work/whole.0.csv")
    ask one -91 0 --module "$module"
    line_at "$size" 100000000 events report_module_ms ms "$took" "$low" "$high" "13 weeks, only module $module, of windows that were asked for as a whole before: what is suppressed is decided over all modules; median of 5"
    follow_mb=$(peak_mb "$follower")
    stop_follower
}

# The same question to DuckDB. bench/peers/duckdb: see its header; 77 means that DuckDB is not installed.
ask_duckdb() {
    local code=0 csv=$work/events.csv
    "$bin/jejak-simulate" "${course[@]}" --out "$csv" >"$work/simulated" 2>&1 ||
        { cat "$work/simulated" >&2 && fail 'jejak-simulate failed'; }
    TZ=Asia/Jakarta bench/peers/duckdb "$csv" "$work/duckdb" "$first" "$last" "$work/whole.0.csv" >"$work/duckdb.out" || code=$?
    rm -rf "$csv" "$work/duckdb"
    if [ "$code" = 77 ]; then
        not_measured report_vs_duckdb ratio 'DuckDB is not installed (bench/peers/setup)'
    elif [ "$code" = 0 ]; then
        line duckdb_ms ms "$(value duckdb_ms "$work/duckdb.out")" - - "the module report's question in its simplest form, from a table in memory and on disk; $(tr '\n' ' ' <"$work/duckdb.out")"
        line_at "$size" 100000000 events report_vs_duckdb ratio "$(calculate "$(value duckdb_ms "$work/duckdb.out") / $whole_ms" 1)" - - 'duckdb_ms / report_ms over 13 weeks'
    else
        fail "bench/peers/duckdb ended with $code"
    fi
}

report_fold() {
    line_at "$size" 100000000 events fold_rate events/s "$(calculate "$sent / $(value wall_s "$work/fold")")" - - "$sent events, on one core, start and end of the process included; it says: $(head -n 1 "$work/fold.log")"
    aggregate rebuild
    line_at "$size" 100000000 events rebuild_s s "$(value wall_s "$work/rebuild")" - - "cells removed and made again from $sent events, on one core; the collector reads the log for it"
}

# The greatest history has the lines; of each: cost of fold, size of cells, time of a report, memory.
measure_history() {
    say "a history of about $size events"
    simulation
    fill
    aggregate fold
    costs+=("$(calculate "$(value cpu_s "$work/fold") * 1e9 / $sent" 1)")
    told+="$sent: ${costs[-1]} ns; "
    if [ "$size" = "${histories[-1]}" ]; then
        report_fold
        ask_reports
        ask_duckdb
    else
        start_follower "$home"
        ask whole -91 0
        whole_ms=$took follow_mb=$(peak_mb "$follower")
        stop_follower
    fi
    reports+=("$whole_ms") cells+=("$(bytes_of "$home/data/cells")")
    memory+=("$(greatest "$(value peak_mb "$work/fold")" "$follow_mb")")
    stop_collector "$home" "$sent"
}

day() { date -u -d "$last $1 days" +%F; }

history_lines() {
    local size sent whole_ms follow_mb costs=() reports=() cells=() memory=() told=''
    last=$(TZ=Asia/Jakarta date +%F)
    first=$(day -91)
    for size in "${histories[@]}"; do
        measure_history
        [ "$size" = "${histories[-1]}" ] || rm -rf "$home"
    done
    size=${histories[-1]}
    line_at "$size" 100000000 events growth_fold ratio "$(growth "${costs[@]}")" - - "fold's processor time an event, the worst by that of a smaller history; ${told%; }"
    line_at "$size" 100000000 events growth_report ratio "$(calculate "(${reports[-1]} / ${reports[0]}) / (${cells[-1]} / ${cells[0]})" 3)" - - "growth of the report's time by the growth of the cells' bytes; ms: ${reports[*]}; bytes: ${cells[*]}"
    line_at "$size" 100000000 events aggregator_mb MB "${memory[-1]}" - - "greatest resident memory of fold, and of follow after its reports; by history: ${memory[*]}"
    line_at "$size" 100000000 events growth_aggregator_mb ratio "$(calculate "${memory[-1]} / ${memory[-2]}" 2)" - - 'the same by that of a tenth of the history'
    line cells_bytes bytes/event "$(calculate "${cells[-1]} / $sent" 2)" - - 'all of data/cells'
    line log_bytes_simulated bytes/event "$(weigh_log "$home" "$sent")" - - "as log_bytes_random, for $sent simulated events"
    rm -rf "$home"
}
