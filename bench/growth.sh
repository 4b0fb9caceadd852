# How ingest costs grow with learners and with events, and what a restart does to known learners. Sourced by bench/run.
# shellcheck shell=bash disable=SC2154,SC2034

# burden OUT OPTION...: load on the collector that runs; sets cost to its processor time, ns an event.
burden() {
    local before out=$1
    shift
    before=$(cpu_ns "$collector")
    load "$out" --plain --batch "$batch" --in-flight "$in_flight" "$@"
    cost=$(calculate "($(cpu_ns "$collector") - $before) / $(value events "$out")" 1)
}

# growth VALUE...: costs in the order of sizes; the worst one by one of a smaller size.
growth() {
    printf '%s\n' "$@" | awk 'NR == 1 || $1 < least { least = $1 } { by = $1 / least; if (by > worst) worst = by }
        END { printf "%.3f", worst }'
}

# With the home of the greatest population left behind in $home, and the rate at which it was served in $warm.
grow_learners() {
    local count costs=() told=''
    for count in 1000 10000 100000 "$population"; do
        say "$count learners"
        [ -z "$told" ] || rm -rf "$home"
        home=$work/learners.$count stored=0
        start_collector "$home" --plain
        load "$work/introduced" --plain --introduce --events 1000 --learners "$count" --patience 600
        burden "$work/burden" --learners "$count" --events "$events"
        costs+=("$cost")
        told+="$count: $cost ns, $(value events_per_s "$work/burden") events/s; "
        if [ "$count" = "$population" ]; then
            load "$work/warm" --plain --batch "$batch" --in-flight "$in_flight" --learners "$count" --duration "$seconds"
            warm=$(value events_per_s "$work/warm") peak_of=$(peak_mb "$collector")
        fi
        stop_collector "$home" "$stored"
    done
    line growth_ingest_learners ratio "$(growth "${costs[@]}")" - - "collector's processor time an event, the worst by that of a smaller size; ${told%; }"
    line new_learners_million learners/s "$(value introduced_events_per_s "$work/introduced")" - - "the first event of each of $population"
    line collector_mb MB "$peak_of" - - "greatest resident memory with $population learners" "$(calculate "128 + 64 * $population / 1000000" 1)"
}

# The second after the first one, of a collector that has just been started.
measure_restart() {
    local round took=() shares=()
    for ((round = 1; round <= rounds; round++)); do
        stored=0
        start_collector "$home" --plain
        took+=("$started_ms")
        load "$work/again" --plain --batch "$batch" --in-flight "$in_flight" --learners "$population" --warm-up 1 --duration 1
        stop_collector "$home" "$stored"
        shares+=("$(calculate "$(value events_per_s "$work/again") / $warm" 3)")
    done
    line restart_ms ms "$(median "${took[@]}")" "$(least "${took[@]}")" "$(greatest "${took[@]}")" "from the start of the collector to its being ready, $population learners"
    line restart_ratio ratio "$(median "${shares[@]}")" "$(least "${shares[@]}")" "$(greatest "${shares[@]}")" "rate in the second second after that, by the rate before the stop ($warm events/s); $population learners seen before"
    rm -rf "$home"
}

grow_events() {
    local size there=0 costs=() told=''
    home=$work/events stored=0
    start_collector "$home" --plain
    load "$work/introduced" --plain --introduce --events 1000 --learners "$learners"
    for size in "${histories[@]}"; do
        say "ingest up to $size events"
        burden "$work/burden" --learners "$learners" --events $((size - there)) --distinct 4000000
        there=$size
        costs+=("$cost")
        told+="up to $size: $cost ns, $(value events_per_s "$work/burden") events/s; "
    done
    line_at "$there" 100000000 events growth_ingest_events ratio "$(growth "${costs[@]}")" - - "collector's processor time an event, the worst by that of a smaller size; ${told%; }"
    stop_collector "$home" "$stored"
    rm -rf "$home"
}

growth_lines() {
    grow_learners
    measure_restart
    grow_events
}
