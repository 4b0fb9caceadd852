/* feed.h - one run: rows in, events to the publisher library, answers back to lines. */
#ifndef JEJAK_PUBLISH_FEED_H
#define JEJAK_PUBLISH_FEED_H

#include "clients/publish/keys.h"
#include "clients/publish/resume.h"
#include "clients/publish/tally.h"

enum {
    FEED_BATCH_EVENTS = 500,
    FEED_BATCH_MAX_EVENTS =
        2700, /* of the longest events still fit into a message, so a count alone draws the border */
    FEED_TIMEOUT_S = 60,
};

struct feed_options {
    const char *const *paths;
    size_t path_count;
    enum input_format format;
    struct keys_wanted keys;
    uint32_t batch_events;
    const char *spool;
    const char *resume;
    bool shift;
    int32_t shift_day; /* since 1970-01-01 */
    int64_t timeout_ms;
};

/* The tally stands whatever the status. */
enum status feed_run(const struct feed_options *options, struct tally *tally, struct error *error) must_check;

#endif
