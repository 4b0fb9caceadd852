#include "common/secret.h"

#include <errno.h>
#include <sodium.h>
#include <sys/resource.h>

static enum status not_locked(struct error *error)
{
    struct rlimit limit = {0};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    return error_errno(error, STATUS_SYSTEM,
                       "keys cannot be locked in memory; RLIMIT_MEMLOCK is %llu bytes: raise it (ulimit -l, or "
                       "LimitMEMLOCK= in a service's unit)",
                       (unsigned long long)limit.rlim_cur);
}

enum status secret_new(size_t size, void **memory, struct error *error)
{
    if (sodium_init() < 0)
        return error_set(error, STATUS_SYSTEM, "libsodium cannot be initialised");
    void *guarded = sodium_malloc(size);
    if (!guarded)
        return not_locked(error);
    if (sodium_mlock(guarded, size) != 0) { /* sodium_malloc() tried, and does not say whether it could */
        enum status status = not_locked(error);
        sodium_free(guarded);
        return status;
    }
    memset(guarded, 0, size);
    *memory = guarded;
    return STATUS_OK;
}

void secret_free(void *memory)
{
    sodium_free(memory);
}
