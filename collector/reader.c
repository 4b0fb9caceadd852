#include "collector/reader.h"

#include "common/fetch.h"
#include "common/logline.h"
#include "common/sock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

enum {
    USER_ID_MAX = 64
};

/* A request whose offset is not durable yet. */
struct waiting {
    struct group_address from;
    struct fetch_request request;
    int64_t until_ns; /* monotonic */
};

struct reader {
    void *socket;
    struct roles *roles;
    struct store *store;
    int durable_fd, stop_fd;
    pthread_t thread;
    pthread_mutex_t serving; /* held while a request is served */
    struct waiting *waiting;
    uint32_t waiting_count;
    uint8_t *lids;
};

/* ---- one answer ---- */

struct records {
    struct slice *copies; /* of each record */
    uint32_t count, room;
    size_t bytes, max_bytes;
    uint32_t learners; /* the most that a record's header tells of */
    uint64_t next;
};

static bool collect(struct slice record, const struct record_header *header, const char *what, void *argument)
{
    struct records *records = argument;
    (void)what; /* the event log has said it */
    if (records->count > 0 && records->bytes + record.size > records->max_bytes)
        return false;
    if (records->count == records->room) {
        records->room = records->room ? records->room * 2 : 16;
        records->copies = mem_grow(records->copies, records->room, sizeof *records->copies);
    }
    uint8_t *copy = mem_new(record.size, 1);
    memcpy(copy, record.data, record.size);
    records->copies[records->count++] = slice_of(copy, record.size);
    records->bytes += record.size;
    records->learners = header->learners > records->learners ? header->learners : records->learners;
    records->next = header->first_offset + header->span;
    return records->bytes < records->max_bytes && records->count < FETCH_MAX_RECORDS;
}

static void free_buffer(void *data, void *hint)
{
    (void)hint;
    free(data);
}

/* Sends bytes that came from malloc and are given up. False: the client is gone. */
static bool send_given(void *socket, struct slice bytes, int flags)
{
    zmq_msg_t part;
    void *data = (void *)(uintptr_t)bytes.data;
    if (zmq_msg_init_data(&part, data, bytes.size, free_buffer, NULL) != 0) {
        free(data);
        return false;
    }
    if (zmq_msg_send(&part, socket, flags | ZMQ_DONTWAIT) >= 0)
        return true;
    zmq_msg_close(&part);
    return false;
}

static void send_answer(struct reader *reader, const struct group_address *to, const struct fetch_answer *answer,
                        struct records *records)
{
    uint32_t sent = 0;
    bool there = zmq_send(reader->socket, to->routing_id, to->size, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0;
    if (there && to->delimiter)
        zmq_send(reader->socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    if (there)
        there = send_given(reader->socket, fetch_answer_encode(answer), records->count > 0 ? ZMQ_SNDMORE : 0);
    for (; there && sent < records->count; sent++)
        there = send_given(reader->socket, records->copies[sent], sent + 1 < records->count ? ZMQ_SNDMORE : 0);
    for (uint32_t i = sent; i < records->count; i++)
        free((void *)(uintptr_t)records->copies[i].data);
    free(records->copies);
}

static void drop_records(struct records *records)
{
    for (uint32_t i = 0; i < records->count; i++)
        free((void *)(uintptr_t)records->copies[i].data);
    records->count = 0;
}

/* The lids of the numbers that the reader lacks for these records. Where they are many, they go alone: no record yet.
 */
static enum status add_learners(struct reader *reader, const struct fetch_request *request, struct records *records,
                                struct fetch_answer *answer, struct error *error)
{
    uint32_t known = eventlog_next(reader->store->log).learners;
    uint32_t wanted = records->count > 0 ? records->learners : known;
    uint32_t count = wanted > request->learners ? wanted - request->learners : 0;
    if (count > FETCH_MAX_LEARNERS) {
        count = FETCH_MAX_LEARNERS;
        drop_records(records);
        answer->next = request->offset;
    }
    answer->learners = slice_of(reader->lids, (size_t)count * LID_BYTES);
    return count > 0 ? eventlog_lids(reader->store->log, request->learners, count, reader->lids, error) : STATUS_OK;
}

static bool forked(const struct fetch_request *request, const struct logstore_identity *identity,
                   const struct logstore_next *next)
{
    if (!request->has_log)
        return request->offset > next->offset || request->learners > next->learners;
    return memcmp(request->log_id, identity->log_id, LOG_ID_BYTES) != 0 || request->epoch != identity->epoch ||
           request->offset > next->offset || request->learners > next->learners;
}

static void serve(struct reader *reader, const struct group_address *from, const struct fetch_request *request)
{
    struct logstore_identity identity = eventlog_identity(reader->store->log);
    struct logstore_next next = eventlog_next(reader->store->log);
    struct records records = {.max_bytes = request->max_bytes, .next = request->offset};
    struct fetch_answer answer = {.status = FETCH_OK, .epoch = identity.epoch, .durable = next.offset};
    struct error error = {0};
    enum status status = STATUS_OK;
    memcpy(answer.log_id, identity.log_id, LOG_ID_BYTES);
    if (records.max_bytes > FETCH_MAX_BYTES)
        records.max_bytes = FETCH_MAX_BYTES;
    if (forked(request, &identity, &next)) {
        answer.status = FETCH_FORKED;
        answer.detail = slice_of_text("this log is not the one that was read before");
    } else {
        status = eventlog_read(reader->store->log, request->offset, collect, &records, &error);
        answer.next = records.next;
        answer.durable = eventlog_next(reader->store->log).offset; /* a commit may have come between */
        if (status == STATUS_OK)
            status = add_learners(reader, request, &records, &answer, &error);
    }
    if (status != STATUS_OK) {
        log_alarm("the log cannot be read for a reader", LOG_TEXT("error", error.text));
        drop_records(&records);
        answer.status = FETCH_FAILED;
        answer.learners = slice_of(NULL, 0);
        answer.detail = slice_of_text(error.text);
    }
    send_answer(reader, from, &answer, &records);
}

/* ---- requests ---- */

static void answer_malformed(struct reader *reader, const struct group_address *from, const char *detail)
{
    struct records none = {0};
    struct fetch_answer answer = {.status = FETCH_MALFORMED, .detail = slice_of_text(detail)};
    send_answer(reader, from, &answer, &none);
}

static bool must_wait(const struct reader *reader, const struct fetch_request *request)
{
    struct logstore_next next = eventlog_next(reader->store->log);
    struct logstore_identity identity = eventlog_identity(reader->store->log);
    return request->wait_ms > 0 && request->offset == next.offset && request->learners == next.learners &&
           !forked(request, &identity, &next) && reader->waiting_count < READER_MAX_WAITING;
}

static void take_request(struct reader *reader, const struct group_address *from, struct slice bytes)
{
    struct fetch_request request;
    struct error error;
    if (!reader->store->log) {
        struct records none = {0};
        struct fetch_answer answer = {.status = FETCH_FAILED,
                                      .detail = slice_of_text("the store is being opened again")};
        send_answer(reader, from, &answer, &none);
        return;
    }
    if (fetch_request_decode(bytes, &request, &error) != STATUS_OK) {
        answer_malformed(reader, from, error.text);
        return;
    }
    if (!must_wait(reader, &request)) {
        serve(reader, from, &request);
        return;
    }
    uint32_t wait_ms = request.wait_ms < FETCH_MAX_WAIT_MS ? request.wait_ms : FETCH_MAX_WAIT_MS;
    struct waiting *waiting = &reader->waiting[reader->waiting_count++];
    *waiting = (struct waiting){*from, request, clock_mono_ns() + (int64_t)wait_ms * 1000000};
}

/* Serves those whose offset became durable or whose time is up. */
static void wake(struct reader *reader)
{
    int64_t now_ns = clock_mono_ns();
    if (!reader->store->log)
        return;
    uint64_t durable = eventlog_next(reader->store->log).offset;
    for (uint32_t i = 0; i < reader->waiting_count;) {
        struct waiting waiting = reader->waiting[i];
        if (waiting.request.offset >= durable && waiting.until_ns > now_ns) {
            i++;
            continue;
        }
        reader->waiting[i] = reader->waiting[--reader->waiting_count];
        serve(reader, &waiting.from, &waiting.request);
    }
}

/* One message: routing id, perhaps an empty part, the request. False: none waits. */
static bool receive(struct reader *reader)
{
    struct group_address from = {0};
    zmq_msg_t part;
    int size = zmq_recv(reader->socket, from.routing_id, ROUTING_ID_MAX_BYTES, ZMQ_DONTWAIT), parts = 0;
    if (size < 0)
        return false;
    from.size = (uint8_t)size;
    zmq_msg_init(&part);
    bool usable = true, more = true;
    while (more && zmq_msg_recv(&part, reader->socket, ZMQ_DONTWAIT) >= 0) {
        more = zmq_msg_more(&part);
        parts++;
        if (more && parts == 1 && zmq_msg_size(&part) == 0)
            from.delimiter = true;
        else if (more)
            usable = false;
    }
    const char *user = zmq_msg_gets(&part, "User-Id");
    if (user && roles_listed(reader->roles, ROLE_READER, user)) {
        if (usable && parts >= 1)
            take_request(reader, &from, slice_of(zmq_msg_data(&part), zmq_msg_size(&part)));
        else
            answer_malformed(reader, &from, "a request is one part, or an empty part and one");
    }
    zmq_msg_close(&part);
    return true;
}

static void drain_fd(int fd)
{
    uint64_t rings;
    ensure(read(fd, &rings, sizeof rings) == sizeof rings || errno == EAGAIN);
}

static void *run(void *argument)
{
    struct reader *reader = argument;
    zmq_pollitem_t items[] = {
        {.socket = reader->socket, .events = ZMQ_POLLIN},
        {.fd = reader->durable_fd, .events = ZMQ_POLLIN},
        {.fd = reader->stop_fd, .events = ZMQ_POLLIN},
    };
    while (!(items[2].revents & ZMQ_POLLIN)) {
        if (zmq_poll(items, ARRAY_COUNT(items), reader->waiting_count > 0 ? 50 : 1000) < 0 && errno != EINTR)
            break;
        if (items[1].revents & ZMQ_POLLIN)
            drain_fd(reader->durable_fd);
        pthread_mutex_lock(&reader->serving);
        for (int i = 0; i < 64 && receive(reader); i++) {
        }
        wake(reader);
        pthread_mutex_unlock(&reader->serving);
    }
    sock_close(reader->socket);
    return NULL;
}

enum status reader_open(void *socket, struct roles *roles, struct store *store, struct reader **reader,
                        struct error *error)
{
    struct reader *opened = mem_new(1, sizeof *opened);
    opened->socket = socket;
    opened->roles = roles;
    opened->store = store;
    opened->waiting = mem_new(READER_MAX_WAITING, sizeof *opened->waiting);
    opened->lids = mem_new(FETCH_MAX_LEARNERS, LID_BYTES);
    opened->durable_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    opened->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&opened->serving, NULL);
    bool made = opened->durable_fd >= 0 && opened->stop_fd >= 0;
    if (!made || (errno = pthread_create(&opened->thread, NULL, run, opened)) != 0)
        return error_errno(error, STATUS_SYSTEM, "the reader actor cannot be started");
    *reader = opened;
    return STATUS_OK;
}

void reader_close(struct reader *reader)
{
    uint64_t one = 1;
    if (!reader)
        return;
    ensure(write(reader->stop_fd, &one, sizeof one) == sizeof one);
    pthread_join(reader->thread, NULL);
    pthread_mutex_destroy(&reader->serving);
    close(reader->durable_fd);
    close(reader->stop_fd);
    free(reader->waiting);
    free(reader->lids);
    free(reader);
}

int reader_durable_fd(const struct reader *reader)
{
    return reader->durable_fd;
}

void reader_pause(struct reader *reader)
{
    pthread_mutex_lock(&reader->serving);
}

void reader_resume(struct reader *reader)
{
    pthread_mutex_unlock(&reader->serving);
}
