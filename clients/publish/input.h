/* input.h - the files of one run, one after the other, as rows with the place each came from.
 *
 * A file is CSV, with a header line that names the columns in any order (others are refused), or NDJSON. Which one: by
 * --format, else by the ending of its name (.ndjson, .jsonl, .json), else CSV.
 */
#ifndef JEJAK_PUBLISH_INPUT_H
#define JEJAK_PUBLISH_INPUT_H

#include "clients/publish/row.h"
#include "common/csv.h"

enum input_format {
    INPUT_BY_NAME,
    INPUT_CSV,
    INPUT_NDJSON,
};

/* Where reading can go on. */
struct input_place {
    uint32_t file;
    struct csv_position at;
};

struct input_row {
    uint32_t file;
    uint64_t line;
    struct input_place next; /* behind it */
    struct row row;
};

enum input_outcome {
    INPUT_ROW,
    INPUT_UNREADABLE, /* file, line and next stand; the error says what is wrong with it */
    INPUT_END,
    INPUT_FAILED,
};

struct input;

/* `paths` live as long as the input; "-" is standard input. */
struct input *input_open(const char *const *paths, size_t count, enum input_format format,
                         struct input_place from) must_check;
void input_close(struct input *input);
/* The row lives until the next call. */
enum input_outcome input_next(struct input *input, struct input_row *row, struct error *error) must_check;

/* Bytes read so far in all files up to this place, and the size of all of them (0 where one is not a regular file). */
uint64_t input_bytes(const struct input *input);
uint64_t input_total_bytes(const struct input *input);

#endif
