#include "collector/verify.h"

#include "collector/session.h"
#include "collector/store.h"
#include "common/cli.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

enum binding {
    BINDING_NONE, /* no row: damage */
    BINDING_LID,
    BINDING_ERASED, /* zeros */
};

struct verify {
    FILE *out;
    uint64_t damages;
    struct eventlog *log;
    struct vault *vault;
    struct watermark_mark mark;
    struct logstore_identity identity;
    struct logstore_next next;
    struct block_buffer buffer;
    uint64_t records, events, sessions, persons;
    uint8_t *lids;   /* by number */
    uint8_t *bound;  /* by number: enum binding */
    uint8_t *people; /* lids of `persons`, sorted */
    size_t people_room;
};

static void damage(struct verify *verify, const char *format, ...) printf_like(2, 3);
static void damage(struct verify *verify, const char *format, ...)
{
    va_list arguments;
    if (++verify->damages > VERIFY_MAX_NAMED)
        return;
    va_start(arguments, format);
    fputs("DAMAGE  ", verify->out);
    vfprintf(verify->out, format, arguments);
    fputc('\n', verify->out);
    va_end(arguments);
}

/* ---- records ---- */

static bool belongs(const struct verify *verify, const struct record_header *header)
{
    return memcmp(header->log_id, verify->identity.log_id, LOG_ID_BYTES) == 0 &&
           header->epoch <= verify->identity.epoch;
}

static const char *times_fault(const struct record_header *header, const struct block_columns *columns)
{
    for (uint32_t i = 0; i < columns->count; i++)
        if (columns->time_ms[i] < header->least_ms || columns->time_ms[i] > header->greatest_ms)
            return "an event's time is outside of what its header says";
    return NULL;
}

static const char *learners_fault(const struct verify *verify, const struct block_columns *columns)
{
    for (uint32_t i = 0; i < columns->count; i++)
        if (verify->bound[columns->learner[i]] == BINDING_NONE)
            return "it names a learner number that no lid is bound to";
    return NULL;
}

static void check_record(struct verify *verify, struct slice record, const struct record_header *header)
{
    struct block_columns columns = {0};
    struct error error;
    const char *fault = NULL;
    if (!belongs(verify, header))
        fault = "it belongs to another log, or to a later epoch";
    else if (header->learners > verify->next.learners || header->vault_rows > verify->next.vault_rows)
        fault = "it knows of more learners than the log";
    else if (header->kind == RECORD_EVENTS &&
             block_decode(record, header, &verify->buffer, &columns, &error) != STATUS_OK)
        fault = error.text;
    else if (header->kind == RECORD_EVENTS)
        fault = times_fault(header, &columns);
    if (!fault)
        fault = learners_fault(verify, &columns);
    if (fault)
        damage(verify, "log: the record at offset %" PRIu64 ": %s", header->first_offset, fault);
    verify->events += columns.count;
}

static bool take_record(struct slice record, const struct record_header *header, const char *what, void *argument)
{
    struct verify *verify = argument;
    verify->records++;
    if (what)
        damage(verify, "log: offsets %" PRIu64 " to %" PRIu64 " are lost: %s", header->first_offset,
               header->first_offset + header->span - 1, what);
    else
        check_record(verify, record, header);
    return true;
}

static void check_records(struct verify *verify)
{
    struct error error;
    if (eventlog_read(verify->log, 0, take_record, verify, &error) != STATUS_OK)
        damage(verify, "log: the records cannot be read to their end: %s", error.text);
}

/* ---- learners ---- */

static enum status take_learner(struct slice key, struct slice value, void *argument, struct error *error)
{
    static const uint8_t erased[LID_BYTES];
    struct verify *verify = argument;
    (void)error;
    if (key.size == LOGSTORE_NUMBER_KEY_BYTES && key.data[0] == 'n' && value.size == LID_BYTES) {
        uint32_t number = get_be32(key.data + 1);
        if (number < verify->next.learners) {
            memcpy(verify->lids + (size_t)number * LID_BYTES, value.data, LID_BYTES);
            verify->bound[number] = memcmp(value.data, erased, LID_BYTES) == 0 ? BINDING_ERASED : BINDING_LID;
        } else {
            damage(verify, "log: learner number %u is bound, and the log gave out %u", number, verify->next.learners);
        }
    } else if (key.size != LOGSTORE_LID_KEY_BYTES || key.data[0] != 'l' || value.size != 4) {
        damage(verify, "log: the table of learners holds a row that cannot be");
    }
    return STATUS_OK;
}

/* Each number's lid must lead back to it. */
static void check_learners(struct verify *verify)
{
    struct error error;
    uint64_t unbound = 0, astray = 0;
    if (eventlog_rows(verify->log, EVENTLOG_LEARNERS, take_learner, verify, &error) != STATUS_OK)
        damage(verify, "log: the table of learners cannot be read: %s", error.text);
    for (uint32_t number = 0; number < verify->next.learners; number++) {
        const uint8_t *lid = verify->lids + (size_t)number * LID_BYTES;
        uint32_t back = 0;
        bool found = false;
        unbound += verify->bound[number] == BINDING_NONE;
        if (verify->bound[number] == BINDING_LID &&
            (eventlog_number(verify->log, lid, &found, &back, &error) != STATUS_OK || !found || back != number))
            astray++;
    }
    if (astray > 0)
        damage(verify, "log: %" PRIu64 " learner numbers are not what their lids lead back to", astray);
    if (unbound > 0)
        damage(verify, "log: %" PRIu64 " learner numbers have no lid", unbound);
}

/* ---- sessions ---- */

static enum status take_session(struct slice key, struct slice value, void *argument, struct error *error)
{
    struct verify *verify = argument;
    struct session session = {0};
    (void)error;
    struct error wrong;
    verify->sessions++;
    if (key.size <= SESSION_BYTES + 1 || key.size > SESSION_KEY_MAX_BYTES)
        damage(verify, "log: a session's key of %zu bytes cannot be", key.size);
    else if (session_decode(value, &session, &wrong) != STATUS_OK)
        damage(verify, "log: %s", wrong.text);
    return STATUS_OK;
}

static void check_sessions(struct verify *verify)
{
    struct error error;
    if (eventlog_rows(verify->log, EVENTLOG_SESSIONS, take_session, verify, &error) != STATUS_OK)
        damage(verify, "log: the table of sessions cannot be read: %s", error.text);
}

/* ---- vault ---- */

static void take_person(const uint8_t lid[LID_BYTES], void *argument)
{
    struct verify *verify = argument;
    if (verify->persons == verify->people_room) {
        verify->people_room = verify->people_room ? 2 * verify->people_room : 4096;
        verify->people = mem_grow(verify->people, verify->people_room, LID_BYTES);
    }
    memcpy(verify->people + verify->persons++ * LID_BYTES, lid, LID_BYTES);
}

static void take_known(struct lookup_hash hash, uint32_t number, const uint8_t lid[LID_BYTES], void *argument)
{
    (void)hash, (void)number, (void)lid,
        (void)argument; /* counts only where the log says the same: nothing to compare */
}

static int compare_lids(const void *left, const void *right)
{
    return memcmp(left, right, LID_BYTES);
}

static void check_vault(struct verify *verify)
{
    struct error error;
    uint64_t strangers = 0;
    if (vault_persons(verify->vault, take_person, verify, &error) != STATUS_OK)
        damage(verify, "vault: the persons cannot be read: %s", error.text);
    if (vault_known(verify->vault, take_known, verify, &error) != STATUS_OK)
        damage(verify, "vault: the table `known` cannot be read: %s", error.text);
    if (verify->persons > 0)
        qsort(verify->people, verify->persons, LID_BYTES, compare_lids);
    for (uint32_t number = 0; number < verify->next.learners; number++) {
        const uint8_t *lid = verify->lids + (size_t)number * LID_BYTES;
        strangers += verify->bound[number] == BINDING_LID &&
                     (verify->persons == 0 || !bsearch(lid, verify->people, verify->persons, LID_BYTES, compare_lids));
    }
    if (strangers > 0)
        damage(verify, "vault: %" PRIu64 " learners of the log are nobody in the vault", strangers);
    if (verify->persons > vault_rows(verify->vault))
        damage(verify, "vault: it holds %" PRIu64 " persons and says that it made %" PRIu64, verify->persons,
               vault_rows(verify->vault));
}

/* ---- all of it ---- */

static void check_watermark(struct verify *verify)
{
    uint8_t vault[VAULT_ID_BYTES];
    vault_identity(verify->vault, vault);
    if (!eventlog_is_of(verify->log, vault))
        damage(verify, "vault: the log was written with another one");
    if (memcmp(verify->mark.log_id, verify->identity.log_id, LOG_ID_BYTES) != 0 ||
        verify->mark.epoch > verify->identity.epoch)
        damage(verify, "watermark: it belongs to another log");
    else if (verify->next.offset < verify->mark.offset)
        damage(verify, "log: offsets %" PRIu64 " to %" PRIu64 " were acknowledged and are missing", verify->next.offset,
               verify->mark.offset - 1);
    if (vault_rows(verify->vault) < verify->next.vault_rows)
        damage(verify, "vault: it made %" PRIu64 " rows, and the log was written with %" PRIu64,
               vault_rows(verify->vault), verify->next.vault_rows);
}

/* The watermark first and the vault last: what is written meanwhile only makes log and vault longer than they must be. */
static enum status open_stores(const struct config *config, struct verify *verify, struct error *error)
{
    struct eventlog_options options = {.mode = ROCKS_READ_ONLY};
    enum status status = watermark_look(config_text(config, CONFIG_WATERMARK), &verify->mark, error);
    if (status != STATUS_OK)
        return status;
    for (int attempt = 0; attempt < VERIFY_ATTEMPTS; attempt++) {
        status = eventlog_open(config_text(config, CONFIG_LOG), &options, &verify->log, error);
        if (status == STATUS_OK)
            status = vault_look(config_text(config, CONFIG_VAULT), &verify->vault, error);
        if (status == STATUS_OK || status == STATUS_NO_INPUT || status == STATUS_NEWER)
            break;
        eventlog_close(verify->log);
        verify->log = NULL;
    }
    return status;
}

static void check_all(struct verify *verify)
{
    verify->identity = eventlog_identity(verify->log);
    verify->next = eventlog_next(verify->log);
    verify->lids = mem_new((size_t)verify->next.learners + 1, LID_BYTES);
    verify->bound = mem_new((size_t)verify->next.learners + 1, 1);
    check_watermark(verify);
    check_learners(verify);
    check_records(verify);
    check_sessions(verify);
    check_vault(verify);
}

static void print_counts(const struct verify *verify)
{
    char events[CLI_COUNT_BYTES], records[CLI_COUNT_BYTES], learners[CLI_COUNT_BYTES], persons[CLI_COUNT_BYTES];
    fprintf(verify->out, "log     %s events in %s records, %s learners, %" PRIu64 " sessions\n",
            cli_count(verify->events, events), cli_count(verify->records, records),
            cli_count(verify->next.learners, learners), verify->sessions);
    fprintf(verify->out, "vault   %s persons\n", cli_count(verify->persons, persons));
}

enum status verify_run(const struct config *config, FILE *out, struct error *error)
{
    struct verify verify = {.out = out};
    enum status status = open_stores(config, &verify, error);
    if (status == STATUS_OK) {
        check_all(&verify);
        print_counts(&verify);
        if (verify.damages > 0)
            status = error_set(
                error, STATUS_CORRUPT,
                "%" PRIu64
                " things are wrong in log and vault, the first of them named above; restore a backup, or go on "
                "without what is lost: every report says so",
                verify.damages);
    }
    eventlog_close(verify.log);
    vault_close(verify.vault);
    block_buffer_close(&verify.buffer);
    free(verify.lids);
    free(verify.bound);
    free(verify.people);
    return status;
}
