/* One history: who lives in it, what goes wrong and when, and the time without trouble at its end. */
#include "tests/simulator/actors.h"

#include "tests/simulator/files.h"

#include <stdio.h>

enum {
    EVENTS_MAX = 40,       /* of one publisher */
    TROUBLES_MAX = 10,     /* in one history */
    PAUSE_MS_MAX = 1500,   /* between two of them */
    RESTART_MS = 1000,     /* until a service manager starts what ended */
    REST_MS = 400,         /* looks at whether all is at rest */
    REST_LOOKS_MAX = 1500, /* so many and it never is */
    JUMP_MS = 24 * 3600 * 1000,
    DOOM_OPERATIONS_MAX = 60, /* of a disk, until a kill or a power cut comes at one of them */
};

static struct {
    struct server server;
    struct publisher publishers[PUBLISHERS_MAX];
    unsigned publisher_count;
    struct process *collector;
    int64_t restart_ns[WORLD_PROCESSES];
} cast;

/* ---- what goes wrong ---- */

static void cut_power(unsigned machine)
{
    world_say("machine %u loses its power", machine);
    for (unsigned i = 0; i < cast.publisher_count; i++)
        if (cast.publishers[i].process->machine == &world.machines[machine])
            ledger_died(i, cast.publishers[i].spool, true);
    for (unsigned i = 1; i < world.process_count; i++)
        if (world.processes[i].machine == &world.machines[machine])
            process_kill(&world.processes[i]);
    stores_power_cut(&world.machines[machine]);
    files_power_cut(&world.machines[machine]);
}

/* Comes in the middle of something: an operation on the machine's disk is what is being done. */
static void doom(unsigned machine)
{
    if (world_chance(500))
        cut_power(machine);
    else
        process_kill(process_self());
}

static void doom_some(void)
{
    unsigned machine = world_chance(600) ? WORLD_SERVER : 1 + (unsigned)world_roll(cast.publisher_count);
    world.machines[machine].doomed = 1 + (unsigned)world_roll(DOOM_OPERATIONS_MAX);
}

static void trouble_network(void)
{
    int64_t silent_ns = world_chance(300) ? world.now_ns + (int64_t)world_roll(20000) * NS_PER_MS : 0;
    net_trouble((unsigned)world_roll(200), (unsigned)world_roll(200), (int64_t)world_roll(500) * NS_PER_MS, silent_ns);
    if (world_chance(500))
        net_reset_some();
}

static void trouble_disk(void)
{
    struct machine *machine = &world.machines[world_roll(cast.publisher_count + 1)];
    machine->fail_permille = world_chance(600) ? (unsigned)world_roll(150) : 0;
    machine->full = world_chance(300);
    world_say("disk %td: %u per mille fail%s", machine - world.machines, machine->fail_permille,
              machine->full ? ", full" : "");
}

static void jump_clock(void)
{
    struct machine *machine = &world.machines[world_roll(cast.publisher_count + 1)];
    machine->wall_ahead_ms = (int64_t)world_roll(2 * JUMP_MS) - JUMP_MS;
    world_say("clock %td is %lld ms ahead", machine - world.machines, (long long)machine->wall_ahead_ms);
}

static void make_trouble(void)
{
    switch (world_roll(8)) {
    case 0:
        process_kill(&world.processes[1 + world_roll(world.process_count - 1)]);
        break;
    case 1:
        cut_power((unsigned)world_roll(cast.publisher_count + 1));
        break;
    case 2:
    case 3:
        doom_some();
        break;
    case 4:
        trouble_network();
        break;
    case 5:
        trouble_disk();
        break;
    case 6:
        cast.collector->stop = true;
        break;
    default:
        jump_clock();
        break;
    }
}

static void heal(void)
{
    world_say("all is well from now on");
    net_trouble(0, 0, 0, 0);
    for (unsigned i = 0; i < WORLD_MACHINES; i++) {
        world.machines[i].fail_permille = 0;
        world.machines[i].full = false;
        world.machines[i].doomed = 0;
    }
}

/* ---- who lives ---- */

static void bring_up(void)
{
    for (unsigned i = 1; i < world.process_count; i++) {
        struct process *process = &world.processes[i];
        if (process_runs(process)) {
            cast.restart_ns[i] = world.now_ns + (int64_t)world_roll(RESTART_MS) * NS_PER_MS;
        } else if (cast.restart_ns[i] <= world.now_ns && !cast.server.refused) {
            process_start(process);
        }
    }
}

static void live_for(int64_t ms)
{
    int64_t until_ns = world.now_ns + ms * NS_PER_MS;
    while (world.now_ns < until_ns && !world.over && !cast.server.refused) {
        bring_up();
        fiber_sleep_ms(1 + (int64_t)world_roll(100));
    }
}

static bool at_rest(void)
{
    bool rest = process_runs(cast.collector) && !cast.collector->dead;
    for (unsigned i = 0; i < cast.publisher_count; i++)
        rest = rest && cast.publishers[i].idle && process_runs(cast.publishers[i].process);
    return rest;
}

static void direct(struct process *process)
{
    (void)process;
    collector_first_start(&cast.server);
    unsigned troubles = (unsigned)world_roll(TROUBLES_MAX + 1);
    for (unsigned i = 0; i < troubles && !world.over && !cast.server.refused; i++) {
        live_for((int64_t)world_roll(PAUSE_MS_MAX));
        make_trouble();
    }
    live_for((int64_t)world_roll(PAUSE_MS_MAX));
    heal();
    for (int looks = 0; !at_rest() && !world.over && !cast.server.refused; looks++) {
        live_for(REST_MS);
        if (looks == REST_LOOKS_MAX)
            world_fail("%d s after all trouble ended something is not settled", REST_LOOKS_MAX * REST_MS / 1000);
    }
    world.over = true;
}

static void add_publisher(void)
{
    unsigned number = cast.publisher_count++;
    struct publisher *publisher = &cast.publishers[number];
    *publisher = (struct publisher){
        .number = number,
        .spool = world_chance(700),
        .batch_events = 1 + (unsigned)world_roll(8),
        .in_flight = 1 + (unsigned)world_roll(8),
        .left = (unsigned)world_roll(EVENTS_MAX),
    };
    snprintf(publisher->folder, sizeof publisher->folder, FILES_ROOT "/p%u/spool", number);
    world_say("publisher %u: %s, batches of %u, %u in flight, %u events", number,
              publisher->spool ? "spool" : "no spool", publisher->batch_events, publisher->in_flight, publisher->left);
    publisher->process = process_add("publisher", number + 1, publisher_run, publisher);
}

void director_play(uint64_t seed, enum mutant mutant, bool loud)
{
    memset(&cast, 0, sizeof cast);
    world_begin(seed, mutant, loud);
    ledger_begin();
    world.doom = doom;
    world.loses_synced = mutant == MUTANT_NO_WATERMARK || world_chance(60);
    struct process *director = process_add("director", WORLD_SERVER, direct, NULL);
    cast.collector = process_add("collector", WORLD_SERVER, collector_run, &cast.server);
    unsigned publishers = 1 + (unsigned)world_roll(PUBLISHERS_MAX);
    for (unsigned i = 0; i < publishers; i++)
        add_publisher();
    process_start(director);
    fibers_run();
    if (!world.failed && !cast.server.refused)
        ledger_check_end();
    world_mix(world.state);
    server_close(&cast.server);
    fibers_free();
    mutants_free();
    net_free();
    stores_free();
    files_free();
}
