/* jejak-fault-simulator - histories of publishers, a collector, an aggregator and what can happen to them, one a seed.
 *
 *     jejak-fault-simulator [--seeds N] [--from S] [--mutant NAME] [--loud]
 *
 * Without --mutant every seed must be clean, and every tenth is played twice: both must have the same digest. With it,
 * one of them must not be. A seed that fails is printed, and is played again alike with --from SEED --seeds 1 --loud.
 */
#include "tests/simulator/actors.h"

#include "common/logline.h"

#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TWICE_EVERY = 10,
    FAILURES_MAX = 20, /* of a run; then it ends */
};

static const char *const mutant_names[MUTANT_COUNT] = {
    [MUTANT_NONE] = "none",
    [MUTANT_EARLY_ANSWERS] = "early-answers",
    [MUTANT_NO_WATERMARK] = "no-watermark",
    [MUTANT_SESSIONS_APART] = "sessions-apart",
    [MUTANT_FAILED_IS_LOST] = "failed-is-lost",
    [MUTANT_NO_FLUSH] = "no-flush",
    [MUTANT_NO_FOLDER_SYNC] = "no-folder-sync",
    [MUTANT_POSITION_APART] = "position-apart",
    [MUTANT_NO_LOG_SYNC] = "no-log-sync",
};

struct arguments {
    uint64_t from, seeds;
    enum mutant mutant;
    bool loud;
};

static bool mutant_named(const char *name, enum mutant *mutant)
{
    for (unsigned i = 0; i < MUTANT_COUNT; i++)
        if (strcmp(mutant_names[i], name) == 0) {
            *mutant = (enum mutant)i;
            return true;
        }
    return false;
}

static struct arguments read_arguments(int argc, char **argv)
{
    static const struct option options[] = {{"seeds", required_argument, NULL, 'n'},
                                            {"from", required_argument, NULL, 'f'},
                                            {"mutant", required_argument, NULL, 'm'},
                                            {"loud", no_argument, NULL, 'l'},
                                            {0}};
    struct arguments to = {.from = 1, .seeds = 200};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        bool known = true;
        if (option == 'n')
            to.seeds = strtoull(optarg, NULL, 10);
        else if (option == 'f')
            to.from = strtoull(optarg, NULL, 10);
        else if (option == 'm')
            known = mutant_named(optarg, &to.mutant);
        else if (option == 'l')
            to.loud = true;
        else
            known = false;
        if (!known) {
            fprintf(stderr, "usage: %s [--seeds N] [--from S] [--mutant NAME] [--loud]\n", argv[0]);
            exit(64);
        }
    }
    return to;
}

/* A bug that ends the program names its seed too. */
_Noreturn void __real_ensure_failed(const char *file, int line, const char *condition);
_Noreturn void __wrap_ensure_failed(const char *file, int line, const char *condition);
_Noreturn void __wrap_ensure_failed(const char *file, int line, const char *condition)
{
    printf("seed %" PRIu64 ": a bug\n", world.seed);
    fflush(stdout);
    __real_ensure_failed(file, line, condition);
}

/* Clean, and the same when it is played again? */
static bool play(uint64_t seed, const struct arguments *arguments)
{
    director_play(seed, arguments->mutant, arguments->loud);
    bool clean = !world.failed;
    if (!clean && (arguments->mutant == MUTANT_NONE || arguments->loud))
        printf("seed %" PRIu64 ": %s\n", seed, world.why);
    if (arguments->loud)
        printf("seed %" PRIu64 ": digest %016" PRIx64 ", %" PRIu64 " steps, %zu events\n", seed, world.digest,
               world.steps, ledger_count());
    if (!clean || seed % TWICE_EVERY != 0)
        return clean;
    uint64_t digest = world.digest;
    director_play(seed, arguments->mutant, false);
    if (world.digest == digest)
        return true;
    printf("seed %" PRIu64 ": played twice and not the same\n", seed);
    return false;
}

int main(int argc, char **argv)
{
    struct arguments arguments = read_arguments(argc, argv);
    uint64_t failed = 0, first = 0, events = 0, played = 0;
    ensure(sodium_init() >= 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    mallopt(M_MMAP_THRESHOLD, 64 << 10); /* a collector's large rooms come as pages that are zero, not to be zeroed */
    log_setup(arguments.loud ? LOG_LEVEL_INFO : (enum log_level)(LOG_LEVEL_ALARM + 1), LOG_FORMAT_LOGFMT);
    bool mutant = arguments.mutant != MUTANT_NONE;
    uint64_t enough = mutant ? 1 : FAILURES_MAX;
    for (uint64_t i = 0; i < arguments.seeds && failed < enough; i++) {
        uint64_t seed = arguments.from + i;
        bool clean = play(seed, &arguments);
        events += ledger_count();
        played++;
        failed += !clean;
        first = first == 0 && !clean ? seed : first;
    }
    /* What goes wrong without the mutant, too, is not the mutant's. */
    struct arguments sane = {.mutant = MUTANT_NONE};
    if (mutant && failed > 0 && !play(first, &sane)) {
        printf("seed %" PRIu64 " fails without the mutant, too\n", first);
        failed = 0;
    }
    ledger_free();
    aggregator_free();
    if (mutant)
        printf("mutant %s: %s", mutant_names[arguments.mutant], failed ? "found" : "NOT found");
    else
        printf("%" PRIu64 " seeds from %" PRIu64 ", %" PRIu64 " events: %" PRIu64 " failed", played, arguments.from,
               events, failed);
    if (failed)
        printf(mutant ? " after %" PRIu64 " seeds" : ", the first is %" PRIu64, mutant ? played : first);
    putchar('\n');
    return mutant == (failed > 0) ? 0 : 1;
}
