#include "clients/publisher/stream.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

/* Streams against a model collector over a network that loses, delays and mends, from a seed. Whatever happens, every
 * batch is stored once and in order, nothing is settled that is not stored, and everything is settled in the end.
 *
 * The publisher dies and comes back with what a spool would remember: session, what was made, and a settled seq that
 * may be older than the truth. Each connection is a pair of queues. A mended connection loses what is in its queues; a
 * new socket leaves the old connection's messages to arrive late, between those of the new one.
 */

enum {
    QUEUE = 4096,
    BATCHES = 200,
    CONNECTIONS = 2
};

struct letter {
    uint64_t seq, acked;
};
struct pipe {
    struct letter there[QUEUE];
    struct answer back[QUEUE];
    size_t there_first, there_end, back_first, back_end;
};
struct world {
    uint64_t random;
    int64_t now_ms;
    struct stream stream;
    struct pipe pipes[CONNECTIONS];
    int current;
    bool known;          /* the collector remembers the session */
    uint64_t stored;     /* the last seq stored; all before too */
    uint64_t spooled;    /* settled, as the spool remembers */
    uint64_t violations; /* stored twice or out of order */
    uint64_t sendings;
    bool forgets; /* control: a collector without the rule of the expected seq */
};

static const uint8_t session[SESSION_BYTES] = {7};

static uint64_t dice(struct world *world, uint64_t sides)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return world->random % sides;
}

static struct answer collect(struct world *world, struct letter letter)
{
    struct answer answer = {.has_session = true, .has_seq = true, .seq = letter.seq};
    memcpy(answer.session, session, SESSION_BYTES);
    uint64_t expected = world->known ? world->stored + 1 : letter.acked + 1;
    if (world->known && letter.acked + 1 > expected)
        expected = letter.acked + 1;
    if (letter.seq < expected) {
        answer.status = ANSWER_DUPLICATE;
    } else if (letter.seq > expected && !world->forgets) {
        answer.status = ANSWER_GAP;
        answer.expected = expected;
    } else if (dice(world, 12) == 0) {
        answer.status = ANSWER_BUSY;
        answer.retry_ms = (uint32_t)dice(world, 3000);
    } else {
        world->violations += letter.seq != world->stored + 1;
        world->stored = letter.seq;
        world->known = true;
        answer.status = ANSWER_OK;
    }
    return answer;
}

static void send_all(struct world *world)
{
    struct pipe *pipe = &world->pipes[world->current];
    uint64_t seq;
    while (stream_send(&world->stream, world->now_ms, &seq)) {
        cr_assert(lt(u64, pipe->there_end, (uint64_t)QUEUE));
        pipe->there[pipe->there_end++] = (struct letter){seq, world->stream.acked};
        world->sendings++;
    }
}

static void arrive(struct world *world, struct pipe *pipe)
{
    if (pipe->there_first == pipe->there_end)
        return;
    pipe->back[pipe->back_end++] = collect(world, pipe->there[pipe->there_first++]);
}

static void come_back(struct world *world)
{
    struct pipe *pipe = &world->pipes[world->current];
    if (pipe->back_first == pipe->back_end)
        return;
    stream_answer(&world->stream, &pipe->back[pipe->back_first++], world->now_ms);
    cr_assert(le(u64, world->stream.acked, world->stored), "settled but not stored");
    if (dice(world, 3) == 0)
        world->spooled = world->stream.acked;
}

static void clear(struct pipe *pipe)
{
    pipe->there_first = pipe->there_end = pipe->back_first = pipe->back_end = 0;
}

/* ZeroMQ connects anew by itself: what was on its way is gone, what the socket had queued is not. */
static void mend(struct world *world)
{
    struct pipe *pipe = &world->pipes[world->current];
    size_t lost = dice(world, pipe->there_end - pipe->there_first + 1);
    pipe->there_first += lost;
    pipe->back_first = pipe->back_end;
}

static void new_socket(struct world *world)
{
    world->current = 1 - world->current;
    clear(&world->pipes[world->current]);
}

static void restart_publisher(struct world *world)
{
    uint64_t made = world->stream.made;
    stream_start(&world->stream, session, world->spooled, 1 + (uint32_t)dice(world, 64));
    while (world->stream.made < made)
        stream_add(&world->stream);
    new_socket(world);
}

static void chance(struct world *world, bool calm)
{
    switch (dice(world, calm ? 4 : 100)) {
    case 0:
        if (world->stream.made < BATCHES)
            stream_add(&world->stream);
        break;
    case 1:
        world->now_ms += (int64_t)dice(world, 500);
        break;
    case 4:
        mend(world);
        break;
    case 5:
        restart_publisher(world);
        break;
    case 6: /* the collector restarts: its connections are gone, its state is synced before each answer */
        mend(world);
        clear(&world->pipes[1 - world->current]);
        break;
    case 7:
        world->now_ms += (int64_t)dice(world, 15000);
        break;
    default:
        arrive(world, &world->pipes[dice(world, CONNECTIONS)]);
        come_back(world);
    }
}

static void run(struct world *world, uint64_t seed, bool forgets)
{
    *world = (struct world){.random = seed * 2654435761u + 88172645463325252u, .forgets = forgets};
    stream_start(&world->stream, session, 0, 1 + (uint32_t)dice(world, 64));
    for (int step = 0; step < 200000; step++) {
        bool calm = step > 6000;
        if (stream_lost(&world->stream, world->now_ms))
            new_socket(world);
        send_all(world);
        chance(world, calm);
        if (calm && world->stream.made == BATCHES && stream_idle(&world->stream))
            break;
    }
}

Test(stream_random, every_batch_is_stored_once_in_order_and_settled, .timeout = 60)
{
    struct world *world = calloc(1, sizeof *world);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        run(world, seed, false);
        cr_assert(eq(u64, world->violations, 0), "seed %d: stored twice or out of order", (int)seed);
        cr_assert(eq(u64, world->stored, BATCHES), "seed %d: not everything is stored", (int)seed);
        cr_assert(eq(u64, world->stream.acked, BATCHES), "seed %d: not everything is settled", (int)seed);
        cr_assert(lt(u64, world->sendings, 100u * BATCHES), "seed %d: a storm of resends", (int)seed);
    }
    free(world);
}

/* The control: the same checks see a collector that takes whatever comes. */
Test(stream_random, a_collector_without_expected_seqs_is_seen, .timeout = 60)
{
    struct world *world = calloc(1, sizeof *world);
    uint64_t violations = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        run(world, seed, true);
        violations += world->violations;
    }
    cr_assert(gt(u64, violations, 0));
    free(world);
}
