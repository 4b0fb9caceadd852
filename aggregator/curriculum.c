#include "aggregator/curriculum_read.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    FIRST_BYTES = 64 << 10,
};

void curriculum_line_close(struct curriculum_line *line)
{
    free(line->content);
    free(line->title);
    free(line->program);
    free(line->revised);
}

/* A file, a pipe: until its end. */
static enum status read_all(const char *path, FILE *file, struct slice *text, struct error *error)
{
    size_t size = 0, room = FIRST_BYTES, got;
    uint8_t *bytes = mem_new(1, room);
    while ((got = fread(bytes + size, 1, room - size, file)) > 0) {
        size += got;
        if (size == room)
            bytes = mem_grow(bytes, room *= 2, 1);
        if (size > CURRICULUM_MAX_BYTES)
            break;
    }
    enum status status = STATUS_OK;
    if (ferror(file))
        status = error_errno(error, STATUS_NO_INPUT, "the curriculum file %s", path);
    else if (size > CURRICULUM_MAX_BYTES)
        status =
            error_set(error, STATUS_DATA, "the curriculum file %s is longer than %d bytes", path, CURRICULUM_MAX_BYTES);
    if (status == STATUS_OK)
        *text = slice_of(bytes, size);
    else
        free(bytes);
    return status;
}

enum status curriculum_text(const char *path, struct slice *text, struct error *error)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return error_errno(error, STATUS_NO_INPUT, "the curriculum file %s", path);
    enum status status = read_all(path, file, text, error);
    fclose(file);
    return status;
}

enum status curriculum_open(const char *path, struct slice text, struct curriculum **curriculum, struct error *error)
{
    struct curriculum *opened = mem_new(1, sizeof *opened);
    enum status status = path ? curriculum_read(path, text, opened, error) : STATUS_OK;
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
