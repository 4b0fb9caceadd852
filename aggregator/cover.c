#include "aggregator/cover.h"

#include <stdlib.h>

void cover_close(struct cover *cover)
{
    free(cover->parts);
    for (unsigned span = 0; span < ROLLUP_SPANS; span++)
        free(cover->found[span]);
    *cover = (struct cover){0};
}

static struct cover_part *part_add(struct cover_part **parts, size_t *count, size_t *room)
{
    if (*count == *room) {
        *room = *room ? 2 * *room : 64;
        *parts = mem_grow(*parts, *room, sizeof **parts);
    }
    return &(*parts)[(*count)++];
}

static void find(const struct rollup_key *key, bool filled, void *argument)
{
    struct cover *cover = argument;
    unsigned span = key->span;
    *part_add(&cover->found[span], &cover->found_count[span], &cover->found_room[span]) =
        (struct cover_part){key->day, key->day + rollup_days(span), true, filled, *key};
}

/* The longest roll-up that starts on this day. `at`: by span, what was passed so far. */
static const struct cover_part *longest(const struct cover *cover, int32_t day, size_t at[ROLLUP_SPANS])
{
    for (unsigned span = ROLLUP_SPANS; span-- > 0;) {
        const struct cover_part *found = cover->found[span];
        while (at[span] < cover->found_count[span] && found[at[span]].first < day)
            at[span]++;
        if (at[span] < cover->found_count[span] && found[at[span]].first == day)
            return &found[at[span]];
    }
    return NULL;
}

void cover_days(struct cover *cover, const struct rollup_key *row, int32_t end)
{
    size_t at[ROLLUP_SPANS] = {0};
    struct rollup_key key = *row;
    cover->count = 0;
    for (unsigned span = 0; span < ROLLUP_SPANS; span++) {
        cover->found_count[span] = 0;
        key.span = (uint8_t)span;
        cells_scan_rollups(cover->cells, &key, end, find, cover);
    }
    for (int32_t day = row->day; day < end;) {
        const struct cover_part *rolled = longest(cover, day, at);
        struct cover_part *last = cover->count > 0 ? &cover->parts[cover->count - 1] : NULL;
        if (rolled)
            *part_add(&cover->parts, &cover->count, &cover->room) = *rolled;
        else if (last && !last->rolled)
            last->end++;
        else
            *part_add(&cover->parts, &cover->count, &cover->room) = (struct cover_part){.first = day, .end = day + 1};
        day = cover->parts[cover->count - 1].end;
    }
}
