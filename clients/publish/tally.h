/* tally.h - what became of every line of a run, and the summary of it.
 *
 * Lines are named by number (with the file's name where there are several); their text is never shown.
 */
#ifndef JEJAK_PUBLISH_TALLY_H
#define JEJAK_PUBLISH_TALLY_H

#include "common/event.h"

#include <stdio.h>

enum {
    TALLY_FIRST_LINES = 5
};

struct tally_line {
    uint32_t file;
    uint64_t line;
};

struct tally_case {
    uint64_t count;
    uint32_t named;
    struct tally_line first[TALLY_FIRST_LINES];
    const char *why[TALLY_FIRST_LINES]; /* unreadable lines only; owned */
};

struct tally {
    const char *const *paths;
    size_t path_count;
    uint64_t sent; /* events handed over */
    uint64_t batches;
    uint64_t accepted, duplicate, set_aside, earlier; /* earlier: settled, of a run before this one (spool) */
    uint64_t rejected_unlisted;                       /* beyond the hundred that an answer lists */
    struct tally_case rejected[VERDICT_COUNT];
    struct tally_case unreadable;
};

void tally_start(struct tally *tally, const char *const *paths, size_t path_count);
void tally_free(struct tally *tally);
void tally_rejected(struct tally *tally, enum verdict verdict, struct tally_line line);
void tally_unreadable(struct tally *tally, struct tally_line line, const char *why);
/* Was everything accepted? */
bool tally_clean(const struct tally *tally);
void tally_print(const struct tally *tally, int64_t elapsed_ms, FILE *out);

#endif
