/* taker - an LMS frontend that is killed at any moment: taker ENDPOINT SPOOL FIRST COUNT
 *
 * Hands numbered events to libjejak with a spool; the number of each that was taken goes to standard output (8 bytes,
 * little-endian) before the next one is made. Ends with 0 once all are taken and settled. What is in an event follows from its
 * number alone, as the histories of fault.py have it: s0/bNUMBER/e0, dwell, learner-L with value L + 1.
 */
#include "clients/publisher/jejak.h"
#include "common/base.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LEARNERS = 300,
    STEP_EVERY = 64, /* events */
    WAIT_MS = 10,
    FLUSH_MS = 60000,
};

static enum jejak_status take(struct jejak *publisher, uint64_t number)
{
    char learner[32], content[48];
    uint32_t who = (uint32_t)(number % LEARNERS);
    int learner_size = snprintf(learner, sizeof learner, "learner-%" PRIu32, who);
    int content_size = snprintf(content, sizeof content, "s0/b%" PRIu64 "/e0", number);
    struct jejak_event event = {JEJAK_DWELL, clock_now_ms(),       learner, (size_t)learner_size,
                                content,     (size_t)content_size, who + 1};
    enum jejak_status status;
    while ((status = jejak_publish(publisher, &event, NULL)) == JEJAK_BUSY)
        jejak_step(publisher, WAIT_MS);
    return status;
}

static enum jejak_status take_all(struct jejak *publisher, uint64_t first, uint64_t count)
{
    enum jejak_status status = JEJAK_OK;
    for (uint64_t number = first; status == JEJAK_OK && number < first + count; number++) {
        uint8_t told[8];
        status = take(publisher, number);
        put_u64(told, number);
        if (status == JEJAK_OK && write(STDOUT_FILENO, told, sizeof told) != sizeof told)
            return JEJAK_FAILED;
        if (number % STEP_EVERY == 0)
            jejak_step(publisher, 0);
    }
    return status == JEJAK_OK ? jejak_flush(publisher, FLUSH_MS) : status;
}

int main(int argc, char **argv)
{
    char error[JEJAK_ERROR_BYTES] = "say: taker ENDPOINT SPOOL FIRST COUNT";
    struct jejak *publisher = NULL;
    struct jejak_options options = {.batch_events = 20, .batch_age_ms = 20};
    enum jejak_status status = JEJAK_USAGE;
    if (argc == 5) {
        options.endpoint = argv[1];
        options.spool = argv[2];
        status = jejak_open(&options, &publisher, error);
    }
    if (status == JEJAK_OK)
        status = take_all(publisher, strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
    if (status != JEJAK_OK)
        fprintf(stderr, "taker: %s\n", publisher ? jejak_error(publisher) : error);
    jejak_close(publisher);
    return status == JEJAK_OK ? 0 : 1;
}
