/* The program as users run it: same bytes for the same options, on every machine, and exit codes that tell. */
#include "common/base.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

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

Test(program, programs_and_stays_mean_the_same_bytes_everywhere_too)
{
    struct outcome outcome = run("--modules 28 --programs 4 --learners 200 --events 20000 --intake 1 --seed 7");
    cr_assert_eq(outcome.exit_code, EX_OK);
    cr_assert_eq(outcome.fnv, 0x726c3524895ac815, "%#lx, %lu bytes", outcome.fnv, outcome.bytes);
    cr_assert_eq(run("--learners 200 --events 1").exit_code, EX_USAGE);
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

/* ---- straight to a collector ------------------------------------------------------------------------------------ */

static pid_t start_collector(const char *home)
{
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid > 0)
        return pid;
    char ingest[80], log[80];
    snprintf(ingest, sizeof ingest, "ipc://%s/ingest.sock", home);
    snprintf(log, sizeof log, "%s/log", home);
    if (!freopen(log, "w", stderr))
        _exit(EX_CANTCREAT);
    execl(JEJAK_COLLECTOR, "jejak-collector", "--home", home, "--plain", "--ingest", ingest, (char *)NULL);
    _exit(EX_UNAVAILABLE);
}

/* Does a file hold this text within ten seconds? */
static bool holds(const char *path, const char *text)
{
    for (int i = 0; i < 200; i++, usleep(50000)) {
        char content[8192] = "";
        FILE *file = fopen(path, "r");
        if (!file)
            continue;
        size_t size = fread(content, 1, sizeof content - 1, file);
        fclose(file);
        content[size] = '\0';
        if (strstr(content, text))
            return true;
    }
    return false;
}

static uint64_t lines_of(const char *arguments)
{
    char *line = mem_text("%s %s 2>/dev/null | wc -l", JEJAK_SIMULATE, arguments);
    FILE *pipe = popen(line, "r");
    unsigned long lines = 0;
    cr_assert_eq(fscanf(pipe, "%lu", &lines), 1); // NOLINT(cert-err34-c): what wc prints
    pclose(pipe);
    free(line);
    return lines;
}

Test(program, everything_reaches_a_collector, .timeout = 60)
{
    static const char model[] = "--learners 20 --seed 3 --late 0.01 --repeat 0.02";
    char home[] = "/tmp/jejak-simulate-XXXXXX";
    cr_assert_not_null(mkdtemp(home));
    char log[80], remove[80], arguments[160], future[160], stopped[80];
    snprintf(log, sizeof log, "%s/log", home);
    snprintf(remove, sizeof remove, "rm -rf %s", home);
    snprintf(arguments, sizeof arguments, "%s --to ipc://%s/ingest.sock", model, home);
    snprintf(future, sizeof future, "--learners 1 --start 2400-01-03 --to ipc://%s/ingest.sock", home);
    pid_t pid = start_collector(home);
    bool ready = holds(log, "msg=ready");
    struct outcome sent = ready ? run(arguments) : (struct outcome){.exit_code = -1};
    /* a rejected event is no success */
    struct outcome rejected = ready ? run(future) : sent;
    kill(pid, SIGTERM);
    int status;
    waitpid(pid, &status, 0);
    snprintf(stopped, sizeof stopped, "msg=stopped events=%lu\n", (unsigned long)lines_of(model) - 1);
    bool all = holds(log, stopped);
    cr_expect_eq(system(remove), 0);
    cr_assert(ready, "the collector does not start");
    cr_assert_eq(sent.exit_code, EX_OK);
    cr_assert_eq(rejected.exit_code, EX_DATAERR);
    cr_assert(all, "not in the collector's log: %s", stopped);
}

Test(program, without_its_keys_a_home_is_refused)
{
    cr_assert_eq(run("--learners 1 --to tcp://127.0.0.1:1 --home /nonexistent").exit_code, EX_NOINPUT);
}
