#include "common/secret.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(secret, .timeout = 20);

#ifndef __SANITIZE_ADDRESS__
/* The flags of the mapping that holds the address (proc(5), smaps). */
static bool has_flags(const void *address, const char *flag, const char *other)
{
    char line[512];
    bool inside = false, found = false;
    FILE *smaps = fopen("/proc/self/smaps", "re");
    cr_assert_not_null(smaps);
    while (fgets(line, sizeof line, smaps)) {
        char *rest;
        uintptr_t from = strtoul(line, &rest, 16);
        if (rest > line && *rest == '-')
            inside = (uintptr_t)address >= from && (uintptr_t)address < strtoul(rest + 1, NULL, 16);
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, flag) && strstr(line, other);
    }
    fclose(smaps);
    return found;
}
#endif

Test(secret, begins_as_zeros)
{
    struct error error;
    void *memory = NULL;
    const uint8_t zeros[100] = {0};
    cr_assert_eq(secret_new(100, &memory, &error), STATUS_OK, "%s", error.text);
    cr_assert_arr_eq((uint8_t *)memory, zeros, sizeof zeros);
    secret_free(memory);
    secret_free(NULL);
}

#ifndef __SANITIZE_ADDRESS__ /* it makes mlock() do nothing */
Test(secret, is_locked_and_left_out_of_dumps)
{
    struct error error;
    void *memory = NULL;
    uint8_t *plain = malloc(100);
    cr_assert_eq(secret_new(100, &memory, &error), STATUS_OK, "%s", error.text);
    cr_assert(has_flags(memory, " lo", " dd"));
    cr_assert_not(has_flags(plain, " lo", " dd"), "the control: plain memory is not");
    secret_free(memory);
    free(plain);
}

static int ask_without_a_limit(void)
{
    static const struct rlimit none = {0, 0};
    struct error error;
    void *memory = NULL;
    if (setrlimit(RLIMIT_MEMLOCK, &none) || (geteuid() == 0 && setuid(65534))) /* root may lock what it likes */
        return 2;
    if (secret_new(32, &memory, &error) != STATUS_SYSTEM || memory)
        return 3;
    return strstr(error.text, "RLIMIT_MEMLOCK is 0 bytes") ? 0 : 4;
}

Test(secret, memory_that_cannot_be_locked_is_not_handed_out)
{
    int ended;
    pid_t child = fork();
    if (child == 0)
        _exit(ask_without_a_limit());
    cr_assert_eq(waitpid(child, &ended, 0), child);
    cr_assert(WIFEXITED(ended) && WEXITSTATUS(ended) == 0, "%x", ended);
}
#endif
