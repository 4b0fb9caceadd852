#include "aggregator/rows.h"

#include <math.h>
#include <stdlib.h>

uint32_t rows_segments(struct slice content)
{
    uint32_t segments = 1;
    for (size_t i = 0; i < content.size; i++)
        segments += content.data[i] == '/';
    return segments;
}

struct slice rows_prefix(struct slice content, enum level level)
{
    uint32_t segments = 0;
    for (size_t i = 0; i < content.size; i++)
        if (content.data[i] == '/' && ++segments == (uint32_t)level)
            return slice_of(content.data, i);
    return content;
}

static int compare_slices(struct slice a, struct slice b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* A content path on its way into a row. */
struct member {
    struct slice row;
    uint32_t content;
};

static int by_row_and_content(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    int order = compare_slices(a->row, b->row);
    return order ? order : (a->content > b->content) - (a->content < b->content);
}

static struct member *members_open(const char *const *paths, uint32_t path_count, enum level level, uint32_t *count)
{
    struct member *members = mem_new(path_count, sizeof *members);
    *count = 0;
    for (uint32_t i = 0; i < path_count; i++) {
        struct slice path = paths[i] ? slice_of_text(paths[i]) : slice_of("", 0);
        if (paths[i] && rows_segments(path) >= (uint32_t)level)
            members[(*count)++] = (struct member){rows_prefix(path, level), i};
    }
    qsort(members, *count, sizeof *members, by_row_and_content);
    return members;
}

/* `members` [0, count) belong to one row. */
static void fill_row(struct row *row, const struct member *members, uint32_t count, const struct curriculum *curriculum)
{
    struct slice content = members[0].row;
    row->content = mem_text("%.*s", (int)content.size, (const char *)content.data);
    row->line = curriculum_find(curriculum, content);
    row->title = row->line && row->line->title[0] ? row->line->title : row->content;
    row->program = curriculum_program(curriculum, content);
    row->expected_minutes = row->line ? row->line->expected_minutes : 0;
    row->contents = mem_new(count, sizeof *row->contents);
    row->content_count = count;
    for (uint32_t i = 0; i < count; i++)
        row->contents[i] = members[i].content;
}

/* A row on its way to its place. */
struct placed {
    double order; /* INFINITY: no line anywhere above */
    struct row row;
};

static int by_place(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    return strcmp(a->row.content, b->row.content);
}

void rows_open(const char *const *paths, uint32_t path_count, const struct curriculum *curriculum, enum level level,
               struct rows *rows)
{
    uint32_t member_count;
    struct member *members = members_open(paths, path_count, level, &member_count);
    struct placed *placed = mem_new(member_count, sizeof *placed);
    uint32_t count = 0;
    for (uint32_t start = 0, end; start < member_count; start = end) {
        for (end = start; end < member_count && slice_equal(members[end].row, members[start].row); end++)
            ;
        const struct curriculum_line *nearest = curriculum_nearest(curriculum, members[start].row);
        placed[count].order = nearest ? nearest->order : INFINITY;
        fill_row(&placed[count++].row, members + start, end - start, curriculum);
    }
    qsort(placed, count, sizeof *placed, by_place);
    *rows = (struct rows){level, count, mem_new(count, sizeof *rows->rows)};
    for (uint32_t i = 0; i < count; i++)
        rows->rows[i] = placed[i].row;
    free(placed);
    free(members);
}

void rows_close(struct rows *rows)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        free(rows->rows[i].content);
        free(rows->rows[i].contents);
    }
    free(rows->rows);
    *rows = (struct rows){0};
}

uint32_t rows_find(const struct rows *rows, struct slice content)
{
    for (uint32_t i = 0; i < rows->count; i++)
        if (slice_equal(slice_of_text(rows->rows[i].content), content))
            return i;
    return UINT32_MAX;
}
