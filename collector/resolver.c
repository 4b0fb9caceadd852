#include "collector/resolver.h"

#include "common/logline.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

struct list {
    struct meeting *first, *last;
};

struct resolver {
    struct store *store;
    int done_fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct list waiting, done;
    struct error error;
    int64_t rung_ns; /* when ingest was told last */
    bool working;    /* a meeting is in neither list */
    bool stop;
};

static void append(struct list *list, struct meeting *first, struct meeting *last)
{
    if (list->last)
        list->last->next = first;
    else
        list->first = first;
    list->last = last;
}

static struct meeting *pop(struct list *list)
{
    struct meeting *meeting = list->first;
    list->first = meeting->next;
    if (!list->first)
        list->last = NULL;
    meeting->next = NULL;
    return meeting;
}

enum status meeting_resolve(struct store *store, struct meeting *meeting, struct error *error)
{
    bool bound = false;
    enum status status = vault_resolve(store->vault, meeting->id, &meeting->row, error);
    if (status == STATUS_OK && !meeting->row.new_person)
        status = eventlog_number(store->log, meeting->row.lid, &bound, &meeting->row.number, error);
    meeting->row.new_number = !bound;
    return status;
}

/* ---- the actor ---- */

static struct meeting *next_meeting(struct resolver *resolver)
{
    struct meeting *meeting = NULL;
    pthread_mutex_lock(&resolver->lock);
    while (!resolver->waiting.first && !resolver->stop)
        pthread_cond_wait(&resolver->changed, &resolver->lock);
    if (!resolver->stop) {
        meeting = pop(&resolver->waiting);
        resolver->working = true;
    }
    pthread_mutex_unlock(&resolver->lock);
    return meeting;
}

static void hand_back(struct resolver *resolver, struct meeting *meeting, const struct error *error)
{
    int64_t now_ns = clock_mono_ns();
    uint64_t one = 1;
    pthread_mutex_lock(&resolver->lock);
    if (meeting->status != STATUS_OK)
        resolver->error = *error;
    append(&resolver->done, meeting, meeting);
    resolver->working = false;
    bool ring = !resolver->waiting.first || now_ns - resolver->rung_ns >= RESOLVER_TURN_MS * INT64_C(1000000);
    if (ring)
        resolver->rung_ns = now_ns;
    pthread_cond_broadcast(&resolver->changed);
    pthread_mutex_unlock(&resolver->lock);
    if (ring)
        ensure(write(resolver->done_fd, &one, sizeof one) == sizeof one || errno == EAGAIN);
}

static void *run(void *argument)
{
    struct resolver *resolver = argument;
    struct meeting *meeting;
    struct error error;
    /* Of this thread only, on Linux. */
    if (setpriority(PRIO_PROCESS, 0, RESOLVER_NICE) != 0)
        log_warning("the resolver runs at full priority: new learners may delay known ones");
    while ((meeting = next_meeting(resolver)) != NULL) {
        meeting->status = meeting_resolve(resolver->store, meeting, &error);
        hand_back(resolver, meeting, &error);
    }
    return NULL;
}

/* ---- what ingest calls ---- */

enum status resolver_open(struct store *store, struct resolver **resolver, struct error *error)
{
    struct resolver *opened = mem_new(1, sizeof *opened);
    opened->store = store;
    opened->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&opened->lock, NULL);
    pthread_cond_init(&opened->changed, NULL);
    if (opened->done_fd < 0 || (errno = pthread_create(&opened->thread, NULL, run, opened)) != 0) {
        enum status status = error_errno(error, STATUS_SYSTEM, "the resolver cannot be started");
        if (opened->done_fd >= 0)
            close(opened->done_fd);
        free(opened);
        return status;
    }
    *resolver = opened;
    return STATUS_OK;
}

void resolver_close(struct resolver *resolver)
{
    if (!resolver)
        return;
    resolver_recall(resolver);
    pthread_mutex_lock(&resolver->lock);
    resolver->stop = true;
    pthread_cond_broadcast(&resolver->changed);
    pthread_mutex_unlock(&resolver->lock);
    pthread_join(resolver->thread, NULL);
    pthread_cond_destroy(&resolver->changed);
    pthread_mutex_destroy(&resolver->lock);
    close(resolver->done_fd);
    free(resolver);
}

void resolver_submit(struct resolver *resolver, struct meeting *meetings)
{
    struct meeting *last = meetings;
    if (!meetings)
        return;
    while (last->next)
        last = last->next;
    pthread_mutex_lock(&resolver->lock);
    append(&resolver->waiting, meetings, last);
    pthread_cond_broadcast(&resolver->changed);
    pthread_mutex_unlock(&resolver->lock);
}

struct meeting *resolver_take(struct resolver *resolver)
{
    uint64_t rings;
    ensure(read(resolver->done_fd, &rings, sizeof rings) == sizeof rings || errno == EAGAIN);
    pthread_mutex_lock(&resolver->lock);
    struct meeting *first = resolver->done.first;
    resolver->done = (struct list){0};
    pthread_mutex_unlock(&resolver->lock);
    return first;
}

void resolver_recall(struct resolver *resolver)
{
    pthread_mutex_lock(&resolver->lock);
    resolver->waiting = (struct list){0};
    while (resolver->working)
        pthread_cond_wait(&resolver->changed, &resolver->lock);
    resolver->done = (struct list){0};
    pthread_mutex_unlock(&resolver->lock);
}

int resolver_fd(const struct resolver *resolver)
{
    return resolver->done_fd;
}

void resolver_error(struct resolver *resolver, struct error *error)
{
    pthread_mutex_lock(&resolver->lock);
    *error = resolver->error;
    pthread_mutex_unlock(&resolver->lock);
}
