#include "aggregator/follow.h"

#include "aggregator/feed.h"
#include "aggregator/roller.h"
#include "aggregator/rollup.h"

#include "common/cli.h"
#include "common/keyfile.h"
#include "common/logline.h"
#include "common/sock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <zmq.h>

enum {
    LONG_POLL_MS = 5000,
    ANSWER_LATE_MS = 5000, /* a long poll that is this much over is lost */
    RETRY_MS = 1000,       /* after a failure of the other side */
};

struct follow {
    const struct config *config;
    struct follow_options options;
    struct feed feed;
    void *context, *query;
    int signals;
    bool asked, stopping, merging, rolling;
    struct roller *roller;
    struct crew *crew;   /* of reports */
    int64_t deadline_ns; /* asked: the answer is late then; else: ask again then */
    bool complained;     /* that nobody answers: once */
};

static int64_t after_ms(int64_t ms)
{
    return clock_mono_ns() + ms * 1000000;
}

enum status follow_cells_open(const struct config *config, size_t cache_bytes, struct cells **cells,
                              struct error *error)
{
    struct cells_settings settings = {
        .zone = config_text(config, CONFIG_ZONE),
        .max_slice_ms = (uint32_t)config_whole(config, CONFIG_MAX_SLICE_MS),
        .cache_bytes = cache_bytes,
    };
    const char *path = config_text(config, CONFIG_CELLS), *slash = strrchr(path, '/');
    char *folder = mem_text("%.*s", slash && slash > path ? (int)(slash - path) : 1, slash ? path : ".");
    enum status status = folder_make(folder, error);
    free(folder);
    return status == STATUS_OK ? cells_open(path, CELLS_WRITE, &settings, cells, error) : status;
}

void follow_status_print(const struct cells *cells, uint64_t durable, FILE *out)
{
    struct cells_position position = cells_position(cells);
    char offset[CLI_COUNT_BYTES], end[CLI_COUNT_BYTES], learners[CLI_COUNT_BYTES], contents[CLI_COUNT_BYTES];
    fprintf(out, "folded up to offset %s", cli_count(position.offset, offset));
    if (durable > 0)
        fprintf(out, " of %s", cli_count(durable, end));
    fprintf(out, "\nlearners %s, content paths %s\n", cli_count(position.learners, learners),
            cli_count(cells_content_count(cells), contents));
    int32_t first = 0, last = 0;
    if (cells_days(cells, &first, &last)) {
        char from[DATE_TEXT_BYTES], to[DATE_TEXT_BYTES];
        date_format(first, from);
        date_format(last - 1, to);
        fprintf(out, "days %s to %s, %s\n", from, to, cells_zone(cells));
    }
}

/* ---- the log ---- */

static enum status cells_begin(struct follow *follow, struct error *error)
{
    enum status status = follow_cells_open(
        follow->config, (size_t)config_whole(follow->config, CONFIG_CELLS_CACHE_BYTES), &follow->feed.cells, error);
    if (status != STATUS_OK)
        return status;
    follow->roller = roller_open(follow->feed.cells);
    follow->crew = crew_open(follow->feed.cells, (uint32_t)config_whole(follow->config, CONFIG_REPORT_THREADS));
    return STATUS_OK;
}

static enum status rebuild(struct follow *follow, struct error *error)
{
    struct feed *feed = &follow->feed;
    log_alarm("the log is another one than before: the cells are rebuilt from its beginning");
    feed_close(feed);
    roller_close(follow->roller);
    crew_close(follow->crew);
    follow->roller = NULL;
    follow->crew = NULL;
    cells_close(feed->cells);
    feed->cells = NULL;
    enum status status = cells_wipe(config_text(follow->config, CONFIG_CELLS), error);
    return status == STATUS_OK ? cells_begin(follow, error) : status;
}

/* Trouble of the other side passes: it is said once, and asked again a second later. Our own ends the program. */
static enum status judge(struct follow *follow, enum status status, struct error *error)
{
    follow->asked = false;
    if (status == STATUS_OK) {
        if (follow->complained)
            log_info("the collector answers again");
        follow->complained = false;
        follow->deadline_ns = 0;
        return STATUS_OK;
    }
    if (status == STATUS_FORKED && follow->options.rebuild_on_fork) {
        follow->deadline_ns = 0;
        return rebuild(follow, error);
    }
    if (status != STATUS_UNAVAILABLE)
        return status;
    if (!follow->complained)
        log_warning("waiting for the collector", LOG_TEXT("error", error->text));
    follow->complained = true;
    follow->deadline_ns = after_ms(RETRY_MS);
    return STATUS_OK;
}

static enum status ask(struct follow *follow, struct error *error)
{
    enum status status = feed_ask(&follow->feed, LONG_POLL_MS, error);
    if (status != STATUS_OK)
        return judge(follow, status, error);
    follow->asked = true;
    follow->deadline_ns = after_ms(LONG_POLL_MS + ANSWER_LATE_MS);
    return STATUS_OK;
}

static enum status take(struct follow *follow, struct error *error)
{
    return judge(follow, feed_take(&follow->feed, 0, error), error);
}

/* Where there is nothing else to do: merging first, then roll-ups of what has come to rest. */
static enum status tidy(struct follow *follow, struct error *error)
{
    if (follow->merging)
        return cells_merge_some(follow->feed.cells, false, &follow->merging, error);
    if (!follow->rolling)
        return STATUS_OK;
    enum status status = roller_some(follow->roller, &follow->rolling, error);
    return status == STATUS_CORRUPT && cells_forget_damaged(follow->feed.cells) ? STATUS_OK : status;
}

/* What is due by the clock: writing, asking, giving a late answer up; merging where there is nothing else to do. */
static enum status on_time(struct follow *follow, bool idle, struct error *error)
{
    struct feed *feed = &follow->feed;
    enum status status = STATUS_OK;
    int64_t now_ns = clock_mono_ns(), fold_ns = config_whole(follow->config, CONFIG_FOLD_MS) * 1000000;
    if (feed->dirty_since_ns && now_ns - feed->dirty_since_ns >= fold_ns) {
        status = feed_flush(feed, error);
        if (status == STATUS_OK) /* one step even under load, or pieces would pile up */
            status = cells_merge_some(feed->cells, false, &follow->merging, error);
        follow->rolling = true;
    }
    if (status == STATUS_OK && now_ns >= follow->deadline_ns)
        status = follow->asked ? take(follow, error) : ask(follow, error);
    if (status == STATUS_OK && idle && !feed->dirty_since_ns)
        status = tidy(follow, error);
    return status;
}

static long wait_ms(const struct follow *follow)
{
    int64_t until_ns = follow->deadline_ns, now_ns = clock_mono_ns();
    if (follow->feed.dirty_since_ns) {
        int64_t write_ns = follow->feed.dirty_since_ns + config_whole(follow->config, CONFIG_FOLD_MS) * 1000000;
        until_ns = write_ns < until_ns ? write_ns : until_ns;
    } else if (follow->merging || follow->rolling) {
        return 0;
    }
    return until_ns > now_ns ? (long)((until_ns - now_ns) / 1000000 + 1) : 0;
}

/* ---- queries ---- */

/* Everything acknowledged so far: an answer that is under way was asked for too early. */
static enum status catch_up(struct follow *follow, struct error *error)
{
    struct source *fresh = NULL;
    enum status status = source_open_socket(follow->config, &fresh, error);
    if (status != STATUS_OK)
        return status;
    source_close(follow->feed.source);
    follow->feed.source = fresh;
    status = feed_catch_up(&follow->feed, NULL, error);
    follow->asked = false;
    follow->deadline_ns = 0;
    return status;
}

static enum status run_query(struct follow *follow, const struct query *query, FILE *out, struct error *error)
{
    const char *command = query->argv[0];
    if (strcmp(command, "report") == 0 && follow->options.report)
        return follow->options.report(follow->crew, follow->config, query, out, error);
    if (strcmp(command, "fold") == 0) {
        char offset[CLI_COUNT_BYTES];
        enum status status = catch_up(follow, error);
        if (status == STATUS_OK)
            fprintf(out, "folded up to offset %s\n", cli_count(feed_offset(&follow->feed), offset));
        return status;
    }
    if (strcmp(command, "status") == 0) {
        follow_status_print(follow->feed.cells, follow->feed.durable, out);
        return STATUS_OK;
    }
    return error_set(error, STATUS_USAGE, "a running `jejak-aggregator follow` knows report, fold and status");
}

static struct slice query_run(struct follow *follow, struct slice request)
{
    struct query query = {0};
    char *printed = NULL;
    size_t size = 0;
    struct error error = {.status = STATUS_OK};
    FILE *out = open_memstream(&printed, &size);
    ensure(out);
    error.status = query_read(request, &query, &error);
    if (error.status == STATUS_OK)
        error.status = run_query(follow, &query, out, &error);
    fclose(out);
    struct slice answer = query_answer(slice_of(printed, size), &error);
    free(printed);
    query_close(&query);
    return answer;
}

/* One request: routing id, perhaps an empty delimiter, the body. Other shapes are dropped. */
static void answer_query(struct follow *follow)
{
    zmq_msg_t parts[3];
    int count = 0;
    bool more = true;
    while (more) {
        zmq_msg_t part;
        zmq_msg_init(&part);
        if (zmq_msg_recv(&part, follow->query, ZMQ_DONTWAIT) < 0)
            break;
        more = zmq_msg_more(&part) != 0;
        if (count < 3)
            parts[count++] = part;
        else
            zmq_msg_close(&part);
    }
    if (count >= 2 && !more) {
        zmq_msg_t *body = &parts[count - 1];
        struct slice answer = query_run(follow, slice_of(zmq_msg_data(body), zmq_msg_size(body)));
        for (int i = 0; i < count - 1; i++)
            zmq_send(follow->query, zmq_msg_data(&parts[i]), zmq_msg_size(&parts[i]), ZMQ_SNDMORE | ZMQ_DONTWAIT);
        zmq_send(follow->query, answer.data, answer.size, ZMQ_DONTWAIT);
        free((void *)(uintptr_t)answer.data);
    }
    for (int i = 0; i < count; i++)
        zmq_msg_close(&parts[i]);
}

/* ---- the loop ---- */

static enum status turn(struct follow *follow, struct error *error)
{
    zmq_pollitem_t items[] = {
        {.fd = follow->signals, .events = ZMQ_POLLIN},
        {.socket = follow->query, .events = ZMQ_POLLIN},
        {.socket = source_socket(follow->feed.source), .events = ZMQ_POLLIN},
    };
    int ready = zmq_poll(items, items[2].socket ? 3 : 2, wait_ms(follow));
    if (ready < 0 && errno != EINTR)
        return error_set(error, STATUS_SYSTEM, "polling failed: %s", zmq_strerror(zmq_errno()));
    if (ready <= 0)
        return on_time(follow, true, error);
    if (items[0].revents) {
        follow->stopping = true;
        return STATUS_OK;
    }
    enum status status = STATUS_OK;
    if (items[2].socket && items[2].revents)
        status = take(follow, error);
    if (items[1].revents && status == STATUS_OK)
        answer_query(follow);
    return status == STATUS_OK ? on_time(follow, false, error) : status;
}

/* What the log's store holds is folded first where no collector runs; then the socket is followed. */
static enum status start(struct follow *follow, struct error *error)
{
    struct feed *feed = &follow->feed;
    enum status status = source_open(follow->config, &feed->source, error);
    if (status != STATUS_OK || !source_is_store(feed->source))
        return status;
    status = feed_catch_up(feed, NULL, error);
    if (status == STATUS_FORKED && follow->options.rebuild_on_fork) {
        status = rebuild(follow, error);
        if (status == STATUS_OK)
            status = feed_catch_up(feed, NULL, error);
    }
    source_close(feed->source);
    feed->source = NULL;
    return status == STATUS_OK ? source_open_socket(follow->config, &feed->source, error) : status;
}

static enum status signals_open(struct follow *follow, struct error *error)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    follow->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return follow->signals >= 0 ? STATUS_OK : error_errno(error, STATUS_SYSTEM, "signals cannot be taken");
}

static enum status query_bind(struct follow *follow, struct error *error)
{
    struct sock_options options = {.type = ZMQ_ROUTER, .max_message_bytes = QUERY_MAX_REQUEST_BYTES};
    const char *endpoint = config_text(follow->config, CONFIG_QUERY);
    if (!sock_endpoint_is_local(endpoint))
        return error_set(error, STATUS_CONFIG,
                         "query = %s: reports are answered on this machine only (ipc or loopback)", endpoint);
    enum status status = sock_open(follow->context, &options, &follow->query, error);
    return status == STATUS_OK ? sock_bind(follow->query, endpoint, error) : status;
}

static void follow_close(struct follow *follow)
{
    const char *path = sock_ipc_path(config_text(follow->config, CONFIG_QUERY));
    feed_close(&follow->feed);
    source_close(follow->feed.source);
    roller_close(follow->roller);
    crew_close(follow->crew);
    cells_close(follow->feed.cells);
    if (follow->query && path)
        unlink(path);
    sock_close(follow->query);
    zmq_ctx_term(follow->context);
    if (follow->signals >= 0)
        close(follow->signals);
}

enum status follow_run(const struct config *config, const struct follow_options *options, struct error *error)
{
    struct follow follow = {.config = config, .options = *options, .signals = -1, .merging = true, .rolling = true};
    follow.context = zmq_ctx_new();
    follow.feed.fold_events = (uint32_t)config_whole(config, CONFIG_FOLD_EVENTS);
    enum status status = signals_open(&follow, error);
    if (status == STATUS_OK) /* the cells' lock tells whether somebody follows already */
        status = cells_begin(&follow, error);
    if (status == STATUS_OK)
        status = start(&follow, error);
    if (status == STATUS_OK)
        status = query_bind(&follow, error);
    if (status == STATUS_OK)
        log_info("following the log", LOG_UINT("offset", feed_offset(&follow.feed)));
    while (status == STATUS_OK && !follow.stopping)
        status = turn(&follow, error);
    if (status == STATUS_OK)
        status = feed_flush(&follow.feed, error);
    if (status == STATUS_OK)
        log_info("stopped", LOG_UINT("offset", feed_offset(&follow.feed)));
    follow_close(&follow);
    return status;
}
