#include "tests/aggregator/same_figures.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

struct field {
    const char *name;
    size_t offset;
};
#define FIELD(name)                                                                                                    \
    {                                                                                                                  \
#name, offsetof(struct figures, name)                                                                          \
    }

static const struct field counts[] = {
    FIELD(learners),       FIELD(opens),
    FIELD(dwell_learners), FIELD(open_learners),
    FIELD(over_learners),  FIELD(reopen_learners),
    FIELD(favorites),      FIELD(completed),
    FIELD(drop_base),      FIELD(drop_learners),
    FIELD(skip_base),      FIELD(skip_learners),
    FIELD(active_ms),      FIELD(greatest_active_ms),
    FIELD(clipped_ms),
};
static const struct field quantities[] = {
    FIELD(dwell_p25),          FIELD(dwell_median),      FIELD(dwell_p75),     FIELD(dwell_p90),
    FIELD(dwell_median_low),   FIELD(dwell_median_high), FIELD(dwell_mean),    FIELD(dwell_trimmed_mean),
    FIELD(dwell_total_h),      FIELD(dwell_coverage),    FIELD(over_expected), FIELD(over_expected_low),
    FIELD(over_expected_high), FIELD(dwell_ratio),       FIELD(reopen_rate),   FIELD(visits_median),
    FIELD(favorite_rate),      FIELD(completion),        FIELD(drop_off),      FIELD(skip_rate),
};
_Static_assert(sizeof(struct figures) == 8 * (ARRAY_COUNT(counts) + ARRAY_COUNT(quantities)),
               "every figure is compared");

static bool same_quantity(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    return fabs(a - b) <= 1e-12 * fmax(1, fabs(b));
}

static bool same_row(const struct figures *got, const struct figures *expected, uint32_t row, char where[256])
{
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        uint64_t a, b;
        memcpy(&a, (const char *)got + counts[i].offset, sizeof a);
        memcpy(&b, (const char *)expected + counts[i].offset, sizeof b);
        snprintf(where, 256, "row %u: %s is %" PRIu64 ", expected %" PRIu64, row, counts[i].name, a, b);
        if (a != b)
            return false;
    }
    for (size_t i = 0; i < ARRAY_COUNT(quantities); i++) {
        double a, b;
        memcpy(&a, (const char *)got + quantities[i].offset, sizeof a);
        memcpy(&b, (const char *)expected + quantities[i].offset, sizeof b);
        snprintf(where, 256, "row %u: %s is %.17g, expected %.17g", row, quantities[i].name, a, b);
        if (!same_quantity(a, b))
            return false;
    }
    return true;
}

static bool same_groups(const struct figures_table *got, const struct figures_table *expected, char where[256])
{
    snprintf(where, 256, "%u groups, expected %u", got->group_count, expected->group_count);
    if (got->group_count != expected->group_count)
        return false;
    for (uint32_t i = 0; i < got->group_count; i++) {
        snprintf(where, 256, "group %u is %s, expected %s", i, got->group_names[i], expected->group_names[i]);
        if (strcmp(got->group_names[i], expected->group_names[i]) != 0)
            return false;
    }
    for (uint32_t i = 0; i < got->row_count * got->group_count; i++) {
        const struct figures_group *a = &got->groups[i], *b = &expected->groups[i];
        snprintf(where, 256, "row %u, group %u: %" PRIu64 " learners, expected %" PRIu64 ", or opens or active time",
                 i / got->group_count, i % got->group_count, a->learners, b->learners);
        if (memcmp(a, b, sizeof *a) != 0)
            return false;
    }
    return true;
}

bool same_figures(const struct figures_table *got, const struct figures_table *expected, char where[256])
{
    snprintf(where, 256, "%u rows, expected %u", got->row_count, expected->row_count);
    if (got->row_count != expected->row_count)
        return false;
    for (uint32_t row = 0; row < got->row_count; row++)
        if (!same_row(&got->rows[row], &expected->rows[row], row, where))
            return false;
    return same_groups(got, expected, where);
}

enum status figures_once(struct cells *cells, uint32_t threads, const struct figures_query *query,
                         struct figures_table *table, struct error *error)
{
    struct crew *crew = crew_open(cells, threads);
    enum status status = figures_compute(crew, query, table, error);
    crew_close(crew);
    return status;
}
