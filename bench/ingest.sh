# The ingest lines: one home in which every learner is known, a collector on it for each measurement. Sourced by bench/run.
# shellcheck shell=bash disable=SC2154,SC2034

common=(--learners "$learners" --batch "$batch" --in-flight "$in_flight")

# values NAME FILE...: this value of each.
values() {
    local name=$1 file
    shift
    for file in "$@"; do value "$name" "$file"; done
}

# ratios TOP BOTTOM FILE-PREFIX-TOP FILE-PREFIX-BOTTOM: round by round.
ratios() {
    local round
    for ((round = 1; round <= rounds; round++)); do
        [ -e "$work/$3.$round" ] || break
        calculate "$(value "$1" "$work/$3.$round") / $(value "$2" "$work/$4.$round")" 3
        echo
    done
}

introduce() {
    home=$work/ingest stored=0
    "$bin/jejakctl" --home "$home" publisher add bench >"$work/ctl.log" 2>&1 ||
        { cat "$work/ctl.log" >&2 && fail 'jejakctl adds no publisher'; }
    start_collector "$home" --plain
    load "$work/introduced" --plain --introduce --events 1000 "${common[@]}"
    stop_collector "$home" "$stored"
    all=$stored
    line new_learners learners/s "$(value introduced_events_per_s "$work/introduced")" - - 'never seen before, one event each, batches of 500'
}

one_round() {
    "$bin/bench-pipe" --events "$events" --learners "$learners" --modules "$modules" --batch "$batch" --seed "$1" >"$work/pipe.$1"
    stored=0
    start_collector "$home" --plain
    load "$work/plain.$1" --plain --events "$events" --seed "$1" "${common[@]}"
    peak_mb "$collector" >"$work/peak.$1"
    stop_collector "$home" "$stored"
    all=$((all + stored)) stored=0
    start_collector "$home"
    load "$work/curve.$1" --home "$home" --events "$events" --seed "$1" "${common[@]}"
    stop_collector "$home" "$stored"
    all=$((all + stored))
}

measure_ingest() {
    local round of
    for ((round = 1; round <= rounds; round++)); do one_round "$round"; done
    mapfile -t of < <(values events_per_s "$work"/pipe.[0-9])
    line pipe events/s "$(median "${of[@]}")" "$(least "${of[@]}")" "$(greatest "${of[@]}")" \
        "raw PUSH/PULL over tcp loopback, the same messages, no work; $(value message_bytes_per_event "$work/pipe.1") message bytes an event"
    mapfile -t of < <(values events_per_s "$work"/plain.[0-9])
    peak=$(median "${of[@]}")
    line ingest events/s "$peak" "$(least "${of[@]}")" "$(greatest "${of[@]}")" \
        "acknowledged after fsync; one publisher, $in_flight batches of $batch in flight, $learners learners known, plain tcp; p99 of an answer $(calculate "$(value latency_p99_us "$work/plain.1") / 1000" 1) ms"
    mapfile -t of < <(ratios events_per_s events_per_s plain pipe)
    line ingest_ratio ratio "$(median "${of[@]}")" "$(least "${of[@]}")" "$(greatest "${of[@]}")" 'ingest / pipe, round by round; loader and collector on the same cores'
    mapfile -t of < <(values events_per_s "$work"/curve.[0-9])
    line ingest_curve events/s "$(median "${of[@]}")" "$(least "${of[@]}")" "$(greatest "${of[@]}")" 'as ingest, encrypted'
    mapfile -t of < <(ratios events_per_s events_per_s curve plain)
    line curve_ratio ratio "$(median "${of[@]}")" "$(least "${of[@]}")" "$(greatest "${of[@]}")" 'ingest_curve / ingest, round by round'
}

measure_small_batches() {
    local of
    stored=0
    start_collector "$home" --plain
    load "$work/small" --plain --publishers 200 --batch 1..5 --in-flight 16 --learners "$learners" --duration "$seconds"
    stop_collector "$home" "$stored"
    all=$((all + stored))
    of=$(value batches_per_s "$work/small")
    line small_batches batches/s "$of" - - "acknowledged; 200 publishers with a connection each, 1 to 5 events a batch, 16 in flight; $(value events_per_s "$work/small") events/s, p99 of an answer $(calculate "$(value latency_p99_us "$work/small") / 1000" 1) ms; $(value busy "$work/small") busy"
}

# In turn: two bare syncs, and answers at half of the peak rate.
measure_latency() {
    local round of half
    half=$(calculate "$peak / 2")
    for ((round = 1; round <= latency_rounds; round++)); do
        "$bin/bench-sync" --seconds "$sync_seconds" "$work" >"$work/sync.$round"
        stored=0
        start_collector "$home" --plain
        load "$work/ack.$round" --plain --rate "$half" --duration "$seconds" "${common[@]}"
        stop_collector "$home" "$stored"
        all=$((all + stored))
    done
    mapfile -t of < <(values sync_p99_us "$work"/sync.[0-9])
    line sync_p99 us "$(median "${of[@]}")" "$(least "${of[@]}")" "$(greatest "${of[@]}")" "64 KiB appended and fdatasync, 64 bytes overwritten and fdatasync; p50 $(value sync_p50_us "$work/sync.1")"
    mapfile -t of < <(values latency_p99_us "$work"/ack.[0-9])
    line ack_p99 us "$(median "${of[@]}")" "$(least "${of[@]}")" "$(greatest "${of[@]}")" "batches of $batch at $half events/s, half of ingest, at equal distances; from the meant moment of sending; p50 $(value latency_p50_us "$work/ack.1"); $(value unsent "$work/ack.1") unsent"
    mapfile -t of < <(ratios latency_p99_us sync_p99_us ack sync)
    line ack_p99_ratio ratio "$(median "${of[@]}")" "$(least "${of[@]}")" "$(greatest "${of[@]}")" 'ack_p99 / sync_p99, measured in turn'
}

# Known learners at a quarter of the peak rate, without and with as many unseen ones beside them as the collector takes.
measure_cold() {
    local round of quarter
    quarter=$(calculate "$peak / 4")
    for ((round = 1; round <= cold_rounds; round++)); do
        stored=0
        start_collector "$home" --plain
        load "$work/warm.$round" --plain --rate "$quarter" --duration "$seconds" "${common[@]}"
        load "$work/cold.$round" --plain --rate "$quarter" --duration "$seconds" --new-learners "$flood" --grace "$grace" "${common[@]}"
        stop_collector "$home" "$stored"
        all=$((all + stored))
    done
    mapfile -t of < <(values latency_p99_us "$work"/warm.[0-9])
    line warm_p99 us "$(median "${of[@]}")" "$(least "${of[@]}")" "$(greatest "${of[@]}")" "batches of $batch of known learners at $quarter events/s, a quarter of ingest"
    mapfile -t of < <(values latency_p99_us "$work"/cold.[0-9])
    line cold_p99 us "$(median "${of[@]}")" "$(least "${of[@]}")" "$(greatest "${of[@]}")" "the same while another publisher offers $flood unseen learners a second; $(value new_events_per_s "$work/cold.1")/s were taken; $(value unsent "$work/cold.1") batches of known learners unsent"
    mapfile -t of < <(ratios latency_p99_us latency_p99_us cold warm)
    line cold_p99_ratio ratio "$(median "${of[@]}")" "$(least "${of[@]}")" "$(greatest "${of[@]}")" 'cold_p99 / warm_p99, round by round'
}

# weigh_log HOME EVENTS: bytes an event of a copy of the log, once all of it is compressed; and counts its events.
weigh_log() {
    rm -rf "$work/weighed"
    cp -r "$1/data/log" "$work/weighed"
    "$bin/bench-logsize" "$work/weighed" >"$work/logsize"
    rm -rf "$work/weighed"
    same "$(value events "$work/logsize")" "$2" 'the log holds' 'it acknowledged'
    calculate "$(value table_bytes "$work/logsize") / $2" 2
}

report_log() {
    local bytes
    bytes=$(weigh_log "$home" "$all")
    line log_bytes_random bytes/event "$bytes" - - "compressed, learners and sessions included, $all events each of a learner and a section drawn anew; as it lies after a stop $(calculate "$(bytes_of "$home/data/log") / $all" 2), records before compression $(calculate "$(value record_bytes "$work/logsize") / $all" 2)"
    line vault_bytes bytes/learner "$(calculate "$(bytes_of "$home/data/vault") / $learners")" - - 'all of data/vault after a stop'
}

ingest_lines() {
    introduce
    say "$rounds rounds of the pipe, plain and encrypted ingest"
    measure_ingest
    report_log
    if ! $whole; then
        line collector_mb MB "$(greatest "$(cat "$work"/peak.[0-9])")" - - "greatest resident memory with $learners learners" "$(calculate "128 + 64 * $learners / 1000000" 1)"
    fi
    say 'small batches'
    measure_small_batches
    say 'answers at half of the peak rate, and two bare syncs, in turn'
    measure_latency
    say 'known learners without and with unseen ones beside them'
    measure_cold
    rm -rf "$home"
}
