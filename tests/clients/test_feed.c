#include "clients/publish/feed.h"
#include "clients/publisher/jejak.h"
#include "tests/clients/mock_collector.h"
#include "tests/scratch.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <sys/wait.h>

static char *folder;
static char endpoint[160];
static const char *paths[4];
static size_t path_count;
static char *kept[32];
static size_t kept_count;
static struct mock mock;
static struct tally tally;
static struct error error;

/* FOLDER/NAME, until the test ends. */
static char *named(const char *name)
{
    ensure(kept_count < ARRAY_COUNT(kept));
    return kept[kept_count++] = scratch_path(folder, name);
}

static void setup(void)
{
    folder = scratch_make();
    path_count = 0;
    snprintf(endpoint, sizeof endpoint, "ipc://%s/ingest", folder);
    mock = (struct mock){0};
    mock_start(&mock, endpoint);
}

static void teardown(void)
{
    mock_stop(&mock);
    mock_free(&mock);
    tally_free(&tally);
    while (kept_count > 0)
        free(kept[--kept_count]);
    scratch_remove(folder);
}

TestSuite(feed, .init = setup, .fini = teardown, .timeout = 50);

static FILE *file(const char *name)
{
    char *path = named(name);
    FILE *out = fopen(path, "w");
    paths[path_count++] = path;
    fputs("time,learner,content,kind,value\n", out);
    return out;
}

static void dwells(const char *name, unsigned from, unsigned to)
{
    FILE *out = file(name);
    for (unsigned i = from; i <= to; i++)
        fprintf(out, "%llu,learner-%u,a/b,dwell,%u\n", 1700000000000ull + i, i % 77, i);
    fclose(out);
}

static struct feed_options options_with(uint32_t batch_events)
{
    return (struct feed_options){
        .paths = paths,
        .path_count = path_count,
        .keys = {.to = endpoint, .plain = true},
        .batch_events = batch_events,
        .timeout_ms = 20000,
    };
}

static enum status run(struct feed_options options)
{
    tally_free(&tally);
    return feed_run(&options, &tally, &error);
}

static void stored_once(uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i <= to; i++)
        cr_assert(eq(int, mock.times_stored[i], 1), "event %u was stored %d times", i, mock.times_stored[i]);
}

Test(feed, counts_what_became_of_every_line)
{
    FILE *out = file("a.csv");
    fputs("1700000000000,ann,a/b,dwell,1\n"   /* 2 */
          "1700000000000,,a/b,dwell,2\n"      /* 3: learner, found here */
          "5,ann,a/b,dwell,3\n"               /* 4: time_expired, found there */
          "1700000000000,ann\n"               /* 5: unreadable */
          "1700000000000,ann,a/b,dwell,4\n"   /* 6 */
          "6,ann,a/b,dwell,5\n"               /* 7: time_expired */
          "1700000000000,ann,a//b,dwell,6\n", /* 8: content */
          out);
    fclose(out);
    cr_assert(eq(int, run(options_with(2)), STATUS_OK), "%s", error.text);
    cr_assert(eq(u64, tally.sent, 4));
    cr_assert(eq(u64, tally.batches, 2));
    cr_assert(eq(u64, tally.accepted, 2));
    cr_assert(eq(u64, tally.rejected[VERDICT_LEARNER].first[0].line, 3));
    cr_assert(eq(u64, tally.rejected[VERDICT_TIME_EXPIRED].count, 2));
    cr_assert(eq(u64, tally.rejected[VERDICT_TIME_EXPIRED].first[0].line, 4));
    cr_assert(eq(u64, tally.rejected[VERDICT_TIME_EXPIRED].first[1].line, 7));
    cr_assert(eq(u64, tally.rejected[VERDICT_CONTENT].first[0].line, 8));
    cr_assert(eq(u64, tally.unreadable.count, 1));
    cr_assert(eq(u64, tally.unreadable.first[0].line, 5));
    cr_assert(not(tally_clean(&tally)));
    cr_assert(eq(u64, mock.events, 2));
}

Test(feed, the_summary_names_no_learner)
{
    char text[4096] = "";
    FILE *out = file("a.csv");
    fputs("1,sensitive-person,a,dwell,1\n1700000000000,sensitive-person,a,walk,\nsensitive-person\n", out);
    fclose(out);
    dwells("b.csv", 1, 10);
    cr_assert(eq(int, run(options_with(500)), STATUS_OK));
    FILE *memory = fmemopen(text, sizeof text, "w");
    tally_print(&tally, 1000, memory);
    fclose(memory);
    cr_assert_null(strstr(text, "sensitive"));
    cr_assert_not_null(strstr(text, "a.csv:3"));
    cr_assert_not_null(strstr(text, "a.csv:4: the line has 1 fields, the header 5"));
}

Test(feed, several_files_and_batches_across_their_borders)
{
    dwells("a.csv", 1, 333);
    dwells("b.csv", 334, 1000);
    cr_assert(eq(int, run(options_with(100)), STATUS_OK));
    stored_once(1, 1000);
    cr_assert(eq(u64, mock.batches, 10));
    cr_assert(tally_clean(&tally));
}

static int64_t least_ms, greatest_ms;

static enum mock_way watch_times(struct mock *m, const struct wire_batch *batch)
{
    struct wire_batch copy = *batch;
    struct event event;
    enum verdict verdict;
    (void)m;
    while (wire_event_next(&copy, &event, &verdict)) {
        least_ms = !least_ms || event.time_ms < least_ms ? event.time_ms : least_ms;
        greatest_ms = event.time_ms > greatest_ms ? event.time_ms : greatest_ms;
    }
    return MOCK_NORMAL;
}

Test(feed, shifts_by_whole_days)
{
    mock.meddle = watch_times;
    dwells("a.csv", 1, 1000);
    struct feed_options options = options_with(100);
    options.shift = true;
    options.shift_day = 19675 + 30; /* 1700000000 s is 2023-11-14, day 19675 */
    cr_assert(eq(int, run(options), STATUS_OK));
    cr_assert(eq(i64, least_ms, 1700000000001 + 30 * 86400000ll));
    cr_assert(eq(i64, greatest_ms, 1700000001000 + 30 * 86400000ll));
}

static enum mock_way ignore_all(struct mock *m, const struct wire_batch *batch)
{
    (void)m, (void)batch;
    return MOCK_IGNORE;
}

Test(feed, a_silent_collector_is_unavailable)
{
    mock.meddle = ignore_all;
    dwells("a.csv", 1, 10);
    struct feed_options options = options_with(100);
    options.timeout_ms = 300;
    cr_assert(eq(int, run(options), STATUS_UNAVAILABLE));
    cr_assert(eq(u64, tally.accepted, 0));
}

/* Killed again and again at any point, the same command ends with everything stored once. */
Test(feed, kill_9_and_resume)
{
    char *position = named("position");
    dwells("a.csv", 1, 20000);
    dwells("b.csv", 20001, 60000);
    struct feed_options options = options_with(37);
    options.resume = position;
    unsigned killed = 0;
    for (int round = 0; round < 12; round++) {
        uint64_t before = mock.batches;
        pid_t child = fork();
        if (child == 0) {
            struct tally own;
            struct error failed;
            _exit(feed_run(&options, &own, &failed) == STATUS_OK ? 0 : 1);
        }
        while (mock.batches < before + 60 && waitpid(child, NULL, WNOHANG) == 0)
            usleep(200);
        killed += kill(child, SIGKILL) == 0;
        waitpid(child, NULL, 0);
    }
    cr_assert(gt(u32, killed, 5));
    cr_assert(eq(int, run(options), STATUS_OK), "%s", error.text);
    stored_once(1, 60000);
    cr_assert(eq(sz, mock.session_count, 1));
    cr_assert(eq(u64, mock.batches, (60000 + 36) / 37));
    cr_assert(eq(int, run(options), STATUS_OK), "%s", error.text);
    cr_assert(eq(u64, tally.sent, 0), "it was done");
}

static enum mock_way store_only(struct mock *m, const struct wire_batch *batch)
{
    (void)m, (void)batch;
    return MOCK_STORE_ONLY;
}

/* Stored, but killed before the first answer: the position file already knew the session. */
Test(feed, kill_9_before_the_first_answer)
{
    mock.meddle = store_only;
    dwells("a.csv", 1, 1000);
    struct feed_options options = options_with(50);
    options.resume = named("position");
    pid_t child = fork();
    if (child == 0) {
        struct tally own;
        struct error failed;
        _exit(feed_run(&options, &own, &failed) == STATUS_OK ? 0 : 1);
    }
    while (mock.batches < 3)
        usleep(200);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    mock.meddle = NULL;
    cr_assert(eq(int, run(options), STATUS_OK), "%s", error.text);
    stored_once(1, 1000);
    cr_assert(ge(u64, tally.duplicate, 150));
}

Test(feed, what_was_added_after_a_finished_run_is_read)
{
    dwells("a.csv", 1, 100);
    struct feed_options options = options_with(30);
    options.resume = named("position");
    cr_assert(eq(int, run(options), STATUS_OK));
    FILE *out = fopen(paths[0], "a");
    fprintf(out, "1700000000000,ann,a/b,dwell,101\n");
    fclose(out);
    cr_assert(eq(int, run(options), STATUS_OK), "%s", error.text);
    stored_once(1, 101);
    cr_assert(eq(u64, tally.sent, 1));
}

Test(feed, another_file_or_batch_is_not_resumed)
{
    dwells("a.csv", 1, 100);
    struct feed_options options = options_with(30);
    options.resume = named("position");
    cr_assert(eq(int, run(options), STATUS_OK));
    options.batch_events = 31;
    cr_assert(eq(int, run(options), STATUS_USAGE));
    options.batch_events = 30;
    path_count = 0;
    dwells("a.csv", 2, 101);
    cr_assert(eq(int, run(options), STATUS_DATA));
    cr_assert_not_null(strstr(error.text, "is not the file that the run was begun with"));
    FILE *out = fopen(options.resume, "w");
    fputs("something else\n", out);
    fclose(out);
    cr_assert(eq(int, run(options), STATUS_DATA));
}

/* Events that a spool still had open are no lines of this run. */
Test(feed, what_a_spool_had_open_is_a_batch_of_its_own)
{
    struct jejak *publisher;
    char text[JEJAK_ERROR_BYTES];
    char *spool = named("spool");
    struct jejak_options open_options = {.endpoint = endpoint, .spool = spool};
    struct jejak_event event = {JEJAK_DWELL, 5, "learner", 7, "a", 1, 1}; /* expired */
    cr_assert(eq(int, jejak_open(&open_options, &publisher, text), JEJAK_OK), "%s", text);
    cr_assert(eq(int, jejak_publish(publisher, &event, NULL), JEJAK_OK));
    jejak_close(publisher);
    dwells("a.csv", 1, 10);
    struct feed_options options = options_with(4);
    options.spool = spool;
    cr_assert(eq(int, run(options), STATUS_OK), "%s", error.text);
    cr_assert(eq(u64, tally.earlier, 1));
    cr_assert(eq(u64, tally.accepted, 10));
    cr_assert(tally_clean(&tally));
    stored_once(1, 10);
}

Test(feed, a_spool_is_sent_by_the_next_run)
{
    mock.meddle = ignore_all;
    dwells("a.csv", 1, 100);
    struct feed_options options = options_with(30);
    options.spool = named("spool");
    options.timeout_ms = 300;
    cr_assert(eq(int, run(options), STATUS_UNAVAILABLE));
    mock.meddle = NULL;
    path_count = 0;
    dwells("b.csv", 101, 150);
    options.paths = paths;
    options.path_count = 1;
    options.timeout_ms = 20000;
    cr_assert(eq(int, run(options), STATUS_OK), "%s", error.text);
    stored_once(1, 150);
    cr_assert(eq(u64, tally.earlier, 100));
    cr_assert(eq(u64, tally.accepted, 50));
}
