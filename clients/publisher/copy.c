#include "clients/publisher/copy.h"

#include <inttypes.h>
#include <stdlib.h>

enum status copy_state(const struct backlog *backlog, struct journal *to, struct error *error)
{
    uint8_t text[STATE_BYTES];
    memcpy(text, backlog->session, SESSION_BYTES);
    put_u64(text + SESSION_BYTES, backlog->settled);
    return journal_append(to, SEALED_STATE, slice_of(text, sizeof text), error);
}

enum status copy_seal(uint64_t seq, const struct spool_batch *batch, struct journal *to, struct error *error)
{
    uint8_t text[SEAL_BYTES];
    put_u64(text, seq);
    put_u32(text + 8, batch->events);
    put_u64(text + 12, (uint64_t)batch->sealed_ms);
    return journal_append(to, SEALED_SEAL, slice_of(text, sizeof text), error);
}

/* Moves on to the next event of the batch. */
static enum status next_event(const struct journal *from, struct journal_reader *reader, struct slice *event,
                              struct error *error)
{
    do {
        if (journal_next(reader) != SEALED_OPENED)
            return error_set(error, STATUS_CORRUPT, "%s is damaged at byte %" PRIu64, from->path, journal_at(reader));
    } while (reader->record.type != SEALED_EVENT);
    *event = slice_of(reader->record.text, reader->record.size);
    return STATUS_OK;
}

static enum status read_batch(const struct journal *from, const struct spool_batch *batch,
                              struct journal_reader *reader, struct error *error)
{
    uint64_t end = batch->end ? batch->end : from->end; /* the open batch goes to the end */
    return journal_read(from, batch->start, end, &batch->run, reader, error);
}

enum status copy_load(const struct journal *from, const struct spool_batch *batch, uint8_t **bytes, size_t *size,
                      struct error *error)
{
    struct journal_reader reader;
    enum status status = read_batch(from, batch, &reader, error);
    if (status != STATUS_OK)
        return status;
    size_t used = 0;
    uint8_t *loaded = malloc(reader.left.size + 1); /* more than the texts need */
    if (!loaded) {
        journal_read_done(&reader);
        return error_set(error, STATUS_BUSY, "no memory for a batch");
    }
    for (uint32_t i = 0; i < batch->events; i++) {
        struct slice event = {0};
        status = next_event(from, &reader, &event, error);
        if (status != STATUS_OK)
            break;
        memcpy(loaded + used, event.data, event.size);
        used += event.size;
    }
    journal_read_done(&reader);
    if (status != STATUS_OK) {
        free(loaded);
        return status;
    }
    *bytes = loaded;
    *size = used;
    return STATUS_OK;
}

enum status copy_events(const struct journal *from, const struct spool_batch *batch, struct journal *to,
                        struct error *error)
{
    struct journal_reader reader;
    struct slice event = {0};
    enum status status = read_batch(from, batch, &reader, error);
    if (status != STATUS_OK)
        return status;
    for (uint32_t i = 0; i < batch->events && status == STATUS_OK; i++) {
        status = next_event(from, &reader, &event, error);
        if (status == STATUS_OK)
            status = journal_append(to, SEALED_EVENT, event, error);
    }
    journal_read_done(&reader);
    return status;
}

static enum status copy_sealed(const struct journal *from, const struct spool_batch *batch, struct journal *to,
                               struct backlog *fresh, struct error *error)
{
    enum status status = backlog_reserve(fresh, error);
    if (status == STATUS_OK)
        status = copy_events(from, batch, to, error);
    if (status == STATUS_OK)
        status = copy_seal(fresh->made + 1, batch, to, error);
    if (status != STATUS_OK)
        return status;
    fresh->open.events = batch->events;
    backlog_seal(fresh, batch->sealed_ms, to->end, &to->run);
    return STATUS_OK;
}

enum status copy_live(const struct journal *from, const struct backlog *old, uint64_t seq, struct journal *to,
                      struct backlog *fresh, struct error *error)
{
    fresh->made = fresh->settled;
    fresh->has_session = true;
    enum status status = copy_state(fresh, to, error);
    fresh->open = (struct spool_batch){.start = to->end, .run = to->run};
    for (; seq <= old->made && status == STATUS_OK; seq++)
        status = copy_sealed(from, backlog_at(old, seq), to, fresh, error);
    if (status == STATUS_OK)
        status = copy_events(from, &old->open, to, error);
    fresh->open.events = old->open.events;
    return status;
}
