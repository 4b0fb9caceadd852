#include "bench/workload.h"

#include "clients/simulate/crowd.h"
#include "clients/simulate/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
    SECTIONS = 4,
    SPAN_MS = 10 * MINUTE_MS,
};

struct workload {
    enum workload_kind kind;
    int64_t now_ms;
    uint64_t left; /* not for a course */
    uint32_t learners, modules;
    struct random random;
    struct course *course;
    struct crowd *crowd;
    char learner[32], content[32];
};

/* ---- a course --------------------------------------------------------------------------------------------------- */

static struct simulate_model course_of(const struct settings *settings, int64_t now_ms)
{
    int32_t today = (int32_t)((now_ms + 7 * HOUR_MS) / DAY_MS), first = today - 84;
    return (struct simulate_model){
        .seed = settings->seed,
        .learners = 1,
        .modules = 12,
        .programs = 1,
        .weeks = 12,
        .cohorts = 3,
        .intake_ppm = PPM / 2,
        .leave_permille = PERMILLE,
        .start_day = first,
        .offset_min = 7 * 60,
        .slice_ms = 30000,
        .long_modules = 1,
        .confusing_modules = 1,
        .loved_modules = 1,
        .skipped_modules = 1,
        .revise = true,
        .revise_day = first + 42,
    };
}

static enum status write_curriculum(const char *path, const struct course *course, struct error *error)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return error_errno(error, STATUS_CANNOT_MAKE, "%s", path);
    course_write_curriculum(course, file);
    return fclose(file) == 0 ? STATUS_OK : error_errno(error, STATUS_IO, "%s", path);
}

static enum status open_course(const struct settings *settings, struct workload *workload, struct error *error)
{
    struct simulate_model model = course_of(settings, workload->now_ms);
    struct course *sample = course_open(&model);
    model.learners = crowd_learners_for(sample, settings->events);
    course_close(sample);
    workload->course = course_open(&model);
    workload->crowd = crowd_open(workload->course);
    return settings->curriculum ? write_curriculum(settings->curriculum, workload->course, error) : STATUS_OK;
}

static bool next_of_course(struct workload *workload, struct event *event)
{
    struct simulate_event made;
    if (!crowd_next(workload->crowd, &made))
        return false;
    const struct course_content *content = course_content(workload->course, made.content);
    simulate_learner_id(made.learner, workload->learner);
    *event = (struct event){(enum kind)made.kind, made.time_ms, slice_of(workload->learner, SIMULATE_LEARNER_BYTES),
                            slice_of(content->text, content->size), made.value};
    return true;
}

/* ---- independent events ----------------------------------------------------------------------------------------- */

/* By hundredths: see the header. */
static enum kind draw_kind(struct random *random)
{
    static const struct {
        uint32_t below;
        enum kind kind;
    } shares[] = {{80, KIND_DWELL},    {90, KIND_OPEN},       {96, KIND_PROGRESS},
                  {98, KIND_FAVORITE}, {99, KIND_UNFAVORITE}, {100, KIND_COHORT}};
    uint32_t drawn = random_below(random, 100);
    size_t i = 0;
    while (drawn >= shares[i].below)
        i++;
    return shares[i].kind;
}

/* Writes `count` digits, with leading zeros. By hand: millions are prepared before each measurement. */
static char *put_digits(char *at, uint32_t number, int count)
{
    for (int i = count - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + count;
}

static struct slice draw_content(struct workload *workload, enum kind kind)
{
    struct random *random = &workload->random;
    char *end = workload->content;
    if (kind == KIND_COHORT) {
        end = put_digits(stpcpy(end, "class-"), random_below(random, 40), 2);
    } else {
        end = put_digits(stpcpy(end, "module-"), random_below(random, workload->modules), 3);
        end = put_digits(stpcpy(end, "/topic-1/section-"), random_below(random, SECTIONS), 1);
    }
    return slice_of(workload->content, (size_t)(end - workload->content));
}

static uint32_t draw_value(struct random *random, enum kind kind)
{
    if (kind == KIND_DWELL)
        return random_between(random, 15000, 60000);
    return kind == KIND_PROGRESS ? random_between(random, 0, 100) : 0;
}

const char *workload_newcomer_prefix(void)
{
    static char prefix[sizeof "new-12345678-"];
    uint32_t run;
    if (prefix[0] == '\0') {
        ensure(getrandom(&run, sizeof run, 0) == sizeof run);
        snprintf(prefix, sizeof prefix, "new-%08" PRIx32 "-", run);
    }
    return prefix;
}

/* Warm and newcomers: each once. */
static struct slice draw_learner(struct workload *workload)
{
    char *learner = workload->learner;
    if (workload->kind == WORKLOAD_NEWCOMERS) {
        int length = snprintf(learner, sizeof workload->learner, "%s%0*" PRIx32, workload_newcomer_prefix(),
                              WORKLOAD_NEWCOMER_DIGITS, (uint32_t)workload->left);
        return slice_of(learner, (size_t)length);
    }
    uint32_t number = (uint32_t)workload->left;
    if (workload->kind == WORKLOAD_INDEPENDENT)
        number = random_below(&workload->random, workload->learners);
    return slice_of(learner, (size_t)(put_digits(stpcpy(learner, "learner-"), number, 8) - learner));
}

static bool next_independent(struct workload *workload, struct event *event)
{
    if (workload->left == 0)
        return false;
    workload->left--;
    event->learner = draw_learner(workload);
    event->kind = workload->kind == WORKLOAD_INDEPENDENT ? draw_kind(&workload->random) : KIND_OPEN;
    event->time_ms = workload->now_ms - random_below(&workload->random, SPAN_MS);
    event->content = draw_content(workload, event->kind);
    event->value = draw_value(&workload->random, event->kind);
    return true;
}

/* ---- either ----------------------------------------------------------------------------------------------------- */

enum status workload_open(const struct settings *settings, enum workload_kind kind, int64_t now_ms,
                          struct workload **workload, struct error *error)
{
    struct workload *made = mem_new(1, sizeof *made);
    made->kind = kind;
    made->now_ms = now_ms;
    made->left = kind == WORKLOAD_WARM ? settings->learners : settings->events;
    made->learners = (uint32_t)settings->learners;
    made->modules = (uint32_t)settings->modules;
    random_open(&made->random, settings->seed, (uint64_t)kind);
    enum status status = kind == WORKLOAD_COURSE ? open_course(settings, made, error) : STATUS_OK;
    if (status != STATUS_OK)
        workload_close(made);
    else
        *workload = made;
    return status;
}

void workload_close(struct workload *workload)
{
    if (!workload)
        return;
    crowd_close(workload->crowd);
    course_close(workload->course);
    free(workload);
}

bool workload_next(struct workload *workload, struct event *event)
{
    return workload->kind == WORKLOAD_COURSE ? next_of_course(workload, event) : next_independent(workload, event);
}
