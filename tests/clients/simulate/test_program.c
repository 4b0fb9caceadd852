/* The program as users run it: same bytes for the same options, on every machine, and exit codes that tell. */
#include "common/base.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>

struct outcome {
    int exit_code;
    uint64_t bytes;
    uint64_t fnv; /* FNV-1a, 64 bits, of all bytes */
};

static struct outcome run(const char *arguments)
{
    char *line = mem_text("%s %s 2>/dev/null", JEJAK_SIMULATE, arguments);
    FILE *pipe = popen(line, "r");
    free(line);
    cr_assert_not_null(pipe);
    struct outcome outcome = {0, 0, 0xCBF29CE484222325u};
    for (int byte; (byte = getc_unlocked(pipe)) != EOF; outcome.bytes++)
        outcome.fnv = (outcome.fnv ^ (uint64_t)byte) * 0x100000001B3u;
    int status = pclose(pipe);
    cr_assert(WIFEXITED(status));
    outcome.exit_code = WEXITSTATUS(status);
    return outcome;
}

/* The number below changes with the model, and with nothing else: not with the compiler, its options or the processor.
 */
Test(program, a_seed_means_the_same_bytes_everywhere)
{
    struct outcome outcome = run("--learners 100 --seed 7 --late 0.01 --repeat 0.01 --disorder 0.02");
    cr_assert_eq(outcome.exit_code, EX_OK);
    cr_assert_eq(outcome.fnv, 0x12CD1C5DD4B3EB6u, "%#lx, %lu bytes", outcome.fnv, outcome.bytes);
}

Test(program, another_seed_means_other_bytes)
{
    cr_assert_neq(run("--learners 50 --seed 7").fnv, run("--learners 50 --seed 8").fnv);
}

Test(program, exit_codes_tell)
{
    cr_assert_eq(run("--bogus").exit_code, EX_USAGE);
    cr_assert_eq(run("--learners 5 --out /nonexistent/events.csv").exit_code, EX_CANTCREAT);
    cr_assert_eq(run("--learners 5 --curriculum /nonexistent/c.csv").exit_code, EX_CANTCREAT);
    cr_assert_eq(run("--learners 5 --out /dev/full").exit_code, EX_IOERR);
    cr_assert_eq(run("--learners 5 --planted /dev/full").exit_code, EX_IOERR);
    cr_assert_eq(run("--version").exit_code, EX_OK);
    cr_assert_gt(run("--help").bytes, 2000);
}

Test(program, a_reader_that_has_seen_enough_is_no_failure)
{
    cr_assert_eq(run("--learners 2000 --out /dev/stdout | head -c 100").bytes, 100);
    char *line = mem_text("bash -c 'set -o pipefail; %s 2>/dev/null | head -c 100 >/dev/null'", JEJAK_SIMULATE);
    cr_assert_eq(system(line), 0);
    free(line);
}
