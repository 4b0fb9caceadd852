/* sheets.h - which lines the batches on their way came from: one sheet a batch, in the order of their seqs. */
#ifndef JEJAK_PUBLISH_SHEETS_H
#define JEJAK_PUBLISH_SHEETS_H

#include "clients/publish/input.h"
#include "clients/publish/tally.h"

struct sheet {
    uint64_t seq; /* 0 while it is open */
    uint32_t count;
    struct tally_line *lines; /* of its events */
    struct input_place end;   /* behind its last event's row */
    struct sheet *next;
};

struct sheets {
    uint32_t room; /* events of a batch */
    struct sheet *open;
    struct sheet *first, *last; /* closed, not settled */
    struct sheet *spare;
};

void sheets_start(struct sheets *sheets, uint32_t room);
void sheets_free(struct sheets *sheets);

void sheets_add(struct sheets *sheets, const struct input_row *row); /* to the open sheet, which has room */
void sheets_close(struct sheets *sheets, uint64_t seq);              /* the open sheet becomes that of a batch */
/* NULL where the batch is none of this run. */
const struct sheet *sheets_find(const struct sheets *sheets, uint64_t seq);
/* Takes the sheets up to `seq` away; the place behind the last one goes to *place where there was one. */
void sheets_settle(struct sheets *sheets, uint64_t seq, struct input_place *place);

#endif
