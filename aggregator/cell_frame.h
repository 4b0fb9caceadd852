/* cell_frame.h - the frame and the columns that all values of cell.h share. Only the cell_*.c files include it. */
#ifndef JEJAK_AGGREGATOR_CELL_FRAME_H
#define JEJAK_AGGREGATOR_CELL_FRAME_H

#include "aggregator/cell.h"

enum {
    FRAME_BYTES = 32,
    FRAME_CHECKSUM_BYTES = 8,
    WIDTHS_BYTES = 8,
};

struct frame {
    const char *what; /* four letters */
    uint32_t count;
    uint32_t extra;
    int64_t base_ms;
    struct slice body;
};

/* Clears `out` and puts the frame; the body follows, then frame_end(). */
void frame_start(struct bytes *out, const struct cell_key *key, const struct frame *frame);
void frame_end(struct bytes *out);
/* Checks everything of the frame; frame->what says which is expected. */
enum status frame_open(struct slice value, const struct cell_key *key, struct frame *frame,
                       struct error *error) must_check;
/* STATUS_CORRUPT: "the summary of content 12 on 2026-01-31, piece 7, is damaged: WHY". */
enum status frame_damaged(const char *what, const struct cell_key *key, const char *why, struct error *error);

/* Bytes a number that these bits are set in needs: 0, 1, 2 or 4. */
unsigned column_width(uint32_t bits);
void column_write(uint8_t *at, const uint32_t *numbers, uint32_t count, unsigned width); /* count * width bytes */
void column_put(struct bytes *out, const uint32_t *numbers, uint32_t count, unsigned width);
/* Columns first .. first + count of a column of `width` bytes each, as 32 bits. */
void column_widen(const uint8_t *column, unsigned width, uint32_t first, uint32_t count, uint32_t *out);

/* The columns of a body: checks widths and that they fill `bytes` exactly. */
struct columns {
    unsigned width[WIDTHS_BYTES];
    const uint8_t *at[WIDTHS_BYTES];
};
bool columns_open(const uint8_t widths[WIDTHS_BYTES], struct slice bytes, uint32_t count, struct columns *columns);

/* Parts of cell_builder_encode(). */
void cell_facts_encode(struct cell_builder *builder);
void cell_marks_encode(struct cell_builder *builder);

#endif
