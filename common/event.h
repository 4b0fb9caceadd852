/* event.h - one learning event, the kinds there are, and the verdicts on it. The tables are the single source of
 * names, rules, counters and documentation (docs/PROTOCOL.md). */
#ifndef JEJAK_COMMON_EVENT_H
#define JEJAK_COMMON_EVENT_H

#include "common/base.h"

/*  name       wire name     value: none, or least and greatest */
#define KIND_TABLE(X)                                                                                                  \
    X(OPEN, "open", false, 0, 0)                                                                                       \
    X(DWELL, "dwell", true, 1, 86400000) /* ms; active during [time, time + value) */                                  \
    X(FAVORITE, "favorite", false, 0, 0)                                                                               \
    X(UNFAVORITE, "unfavorite", false, 0, 0)                                                                           \
    X(PROGRESS, "progress", true, 0, 100) /* percent */                                                                \
    X(COHORT, "cohort", false, 0, 0)      /* content is the group: one segment, "-" for none */

/* Stored in blocks: the numbers never change, new kinds are added at the end. */
enum kind {
#define X(name, wire, valued, least, greatest) KIND_##name,
    KIND_TABLE(X)
#undef X
    KIND_COUNT
};

/* A bit for each kind that has a value. */
enum {
    KINDS_WITH_VALUE = 0
#define X(name, wire, valued, least, greatest) | (valued) << KIND_##name
        KIND_TABLE(X)
#undef X
};

/*  name          wire code        sentence (also the counter's description) */
#define VERDICT_TABLE(X)                                                                                               \
    X(ACCEPTED, "accepted", "stored, or already there")                                                                \
    X(SHAPE, "shape", "not an array of kind, time, learner, content and a value where the kind has one")               \
    X(KIND, "kind", "the kind is not one of this protocol version")                                                    \
    X(TIME_INVALID, "time_invalid", "the time is not an integer of Unix milliseconds from 1970 to 9999")               \
    X(TIME_FUTURE, "time_future", "the time is more than 5 minutes ahead of the collector's clock")                    \
    X(TIME_EXPIRED, "time_expired", "the time is older than the retention of learning history")                        \
    X(LEARNER, "learner", "the learner is not a string of 1 to 128 bytes of UTF-8 without controls")                   \
    X(CONTENT, "content", "the content is not a path of 1 to 3 segments of [A-Za-z0-9._~:-]{1,64}")                    \
    X(VALUE, "value", "the value is not an integer within the kind's range")

enum verdict {
#define X(name, wire, sentence) VERDICT_##name,
    VERDICT_TABLE(X)
#undef X
    VERDICT_COUNT
};

enum {
    LEARNER_MAX_BYTES = 128,
    SEGMENT_MAX_BYTES = 64,
    SEGMENT_MAX_COUNT = 3,
    CONTENT_MAX_BYTES = SEGMENT_MAX_COUNT * (SEGMENT_MAX_BYTES + 1) - 1, /* 194 */
    FUTURE_TOLERANCE_MS = 5 * 60 * 1000,
};
#define TIME_MAX_MS INT64_C(253402300799999) /* the end of year 9999 */

/* Borrows from the message it was read from. */
struct event {
    enum kind kind;
    int64_t time_ms; /* Unix ms UTC */
    struct slice learner;
    struct slice content;
    uint32_t value; /* 0 where the kind has none */
};

const char *kind_name(enum kind kind);
static inline bool kind_has_value(enum kind kind)
{
    return KINDS_WITH_VALUE >> kind & 1;
}
/* KIND_COUNT where there is no such kind. */
enum kind kind_from_name(struct slice name);

const char *verdict_name(enum verdict verdict);
const char *verdict_sentence(enum verdict verdict);

bool value_valid(enum kind kind, uint32_t value); /* within the kind's range; 0 where the kind has none */
bool learner_valid(struct slice learner);         /* 1 to 128 bytes of valid UTF-8 without C0, DEL or C1 controls */
bool segment_valid(struct slice segment);         /* [A-Za-z0-9._~:-]{1,64} */
bool content_valid(struct slice content);         /* 1 to 3 segments joined by '/' */

/* The rules of an event that has its shape: learner, content, value and time against [oldest_ms, newest_ms]. */
enum verdict event_check(const struct event *event, int64_t oldest_ms, int64_t newest_ms);
/* The same for an event whose content was found to be one that its kind may have. */
enum verdict event_check_known(const struct event *event, int64_t oldest_ms, int64_t newest_ms);

#endif
