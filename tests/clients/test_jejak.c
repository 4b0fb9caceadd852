#include "clients/publisher/jejak.h"
#include "common/keyfile.h"
#include "tests/clients/mock_collector.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], endpoint[128], spool[128];
static struct mock mock;

static void setup(void)
{
    snprintf(folder, sizeof folder, "/tmp/jejak-lib-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(endpoint, sizeof endpoint, "ipc://%s/ingest", folder);
    snprintf(spool, sizeof spool, "%s/spool", folder);
    mock = (struct mock){0};
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path);
}

static void teardown(void)
{
    mock_free(&mock);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(jejak, .init = setup, .fini = teardown, .timeout = 50);

static struct jejak *open_with(struct jejak_options options)
{
    struct jejak *publisher = NULL;
    char error[JEJAK_ERROR_BYTES] = "";
    options.endpoint = endpoint;
    cr_assert(eq(int, jejak_open(&options, &publisher, error), JEJAK_OK), "%s", error);
    return publisher;
}

/* Event number n is told apart by its value. */
static enum jejak_status publish(struct jejak *publisher, uint32_t number)
{
    struct jejak_event event = {JEJAK_DWELL, 1700000000000 + number, "learner", 7, "a/b", 3, number};
    return jejak_publish(publisher, &event, NULL);
}

static void publish_range(struct jejak *publisher, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i <= to; i++)
        while (publish(publisher, i) == JEJAK_BUSY)
            jejak_step(publisher, 10);
}

static void flush(struct jejak *publisher, int timeout_ms)
{
    cr_assert(eq(int, jejak_flush(publisher, timeout_ms), JEJAK_OK), "%s", jejak_error(publisher));
}

static void stored_once(uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i <= to; i++)
        cr_assert(eq(int, mock.times_stored[i], 1), "event %u was stored %d times", i, mock.times_stored[i]);
}

static struct jejak_counters counters_of(struct jejak *publisher)
{
    struct jejak_counters counters;
    jejak_counters(publisher, &counters);
    return counters;
}

Test(jejak, publishes)
{
    mock_start(&mock, endpoint);
    struct jejak *publisher = open_with((struct jejak_options){.batch_events = 10});
    publish_range(publisher, 1, 1005);
    flush(publisher, 5000);
    stored_once(1, 1005);
    struct jejak_counters counters = counters_of(publisher);
    cr_assert(eq(u64, counters.accepted, 1005));
    cr_assert(eq(u64, counters.batches, 101));
    cr_assert(eq(u64, counters.sendings, 101));
    cr_assert(eq(u64, counters.waiting, 0));
    cr_assert(eq(u64, counters.memory_bytes, 0));
    cr_assert(eq(u64, jejak_settled(publisher), 101));
    jejak_close(publisher);
    mock_stop(&mock);
}

Test(jejak, tells_what_is_settled)
{
    mock_start(&mock, endpoint);
    struct jejak *publisher = open_with((struct jejak_options){0});
    for (uint32_t i = 1; i <= 3; i++) {
        publish(publisher, i);
        flush(publisher, 5000);
        cr_assert(eq(u64, mock.acked, i - 1));
    }
    jejak_close(publisher);
    mock_stop(&mock);
}

Test(jejak, refuses_events_that_break_a_rule)
{
    struct jejak *publisher = open_with((struct jejak_options){0});
    static const struct {
        struct jejak_event event;
        const char *code;
    } cases[] = {
        {{JEJAK_OPEN, 1, "", 0, "a", 1, 0}, "learner"},
        {{JEJAK_OPEN, 1, "x\n", 2, "a", 1, 0}, "learner"},
        {{JEJAK_OPEN, 1, "x", 1, "a//b", 4, 0}, "content"},
        {{JEJAK_OPEN, -1, "x", 1, "a", 1, 0}, "time_invalid"},
        {{JEJAK_DWELL, 1, "x", 1, "a", 1, 0}, "value"},
        {{JEJAK_OPEN, 1, "x", 1, "a", 1, 3}, "value"},
        {{99, 1, "x", 1, "a", 1, 3}, "kind"},
        {{JEJAK_COHORT, 1, "x", 1, "a/b", 3, 0}, "content"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *code = NULL;
        cr_assert(eq(int, jejak_publish(publisher, &cases[i].event, &code), JEJAK_REJECTED));
        cr_assert_str_eq(code, cases[i].code);
    }
    cr_assert(eq(u64, counters_of(publisher).taken, 0));
    jejak_close(publisher);
}

static struct jejak_batch last_batch;
static struct jejak_rejected last_list[REJECTED_MAX_LISTED];
static char last_detail[256];

static void keep_batch(void *argument, const struct jejak_batch *batch)
{
    (void)argument;
    last_batch = *batch;
    for (uint32_t i = 0; i < batch->listed; i++)
        last_list[i] = batch->list[i];
    snprintf(last_detail, sizeof last_detail, "%s", batch->detail ? batch->detail : "");
}

Test(jejak, tells_which_events_of_a_batch_were_rejected)
{
    mock_start(&mock, endpoint);
    struct jejak *publisher = open_with((struct jejak_options){.on_batch = keep_batch});
    struct jejak_event expired = {JEJAK_OPEN, 5, "learner", 7, "a", 1, 0};
    publish(publisher, 1);
    jejak_publish(publisher, &expired, NULL);
    publish(publisher, 2);
    flush(publisher, 5000);
    cr_assert(eq(int, last_batch.outcome, JEJAK_STORED));
    cr_assert(eq(u32, last_batch.accepted, 2));
    cr_assert(eq(u32, last_batch.rejected, 1));
    cr_assert(eq(u32, last_list[0].index, 1));
    cr_assert_str_eq(last_list[0].code, "time_expired");
    jejak_close(publisher);
    mock_stop(&mock);
}

Test(jejak, a_batch_goes_when_it_is_old_enough)
{
    mock_start(&mock, endpoint);
    struct jejak *publisher = open_with((struct jejak_options){.batch_age_ms = 100});
    publish(publisher, 1);
    jejak_step(publisher, 0);
    cr_assert(eq(u64, counters_of(publisher).batches, 0));
    for (int i = 0; i < 20 && mock.events == 0; i++)
        jejak_step(publisher, 50);
    cr_assert(eq(u64, mock.events, 1));
    jejak_close(publisher);
    mock_stop(&mock);
}

static enum mock_way busy_at_times(struct mock *m, const struct wire_batch *batch)
{
    (void)batch;
    /* Not every n-th: a resend of n batches would meet it at the same place for ever. */
    return (uint32_t)m->count++ * 2654435761u >> 29 == 3 ? MOCK_BUSY : MOCK_NORMAL;
}

Test(jejak, busy_and_the_gaps_behind_it_are_lived_through)
{
    mock.meddle = busy_at_times;
    mock_start(&mock, endpoint);
    struct jejak *publisher = open_with((struct jejak_options){.batch_events = 10});
    publish_range(publisher, 1, 300);
    flush(publisher, 20000);
    stored_once(1, 300);
    cr_assert(gt(u64, counters_of(publisher).busy, 0));
    jejak_close(publisher);
    mock_stop(&mock);
}

static enum mock_way refuse_second(struct mock *m, const struct wire_batch *batch)
{
    (void)m;
    return batch->seq == 2 ? MOCK_REFUSE : MOCK_NORMAL;
}

Test(jejak, a_refused_batch_is_set_aside_and_it_goes_on)
{
    struct stat info;
    char path[160];
    mock.meddle = refuse_second;
    mock_start(&mock, endpoint);
    struct jejak *publisher = open_with((struct jejak_options){.batch_events = 10, .spool = spool});
    publish_range(publisher, 1, 30);
    flush(publisher, 5000);
    stored_once(1, 10);
    stored_once(21, 30);
    cr_assert(eq(u64, counters_of(publisher).set_aside, 10));
    snprintf(path, sizeof path, "%s/set-aside", spool);
    cr_assert(eq(int, stat(path, &info), 0));
    cr_assert(gt(i64, info.st_size, 300));
    jejak_close(publisher);
    mock_stop(&mock);
}

static void keep_aside(void *argument, const struct jejak_batch *batch)
{
    if (batch->outcome == JEJAK_SET_ASIDE)
        keep_batch(argument, batch);
}

Test(jejak, without_a_spool_the_refused_bytes_go_to_the_owner)
{
    mock.meddle = refuse_second;
    mock_start(&mock, endpoint);
    struct jejak *publisher = open_with((struct jejak_options){.batch_events = 10, .on_batch = keep_aside});
    publish_range(publisher, 1, 30);
    flush(publisher, 5000);
    cr_assert(eq(u64, last_batch.seq, 2));
    cr_assert_str_eq(last_detail, "the mock does not like it");
    cr_assert(gt(sz, last_batch.size, 200));
    jejak_close(publisher);
    mock_stop(&mock);
}

static enum mock_way refuse_version(struct mock *m, const struct wire_batch *batch)
{
    (void)m, (void)batch;
    return MOCK_REFUSE_VERSION;
}

Test(jejak, another_version_keeps_everything)
{
    mock.meddle = refuse_version;
    mock_start(&mock, endpoint);
    struct jejak *publisher = open_with((struct jejak_options){.batch_events = 10, .spool = spool});
    publish_range(publisher, 1, 20);
    cr_assert(eq(int, jejak_flush(publisher, 5000), JEJAK_REFUSED));
    cr_assert(eq(int, jejak_step(publisher, 0), JEJAK_REFUSED));
    cr_assert(eq(u64, counters_of(publisher).waiting, 20));
    jejak_close(publisher);
    mock_stop(&mock);
    mock.meddle = NULL;
    mock_start(&mock, endpoint);
    publisher = open_with((struct jejak_options){.spool = spool});
    flush(publisher, 5000);
    stored_once(1, 20);
    jejak_close(publisher);
    mock_stop(&mock);
}

Test(jejak, memory_is_bounded)
{
    struct jejak *publisher = open_with((struct jejak_options){.memory_bytes = 64 << 10, .batch_events = 100});
    uint32_t taken = 0;
    while (publish(publisher, taken + 1) == JEJAK_OK)
        taken++;
    cr_assert(eq(int, publish(publisher, taken + 1), JEJAK_BUSY));
    cr_assert(le(u64, counters_of(publisher).memory_bytes, 64 << 10));
    cr_assert(gt(u32, taken, 1000));
    mock_start(&mock, endpoint);
    publish_range(publisher, taken + 1, taken + 100);
    flush(publisher, 20000);
    stored_once(1, taken + 100);
    jejak_close(publisher);
    mock_stop(&mock);
}

/* With a spool, memory is no bound: batches are loaded when they are sent. */
Test(jejak, a_spool_holds_more_than_memory)
{
    struct jejak *publisher =
        open_with((struct jejak_options){.memory_bytes = 64 << 10, .batch_events = 100, .spool = spool});
    publish_range(publisher, 1, 20000);
    cr_assert(le(u64, counters_of(publisher).memory_bytes, 128 << 10));
    mock_start(&mock, endpoint);
    flush(publisher, 20000);
    stored_once(1, 20000);
    jejak_close(publisher);
    mock_stop(&mock);
}

static enum mock_way lose_once(struct mock *m, const struct wire_batch *batch)
{
    (void)batch;
    return m->count++ == 2 ? MOCK_STORE_ONLY : MOCK_NORMAL;
}

Test(jejak, a_lost_answer_costs_a_duplicate)
{
    mock.meddle = lose_once;
    mock_start(&mock, endpoint);
    struct jejak *publisher = open_with((struct jejak_options){.batch_events = 10});
    publish_range(publisher, 1, 100);
    flush(publisher, 5000);
    stored_once(1, 100);
    cr_assert(eq(u64, counters_of(publisher).duplicate, 10));
    jejak_close(publisher);
    mock_stop(&mock);
}

static enum mock_way silent_at_first(struct mock *m, const struct wire_batch *batch)
{
    (void)batch;
    return m->count++ < 3 ? MOCK_IGNORE : MOCK_NORMAL;
}

Test(jejak, ten_silent_seconds_make_a_new_connection)
{
    mock.meddle = silent_at_first;
    mock_start(&mock, endpoint);
    struct jejak *publisher = open_with((struct jejak_options){.batch_events = 10});
    publish_range(publisher, 1, 30);
    flush(publisher, 15000);
    stored_once(1, 30);
    cr_assert(eq(u64, counters_of(publisher).connections, 2));
    cr_assert(eq(u64, mock.connections, 2));
    jejak_close(publisher);
    mock_stop(&mock);
}

Test(jejak, a_collector_that_restarts_gets_everything_once)
{
    mock_start(&mock, endpoint);
    struct jejak *publisher = open_with((struct jejak_options){.batch_events = 10});
    for (uint32_t round = 0; round < 4; round++) {
        publish_range(publisher, round * 500 + 1, round * 500 + 500);
        mock_stop(&mock);
        mock_start(&mock, endpoint);
    }
    flush(publisher, 30000);
    stored_once(1, 2000);
    jejak_close(publisher);
    mock_stop(&mock);
}

/* The promise: a process that dies at any moment loses no event that it took, and none is stored twice. */
Test(jejak, kill_9_of_the_publisher)
{
    int taken_pipe[2];
    uint32_t next = 1, taken, untold[12];
    mock_start(&mock, endpoint);
    for (int round = 0; round < 12; round++) {
        cr_assert(eq(int, pipe(taken_pipe), 0));
        pid_t child = fork();
        if (child == 0) {
            struct jejak *publisher = open_with((struct jejak_options){.batch_events = 20, .spool = spool});
            for (uint32_t i = next;; i++) {
                while (publish(publisher, i) != JEJAK_OK)
                    jejak_step(publisher, 1);
                if (write(taken_pipe[1], &i, sizeof i) != sizeof i)
                    _exit(1);
            }
        }
        close(taken_pipe[1]);
        uint32_t last = next - 1;
        for (int i = 0; i < 50 + 137 * round; i++)
            if (read(taken_pipe[0], &taken, sizeof taken) == sizeof taken)
                last = taken;
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(taken_pipe[0], &taken, sizeof taken) == sizeof taken)
            last = taken;
        close(taken_pipe[0]);
        cr_assert(ge(u32, last, next), "round %d took nothing", round);
        untold[round] = last + 1; /* may have been taken, without a chance to tell */
        next = last + 2;
    }
    struct jejak *publisher = open_with((struct jejak_options){.spool = spool});
    flush(publisher, 20000);
    for (uint32_t i = 1, round = 0; i < next; i++) {
        bool told = i != untold[round];
        round += !told;
        cr_assert(ge(int, mock.times_stored[i], told), "event %u of %u was taken and is lost", i, next - 1);
        cr_assert(le(int, mock.times_stored[i], 1), "event %u was stored %d times", i, mock.times_stored[i]);
    }
    jejak_close(publisher);
    mock_stop(&mock);
}

Test(jejak, curve)
{
    struct keypair server, own;
    struct error error;
    cr_assert(eq(int, keypair_make(&server, &error), STATUS_OK));
    cr_assert(eq(int, keypair_make(&own, &error), STATUS_OK));
    mock.server_secret = server.secret_key;
    mock_start(&mock, endpoint);
    struct jejak *publisher = open_with((struct jejak_options){
        .server_public = server.public_key,
        .public_key = own.public_key,
        .secret_key = own.secret_key,
        .spool = spool,
    });
    publish_range(publisher, 1, 10);
    flush(publisher, 5000);
    stored_once(1, 10);
    jejak_close(publisher);
    mock_stop(&mock);
}

Test(jejak, wrong_options_are_told)
{
    struct jejak *publisher = NULL;
    char error[JEJAK_ERROR_BYTES];
    static const struct jejak_options cases[] = {
        {.endpoint = NULL},
        {.endpoint = "tcp://10.1.2.3:7411"}, /* plain off this machine */
        {.endpoint = "tcp://127.0.0.1:7411", .server_public = "short", .public_key = "x", .secret_key = "y"},
        {.endpoint = "tcp://127.0.0.1:7411", .secret_key = "y"},
        {.endpoint = "tcp://127.0.0.1:7411", .batch_events = 65536},
        {.endpoint = "tcp://127.0.0.1:7411", .in_flight = 65},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert(eq(int, jejak_open(&cases[i], &publisher, error), JEJAK_USAGE), "case %zu", i);
    cr_assert_null(publisher);
}

Test(jejak, goes_on_with_a_session)
{
    uint8_t session[JEJAK_SESSION_BYTES];
    mock_start(&mock, endpoint);
    struct jejak *publisher = open_with((struct jejak_options){.batch_events = 10});
    memcpy(session, jejak_session(publisher), sizeof session);
    publish_range(publisher, 1, 20);
    flush(publisher, 5000);
    jejak_close(publisher);
    publisher = open_with((struct jejak_options){.batch_events = 10, .session = session, .settled = 1});
    publish_range(publisher, 11, 30);
    flush(publisher, 5000);
    stored_once(1, 30);
    cr_assert(eq(u64, counters_of(publisher).duplicate, 10));
    cr_assert(eq(sz, mock.session_count, 1));
    jejak_close(publisher);
    mock_stop(&mock);
}
