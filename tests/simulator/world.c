#include "tests/simulator/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <xxhash.h>

struct world world;

void world_begin(uint64_t seed, enum mutant mutant, bool loud)
{
    world = (struct world){.seed = seed, .state = seed, .mutant = mutant, .loud = loud, .now_ns = NS_PER_MS};
}

void world_fail(const char *format, ...)
{
    va_list args;
    if (!world.failed) {
        va_start(args, format);
        vsnprintf(world.why, sizeof world.why, format, args);
        va_end(args);
    }
    world.failed = world.over = true;
}

void world_say(const char *format, ...)
{
    va_list args;
    if (!world.loud)
        return;
    fprintf(stderr, "%10.3f ms  ", (double)world.now_ns / NS_PER_MS);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next(void)
{
    uint64_t z = world.state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t world_roll(uint64_t sides)
{
    return next() % sides;
}

bool world_chance(unsigned permille)
{
    return permille > 0 && world_roll(1000) < permille;
}

void world_mix(uint64_t what)
{
    world.digest = (world.digest ^ what) * UINT64_C(0x9fb21c651e98df25);
    world.digest ^= world.digest >> 29;
}

void world_mix_bytes(struct slice bytes)
{
    world_mix(XXH3_64bits(bytes.data, bytes.size));
}

struct process *process_add(const char *name, unsigned machine, process_fn run, void *argument)
{
    ensure(world.process_count < WORLD_PROCESSES);
    struct process *process = &world.processes[world.process_count++];
    *process = (struct process){.name = name, .machine = &world.machines[machine], .run = run, .argument = argument};
    return process;
}

bool process_runs(const struct process *process)
{
    return process->fibers > 0;
}

void process_start(struct process *process)
{
    ensure(process->fibers == 0);
    process->dead = process->stop = false;
    process->lives++;
    world_say("%s starts", process->name);
    fiber_start(process, process->run);
}

void process_kill(struct process *process)
{
    if (process->fibers == 0 || process->dead)
        return;
    world_say("%s is killed", process->name);
    process->dead = process->stop = true;
    stores_killed(process);
    net_killed(process);
}

bool process_dead(void)
{
    return process_self()->dead;
}

int64_t process_wall_ms(void)
{
    return WORLD_START_MS + world.now_ns / NS_PER_MS + process_self()->machine->wall_ahead_ms;
}
