/* mock_collector.h - a collector in a thread: ROUTER socket, the rules of the expected seq, no store.
 *
 * It remembers sessions over the mock's own restarts (mock_stop, mock_start with the same struct), as a collector with
 * a synced store does. A test tells how to misbehave: each message is first shown to `meddle`.
 */
#ifndef JEJAK_TESTS_MOCK_COLLECTOR_H
#define JEJAK_TESTS_MOCK_COLLECTOR_H

#include "common/wire.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    MOCK_SESSIONS = 64,
    MOCK_EVENTS = 1 << 20
};

enum mock_way {
    MOCK_NORMAL,
    MOCK_IGNORE,     /* neither stored nor answered */
    MOCK_STORE_ONLY, /* stored, not answered */
    MOCK_BUSY,       /* with retry_ms 50 */
    MOCK_REFUSE,     /* malformed; settles the seq */
    MOCK_REFUSE_VERSION,
    MOCK_GARBAGE, /* answers bytes that are none, then normally */
};

struct mock;
typedef enum mock_way (*mock_meddle_fn)(struct mock *mock, const struct wire_batch *batch);

struct mock_session {
    uint8_t id[SESSION_BYTES];
    uint64_t stored;
};

struct mock {
    char endpoint[128];
    mock_meddle_fn meddle;    /* NULL: always normal */
    int count;                /* for meddle */
    _Atomic uint64_t batches; /* stored */
    _Atomic uint64_t events;  /* stored */
    _Atomic uint64_t messages;
    uint64_t acked;       /* of the last message */
    uint64_t connections; /* changes of the routing id */
    uint8_t routing[16];
    struct mock_session sessions[MOCK_SESSIONS];
    size_t session_count;
    /* the value of every stored `dwell` event counted, to see what was stored how often; others have no value */
    uint8_t *times_stored;
    const char *server_secret; /* CURVE; NULL: plain */
    void *context, *socket;
    atomic_bool stop;
    pthread_t thread;
};

void mock_start(struct mock *mock, const char *endpoint); /* on a zeroed or stopped mock */
void mock_stop(struct mock *mock);
void mock_free(struct mock *mock);

#endif
