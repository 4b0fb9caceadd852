/* batch.h - batches as publishers send them, written with msgpack-c: what the collector's suites feed it. */
#ifndef JEJAK_TESTS_COLLECTOR_BATCH_H
#define JEJAK_TESTS_COLLECTOR_BATCH_H

#include "common/wire.h"

#define BATCH_NO_VALUE INT64_C(-1)

struct batch_event {
    const char *kind;
    int64_t time_ms;
    const char *learner;
    const char *content;
    int64_t value; /* BATCH_NO_VALUE: four fields */
};
/* An `open` at a time. */
static inline struct batch_event batch_open(int64_t time_ms, const char *learner, const char *content)
{
    return (struct batch_event){"open", time_ms, learner, content, BATCH_NO_VALUE};
}

struct batch_head {
    uint64_t version;
    const uint8_t *session; /* NULL: left out, so that the batch is malformed */
    uint64_t seq;
    uint64_t acked;
};

/* The bytes, to be freed. */
struct slice batch_make(const struct batch_head *head, const struct batch_event *events, uint32_t count);
void batch_free(struct slice batch);

#endif
