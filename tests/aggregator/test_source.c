#include "aggregator/feed.h"

#include "common/fetch.h"
#include "common/keyfile.h"
#include "common/logstore.h"
#include "common/rocks.h"
#include "tests/aggregator/scribe.h"
#include "tests/scratch.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <zmq.h>

/* A log of five blocks and a control record over two segments, in a store and behind a socket. */
static const char *const paths[HISTORY_CONTENTS] = {"m1", "m2/t1"};
static const struct history history = {
    .learner_count = 4, .contents = paths, .max_slice_ms = 1800000, .zone_offset_ms = 7 * 3600000};
#define NOON INT64_C(1700024400000)

enum {
    LEARNERS = 4,
    SECOND_SEGMENT = 3
};

static struct error error;
static char *home;
static struct config *config;
static struct scribe scribe;
static struct cells *cells;

static void write_log(void)
{
    for (uint32_t i = 0; i < 5; i++) {
        struct happening events[] = {
            {.learner = i % LEARNERS, .kind = KIND_OPEN, .time_ms = NOON + i, .content = i % 2},
            {.learner = (i + 1) % LEARNERS, .kind = KIND_DWELL, .time_ms = NOON + i, .value = 1000 + i}};
        scribe_events(&scribe, &history, events, 2);
    }
    scribe_control(&scribe, RECORD_RESTRICT, 3);
}

static void put(struct rocks_batch *batch, struct rocks_family *family, const void *key, size_t key_size,
                const void *value, size_t size)
{
    rocks_batch_put(batch, family, slice_of(key, key_size), slice_of(value, size));
}

static void put_base(struct rocks *store, struct rocks_batch *batch, uint32_t epoch)
{
    struct rocks_family *base = rocks_family(store, "default");
    uint8_t format[4], identity_bytes[LOGSTORE_IDENTITY_BYTES], next_bytes[LOGSTORE_NEXT_BYTES];
    struct logstore_identity identity = {.epoch = epoch};
    struct logstore_next next = {scribe.next, LEARNERS, LEARNERS};
    memcpy(identity.log_id, scribe_log_id, LOG_ID_BYTES);
    put_u32(format, LOGSTORE_FORMAT);
    logstore_identity_write(&identity, identity_bytes);
    logstore_next_write(&next, next_bytes);
    put(batch, base, "format", 6, format, sizeof format);
    put(batch, base, "identity", 8, identity_bytes, sizeof identity_bytes);
    put(batch, base, "next", 4, next_bytes, sizeof next_bytes);
    for (uint32_t number = 0; number < LEARNERS; number++) {
        uint8_t key[LOGSTORE_NUMBER_KEY_BYTES], lid[LID_BYTES];
        logstore_number_key(number, key);
        scribe_lid(number, lid);
        put(batch, rocks_family(store, LOGSTORE_LEARNERS), key, sizeof key, lid, sizeof lid);
    }
}

static void store_log(uint32_t epoch)
{
    char first[LOGSTORE_SEGMENT_NAME_BYTES], second[LOGSTORE_SEGMENT_NAME_BYTES];
    logstore_segment_name(0, first);
    logstore_segment_name(scribe.offsets[SECOND_SEGMENT], second);
    const char *families[] = {LOGSTORE_LEARNERS, LOGSTORE_SESSIONS, second, first};
    const char *path = config_text(config, CONFIG_LOG);
    struct rocks_options options = {.mode = rocks_exists(path) ? ROCKS_WRITE : ROCKS_CREATE,
                                    .write_buffer_bytes = 1 << 20,
                                    .cache_bytes = 1 << 20,
                                    .max_wal_bytes = 8 << 20,
                                    .block_bytes = 4096,
                                    .compression_level = 1};
    struct rocks *store = NULL;
    cr_assert_eq(rocks_open(path, &options, families, 4, &store, &error), STATUS_OK, "%s", error.text);
    struct rocks_batch *batch = rocks_batch_open();
    put_base(store, batch, epoch);
    for (size_t i = 0; i < scribe.count; i++) {
        uint8_t key[8];
        put_be64(key, scribe.offsets[i]);
        put(batch, rocks_family(store, i < SECOND_SEGMENT ? first : second), key, 8, scribe.records[i].data,
            scribe.records[i].size);
    }
    cr_assert_eq(rocks_write(store, batch, true, &error), STATUS_OK, "%s", error.text);
    rocks_batch_close(batch);
    rocks_close(store);
}

static void setup(void)
{
    home = scratch_make();
    cr_assert_eq(config_open(home, NULL, NULL, 0, &config, &error), STATUS_OK, "%s", error.text);
    char *data = scratch_path(home, "data"), *run = scratch_path(home, "run");
    cr_assert_eq(folder_make(data, &error), STATUS_OK);
    cr_assert_eq(folder_make(run, &error), STATUS_OK);
    scribe = (struct scribe){.learners = LEARNERS};
    write_log();
    cells = scribe_cells_open(data, &history);
    free(data);
    free(run);
}

static void teardown(void)
{
    cells_close(cells);
    config_close(config);
    scribe_close(&scribe);
    scratch_remove(home);
}

TestSuite(source, .init = setup, .fini = teardown, .timeout = 30);

static enum status count_opens(const struct cell_piece *piece, void *argument, struct error *failure)
{
    (void)failure;
    for (uint32_t i = 0; i < piece->count; i++)
        *(uint32_t *)argument += piece->entries[i].opens;
    return STATUS_OK;
}

static void expect_all_folded(void)
{
    uint32_t opens = 0;
    struct cell_entries read = {0};
    for (uint32_t content = 0; content < cells_content_count(cells); content++)
        cr_assert_eq(cells_scan(cells, content, 0, INT32_MAX, &read, count_opens, &opens, &error), STATUS_OK, "%s",
                     error.text);
    cell_entries_close(&read);
    cr_assert_eq(opens, 5);
    cr_assert(cells_restricted(cells, 3));
    cr_assert_eq(cells_position(cells).offset, scribe.next);
    cr_assert_eq(cells_position(cells).learners, LEARNERS);
}

static enum status catch_up(void)
{
    struct feed feed = {.cells = cells, .fold_events = 3};
    enum status status = source_open(config, &feed.source, &error);
    if (status == STATUS_OK)
        status = feed_catch_up(&feed, NULL, &error);
    feed_close(&feed);
    source_close(feed.source);
    return status;
}

Test(source, the_store_is_read_while_no_collector_runs)
{
    store_log(1);
    cr_assert_eq(catch_up(), STATUS_OK, "%s", error.text);
    expect_all_folded();
    cr_assert_eq(catch_up(), STATUS_OK, "%s", error.text);
    expect_all_folded();
}

Test(source, the_store_is_read_on_from_any_offset)
{
    store_log(1);
    struct source *source = NULL;
    cr_assert_eq(source_open(config, &source, &error), STATUS_OK, "%s", error.text);
    cr_assert(source_is_store(source));
    for (uint64_t offset = 0; offset <= scribe.next; offset++) {
        struct cells_position from = {.offset = offset, .learners = LEARNERS};
        struct source_chunk chunk;
        cr_assert_eq(source_ask(source, &from, 0, &error), STATUS_OK);
        cr_assert_eq(source_take(source, 0, &chunk, &error), STATUS_OK, "%s", error.text);
        size_t due = 0;
        for (size_t i = 0; i < scribe.count; i++)
            due += (i + 1 < scribe.count ? scribe.offsets[i + 1] : scribe.next) > offset;
        cr_assert_eq(chunk.record_count, due, "offset %llu", (unsigned long long)offset);
        cr_assert_eq(chunk.next, scribe.next);
    }
    source_close(source);
}

/* What is damaged is passed over by name: the cells remember it, also when they are opened again. */
Test(source, damaged_records_are_kept_in_mind_by_the_cells)
{
    int64_t least_ms, greatest_ms;
    scribe.records[1] = slice_of(scribe.records[1].data, scribe.records[1].size - 1); /* cut short */
    store_log(1);
    cr_assert_eq(catch_up(), STATUS_OK, "%s", error.text);
    uint64_t lost = cells_lost_from(cells, 0, &least_ms, &greatest_ms);
    cr_assert_eq(lost, scribe.offsets[2] - scribe.offsets[1]);
    cr_assert_leq(least_ms, greatest_ms);
    cr_assert_eq(cells_lost_from(cells, greatest_ms + CELLS_LOST_SKEW_MS + 1, &least_ms, &greatest_ms), 0,
                 "a period after it lacks nothing");
    char *data = scratch_path(home, "data");
    cells_close(cells);
    cells = scribe_cells_open(data, &history);
    cr_assert_eq(cells_lost_from(cells, 0, &least_ms, &greatest_ms), lost);
    cr_assert_eq(cells_position(cells).offset, scribe.next);
    free(data);
}

Test(source, losses_are_counted_once_and_kept_within_their_bound)
{
    int64_t least_ms, greatest_ms;
    cells_lost_add(cells, &(struct cells_lost){100, 200, 5, 9});
    cells_lost_add(cells, &(struct cells_lost){150, 250, 7, 20});
    cells_lost_add(cells, &(struct cells_lost){100, 200, 5, 9});
    cr_assert_eq(cells_lost_from(cells, 0, &least_ms, &greatest_ms), 150);
    cr_assert_eq(least_ms, 5);
    cr_assert_eq(greatest_ms, 20);
    for (uint64_t i = 0; i < CELLS_MAX_LOST + 10; i++)
        cells_lost_add(cells, &(struct cells_lost){1000 + 2 * i, 1001 + 2 * i, 0, 30});
    cr_assert_geq(cells_lost_from(cells, 0, &least_ms, &greatest_ms), 150 + CELLS_MAX_LOST + 10 - 2);
    cr_assert_eq(least_ms, 0);
}

/* What was read ahead is given only where it is asked for: one record after the other, with a jump back now and then. */
Test(source, the_store_is_read_on_after_a_jump)
{
    store_log(1);
    struct source *source = NULL;
    cr_assert_eq(source_open(config, &source, &error), STATUS_OK, "%s", error.text);
    struct cells_position from = {0};
    struct source_chunk chunk;
    for (int round = 0; round < 3; round++) {
        from = (struct cells_position){0};
        cr_assert_eq(source_ask(source, &from, 0, &error), STATUS_OK);
        cr_assert_eq(source_take(source, 0, &chunk, &error), STATUS_OK, "%s", error.text);
        cr_assert_eq(chunk.learners.size, LEARNERS * LID_BYTES);
        cr_assert_eq(chunk.record_count, scribe.count);
        cr_assert_eq(chunk.records[0].size, scribe.records[0].size);
        cr_assert_eq(memcmp(chunk.records[0].data, scribe.records[0].data, scribe.records[0].size), 0);
        from = (struct cells_position){.has_log = true, .epoch = 1, .offset = chunk.next, .learners = LEARNERS};
        memcpy(from.log_id, scribe_log_id, LOG_ID_BYTES);
        for (int i = 0; i < round; i++) {
            cr_assert_eq(source_ask(source, &from, 0, &error), STATUS_OK);
            cr_assert_eq(source_take(source, 0, &chunk, &error), STATUS_OK, "%s", error.text);
            cr_assert_eq(chunk.record_count, 0);
            cr_assert_eq(chunk.next, scribe.next);
        }
    }
    from.epoch = 2;
    cr_assert_eq(source_ask(source, &from, 0, &error), STATUS_OK);
    cr_assert_eq(source_take(source, 0, &chunk, &error), STATUS_FORKED);
    source_close(source);
}

Test(source, another_epoch_is_a_fork_and_says_what_to_do)
{
    store_log(1);
    cr_assert_eq(catch_up(), STATUS_OK, "%s", error.text);
    store_log(2);
    cr_assert_eq(catch_up(), STATUS_FORKED);
    cr_assert_not_null(strstr(error.text, "jejak-aggregator rebuild"), "%s", error.text);
    cr_assert_eq(cells_position(cells).offset, scribe.next, "nothing is wiped by itself");
}

/* ---- a collector of a thread ---- */

struct server {
    void *context, *socket;
    pthread_t thread;
    uint32_t epoch;
    int requests; /* to answer, then it ends */
};

static void serve_one(struct server *server)
{
    zmq_msg_t id, body;
    zmq_msg_init(&id);
    zmq_msg_init(&body);
    cr_assert_geq(zmq_msg_recv(&id, server->socket, 0), 0);
    cr_assert_geq(zmq_msg_recv(&body, server->socket, 0), 0);
    struct fetch_request request;
    cr_assert_eq(fetch_request_decode(slice_of(zmq_msg_data(&body), zmq_msg_size(&body)), &request, &error), STATUS_OK);
    struct fetch_answer answer = {.epoch = server->epoch, .durable = scribe.next, .next = request.offset};
    uint8_t lids[LEARNERS * LID_BYTES];
    memcpy(answer.log_id, scribe_log_id, LOG_ID_BYTES);
    size_t record = scribe.count;
    if (request.has_log && request.epoch != server->epoch)
        answer.status = FETCH_FORKED;
    else if (request.learners < LEARNERS) { /* two lids at a time, no record */
        for (uint32_t i = 0; i < 2; i++)
            scribe_lid(request.learners + i, lids + i * LID_BYTES);
        answer.learners = slice_of(lids, 2 * LID_BYTES);
    } else { /* a record at a time */
        for (record = 0; record + 1 < scribe.count && scribe.offsets[record + 1] <= request.offset;)
            record++;
        answer.next = record + 1 < scribe.count ? scribe.offsets[record + 1] : scribe.next;
    }
    struct slice first = fetch_answer_encode(&answer);
    zmq_msg_send(&id, server->socket, ZMQ_SNDMORE);
    zmq_send(server->socket, first.data, first.size, record < scribe.count ? ZMQ_SNDMORE : 0);
    if (record < scribe.count)
        zmq_send(server->socket, scribe.records[record].data, scribe.records[record].size, 0);
    free((void *)(uintptr_t)first.data);
    zmq_msg_close(&body);
}

static void *serve(void *argument)
{
    struct server *server = argument;
    for (int i = 0; i < server->requests; i++)
        serve_one(server);
    return NULL;
}

static void server_open(struct server *server)
{
    server->context = zmq_ctx_new();
    server->socket = zmq_socket(server->context, ZMQ_ROUTER);
    cr_assert_eq(zmq_bind(server->socket, config_text(config, CONFIG_READER)), 0, "%s", zmq_strerror(zmq_errno()));
    pthread_create(&server->thread, NULL, serve, server);
}

static void server_close(struct server *server)
{
    pthread_join(server->thread, NULL);
    int linger = 1000;
    zmq_setsockopt(server->socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_close(server->socket);
    zmq_ctx_term(server->context);
}

Test(source, the_socket_gives_learners_first_then_record_by_record)
{
    struct server server = {.epoch = 1, .requests = 2 + (int)scribe.count};
    server_open(&server);
    cr_assert_eq(catch_up(), STATUS_OK, "%s", error.text);
    server_close(&server);
    expect_all_folded();
}

Test(source, a_fork_is_told_over_the_socket_too)
{
    struct server server = {.epoch = 1, .requests = 2 + (int)scribe.count};
    server_open(&server);
    cr_assert_eq(catch_up(), STATUS_OK, "%s", error.text);
    server_close(&server);
    server = (struct server){.epoch = 2, .requests = 1};
    server_open(&server);
    cr_assert_eq(catch_up(), STATUS_FORKED, "%s", error.text);
    server_close(&server);
}

Test(source, nobody_there_is_said_in_time)
{
    struct source *source = NULL;
    struct source_chunk chunk;
    struct cells_position from = {0};
    cr_assert_eq(source_open_socket(config, &source, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(source_ask(source, &from, 0, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(source_take(source, 50, &chunk, &error), STATUS_UNAVAILABLE);
    cr_assert_not_null(strstr(error.text, "no collector answers"), "%s", error.text);
    source_close(source);
}
