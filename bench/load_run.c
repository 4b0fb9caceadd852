#include "bench/load_run.h"
#include "bench/load_live.h"
#include "bench/load_prepare.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

enum {
    SECOND_NS = 1000000000,
    TICK_NS = SECOND_NS / 10,
    ANSWERS_A_TURN = 256,
};

struct run {
    const struct load_options *options;
    struct load_result *result;
    struct trunk trunk;
    struct lane *lanes; /* the newcomers' is the last one, where there is one */
    int64_t *wake_ns;   /* of each lane */
    uint32_t count, opened;
    struct lane_clock clock;
    uint32_t newcomer; /* the next one's number */
    int64_t start_ns, heard_ns, last_answer_ns;
    struct load_live live;
    struct error *error;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

/* ---- a turn ----------------------------------------------------------------------------------------------------- */

static enum status receive_one(struct run *run, uint32_t connection, zmq_msg_t *message)
{
    if (connection >= run->count)
        return error_set(run->error, STATUS_PROTOCOL, "an answer on connection %" PRIu32 ", which there is not",
                         connection);
    struct lane *lane = &run->lanes[connection];
    struct slice bytes = slice_of(zmq_msg_data(message), zmq_msg_size(message));
    uint64_t events = lane->counts.events, busy = lane->counts.busy;
    int64_t settled_ns;
    enum status status = lane_receive(lane, bytes, &run->clock, &settled_ns, run->error);
    run->wake_ns[connection] = 0;
    run->live.busy += lane->counts.busy - busy;
    if (status == STATUS_OK && settled_ns >= 0) {
        run->last_answer_ns = lane->answered_ns;
        load_live_count(&run->live, lane->counts.events - events, settled_ns);
    }
    return status;
}

/* *none: there was no answer. */
static enum status receive_all(struct run *run, bool *none)
{
    *none = true;
    for (int i = 0; i < ANSWERS_A_TURN; i++) {
        zmq_msg_t message;
        uint32_t connection;
        bool found;
        enum status status = trunk_receive(&run->trunk, &found, &connection, &message, run->error);
        if (status != STATUS_OK || !found)
            return status;
        *none = false;
        status = receive_one(run, connection, &message);
        zmq_msg_close(&message);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* *wake_ns: the first moment at which a lane wants to be asked again. */
static enum status send_due(struct run *run, int64_t *wake_ns)
{
    int64_t now_ns = clock_mono_ns();
    *wake_ns = INT64_MAX;
    for (uint32_t i = 0; i < run->count; i++) {
        if (run->wake_ns[i] <= now_ns) {
            enum status status = lane_send(&run->lanes[i], &run->trunk, &run->clock, &run->wake_ns[i], run->error);
            if (status != STATUS_OK)
                return status;
        }
        if (run->wake_ns[i] < *wake_ns)
            *wake_ns = run->wake_ns[i];
    }
    return STATUS_OK;
}

static bool all_done(const struct run *run)
{
    for (uint32_t i = 0; i < run->count; i++)
        if (!lane_done(&run->lanes[i], &run->clock))
            return false;
    return true;
}

/* ---- ten times a second ----------------------------------------------------------------------------------------- */

static bool is_newcomers(const struct run *run, uint32_t lane)
{
    return lane >= run->options->publishers;
}

/* Newcomers get no grace: a flood of them is meant to be more than goes. */
static void abandon(struct run *run, int64_t now_ns)
{
    for (uint32_t i = 0; i < run->count; i++) {
        bool newcomers = is_newcomers(run, i);
        int64_t last_ns = run->clock.until_ns + (newcomers ? 0 : (int64_t)run->options->grace_s * SECOND_NS);
        if (now_ns <= last_ns)
            continue;
        struct load_side *side = newcomers ? &run->result->newcomers : &run->result->known;
        side->unsent += lane_abandon(&run->lanes[i], &run->clock, last_ns);
    }
}

static const char *phase_of(const struct run *run, int64_t now_ns)
{
    if (run->options->settings.events > 0 || (now_ns >= run->clock.from_ns && now_ns < run->clock.until_ns))
        return "measuring";
    if (now_ns >= run->clock.until_ns)
        return "waiting for the last answers";
    return now_ns < run->start_ns + (int64_t)run->options->ramp_s * SECOND_NS ? "ramp" : "warm-up";
}

static enum status tick(struct run *run, int64_t now_ns)
{
    bool idle = true;
    for (uint32_t i = 0; i < run->count && idle; i++)
        idle = stream_idle(&run->lanes[i].stream);
    if (idle || run->last_answer_ns > run->heard_ns)
        run->heard_ns = idle ? now_ns : run->last_answer_ns;
    if (interrupted && run->clock.until_ns > now_ns)
        run->clock.until_ns = now_ns;
    if (now_ns > run->clock.until_ns)
        abandon(run, now_ns);
    load_live_show(&run->live, phase_of(run, now_ns), run->options->rate, now_ns);
    if (now_ns - run->heard_ns > (int64_t)run->options->patience_s * SECOND_NS)
        return error_set(run->error, STATUS_UNAVAILABLE,
                         "nothing was answered for %" PRIu64 " s: is a collector there?", run->options->patience_s);
    return STATUS_OK;
}

static enum status drive(struct run *run)
{
    for (int64_t tick_ns = 0;;) {
        bool none;
        int64_t wake_ns;
        enum status status = receive_all(run, &none);
        if (status == STATUS_OK)
            status = send_due(run, &wake_ns);
        int64_t now_ns = clock_mono_ns();
        bool ticks = now_ns >= tick_ns;
        if (status == STATUS_OK && ticks)
            status = tick(run, now_ns);
        if (ticks)
            tick_ns = now_ns + TICK_NS;
        if (status != STATUS_OK || ((ticks || none) && all_done(run)))
            return status;
        trunk_wait(&run->trunk, wake_ns < tick_ns ? wake_ns : tick_ns);
    }
}

/* ---- a pass ----------------------------------------------------------------------------------------------------- */

static enum status open_lane(struct run *run, struct batches batches, struct load_side *side)
{
    struct lane *lane = &run->lanes[run->opened];
    return lane_open(run->opened++, (uint32_t)run->options->in_flight, batches, &side->latency, lane, run->error);
}

static enum status open_lanes(struct run *run, enum workload_kind kind)
{
    struct batches *sets = NULL, newcomers = {0};
    enum status status = load_prepare(run->options, kind, &sets, run->error);
    for (uint64_t i = 0; status == STATUS_OK && i < run->options->publishers; i++)
        status = open_lane(run, sets[i], &run->result->known);
    if (status == STATUS_OK && run->options->newcomers > 0)
        status = load_prepare_newcomers(run->options, &newcomers, run->error);
    if (status == STATUS_OK && run->options->newcomers > 0)
        status = open_lane(run, newcomers, &run->result->newcomers);
    free(sets);
    return status;
}

static void set_clock(struct run *run)
{
    const struct load_options *options = run->options;
    run->start_ns = run->heard_ns = run->last_answer_ns = clock_mono_ns();
    run->clock = (struct lane_clock){.from_ns = run->start_ns, .until_ns = INT64_MAX};
    if (options->settings.events == 0) {
        run->clock.from_ns += (int64_t)(options->ramp_s + options->warm_up_s) * SECOND_NS;
        run->clock.until_ns = run->clock.from_ns + (int64_t)options->duration_s * SECOND_NS;
    }
    for (uint32_t i = 0; i < run->count; i++) {
        struct lane *lane = &run->lanes[i];
        if (is_newcomers(run, i))
            load_set_newcomers(options, run->start_ns, lane);
        else
            load_set_lane(options, run->start_ns, lane);
        lane->newcomers = is_newcomers(run, i) ? &run->newcomer : NULL;
    }
}

static void add_counts(struct lane_counts *into, const struct lane_counts *from)
{
    into->events += from->events;
    into->batches += from->batches;
    into->measured_events += from->measured_events;
    into->measured_batches += from->measured_batches;
    into->bytes += from->bytes;
    into->busy += from->busy;
    into->resent += from->resent;
    into->duplicate += from->duplicate;
    if (from->late_ns > into->late_ns)
        into->late_ns = from->late_ns;
}

static void sum_up(struct run *run)
{
    struct load_result *result = run->result;
    bool all = run->options->settings.events > 0;
    int64_t end_ns = all ? run->last_answer_ns : run->clock.until_ns;
    result->seconds = (double)(end_ns - run->clock.from_ns) / 1e9;
    for (uint32_t i = 0; i < run->count; i++)
        add_counts(is_newcomers(run, i) ? &result->newcomers.counts : &result->known.counts, &run->lanes[i].counts);
}

static enum status pass(struct run *run, const struct load_keys *keys, enum workload_kind kind)
{
    const struct trunk_keys pairs = {keys->plain ? NULL : keys->server_public, keys->own, keys->count};
    int queue = LANE_ROUND * (int)run->options->in_flight;
    enum status status = open_lanes(run, kind);
    if (status == STATUS_OK)
        status = trunk_open(keys->endpoint, &pairs, run->count, queue, &run->trunk, run->error);
    if (status != STATUS_OK)
        return status;
    set_clock(run);
    load_live_start(&run->live);
    status = drive(run);
    load_live_end(&run->live);
    trunk_close(&run->trunk); /* before the bytes of its messages */
    if (status == STATUS_OK)
        sum_up(run);
    return status;
}

enum status load_run(const struct load_options *options, const struct load_keys *keys, enum workload_kind kind,
                     struct load_result *result, struct error *error)
{
    struct run *run = mem_new(1, sizeof *run);
    memset(result, 0, sizeof *result);
    run->options = options;
    run->result = result;
    run->error = error;
    run->count = (uint32_t)options->publishers + (options->newcomers > 0 ? 1 : 0);
    run->lanes = mem_new(run->count, sizeof *run->lanes);
    run->wake_ns = mem_new(run->count, sizeof *run->wake_ns);
    signal(SIGINT, on_interrupt);
    enum status status = pass(run, keys, kind);
    signal(SIGINT, SIG_DFL);
    for (uint32_t i = 0; i < run->opened; i++)
        lane_close(&run->lanes[i]);
    free(run->lanes);
    free(run->wake_ns);
    free(run);
    return status;
}
