#include "clients/simulate/csvout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = 1 << 18,
    LINE_MAX_BYTES = 128
};

struct csvout {
    const struct course *course;
    const char *path;
    int fd;
    size_t used;
    char buffer[BUFFER_BYTES];
};

static void put(struct csvout *csvout, const char *text, size_t size)
{
    memcpy(csvout->buffer + csvout->used, text, size);
    csvout->used += size;
}

static void put_number(struct csvout *csvout, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    put(csvout, digits + at, sizeof digits - at);
}

static enum status flush(struct csvout *csvout, struct error *error)
{
    for (size_t done = 0; done < csvout->used;) {
        ssize_t written = write(csvout->fd, csvout->buffer + done, csvout->used - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EPIPE)
            return error_set(error, STATUS_STOPPED, "%s: the reader has gone", csvout->path);
        if (written < 0)
            return error_errno(error, STATUS_IO, "%s: writing", csvout->path);
        done += (size_t)written;
    }
    csvout->used = 0;
    return STATUS_OK;
}

enum status csvout_open(const char *path, const struct course *course, struct csvout **csvout, struct error *error)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? dup(STDOUT_FILENO) : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_errno(error, STATUS_CANNOT_MAKE, "%s", standard ? "standard output" : path);
    struct csvout *made = mem_new(1, sizeof *made);
    made->course = course;
    made->path = standard ? "standard output" : path;
    made->fd = fd;
    static const char header[] = "time,learner,content,kind,value\n";
    put(made, header, sizeof header - 1);
    *csvout = made;
    return STATUS_OK;
}

enum status csvout_write(struct csvout *csvout, const struct simulate_event *event, struct error *error)
{
    if (csvout->used > BUFFER_BYTES - LINE_MAX_BYTES) {
        enum status status = flush(csvout, error);
        if (status != STATUS_OK)
            return status;
    }
    enum kind kind = (enum kind)event->kind;
    const struct course_content *content = course_content(csvout->course, event->content);
    char id[SIMULATE_LEARNER_BYTES];
    simulate_learner_id(event->learner, id);
    put_number(csvout, (uint64_t)event->time_ms);
    put(csvout, ",", 1);
    put(csvout, id, sizeof id);
    put(csvout, ",", 1);
    put(csvout, content->text, content->size);
    put(csvout, ",", 1);
    put(csvout, kind_name(kind), strlen(kind_name(kind)));
    put(csvout, ",", 1);
    if (kind_has_value(kind))
        put_number(csvout, event->value);
    put(csvout, "\n", 1);
    return STATUS_OK;
}

enum status csvout_finish(struct csvout *csvout, struct error *error)
{
    return flush(csvout, error);
}

void csvout_close(struct csvout *csvout)
{
    if (!csvout)
        return;
    close(csvout->fd);
    free(csvout);
}
