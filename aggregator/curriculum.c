#include "aggregator/curriculum_read.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

void curriculum_line_close(struct curriculum_line *line)
{
    free(line->content);
    free(line->title);
    free(line->program);
    free(line->revised);
}

enum status curriculum_open(const char *path, struct curriculum **curriculum, struct error *error)
{
    struct curriculum *opened = mem_new(1, sizeof *opened);
    enum status status = STATUS_OK;
    if (path) {
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        status = fd < 0 ? error_errno(error, STATUS_NO_INPUT, "the curriculum file %s", path)
                        : curriculum_read(path, fd, opened, error);
        if (fd >= 0)
            close(fd);
    }
    if (status)
        curriculum_close(opened);
    else
        *curriculum = opened;
    return status;
}

void curriculum_close(struct curriculum *curriculum)
{
    if (!curriculum)
        return;
    for (uint32_t i = 0; i < curriculum->count; i++)
        curriculum_line_close(&curriculum->lines[i]);
    free(curriculum->lines);
    free(curriculum);
}

uint32_t curriculum_count(const struct curriculum *curriculum)
{
    return curriculum->count;
}

const struct curriculum_line *curriculum_find(const struct curriculum *curriculum, struct slice content)
{
    uint32_t low = 0, high = curriculum->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const char *at = curriculum->lines[middle].content;
        int order = strncmp(at, (const char *)content.data, content.size);
        if (order == 0 && at[content.size] == '\0')
            return &curriculum->lines[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static struct slice above(struct slice content)
{
    while (content.size > 0 && content.data[content.size - 1] != '/')
        content.size--;
    return content.size > 0 ? slice_of(content.data, content.size - 1) : content;
}

const struct curriculum_line *curriculum_nearest(const struct curriculum *curriculum, struct slice content)
{
    for (; content.size > 0; content = above(content)) {
        const struct curriculum_line *line = curriculum_find(curriculum, content);
        if (line)
            return line;
    }
    return NULL;
}

const char *curriculum_program(const struct curriculum *curriculum, struct slice content)
{
    for (; content.size > 0; content = above(content)) {
        const struct curriculum_line *line = curriculum_find(curriculum, content);
        if (line && line->program[0])
            return line->program;
    }
    return "";
}
