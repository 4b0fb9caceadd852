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
    bool working; /* a meeting is in neither list */
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

/* What the actor found out since it handed back. */
struct found {
    struct list meetings;
    struct vault_row *rows; /* theirs */
    size_t count, room;
    int64_t handed_ns;
    enum status status; /* the first failure */
    struct error error;
};

static void resolve(struct resolver *resolver, struct meeting *meeting, struct found *found)
{
    struct error error;
    enum status status = meeting_resolve(resolver->store, meeting, &error);
    if (status != STATUS_OK && found->status == STATUS_OK) {
        found->status = status;
        found->error = error;
    }
    if (found->count == found->room) {
        found->room = found->room ? found->room * 2 : 256;
        found->rows = mem_grow(found->rows, found->room, sizeof *found->rows);
    }
    found->rows[found->count++] = meeting->row;
    append(&found->meetings, meeting, meeting);
}

static bool is_due(struct resolver *resolver, const struct found *found)
{
    pthread_mutex_lock(&resolver->lock);
    bool idle = !resolver->waiting.first;
    pthread_mutex_unlock(&resolver->lock);
    return idle || clock_mono_ns() - found->handed_ns >= RESOLVER_TURN_MS * INT64_C(1000000);
}

/* Their rows first: a lid that leaves this thread is on stable storage. */
static void hand_back(struct resolver *resolver, struct found *found)
{
    uint64_t one = 1;
    if (found->status == STATUS_OK)
        found->status = vault_add(resolver->store->vault, found->rows, found->count, &found->error);
    for (struct meeting *meeting = found->meetings.first; meeting; meeting = meeting->next)
        meeting->status = found->status;
    pthread_mutex_lock(&resolver->lock);
    if (found->status != STATUS_OK)
        resolver->error = found->error;
    append(&resolver->done, found->meetings.first, found->meetings.last);
    resolver->working = false;
    pthread_cond_broadcast(&resolver->changed);
    pthread_mutex_unlock(&resolver->lock);
    ensure(write(resolver->done_fd, &one, sizeof one) == sizeof one || errno == EAGAIN);
    found->meetings = (struct list){0};
    found->count = 0;
    found->status = STATUS_OK;
    found->handed_ns = clock_mono_ns();
}

static void *run(void *argument)
{
    struct resolver *resolver = argument;
    struct meeting *meeting;
    struct found found = {0};
    /* Of this thread only, on Linux. */
    if (setpriority(PRIO_PROCESS, 0, RESOLVER_NICE) != 0)
        log_warning("the resolver runs at full priority: new learners may delay known ones");
    while ((meeting = next_meeting(resolver)) != NULL) {
        resolve(resolver, meeting, &found);
        if (is_due(resolver, &found))
            hand_back(resolver, &found);
    }
    free(found.rows);
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
