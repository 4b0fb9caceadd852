#include "common/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of rights that older headers do not name: bits of struct landlock_ruleset_attr, from linux/landlock.h. */
enum {
    RIGHT_REFER = 1 << 13,    /* ABI 2: link and rename between folders; without a word of it always forbidden */
    RIGHT_TRUNCATE = 1 << 14, /* ABI 3 */
};

static const uint64_t rights_read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t rights_write = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                                     LANDLOCK_ACCESS_FS_MAKE_SYM | RIGHT_REFER | RIGHT_TRUNCATE;
/* Nobody gets these. */
static const uint64_t rights_none = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                    LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO;
/* All that a rule for a file, not a folder, may grant. */
static const uint64_t rights_of_file = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE;

enum status confine_privileges(struct error *error)
{
    static const struct rlimit none = {0, 0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_errno(error, STATUS_SYSTEM, "no new privileges: refused");
    if (setrlimit(RLIMIT_CORE, &none) < 0)
        return error_errno(error, STATUS_SYSTEM, "no core dumps: refused");
#ifndef __SANITIZE_ADDRESS__
    /* A limit of 0 does not stop a core pattern that is a pipe; this does. Sanitizers look at their own process and would
     * find nothing then. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return error_errno(error, STATUS_SYSTEM, "not dumpable: refused");
#endif
    return STATUS_OK;
}

/* What this kernel knows of the rights that are asked for; 0: no Landlock. */
static uint64_t rights_known(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    uint64_t rights = rights_read | rights_write | rights_none;
    if (abi < 1)
        return 0;
    if (abi < 2)
        rights &= ~(uint64_t)RIGHT_REFER;
    if (abi < 3)
        rights &= ~(uint64_t)RIGHT_TRUNCATE;
    return rights;
}

static enum status allow(int ruleset, uint64_t known, const struct confine_path *path, struct error *error)
{
    struct stat stat;
    int at = open(path->path, O_PATH | O_CLOEXEC);
    if (at < 0 && (errno == ENOENT || errno == ENOTDIR))
        return STATUS_OK;
    if (at < 0 || fstat(at, &stat) < 0) {
        enum status status = error_errno(error, STATUS_SYSTEM, "%s", path->path);
        if (at >= 0)
            close(at);
        return status;
    }
    uint64_t rights = (path->writable ? rights_read | rights_write : rights_read) & known;
    struct landlock_path_beneath_attr rule = {
        .allowed_access = S_ISDIR(stat.st_mode) ? rights : rights & rights_of_file, .parent_fd = at};
    long added = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    enum status status = added < 0 ? error_errno(error, STATUS_SYSTEM, "%s: Landlock", path->path) : STATUS_OK;
    close(at);
    return status;
}

enum status confine_files(const struct confine_path *paths, size_t count, bool *confined, struct error *error)
{
    uint64_t known = rights_known();
    *confined = known != 0;
    if (!known)
        return STATUS_OK;
    struct landlock_ruleset_attr attr = {.handled_access_fs = known};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0)
        return error_errno(error, STATUS_SYSTEM, "Landlock");
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = allow(ruleset, known, &paths[i], error);
    if (status == STATUS_OK && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        status = error_errno(error, STATUS_SYSTEM, "Landlock (no new privileges must be set before)");
    close(ruleset);
    return status;
}
