/* ledger.h - what was really sent, answered and stored, and whether that is as promised.
 *
 * It sees the events that publishers are given, the batches and answers on the network, and of the disk only what a power
 * cut cannot take any more. At every answer `ok` and `duplicate`: the batch's events are in the safe part of the log, and
 * the safe watermark reaches them. In the end: each event that was taken and not lost with its publisher is in the log
 * once, as it was given, and each learner has one number.
 */
#ifndef JEJAK_TESTS_SIMULATOR_LEDGER_H
#define JEJAK_TESTS_SIMULATOR_LEDGER_H

#include "common/event.h"
#include "tests/simulator/net.h"

enum {
    LEDGER_MAX_EVENTS = 4096,
    LEDGER_LEARNERS = 12,
    LEDGER_CONTENTS = 5,
    LEDGER_NAME_BYTES = 24,
};

struct ledger_event {
    unsigned publisher;
    enum kind kind;
    int64_t time_ms; /* no two are the same */
    uint32_t learner, content, value;
    bool promised; /* it must be in the log in the end; else it may be */
    bool sealed;   /* promised even where the publisher's machine loses its power */
};

void ledger_begin(void);
void ledger_free(void);
const char *ledger_learner(uint32_t learner);
const char *ledger_content(uint32_t content);

/* A new event of this publisher, not promised yet. */
struct ledger_event *ledger_make(unsigned publisher);
/* What this publisher was promised so far is sealed. */
void ledger_sealed(unsigned publisher, const struct ledger_event *but);
/* It died: `power`: with its machine. Without a spool all that is not stored goes with it. */
void ledger_died(unsigned publisher, bool spool, bool power);

size_t ledger_count(void);
const struct ledger_event *ledger_at(size_t index);
bool ledger_stored(size_t index); /* in the safe part of the log, as far as it was looked at */
/* When everything is at rest: does the log hold what it must, and nothing twice? */
void ledger_check_end(void);

#endif
