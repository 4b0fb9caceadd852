/* Threads as fibers, and clocks: what fibers.c puts in the place of pthreads and clock_gettime. */
#include "tests/simulator/world.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>

enum {
    STACK_BYTES = 512 << 10,
    FIBERS_MAX = 64,
    STEPS_MAX = 2000000,
    STEP_NS_MAX = 20000,
    CLOCK_LOOK_NS = 100, /* a clock that is looked at goes on, so no loop over it lasts for ever */
};

struct fiber {
    ucontext_t context;
    void *stack;
    struct process *process;
    process_fn main;      /* of a process */
    void *(*run)(void *); /* of a thread */
    void *argument;
    bool used, ended, detached_result;
    bool waits;
    fiber_ready_fn ready;
    void *ready_argument;
    int64_t until_ns;
    int number; /* errno */
};

static struct fiber fibers[FIBERS_MAX];
static struct fiber *current;
static ucontext_t scheduler;

struct process *process_self(void)
{
    ensure(current);
    return current->process;
}

static void enter(void)
{
    struct fiber *self = current;
    if (self->main)
        self->main(self->process);
    else
        self->run(self->argument);
    self->ended = true;
    self->process->fibers--;
    for (;;)
        swapcontext(&self->context, &scheduler);
}

static struct fiber *make(struct process *process)
{
    struct fiber *fiber = fibers;
    while (fiber < fibers + FIBERS_MAX && fiber->used)
        fiber++;
    ensure(fiber < fibers + FIBERS_MAX);
    void *stack = fiber->stack;
    if (!stack) {
        stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        ensure(stack != MAP_FAILED);
    }
    *fiber = (struct fiber){.stack = stack, .process = process, .used = true};
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = stack;
    fiber->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&fiber->context, enter, 0);
    process->fibers++;
    return fiber;
}

void fiber_start(struct process *process, process_fn run)
{
    struct fiber *fiber = make(process);
    fiber->main = run;
}

static void switch_to_scheduler(void)
{
    struct fiber *self = current;
    self->number = errno;
    swapcontext(&self->context, &scheduler);
    errno = self->number;
}

void fiber_yield(void)
{
    switch_to_scheduler();
}

bool fiber_wait(fiber_ready_fn ready, void *argument, int64_t until_ns)
{
    struct fiber *self = current;
    self->ready = ready;
    self->ready_argument = argument;
    self->until_ns = until_ns;
    self->waits = true;
    switch_to_scheduler();
    self->waits = false;
    return ready && ready(argument);
}

void fiber_sleep_ms(int64_t ms)
{
    fiber_wait(NULL, NULL, world.now_ns + ms * NS_PER_MS);
}

static bool runnable(const struct fiber *fiber)
{
    return !fiber->waits || fiber->process->dead || fiber->until_ns <= world.now_ns ||
           (fiber->ready && fiber->ready(fiber->ready_argument));
}

/* Whoever is dead leaves first: while it does, nothing else happens. */
static struct fiber *pick(void)
{
    struct fiber *able[FIBERS_MAX];
    size_t count = 0, dead = 0;
    for (struct fiber *fiber = fibers; fiber < fibers + FIBERS_MAX; fiber++) {
        if (!fiber->used || fiber->ended || !runnable(fiber))
            continue;
        if (fiber->process->dead && dead == 0)
            count = 0;
        dead += fiber->process->dead;
        if (fiber->process->dead || dead == 0)
            able[count++] = fiber;
    }
    return count == 0 ? NULL : able[count == 1 ? 0 : world_roll(count)];
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_ns(void)
{
    int64_t at = earlier(net_next_ns(), files_next_ns());
    for (const struct fiber *fiber = fibers; fiber < fibers + FIBERS_MAX; fiber++)
        if (fiber->used && !fiber->ended)
            at = earlier(at, fiber->until_ns);
    return at;
}

static bool any_lives(void)
{
    for (const struct fiber *fiber = fibers; fiber < fibers + FIBERS_MAX; fiber++)
        if (fiber->used && !fiber->ended)
            return true;
    return false;
}

static void stop_all(void)
{
    for (unsigned i = 0; i < world.process_count; i++)
        if (world.failed)
            process_kill(&world.processes[i]);
        else
            world.processes[i].stop = true;
}

void fibers_run(void)
{
    while (any_lives()) {
        if (world.over)
            stop_all();
        struct fiber *fiber = pick();
        if (!fiber) {
            int64_t at = next_ns();
            ensure(at != NEVER_NS); /* nobody could ever go on */
            world.now_ns = at > world.now_ns ? at : world.now_ns + 1;
            continue;
        }
        if (!fiber->process->dead)
            world.now_ns += (int64_t)world_roll(STEP_NS_MAX);
        if (world.steps++ == STEPS_MAX)
            world_fail("after %d steps nothing has come to rest", STEPS_MAX);
        ensure(world.steps < 2 * (uint64_t)STEPS_MAX);
        current = fiber;
        swapcontext(&scheduler, &fiber->context);
        current = NULL;
        if (fiber->ended && fiber->main)
            fiber->used = false;
    }
}

void fibers_free(void)
{
    for (struct fiber *fiber = fibers; fiber < fibers + FIBERS_MAX; fiber++)
        fiber->used = false;
}

/* ---- pthreads ---- */

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int __wrap_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *changed, pthread_mutex_t *mutex);
int __wrap_pthread_cond_broadcast(pthread_cond_t *changed);
int __wrap_pthread_cond_signal(pthread_cond_t *changed);
int __wrap_setpriority(int which, unsigned who, int nice);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
    (void)attributes;
    struct fiber *fiber = make(process_self());
    fiber->run = run;
    fiber->argument = argument;
    *thread = (pthread_t)(fiber - fibers);
    return 0;
}

static bool has_ended(void *argument)
{
    return ((const struct fiber *)argument)->ended;
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
    struct fiber *fiber = &fibers[thread];
    while (!fiber->ended)
        fiber_wait(has_ended, fiber, NEVER_NS);
    fiber->used = false;
    if (result)
        *result = NULL;
    return 0;
}

/* One thread, so the lock itself tells whether another fiber has it. */
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    while (pthread_mutex_trylock(mutex) != 0)
        fiber_yield();
    return 0;
}

/* Who waits looks again whenever anything was told to anybody: a wait may end for no reason, says POSIX. */
static uint64_t told;

static bool was_told(void *argument)
{
    return *(const uint64_t *)argument != told;
}

int __wrap_pthread_cond_wait(pthread_cond_t *changed, pthread_mutex_t *mutex)
{
    uint64_t before = told;
    (void)changed;
    pthread_mutex_unlock(mutex);
    fiber_wait(was_told, &before, NEVER_NS);
    return __wrap_pthread_mutex_lock(mutex);
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *changed)
{
    (void)changed;
    told++;
    return 0;
}

int __wrap_pthread_cond_signal(pthread_cond_t *changed)
{
    return __wrap_pthread_cond_broadcast(changed);
}

int __wrap_setpriority(int which, unsigned who, int nice)
{
    (void)which, (void)who, (void)nice;
    return 0;
}

/* ---- clocks and randomness ---- */

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
void __wrap_randombytes_buf(void *bytes, size_t size);
ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned flags);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    int64_t ns = world.now_ns += CLOCK_LOOK_NS;
    if (clock == CLOCK_REALTIME && current)
        ns += (WORLD_START_MS + process_self()->machine->wall_ahead_ms) * NS_PER_MS;
    now->tv_sec = ns / 1000000000;
    now->tv_nsec = ns % 1000000000;
    return 0;
}

void __wrap_randombytes_buf(void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)world_roll(256);
}

ssize_t __wrap_getrandom(void *bytes, size_t size, unsigned flags)
{
    (void)flags;
    __wrap_randombytes_buf(bytes, size);
    return (ssize_t)size;
}
