#include "clients/publish/feed.h"
#include "clients/publish/progress.h"
#include "clients/publish/sheets.h"
#include "clients/publish/shift.h"
#include "clients/publisher/jejak.h"
#include "common/logline.h"

#include <stdlib.h>
#include <sys/random.h>

enum {
    STEP_MS = 100,
    RESUME_WRITE_MS = 200,
};

struct feed {
    const struct feed_options *options;
    struct tally *tally;
    struct error *error;
    struct jejak *publisher;
    struct input *input;
    struct sheets sheets;
    struct progress progress;
    struct resume_files files;
    struct resume resume; /* session and batch stand also where no file is kept */
    uint64_t settled_events;
    int64_t heard_ms;   /* the last time a batch was settled, or nothing was waiting */
    int64_t written_ms; /* the resume file */
};

static int64_t now_ms(void)
{
    return clock_mono_ns() / 1000000;
}

static enum verdict verdict_of(const char *code)
{
    for (unsigned i = 0; i < VERDICT_COUNT; i++)
        if (strcmp(code, verdict_name((enum verdict)i)) == 0)
            return (enum verdict)i;
    return VERDICT_SHAPE;
}

static void tally_stored(struct feed *feed, const struct jejak_batch *batch, const struct sheet *sheet)
{
    feed->tally->accepted += batch->accepted;
    for (uint32_t i = 0; i < batch->listed; i++)
        if (batch->list[i].index < sheet->count)
            tally_rejected(feed->tally, verdict_of(batch->list[i].code), sheet->lines[batch->list[i].index]);
    feed->tally->rejected_unlisted += batch->rejected - batch->listed;
}

static void on_batch(void *argument, const struct jejak_batch *batch)
{
    struct feed *feed = argument;
    const struct sheet *sheet = sheets_find(&feed->sheets, batch->seq);
    feed->heard_ms = now_ms();
    feed->settled_events += batch->events;
    if (!sheet)
        feed->tally->earlier += batch->events;
    else if (batch->outcome == JEJAK_STORED)
        tally_stored(feed, batch, sheet);
    else if (batch->outcome == JEJAK_DUPLICATE)
        feed->tally->duplicate += batch->events;
    else
        feed->tally->set_aside += batch->events;
}

static void on_notice(void *argument, const char *sentence)
{
    struct feed *feed = argument;
    progress_wipe(&feed->progress);
    log_warning(sentence);
}

static const enum status statuses[] = {
    [JEJAK_OK] = STATUS_OK,
    [JEJAK_REJECTED] = STATUS_DATA,
    [JEJAK_BUSY] = STATUS_BUSY,
    [JEJAK_REFUSED] = STATUS_PROTOCOL,
    [JEJAK_UNAVAILABLE] = STATUS_UNAVAILABLE,
    [JEJAK_USAGE] = STATUS_USAGE,
    [JEJAK_DENIED] = STATUS_DENIED,
    [JEJAK_CORRUPT] = STATUS_CORRUPT,
    [JEJAK_FAILED] = STATUS_IO,
};

static enum status publisher_failed(const struct feed *feed, enum jejak_status status)
{
    return error_set(feed->error, statuses[status], "%s", jejak_error(feed->publisher));
}

static enum status write_resume(struct feed *feed, bool now)
{
    const char *path = feed->options->resume;
    if (!path || (!now && now_ms() - feed->written_ms < RESUME_WRITE_MS))
        return STATUS_OK;
    feed->written_ms = now_ms();
    return resume_write(path, &feed->files, &feed->resume, feed->error);
}

/* Sends and hears; then remembers what is settled. */
static enum status step(struct feed *feed, int timeout_ms)
{
    enum jejak_status result = jejak_step(feed->publisher, timeout_ms);
    if (result != JEJAK_OK && result != JEJAK_BUSY)
        return publisher_failed(feed, result);
    uint64_t settled = jejak_settled(feed->publisher);
    if (settled != feed->resume.settled) {
        feed->resume.settled = settled;
        sheets_settle(&feed->sheets, settled, &feed->resume.place);
        enum status status = write_resume(feed, false);
        if (status != STATUS_OK)
            return status;
    }
    progress_show(&feed->progress, input_bytes(feed->input), input_total_bytes(feed->input), feed->settled_events);
    if (now_ms() - feed->heard_ms < feed->options->timeout_ms)
        return STATUS_OK;
    return error_set(feed->error, STATUS_UNAVAILABLE, "the collector has settled nothing for %lld s",
                     (long long)(feed->options->timeout_ms / 1000));
}

static enum status cut(struct feed *feed)
{
    struct jejak_counters counters;
    enum jejak_status result;
    jejak_counters(feed->publisher, &counters);
    if (counters.made == jejak_settled(feed->publisher))
        feed->heard_ms = now_ms(); /* nothing was waiting: patience begins here */
    while ((result = jejak_cut(feed->publisher)) == JEJAK_BUSY) {
        enum status status = step(feed, STEP_MS);
        if (status != STATUS_OK)
            return status;
    }
    if (result != JEJAK_OK)
        return publisher_failed(feed, result);
    jejak_counters(feed->publisher, &counters);
    if (feed->sheets.open->count > 0) {
        sheets_close(&feed->sheets, counters.made);
        feed->tally->batches++;
    }
    return step(feed, 0);
}

static enum status publish(struct feed *feed, const struct event *event, const struct input_row *row)
{
    struct jejak_event given = {
        .kind = (enum jejak_kind)event->kind,
        .time_ms = event->time_ms + feed->resume.shift_days * DAY_MS,
        .learner = (const char *)event->learner.data,
        .learner_size = event->learner.size,
        .content = (const char *)event->content.data,
        .content_size = event->content.size,
        .value = event->value,
    };
    const char *code = NULL;
    enum jejak_status result;
    while ((result = jejak_publish(feed->publisher, &given, &code)) == JEJAK_BUSY) {
        enum status status = step(feed, STEP_MS);
        if (status != STATUS_OK)
            return status;
    }
    if (result == JEJAK_REJECTED) {
        tally_rejected(feed->tally, verdict_of(code), (struct tally_line){row->file, row->line});
        return STATUS_OK;
    }
    if (result != JEJAK_OK)
        return publisher_failed(feed, result);
    feed->tally->sent++;
    sheets_add(&feed->sheets, row);
    return feed->sheets.open->count == feed->options->batch_events ? cut(feed) : STATUS_OK;
}

static enum status take_row(struct feed *feed, const struct input_row *row)
{
    struct event event;
    enum verdict verdict = row_event(&row->row, &event);
    if (verdict == VERDICT_ACCEPTED)
        return publish(feed, &event, row);
    tally_rejected(feed->tally, verdict, (struct tally_line){row->file, row->line});
    return STATUS_OK;
}

static enum status feed_all(struct feed *feed)
{
    struct input_row row;
    struct error unreadable;
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        enum input_outcome outcome = input_next(feed->input, &row, &unreadable);
        if (outcome == INPUT_END)
            return cut(feed);
        if (outcome == INPUT_FAILED) {
            *feed->error = unreadable;
            return unreadable.status;
        }
        if (outcome == INPUT_ROW)
            status = take_row(feed, &row);
        else
            tally_unreadable(feed->tally, (struct tally_line){row.file, row.line}, unreadable.text);
    }
    return status;
}

static enum status drain(struct feed *feed)
{
    struct jejak_counters counters;
    enum status status = STATUS_OK;
    for (;;) {
        jejak_counters(feed->publisher, &counters);
        if (status != STATUS_OK || counters.waiting == 0)
            return status;
        status = step(feed, STEP_MS);
    }
}

/* Where to begin: at the start, or where an earlier run left off. */
static enum status begin(struct feed *feed)
{
    const struct feed_options *options = feed->options;
    bool found = false;
    enum status status = STATUS_OK;
    if (options->resume) {
        status = resume_files_open(options->paths, options->path_count, &feed->files, feed->error);
        if (status == STATUS_OK)
            status = resume_read(options->resume, &feed->files, &found, &feed->resume, feed->error);
    }
    if (status != STATUS_OK)
        return status;
    if (found && feed->resume.batch != options->batch_events)
        return error_set(feed->error, STATUS_USAGE, "%s: the run was begun with --batch %u; go on with that",
                         options->resume, (unsigned)feed->resume.batch);
    if (found) {
        feed->resume.done = false;
        return STATUS_OK;
    }
    feed->resume.batch = options->batch_events;
    if (getrandom(feed->resume.session, SESSION_BYTES, 0) != SESSION_BYTES)
        return error_errno(feed->error, STATUS_SYSTEM, "random bytes");
    if (!options->shift)
        return STATUS_OK;
    return shift_find(options->paths, options->path_count, options->format, options->shift_day,
                      &feed->resume.shift_days, feed->error);
}

static enum status connect(struct feed *feed)
{
    struct keys keys;
    char text[JEJAK_ERROR_BYTES];
    enum status status = keys_find(&feed->options->keys, &keys, feed->error);
    if (status != STATUS_OK)
        return status;
    struct jejak_options options = {
        .endpoint = keys.endpoint,
        .server_public = keys.plain ? NULL : keys.server_public,
        .public_key = keys.plain ? NULL : keys.own.public_key,
        .secret_key = keys.plain ? NULL : keys.own.secret_key,
        .spool = feed->options->spool,
        .batch_events = BATCH_MAX_EVENTS, /* borders are drawn here */
        .batch_age_ms = -1,
        .session = feed->options->spool ? NULL : feed->resume.session,
        .settled = feed->resume.settled,
        .on_batch = on_batch,
        .on_notice = on_notice,
        .argument = feed,
    };
    enum jejak_status result = jejak_open(&options, &feed->publisher, text);
    explicit_bzero(&keys, sizeof keys);
    if (result != JEJAK_OK)
        return error_set(feed->error, statuses[result], "%s", text);
    feed->resume.settled = jejak_settled(feed->publisher);
    return STATUS_OK;
}

static enum status run(struct feed *feed)
{
    const struct feed_options *options = feed->options;
    enum status status = begin(feed);
    if (status == STATUS_OK)
        status = write_resume(feed, true);
    if (status == STATUS_OK)
        status = connect(feed);
    if (status != STATUS_OK)
        return status;
    feed->input = input_open(options->paths, options->path_count, options->format, feed->resume.place);
    sheets_start(&feed->sheets, options->batch_events);
    progress_start(&feed->progress);
    feed->heard_ms = now_ms();
    status = cut(feed); /* what a spool still had open is a batch of its own */
    if (status == STATUS_OK)
        status = feed_all(feed);
    if (status == STATUS_OK)
        status = drain(feed);
    feed->resume.done = status == STATUS_OK;
    struct error failed = *feed->error;
    enum status written = write_resume(feed, true);
    if (status != STATUS_OK)
        *feed->error = failed;
    return status != STATUS_OK ? status : written;
}

enum status feed_run(const struct feed_options *options, struct tally *tally, struct error *error)
{
    struct feed feed = {.options = options, .tally = tally, .error = error};
    tally_start(tally, options->paths, options->path_count);
    enum status status = run(&feed);
    progress_end(&feed.progress);
    jejak_close(feed.publisher);
    input_close(feed.input);
    sheets_free(&feed.sheets);
    resume_files_close(&feed.files);
    return status;
}
