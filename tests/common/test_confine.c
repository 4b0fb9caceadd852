#include "common/confine.h"

#include "tests/scratch.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child saw comes back in its exit code: it must not run the suite's own ends. */
enum {
    CHILD_FINE = 0,
    CHILD_UNCONFINED = 77,
};

static char *folder, *inside, *reading, *outside;

static void setup(void)
{
    folder = scratch_make();
    inside = scratch_path(folder, "inside");
    reading = scratch_path(folder, "reading");
    outside = scratch_path(folder, "outside");
    cr_assert(mkdir(inside, 0700) == 0 && mkdir(reading, 0700) == 0 && mkdir(outside, 0700) == 0);
}

static void teardown(void)
{
    scratch_remove(folder);
    free(inside);
    free(reading);
    free(outside);
}

TestSuite(confine, .init = setup, .fini = teardown, .timeout = 20);

static bool touches(const char *in, const char *name, int flags)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", in, name);
    int file = open(path, flags | O_CLOEXEC, 0600);
    if (file >= 0)
        close(file);
    return file >= 0;
}

static bool binds(const char *in)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.80s/sock", in);
    int sock = socket(AF_UNIX, SOCK_STREAM, 0);
    bool bound = bind(sock, (struct sockaddr *)&address, sizeof address) == 0;
    close(sock);
    return bound;
}

static void child_confine(void)
{
    struct error error;
    struct confine_path paths[] = {{inside, true}, {reading, false}, {"/nowhere/at/all", true}};
    bool confined = false;
    if (confine_privileges(&error) || confine_files(paths, ARRAY_COUNT(paths), &confined, &error))
        _exit(100);
    if (!confined)
        _exit(CHILD_UNCONFINED);
}

/* The number of the first thing that is not as it should be. */
static int look_around(void)
{
    child_confine();
    if (!touches(inside, "new", O_CREAT | O_WRONLY) || !touches(inside, "new", O_RDONLY | O_TRUNC))
        return 1;
    if (!touches(reading, "there", O_RDONLY))
        return 2;
    if (touches(reading, "there", O_WRONLY) || touches(reading, "new", O_CREAT | O_WRONLY))
        return 3;
    if (touches(outside, "there", O_RDONLY) || errno != EACCES)
        return 4;
    if (touches(outside, "new", O_CREAT | O_WRONLY) || touches("/etc", "passwd", O_RDONLY))
        return 5;
    if (!binds(inside) || binds(outside))
        return 6;
    execl("/bin/true", "true", (char *)NULL);
    if (errno != EACCES)
        return 7;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 8;
#ifndef __SANITIZE_ADDRESS__
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return 9;
#endif
    return CHILD_FINE;
}

static int in_child(int (*look)(void))
{
    int ended;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0)
        _exit(look());
    cr_assert_eq(waitpid(child, &ended, 0), child);
    cr_assert(WIFEXITED(ended));
    return WEXITSTATUS(ended);
}

/* The control: the same without confinement reaches what must then be out of reach. */
static int look_free(void)
{
    return touches(outside, "there", O_RDONLY) && touches(reading, "there", O_WRONLY) && binds(outside) ? CHILD_FINE
                                                                                                        : 1;
}

Test(confine, leaves_what_is_named_and_nothing_else)
{
    cr_assert(touches(reading, "there", O_CREAT | O_WRONLY) && touches(outside, "there", O_CREAT | O_WRONLY));
    cr_assert_eq(in_child(look_free), CHILD_FINE);
    char path[512];
    snprintf(path, sizeof path, "%s/sock", outside);
    unlink(path);
    int seen = in_child(look_around);
    if (seen == CHILD_UNCONFINED)
        cr_skip_test("this kernel has no Landlock");
    cr_assert_eq(seen, CHILD_FINE, "step %d", seen);
}
