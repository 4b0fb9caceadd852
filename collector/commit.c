#include "collector/commit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct committer {
    struct store *store;
    int done_fd, durable_fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct group *waiting; /* handed over, not begun or being written */
    struct group *done;    /* written under the lock, looked at without it */
    bool stop;
    bool busy; /* the ingest actor's own: submitted and not yet taken back */
};

static void ring(int fd)
{
    uint64_t one = 1;
    if (fd >= 0)
        ensure(write(fd, &one, sizeof one) == sizeof one || errno == EAGAIN);
}

static struct group *next_group(struct committer *committer)
{
    pthread_mutex_lock(&committer->lock);
    while (!committer->waiting && !committer->stop)
        pthread_cond_wait(&committer->changed, &committer->lock);
    struct group *group = committer->waiting;
    committer->waiting = NULL;
    pthread_mutex_unlock(&committer->lock);
    return group;
}

static void hand_back(struct committer *committer, struct group *group)
{
    pthread_mutex_lock(&committer->lock);
    __atomic_store_n(&committer->done, group, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&committer->changed);
    pthread_mutex_unlock(&committer->lock);
    ring(committer->done_fd);
}

static void *run(void *argument)
{
    struct committer *committer = argument;
    struct group *group;
    while ((group = next_group(committer)) != NULL) {
        if (group_needs_write(group))
            group->result = store_commit(committer->store, group, &group->error);
        if (group->result == STATUS_OK)
            ring(committer->durable_fd);
        hand_back(committer, group);
    }
    return NULL;
}

enum status committer_open(struct store *store, int durable_fd, struct committer **committer, struct error *error)
{
    struct committer *opened = mem_new(1, sizeof *opened);
    opened->store = store;
    opened->durable_fd = durable_fd;
    opened->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&opened->lock, NULL);
    pthread_cond_init(&opened->changed, NULL);
    if (opened->done_fd < 0 || (errno = pthread_create(&opened->thread, NULL, run, opened)) != 0) {
        enum status status = error_errno(error, STATUS_SYSTEM, "the committer cannot be started");
        if (opened->done_fd >= 0)
            close(opened->done_fd);
        free(opened);
        return status;
    }
    *committer = opened;
    return STATUS_OK;
}

void committer_close(struct committer *committer)
{
    if (!committer)
        return;
    pthread_mutex_lock(&committer->lock);
    committer->stop = true;
    pthread_cond_broadcast(&committer->changed);
    pthread_mutex_unlock(&committer->lock);
    pthread_join(committer->thread, NULL);
    pthread_cond_destroy(&committer->changed);
    pthread_mutex_destroy(&committer->lock);
    close(committer->done_fd);
    free(committer);
}

bool committer_idle(const struct committer *committer)
{
    return !committer->busy;
}

bool committer_done(const struct committer *committer)
{
    return __atomic_load_n(&committer->done, __ATOMIC_ACQUIRE) != NULL;
}

void committer_submit(struct committer *committer, struct group *group)
{
    ensure(!committer->busy);
    committer->busy = true;
    pthread_mutex_lock(&committer->lock);
    committer->waiting = group;
    pthread_cond_broadcast(&committer->changed);
    pthread_mutex_unlock(&committer->lock);
}

static struct group *take_done(struct committer *committer, bool wait)
{
    uint64_t rings;
    pthread_mutex_lock(&committer->lock);
    while (wait && !committer->done)
        pthread_cond_wait(&committer->changed, &committer->lock);
    struct group *group = committer->done;
    __atomic_store_n(&committer->done, NULL, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&committer->lock);
    if (!group)
        return NULL;
    committer->busy = false;
    ensure(read(committer->done_fd, &rings, sizeof rings) == sizeof rings || errno == EAGAIN);
    return group;
}

struct group *committer_take(struct committer *committer)
{
    return take_done(committer, false);
}

struct group *committer_wait(struct committer *committer)
{
    return committer->busy ? take_done(committer, true) : NULL;
}

int committer_fd(const struct committer *committer)
{
    return committer->done_fd;
}
