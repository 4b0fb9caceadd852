#include "common/confinement.h"
#include "common/confine.h"

#include "tests/scratch.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CHILD_UNCONFINED = 77
};

TestSuite(confinement, .timeout = 20);

static bool makes(const char *folder, const char *name)
{
    char *path = scratch_path(folder, name);
    int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    free(path);
    if (file >= 0)
        close(file);
    return file >= 0;
}

static struct confinement *describe(const char *folder)
{
    struct confinement *confinement = confinement_open();
    char *own = scratch_path(folder, "own"), *file = scratch_path(folder, "conf/jejak.conf");
    char *endpoint = mem_text("ipc://%s/run/x.sock", folder);
    confinement_add(confinement, own, true);
    confinement_add_folder_of(confinement, file, false);
    confinement_add_endpoint(confinement, endpoint);
    confinement_add_endpoint(confinement, "tcp://127.0.0.1:1");
    free(own);
    free(file);
    free(endpoint);
    return confinement;
}

static int look_around(const char *folder)
{
    static const struct {
        const char *in;
        bool writable;
    } seen[] = {{"own", true}, {"run", true}, {"conf", false}, {"other", false}};
    struct error error;
    struct confined confined;
    struct confinement *confinement = describe(folder);
    if (confine_privileges(&error) || confinement_enter(confinement, &confined, &error))
        return 100;
    confinement_close(confinement);
    if (!confined.files)
        return CHILD_UNCONFINED;
    for (size_t i = 0; i < ARRAY_COUNT(seen); i++) {
        char *in = scratch_path(folder, seen[i].in);
        bool made = makes(in, "new");
        free(in);
        if (made != seen[i].writable)
            return (int)i + 1;
    }
    return open("/dev/urandom", O_RDONLY | O_CLOEXEC) < 0 ? 50 : 0;
}

Test(confinement, what_is_added_stays_in_reach)
{
    char *folder = scratch_make();
    static const char *const folders[] = {"own", "run", "conf", "other"};
    for (size_t i = 0; i < ARRAY_COUNT(folders); i++) {
        char *path = scratch_path(folder, folders[i]);
        cr_assert_eq(mkdir(path, 0700), 0);
        cr_assert(makes(path, "before"), "the control: unconfined, each can be written to");
        free(path);
    }
    int ended;
    pid_t child = fork();
    if (child == 0)
        _exit(look_around(folder));
    cr_assert_eq(waitpid(child, &ended, 0), child);
    scratch_remove(folder);
    if (WIFEXITED(ended) && WEXITSTATUS(ended) == CHILD_UNCONFINED)
        cr_skip_test("this kernel has no Landlock");
    cr_assert(WIFEXITED(ended) && WEXITSTATUS(ended) == 0, "%x", ended);
}
