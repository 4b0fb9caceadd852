#include "tests/simulator/actors.h"

#include "clients/publisher/jejak.h"

#include <stdio.h>

enum {
    STEP_MS_MAX = 60,
    PAUSE_MS_MAX = 300,
    AGAIN_MS = 200, /* after a failure of the disk */
};

static void notice(void *argument, const char *sentence)
{
    const struct publisher *publisher = argument;
    world_say("publisher %u: %s", publisher->number, sentence);
}

static void settled(void *argument, const struct jejak_batch *batch)
{
    const struct publisher *publisher = argument;
    if (batch->outcome == JEJAK_SET_ASIDE)
        world_fail("publisher %u sets batch %llu aside", publisher->number, (unsigned long long)batch->seq);
}

static uint64_t made(const struct jejak *jejak)
{
    struct jejak_counters counters;
    jejak_counters(jejak, &counters);
    return counters.batches;
}

/* One event is given. False: close and open again. */
static bool give(struct publisher *publisher, struct jejak *jejak)
{
    struct ledger_event *event = ledger_make(publisher->number);
    const char *learner = ledger_learner(event->learner), *content = ledger_content(event->content);
    struct jejak_event given = {
        .kind = (enum jejak_kind)event->kind,
        .time_ms = event->time_ms,
        .learner = learner,
        .learner_size = strlen(learner),
        .content = content,
        .content_size = strlen(content),
        .value = event->value,
    };
    uint64_t before = made(jejak);
    enum jejak_status status = jejak_publish(jejak, &given, NULL);
    if (process_dead())
        return false; /* nobody heard what became of it */
    publisher->left--;
    event->promised = status == JEJAK_OK;
    if (made(jejak) > before)
        ledger_sealed(publisher->number, event);
    return status == JEJAK_OK || status == JEJAK_BUSY;
}

static bool step(struct publisher *publisher, struct jejak *jejak)
{
    uint64_t before = made(jejak);
    bool cut = publisher->left == 0;
    enum jejak_status status = cut ? jejak_cut(jejak) : JEJAK_OK;
    if (status == JEJAK_OK)
        status = jejak_step(jejak, (int)world_roll(STEP_MS_MAX));
    if (!process_dead() && made(jejak) > before)
        ledger_sealed(publisher->number, NULL);
    struct jejak_counters counters;
    jejak_counters(jejak, &counters);
    publisher->idle = !process_dead() && cut && status == JEJAK_OK && counters.waiting == 0;
    return status == JEJAK_OK || status == JEJAK_BUSY;
}

static void live(struct publisher *publisher, struct jejak *jejak)
{
    const struct process *process = publisher->process;
    bool fine = true;
    while (fine && !process->dead && !process->stop) {
        bool gives = publisher->left > 0 && world_chance(700);
        fine = gives ? give(publisher, jejak) : step(publisher, jejak);
        if (fine && world_chance(300))
            fiber_sleep_ms((int64_t)world_roll(PAUSE_MS_MAX));
    }
    if (!fine && !process->dead)
        world_say("publisher %u: %s", publisher->number, jejak_error(jejak));
}

/* Frontends go on with what their spool holds; without one, what was not settled is lost when they end. */
void publisher_run(struct process *process)
{
    static const char key[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCD";
    struct publisher *publisher = process->argument;
    struct jejak_options options = {
        .endpoint = NET_INGEST,
        .server_public = key,
        .public_key = key,
        .secret_key = key,
        .spool = publisher->spool ? publisher->folder : NULL,
        .batch_events = publisher->batch_events,
        .batch_age_ms = 50,
        .in_flight = publisher->in_flight,
        .on_batch = settled,
        .on_notice = notice,
        .argument = publisher,
    };
    publisher->idle = false;
    while (!process->dead && !process->stop) {
        struct jejak *jejak = NULL;
        char error[JEJAK_ERROR_BYTES];
        enum jejak_status status = jejak_open(&options, &jejak, error);
        if (status == JEJAK_OK) {
            live(publisher, jejak);
            jejak_close(jejak);
        } else if (!process->dead) {
            world_say("publisher %u: %s", publisher->number, error);
            if (status != JEJAK_FAILED && status != JEJAK_BUSY)
                world_fail("publisher %u cannot be opened: %s", publisher->number, error);
        }
        if (!publisher->spool && !world.over)
            ledger_died(publisher->number, false, false);
        if (!process->dead && !process->stop)
            fiber_sleep_ms(AGAIN_MS);
    }
}
