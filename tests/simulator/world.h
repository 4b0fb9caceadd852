/* world.h - a world in one process and one thread: dice, time, machines, the processes on them and their threads.
 *
 * Everything that Jejak's programs ask of the world is answered here and in the files beside this one, put in place by
 * the linker: threads and clocks (fibers.c), files (files.c), RocksDB (stores*.c), ZeroMQ (net*.c). The programs
 * themselves run unchanged, loops and threads included. A thread is a fiber; it gives way where it waits and at every
 * operation on a disk, and the dice say who goes on. So one seed is one history, bit for bit.
 *
 * A process that is killed goes on with its hands tied until it has left: its disk and its network do nothing any more,
 * so all memory comes back and nothing that it does afterwards can be seen.
 */
#ifndef JEJAK_TESTS_SIMULATOR_WORLD_H
#define JEJAK_TESTS_SIMULATOR_WORLD_H

#include "common/base.h"

enum {
    WORLD_MACHINES = 4, /* the server's, then one for each publisher */
    WORLD_PROCESSES = 8,
    WORLD_SERVER = 0,
    NS_PER_MS = 1000000,
};
#define WORLD_START_MS INT64_C(1790000000000) /* of all wall clocks, before they jump: September 2026 */
#define NEVER_NS       INT64_MAX

enum mutant { /* a defence switched off: the simulator must find what it costs */
    MUTANT_NONE,
    MUTANT_EARLY_ANSWERS,  /* a write that is to be synced is not */
    MUTANT_NO_WATERMARK,   /* whatever the log holds at a start is enough */
    MUTANT_SESSIONS_APART, /* what sessions settled is written after their events, not with them */
    MUTANT_FAILED_IS_LOST, /* a failed write counts as not stored */
    MUTANT_NO_FLUSH,       /* what an earlier process wrote and did not sync counts as safe when it is read back */
    MUTANT_NO_FOLDER_SYNC, /* a file's bytes are synced, its name is not */
    MUTANT_POSITION_APART, /* how far the log is folded is written before what was folded, not with it */
    MUTANT_NO_LOG_SYNC,    /* whoever reads a store that nobody writes reads what a power cut can take away */
    MUTANT_COUNT
};

struct machine {
    int64_t wall_ahead_ms;  /* of WORLD_START_MS and the time since */
    unsigned fail_permille; /* of the operations on its disk */
    bool full;              /* nothing can be written */
    unsigned doomed;        /* world.doom() comes at this many operations from now; 0: never */
};

struct process;
typedef void (*process_fn)(struct process *process);
struct process {
    const char *name;
    struct machine *machine;
    process_fn run;
    void *argument;
    unsigned fibers; /* that live */
    bool dead;       /* killed: its hands are tied */
    bool stop;       /* SIGTERM waits for it */
    uint64_t lives;
};

struct world {
    uint64_t seed, state; /* of the dice */
    uint64_t digest;
    int64_t now_ns;
    uint64_t steps;
    enum mutant mutant;
    bool loses_synced; /* a power cut may cost what was synced: the disk lies */
    void (*doom)(unsigned machine);
    bool failed;
    bool over; /* nobody acts any more; what runs is stopped */
    bool loud;
    char why[512];
    struct machine machines[WORLD_MACHINES];
    struct process processes[WORLD_PROCESSES];
    unsigned process_count;
};
extern struct world world;

void world_begin(uint64_t seed, enum mutant mutant, bool loud);
/* Something is not as promised. The first reason stands; the world ends. */
void world_fail(const char *format, ...) printf_like(1, 2);
void world_say(const char *format, ...) printf_like(1, 2); /* with --loud */

uint64_t world_roll(uint64_t sides); /* 0 .. sides - 1 */
bool world_chance(unsigned permille);
void world_mix(uint64_t what); /* into the digest */
void world_mix_bytes(struct slice bytes);

struct process *process_add(const char *name, unsigned machine, process_fn run, void *argument);
void process_start(struct process *process); /* which must not run */
void process_kill(struct process *process);
bool process_runs(const struct process *process);
/* The one whose fiber runs. */
struct process *process_self(void);
bool process_dead(void);
int64_t process_wall_ms(void);

/* fibers.c. Runs until world.over and every fiber has ended. */
void fibers_run(void);
void fibers_free(void);
void fiber_start(struct process *process, process_fn run);
void fiber_yield(void);
/* Until `ready` says so (true) or it is `until_ns` (false). A dead process does not wait: false. */
typedef bool (*fiber_ready_fn)(void *argument);
bool fiber_wait(fiber_ready_fn ready, void *argument, int64_t until_ns);
void fiber_sleep_ms(int64_t ms);

/* Before an operation on the disk of whoever runs: others may come first, and the end. False: it fails, with errno. */
bool disk_turn(bool writes);

/* files.c, stores.c, net.c: what they hold is of one world. */
void files_free(void);
void files_power_cut(const struct machine *machine);
void stores_free(void);
void stores_power_cut(const struct machine *machine);
void stores_killed(const struct process *process);
void net_free(void);
void net_killed(const struct process *process);
void net_reset_some(void); /* breaks some connections */
void net_trouble(unsigned loss_permille, unsigned twice_permille, int64_t delay_ns, int64_t silent_until_ns);
int64_t net_next_ns(void); /* when the next message arrives or connection is made; NEVER_NS */
/* Is this descriptor one of files.c, and can it be read? */
bool files_readable(int fd);
int64_t files_next_ns(void); /* when the next timer ends */

#endif
