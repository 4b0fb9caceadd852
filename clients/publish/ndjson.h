/* ndjson.h - reading newline-delimited JSON, one object a line, with the keys of row.h.
 *
 * `time` is an integer or a text, `value` an integer, null or absent; the others are texts. A field of another type is
 * read as one that no event can have, so that the event is rejected by the field's own code: learner 42 is no learner.
 * Positions are as in common/csv.h.
 */
#ifndef JEJAK_PUBLISH_NDJSON_H
#define JEJAK_PUBLISH_NDJSON_H

#include "clients/publish/row.h"
#include "common/csv.h"

enum {
    NDJSON_MAX_LINE_BYTES = 64 << 10
};

struct ndjson;

struct ndjson *ndjson_open(int fd, struct csv_position from) must_check;
void ndjson_close(struct ndjson *ndjson);
/* As csv_next(): `record` gets line and next only; the row lives until the next call. */
enum csv_outcome ndjson_next(struct ndjson *ndjson, struct csv_record *record, struct row *row,
                             struct error *error) must_check;

#endif
