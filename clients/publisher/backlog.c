#include "clients/publisher/backlog.h"

#include <inttypes.h>
#include <stdlib.h>

void backlog_free(struct backlog *backlog)
{
    free(backlog->batches);
    *backlog = (struct backlog){0};
}

static size_t count_of(const struct backlog *backlog)
{
    return (size_t)(backlog->made - backlog->settled);
}

struct spool_batch *backlog_at(const struct backlog *backlog, uint64_t seq)
{
    ensure(seq > backlog->settled && seq <= backlog->made);
    return &backlog->batches[backlog->first + (size_t)(seq - backlog->settled - 1)];
}

enum status backlog_reserve(struct backlog *backlog, struct error *error)
{
    size_t count = count_of(backlog);
    if (count >= BACKLOG_MAX_BATCHES)
        return error_set(error, STATUS_BUSY, "%d batches wait already", BACKLOG_MAX_BATCHES);
    if (backlog->first + count < backlog->room)
        return STATUS_OK;
    if (backlog->first > count) {
        memmove(backlog->batches, backlog->batches + backlog->first, count * sizeof *backlog->batches);
        backlog->first = 0;
        return STATUS_OK;
    }
    size_t room = backlog->room ? 2 * backlog->room : 64;
    struct spool_batch *grown = reallocarray(backlog->batches, room, sizeof *grown);
    if (!grown)
        return error_set(error, STATUS_BUSY, "no memory for one more batch");
    backlog->batches = grown;
    backlog->room = room;
    return STATUS_OK;
}

void backlog_seal(struct backlog *backlog, int64_t sealed_ms, uint64_t end, const struct sealed_run *run)
{
    struct spool_batch sealed = backlog->open;
    sealed.sealed_ms = sealed_ms;
    sealed.end = end;
    backlog->made++;
    *backlog_at(backlog, backlog->made) = sealed;
    backlog->open = (struct spool_batch){.start = end, .run = *run};
}

void backlog_settle(struct backlog *backlog, uint64_t seq)
{
    ensure(seq <= backlog->made);
    for (; backlog->settled < seq; backlog->settled++) {
        const struct spool_batch *batch = &backlog->batches[backlog->first++];
        backlog->dead_bytes += batch->end - batch->start;
    }
}

/* A record whose text does not fit its type, or comes out of order, was written by no program of ours. */
static enum status damaged(const struct journal *journal, const struct journal_reader *reader, struct error *error)
{
    return error_set(error, STATUS_CORRUPT,
                     "%s is damaged before byte %" PRIu64 "; move it away to go on without what it holds",
                     journal->path, journal_at(reader));
}

static bool replay_state(struct backlog *backlog, const struct sealed *record)
{
    if (record->size != STATE_BYTES || backlog->has_session ||
        get_u64(record->text + SESSION_BYTES) > BACKLOG_MAX_SETTLED)
        return false;
    memcpy(backlog->session, record->text, SESSION_BYTES);
    backlog->settled = backlog->made = get_u64(record->text + SESSION_BYTES);
    backlog->has_session = true;
    return true;
}

static bool replay_seal(struct backlog *backlog, const struct journal_reader *reader, struct error *error)
{
    const uint8_t *text = reader->record.text;
    if (reader->record.size != SEAL_BYTES || get_u64(text) != backlog->made + 1 ||
        get_u32(text + 8) != backlog->open.events || backlog->open.events == 0)
        return false;
    if (backlog_reserve(backlog, error) != STATUS_OK)
        return false;
    backlog_seal(backlog, (int64_t)get_u64(text + 12), journal_at(reader), &reader->run);
    return true;
}

static bool replay_settled(struct backlog *backlog, const struct sealed *record)
{
    if (record->size != SETTLED_BYTES || get_u64(record->text) > backlog->made)
        return false;
    backlog_settle(backlog, get_u64(record->text));
    return true;
}

static bool replay_record(struct backlog *backlog, const struct journal_reader *reader, struct error *error)
{
    const struct sealed *record = &reader->record;
    if (record->type != SEALED_RUN && record->type != SEALED_STATE && !backlog->has_session)
        return false;
    switch (record->type) {
    case SEALED_RUN:
        return true;
    case SEALED_STATE:
        return replay_state(backlog, record);
    case SEALED_EVENT:
        backlog->open.events++;
        return record->size > 0 && backlog->open.events <= BATCH_MAX_EVENTS;
    case SEALED_SEAL:
        return replay_seal(backlog, reader, error);
    case SEALED_SETTLED:
        return replay_settled(backlog, record);
    case SEALED_NOTE:
        break;
    }
    return false;
}

static enum status replay_end(const struct journal *journal, const struct journal_reader *reader,
                              enum sealed_result result, uint64_t *end, struct error *error)
{
    switch (result) {
    case SEALED_END:
    case SEALED_CUT:
        *end = journal_at(reader);
        return STATUS_OK;
    case SEALED_FOREIGN:
        return error_set(error, STATUS_FOREIGN, "%s was written under another key than this publisher's",
                         journal->path);
    case SEALED_NEWER:
        return error_set(error, STATUS_NEWER,
                         "%s holds a record of kind %u at byte %" PRIu64
                         ", this program knows kinds up to %d; use the newer program that wrote it",
                         journal->path, reader->record.type, journal_at(reader), SEALED_TYPES);
    case SEALED_DAMAGED:
    case SEALED_OPENED:
        break;
    }
    return error_set(error, STATUS_CORRUPT,
                     "%s is damaged at byte %" PRIu64 "; move it away to go on without what it holds", journal->path,
                     journal_at(reader));
}

enum status backlog_replay(const struct journal *journal, struct backlog *backlog, uint64_t *end, struct error *error)
{
    struct journal_reader reader;
    struct sealed_run start = journal->run;
    enum status status = journal_read(journal, 0, journal->end, &start, &reader, error);
    if (status != STATUS_OK)
        return status;
    enum sealed_result result;
    backlog->open.run = start;
    while ((result = journal_next(&reader)) == SEALED_OPENED) {
        if (!replay_record(backlog, &reader, error)) {
            status = damaged(journal, &reader, error);
            break;
        }
        if (backlog->open.events == 0 && backlog->has_session)
            backlog->open = (struct spool_batch){.start = journal_at(&reader), .run = reader.run};
    }
    if (status == STATUS_OK)
        status = replay_end(journal, &reader, result, end, error);
    journal_read_done(&reader);
    return status;
}
