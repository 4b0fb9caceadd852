#include "aggregator/verify.h"

#include "aggregator/facts.h"
#include "aggregator/rollup.h"

#include "common/cli.h"
#include "common/zone.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

struct verify {
    FILE *out;
    struct cells *cells;
    uint64_t damages;
    uint64_t pieces, learners, marks, changes, rollups;
    struct facts_reader *reader;
    struct cell_entries entries;
    struct arena arena;
};

static void damage(struct verify *verify, const char *format, ...) printf_like(2, 3);
static void damage(struct verify *verify, const char *format, ...)
{
    va_list arguments;
    if (++verify->damages > CELLS_VERIFY_MAX_NAMED)
        return;
    va_start(arguments, format);
    fputs("DAMAGE  ", verify->out);
    vfprintf(verify->out, format, arguments);
    fputc('\n', verify->out);
    va_end(arguments);
}

/* ---- pieces ---- */

static bool same_entry(const struct cell_entry *a, const struct cell_entry *b)
{
    bool same_opens = a->opens == b->opens &&
                      (a->opens == 0 || (a->first_open_ms == b->first_open_ms && a->last_open_ms == b->last_open_ms));
    return same_opens && a->learner == b->learner && a->visits == b->visits && a->active_ms == b->active_ms &&
           a->first_ms == b->first_ms && a->last_ms == b->last_ms;
}

static enum status check_piece(const struct cell_piece *piece, void *argument, struct error *error)
{
    struct verify *verify = argument;
    struct cell_key key = {piece->content, piece->day, piece->piece};
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < piece->count && status == STATUS_OK; i++) {
        struct cell_facts facts;
        status = facts_read(verify->reader, &key, i, &facts, error);
        if (status != STATUS_OK)
            break;
        struct cell_entry expected = facts_summary(piece->entries[i].learner, &facts);
        if (!same_entry(&expected, &piece->entries[i]))
            status = error_set(error, STATUS_CORRUPT, "piece %" PRIu64 ": its summary is not what its facts come to",
                               piece->piece);
    }
    facts_reader_clear(verify->reader);
    verify->pieces++;
    verify->learners += piece->count;
    return status;
}

static enum status check_days(struct verify *verify, uint32_t content, int32_t first, int32_t end, struct error *error)
{
    verify->entries.count = 0;
    return cells_scan(verify->cells, content, first, end, &verify->entries, check_piece, verify, error);
}

static void name_days(struct verify *verify, uint32_t content, int32_t first, int32_t end, const char *what)
{
    char from[DATE_TEXT_BYTES], to[DATE_TEXT_BYTES];
    if (what[0] == '\0')
        return;
    date_format(first, from);
    date_format(end - 1, to);
    damage(verify, "cells: %s, %s to %s: %s", cells_content_path(verify->cells, content), from, to, what);
}

/* Where something is wrong, day by day, so that each such day is named, once for all that fail alike. */
static void check_content(struct verify *verify, uint32_t content, int32_t first, int32_t end)
{
    struct error error;
    uint64_t pieces = verify->pieces, learners = verify->learners;
    if (check_days(verify, content, first, end, &error) == STATUS_OK)
        return;
    verify->pieces = pieces;
    verify->learners = learners;
    struct error before = {0};
    int32_t run = first; /* days from it on fail in the same way */
    for (int32_t day = first; day < end; day++) {
        error.text[0] = '\0';
        enum status status = check_days(verify, content, day, day + 1, &error);
        if (strcmp(error.text, before.text) == 0)
            continue;
        name_days(verify, content, run, day, before.text);
        before = error;
        run = day;
        if (status == STATUS_OK)
            before.text[0] = '\0';
    }
    name_days(verify, content, run, end, before.text);
}

static enum status count_marks(const struct cell_mark *marks, uint32_t count, void *argument, struct error *error)
{
    (void)marks, (void)error;
    ((struct verify *)argument)->marks += count;
    return STATUS_OK;
}

static enum status count_changes(const struct cell_cohort *changes, uint32_t count, void *argument, struct error *error)
{
    (void)changes, (void)error;
    ((struct verify *)argument)->changes += count;
    return STATUS_OK;
}

static void check_contents(struct verify *verify)
{
    struct error error;
    int32_t first = 0, end = 0;
    bool any = cells_days(verify->cells, &first, &end);
    for (uint32_t content = 0; content < cells_content_count(verify->cells); content++) {
        struct marks_range marks = {content, 0, TIME_MAX_MS};
        if (any)
            check_content(verify, content, first, end);
        if (cells_scan_marks(verify->cells, &marks, count_marks, verify, &error) != STATUS_OK)
            damage(verify, "cells: favourites and progress of %s: %s", cells_content_path(verify->cells, content),
                   error.text);
    }
    if (cells_scan_cohorts(verify->cells, TIME_MAX_MS, count_changes, verify, &error) != STATUS_OK)
        damage(verify, "cells: cohort changes: %s", error.text);
}

/* ---- roll-ups ---- */

/* What the entries of roll-ups come to; clipped to days, they add up. */
struct totals {
    uint64_t stand, opens, active_ms;
};

static void add_entries(const struct cell_entry *entries, uint32_t count, void *argument)
{
    struct totals *totals = argument;
    for (uint32_t i = 0; i < count; i++) {
        totals->opens += entries[i].opens;
        totals->active_ms += entries[i].active_ms;
    }
}

struct rolling {
    struct verify *verify;
    struct totals *totals; /* of all that stand in the range */
    bool sound;
};

static enum status read_one(struct verify *verify, const struct rollup_key *key, struct totals *totals,
                            struct error *error)
{
    struct cell_mark *marks;
    uint32_t count;
    struct cell_sink sink = {&verify->entries, add_entries, totals};
    arena_clear(&verify->arena);
    return key->level == ROLLUP_MARKS
               ? cells_read_mark_rollup(verify->cells, key, &verify->arena, &marks, &count, error)
               : cells_read_rollup(verify->cells, key, &sink, error);
}

static void add_rollup(const struct rollup_key *key, bool filled, void *argument)
{
    struct rolling *rolling = argument;
    struct error error;
    rolling->totals->stand++;
    if (filled && read_one(rolling->verify, key, rolling->totals, &error) != STATUS_OK)
        rolling->sound = false;
}

/* The next shorter ones must come to the same, where all of them stand. */
static void check_sum(struct verify *verify, const struct rollup_key *key, const struct totals *whole)
{
    struct totals parts = {0};
    struct rolling rolling = {verify, &parts, true};
    struct rollup_key part = {key->row, key->level, (uint8_t)(key->span - 1), key->day};
    uint64_t all = (uint64_t)(rollup_days(key->span) / rollup_days(part.span));
    cells_scan_rollups(verify->cells, &part, key->day + rollup_days(key->span), add_rollup, &rolling);
    if (rolling.sound && parts.stand == all && (parts.opens != whole->opens || parts.active_ms != whole->active_ms))
        damage(verify, "cells: the roll-up of %s over %d days from day %d is not the sum of its parts",
               cells_content_path(verify->cells, key->row), rollup_days(key->span), key->day);
}

static void check_rollup(const struct rollup_key *key, bool filled, void *argument)
{
    struct verify *verify = argument;
    struct totals whole = {0};
    struct error error;
    verify->rollups++;
    if (filled && read_one(verify, key, &whole, &error) != STATUS_OK)
        damage(verify, "cells: a roll-up of %s over %d days from day %d: %s (it is made again by itself)",
               cells_content_path(verify->cells, key->row), rollup_days(key->span), key->day, error.text);
    else if (key->span > 0 && key->level != ROLLUP_MARKS)
        check_sum(verify, key, &whole);
}

static void check_rollups(struct verify *verify)
{
    for (uint32_t row = 0; row < cells_content_count(verify->cells); row++)
        for (unsigned level = 1; level <= ROLLUP_LEVELS; level++)
            for (unsigned span = 0; span < ROLLUP_SPANS; span++)
                cells_scan_rollups(verify->cells, &(struct rollup_key){row, (uint8_t)level, (uint8_t)span, 0},
                                   INT32_MAX, check_rollup, verify);
}

/* ---- all of it ---- */

static void print_counts(const struct verify *verify)
{
    char pieces[CLI_COUNT_BYTES], marks[CLI_COUNT_BYTES], rollups[CLI_COUNT_BYTES], learners[CLI_COUNT_BYTES];
    fprintf(verify->out, "cells   %s learners' days in %s pieces, %s marks, %" PRIu64 " cohort changes, %s roll-ups\n",
            cli_count(verify->learners, learners), cli_count(verify->pieces, pieces), cli_count(verify->marks, marks),
            verify->changes, cli_count(verify->rollups, rollups));
}

static enum status open_cells(const struct config *config, struct cells **cells, struct error *error)
{
    struct cells_settings settings = {.cache_bytes = 64 << 20};
    enum status status = STATUS_OK;
    for (int attempt = 0; attempt < CELLS_VERIFY_ATTEMPTS; attempt++) {
        status = cells_open(config_text(config, CONFIG_CELLS), CELLS_LOOK, &settings, cells, error);
        if (status == STATUS_OK || status == STATUS_NO_INPUT || status == STATUS_NEWER)
            break;
    }
    return status;
}

enum status cells_verify(const struct config *config, FILE *out, struct error *error)
{
    struct verify verify = {.out = out};
    enum status status = open_cells(config, &verify.cells, error);
    if (status != STATUS_OK)
        return status;
    verify.reader = facts_reader_open(verify.cells);
    check_contents(&verify);
    check_rollups(&verify);
    print_counts(&verify);
    if (verify.damages > 0)
        status = error_set(
            error, STATUS_CORRUPT,
            "%" PRIu64
            " things are wrong in the cells, the first of them named above; `jejak-aggregator rebuild` makes them "
            "again from the log",
            verify.damages);
    facts_reader_close(verify.reader);
    cell_entries_close(&verify.entries);
    arena_close(&verify.arena);
    cells_close(verify.cells);
    return status;
}
