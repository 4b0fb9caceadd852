/* cells.h - the aggregator's store: what each learner did per content path and day, as sets of facts.
 *
 * A cell is (content path, day): the facts of all events on that path whose time lies in that local day of the cells'
 * zone. It is stored as one or more pieces; a fold adds a small piece, pieces merge in the background (cells_merge), a
 * day is never rewritten for an event. A piece has two values under one key: a summary, small enough to scan, and the
 * exact facts. Both are joined by union, so repeats, disorder and replays change nothing (METRICS.md, "Facts kept").
 *
 * An interval belongs whole to the day of its start and may reach beyond that day's end by at most max_slice; so a
 * period must look one day back (max_slice <= 24 h). That keeps every fact under the day of its event's time, which
 * makes a cut by time exact.
 *
 * Column families and keys (numbers in keys big-endian):
 *     default    "format", "zone", "max_slice_ms", "position", "cut": the store's own facts, see cells.c
 *     contents   be32 content number -> path
 *     learners   bindings of lids to numbers, the dead, the restricted: see cells_learners.c
 *     pieces     be32 content, be32 day, be64 piece -> sizes and learners of the piece (cell_index)
 *     summary    be32 content, be32 day, be64 piece -> summary columns (cell.h draws them)
 *     facts      the same key -> opens, intervals, clipped
 *     marks      the same key -> favourites and progress
 *     cohorts    be32 0xffffffff, be32 day, be64 piece -> cohort changes
 *     rolled, rollups   what follows from the pieces, added up over days: see rollup.h
 * The log position is in the write batch of the pieces it accounts for. There is no write-ahead log: what a crash takes
 * is folded again from the event log (rocks.h, `remade`).
 */
#ifndef JEJAK_AGGREGATOR_CELLS_H
#define JEJAK_AGGREGATOR_CELLS_H

#include "common/block.h"
#include "common/status.h"
#include "common/zone.h"

struct cells;

struct cells_settings {
    const char *zone;      /* IANA name; stored, another one asks for a rebuild */
    uint32_t max_slice_ms; /* likewise */
    size_t cache_bytes;
};

/* Where the cells stand in the log. `has_log` false: nothing folded yet. */
struct cells_position {
    bool has_log;
    uint8_t log_id[LOG_ID_BYTES];
    uint32_t epoch;
    uint64_t offset;   /* the next one to fold */
    uint32_t learners; /* learner numbers known */
};

enum cells_mode {
    CELLS_WRITE,     /* made where there are none */
    CELLS_READ_ONLY, /* STATUS_NO_INPUT where there are none */
    CELLS_LOOK,      /* likewise, also beside a writer (rocks.h, beside_writer) */
};
enum status cells_open(const char *path, enum cells_mode mode, const struct cells_settings *settings,
                       struct cells **out, struct error *error) must_check;
void cells_close(struct cells *cells);
struct cells_position cells_position(const struct cells *cells);
const char *cells_zone(const struct cells *cells);
const struct zone *cells_time_zone(const struct cells *cells); /* of that name, opened; borrowed */
uint32_t cells_max_slice_ms(const struct cells *cells);

uint32_t cells_content_count(const struct cells *cells);
const char *cells_content_path(const struct cells *cells, uint32_t content);
/* Has anybody's activity or mark on this path? After a forget or a cut there may be none: it is as if never been. */
bool cells_content_seen(const struct cells *cells, uint32_t content);
uint32_t cells_learner_count(const struct cells *cells); /* numbers are below this */
bool cells_restricted(const struct cells *cells, uint32_t learner);
/* First and one past the last day with a piece of activity or marks; false where there is none. Days since 1970-01-01.
 */
bool cells_days(const struct cells *cells, int32_t *first, int32_t *end);

/* What the log could not give (block.h, RECORD_LOST): how many offsets, and between which times they were received; 0:
 * none. They may hold events of any time before they were received, so every period is touched that does not begin after
 * it: those of [from_ms, ...). */
enum {
    CELLS_MAX_LOST = 65536,             /* ranges that are told apart */
    CELLS_LOST_SKEW_MS = 5 * 60 * 1000, /* so far ahead of its receipt an event's time may be */
};
uint64_t cells_lost_from(const struct cells *cells, int64_t from_ms, int64_t *least_ms, int64_t *greatest_ms);

/* For whoever keeps what it made of the cells: cells_unchanged() tells whether anything with a time before `before_ms`, or
 * who counts on it, may have changed since cells_change() gave `change`. Never true where something did. */
uint64_t cells_change(const struct cells *cells);
bool cells_unchanged(const struct cells *cells, uint64_t change, int64_t before_ms);

/* Which piece. */
struct cell_key {
    uint32_t content;
    int32_t day; /* of the cells' zone, since 1970-01-01 */
    uint64_t piece;
};

/* One learner's summary of one piece. Times in ms UTC. */
struct cell_entry {
    uint32_t learner;
    uint32_t opens;                      /* distinct times */
    uint32_t visits;                     /* activity with no gap over VISIT_GAP_MS */
    uint32_t active_ms;                  /* union of the intervals */
    int64_t first_ms;                    /* first activity: an open's time or an interval's start */
    int64_t last_ms;                     /* last activity: an open's time or an interval's end (not included) */
    int64_t first_open_ms, last_open_ms; /* meaningless where opens is 0 */
};
enum {
    VISIT_GAP_MS = 30 * 60 * 1000
};

/* Where pieces are read to, one behind the other: decoded where they stay. Zero it before the first use; count = 0 drops
 * what was read. */
struct cell_entries {
    struct cell_entry *entries;
    size_t count, room;
    uint32_t *learners; /* of the last piece only */
    uint32_t learner_room;
};
void cell_entries_close(struct cell_entries *entries);

/* A piece as the scan meets it: entries by ascending learner, one a learner: the last ones of what was read. They move
 * when more is read. */
struct cell_piece {
    uint32_t content;
    int32_t day;
    uint64_t piece; /* with content and day: the key, for cells_facts() */
    uint32_t count;
    const struct cell_entry *entries;
};
typedef enum status (*cell_piece_fn)(const struct cell_piece *piece, void *argument, struct error *error);
/* Every summary piece of a content path with first_day <= day < end_day, by day, then piece. */
enum status cells_scan(const struct cells *cells, uint32_t content, int32_t first_day, int32_t end_day,
                       struct cell_entries *into, cell_piece_fn each, void *argument, struct error *error) must_check;
/* Learner numbers only (ascending, one array a piece), for "ever active before": cheaper than cells_scan(). */
typedef enum status (*cell_learners_fn)(uint32_t content, int32_t day, const uint32_t *learners, uint32_t count,
                                        void *argument, struct error *error);
enum status cells_scan_learners(const struct cells *cells, uint32_t content, int32_t first_day, int32_t end_day,
                                cell_learners_fn each, void *argument, struct error *error) must_check;

/* The exact facts of one learner in one piece. Arrays ascend; intervals are disjoint and do not touch. */
struct cell_interval {
    int64_t start_ms, end_ms; /* [start, end) */
};
struct cell_clipped {
    int64_t time_ms;
    uint32_t clipped_ms; /* what max_slice took off the longest slice of this time */
};
struct cell_facts {
    uint32_t open_count, interval_count, clipped_count;
    const int64_t *opens;
    const struct cell_interval *intervals;
    const struct cell_clipped *clipped;
};
/* A cache of decoded pieces, for many learners of the same pieces; bounded. One per thread. */
struct facts_reader;
struct facts_reader *facts_reader_open(const struct cells *cells);
void facts_reader_close(struct facts_reader *reader);
/* `index` is the entry's index in the piece. Borrowed until facts_reader_clear(). */
enum status facts_read(struct facts_reader *reader, const struct cell_key *key, uint32_t index,
                       struct cell_facts *facts, struct error *error) must_check;
void facts_reader_clear(struct facts_reader *reader);
/* Lets go of all pieces: others are read next. */
void facts_reader_let_go(struct facts_reader *reader);
/* Sum of clipped_ms of a content path over [from_ms, to_ms) by event time, restricted learners left out. */
enum status cells_clipped_ms(const struct cells *cells, uint32_t content, int64_t from_ms, int64_t to_ms,
                             uint64_t *clipped_ms, struct error *error) must_check;

/* Favourites and progress of one content path, any order, possibly repeated over pieces: join them by union. */
struct cell_mark {
    uint32_t learner;
    uint8_t kind;  /* KIND_FAVORITE, KIND_UNFAVORITE or KIND_PROGRESS */
    uint8_t value; /* progress: percent */
    int64_t time_ms;
};
typedef enum status (*cell_marks_fn)(const struct cell_mark *marks, uint32_t count, void *argument,
                                     struct error *error);
struct marks_range {
    uint32_t content;
    int32_t first_day; /* of the cells' zone */
    int64_t before_ms; /* marks with time < before_ms */
};
enum status cells_scan_marks(const struct cells *cells, const struct marks_range *range, cell_marks_fn each,
                             void *argument, struct error *error) must_check;

/* Cohort changes of all learners, likewise. The name borrows until the next call. */
struct cell_cohort {
    uint32_t learner;
    int64_t time_ms;
    struct slice name; /* "-" for none */
};
typedef enum status (*cell_cohorts_fn)(const struct cell_cohort *changes, uint32_t count, void *argument,
                                       struct error *error);
enum status cells_scan_cohorts(const struct cells *cells, int64_t before_ms, cell_cohorts_fn each, void *argument,
                               struct error *error) must_check;

#endif
