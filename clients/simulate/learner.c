#include "clients/simulate/learner.h"

_Static_assert(sizeof(struct learner) <= 128, "as the header says");

enum {
    LEAST_SLICE_MS = 1000, /* a shorter rest of a section is not sent */
    LAST_WEEK = 250,       /* fading stops there */
    PAUSE_PPM = 6000,      /* after a slice: the section is put down for some minutes */
    STUDY_AFTER_AGAIN_PPM = 400000,
    STAY_AFTER_MODULE_PPM = 80000,
    TAKEN_BACK_PPM = 125000,
    GIVE_UP_FINISHED_PPM = 200000,
    AGAIN_PERMILLE = 400, /* of a section's time, when it is looked at again */
};

void simulate_learner_id(uint32_t learner, char id[SIMULATE_LEARNER_BYTES])
{
    memcpy(id, "sim-00000000", SIMULATE_LEARNER_BYTES);
    for (size_t i = SIMULATE_LEARNER_BYTES; learner > 0; learner /= 10)
        id[--i] = (char)('0' + learner % 10);
}

/* ---- who she is ------------------------------------------------------------------------------------------------- */

/* When people study, by local hour: before work, at noon, most in the evening. */
static const uint8_t habit_hours[] = {6, 7, 8, 9, 10, 12, 12, 13, 15, 16, 18, 19, 19, 19, 20, 20, 20, 21, 21, 22};

static uint32_t draw_visits_a_week(struct random *random)
{
    uint32_t kind = random_below(random, 10);
    if (kind == 0)
        return random_between(random, 1, 2);
    return kind == 1 ? 7 : random_between(random, 3, 6);
}

static void draw_character(struct learner *learner)
{
    struct random *random = &learner->random;
    uint32_t pace = random_factor(random, 230) * random_factor(random, 150) / PERMILLE;
    learner->pace_permille = (uint16_t)(pace < 400 ? 400 : pace);
    learner->give_up_ppm = random_between(random, 2000, 22000);
    learner->fade_permille = random_between(random, 860, 940);
    learner->habit_min =
        (uint16_t)(habit_hours[random_below(random, sizeof habit_hours)] * 60 + random_below(random, 60));
    uint32_t unsuitable = random_below(random, 3); /* days of the week; perhaps the same one twice */
    learner->suits = 0x7F;
    for (uint32_t i = 0; i < unsuitable; i++)
        learner->suits &= (uint8_t) ~(1u << random_below(random, 7));
    uint32_t days = (uint32_t)__builtin_popcount(learner->suits);
    uint32_t visits = draw_visits_a_week(random);
    learner->visit_ppm = visits >= days ? 950000 : visits * PPM / days;
}

static void draw_cohort(struct learner *learner, const struct course *course)
{
    struct random *random = &learner->random;
    uint32_t cohorts = course_model(course)->cohorts;
    uint32_t starts_with = random_between(random, 1, cohorts);
    bool in_none = random_chance(random, 30000);
    bool moves = random_chance(random, 10000);
    learner->cohort = in_none ? 0 : (uint8_t)starts_with;
    learner->moves_to = (uint8_t)(moves && !in_none ? starts_with % cohorts + 1 : 0);
    learner->enrolled_ms = course_cohort_start_ms(course, starts_with);
}

static void draw_program(struct learner *learner, const struct course *course)
{
    uint32_t programs = course_model(course)->programs;
    struct course_program program = course_program(course, learner->number % programs);
    learner->first = learner->module = program.first;
    learner->end = program.end;
    if (programs > 1)
        learner->module += (uint16_t)random_below(&learner->random, (uint32_t)(program.end - program.first));
}

/* ---- when she comes --------------------------------------------------------------------------------------------- */

static void fade(struct learner *learner, int64_t day_ms)
{
    int64_t week = (day_ms - learner->enrolled_ms) / (7 * (int64_t)DAY_MS);
    for (; learner->week < week && learner->week < LAST_WEEK; learner->week++)
        learner->visit_ppm = (uint32_t)((uint64_t)learner->visit_ppm * learner->fade_permille / PERMILLE);
}

/* Moves her clock to the next visit, from local midnight `day_ms` on; to the period's end where none comes before. */
static void plan_visit(struct learner *learner, const struct course *course, int64_t day_ms)
{
    const struct simulate_model *model = course_model(course);
    int64_t end_ms = simulate_end_ms(model);
    int64_t first_day = model->start_day + (day_ms - simulate_start_ms(model)) / DAY_MS;
    uint32_t weekday = (uint32_t)(first_day % 7);
    for (; day_ms < end_ms; day_ms += DAY_MS, weekday = (weekday + 1) % 7) {
        fade(learner, day_ms);
        uint32_t ppm = learner->suits >> weekday & 1 ? learner->visit_ppm : learner->visit_ppm / 8;
        if (random_chance(&learner->random, ppm))
            break;
    }
    /* Within half an hour of her habit: between 5:30 and 23:30. */
    learner->clock_ms = day_ms + (int64_t)learner->habit_min * MINUTE_MS - HOUR_MS / 2;
    learner->clock_ms += random_below(&learner->random, HOUR_MS);
}

void learner_open(struct learner *learner, const struct course *course, uint32_t number)
{
    *learner = (struct learner){.number = number, .again = NO_MODULE, .favorite = NO_MODULE, .step = STEP_ENROL};
    random_open(&learner->random, course_model(course)->seed, number);
    draw_character(learner);
    draw_cohort(learner, course);
    draw_program(learner, course);
    plan_visit(learner, course, learner->enrolled_ms);
}

/* ---- what she does ---------------------------------------------------------------------------------------------- */

static bool emit(const struct learner *learner, enum kind kind, uint16_t content, uint32_t value,
                 struct simulate_event *event)
{
    *event = (struct simulate_event){learner->clock_ms, learner->number, value, content, (uint8_t)kind};
    return true;
}

static void spend(struct learner *learner, uint32_t least_ms, uint32_t greatest_ms)
{
    learner->clock_ms += random_between(&learner->random, least_ms, greatest_ms);
}

static const struct trait_rates *rates_of(const struct learner *learner, const struct course *course, uint16_t module)
{
    return course_rates(course, module, learner->clock_ms);
}

static bool step_enrol(struct learner *learner, const struct course *course, struct simulate_event *event)
{
    learner->step = STEP_ARRIVE;
    if (learner->cohort == 0)
        return false;
    return emit(learner, KIND_COHORT, course_cohort_content(course, learner->cohort), 0, event);
}

/* Perhaps another group to be said, perhaps a favourite to be taken back; each once. */
static bool say_changes(struct learner *learner, const struct course *course, struct simulate_event *event)
{
    if (learner->moves_to > 0 && learner->week >= 2) {
        uint16_t content = course_cohort_content(course, learner->moves_to);
        learner->moves_to = 0;
        return emit(learner, KIND_COHORT, content, 0, event);
    }
    if (learner->favorite != NO_MODULE) {
        uint16_t content = course_module(course, learner->favorite)->content;
        learner->favorite = NO_MODULE;
        return emit(learner, KIND_UNFAVORITE, content, 0, event);
    }
    return false;
}

static void look_again(struct learner *learner, const struct course *course)
{
    uint32_t sections = course_module(course, learner->again)->section_count;
    learner->on_screen = learner->again;
    learner->again = NO_MODULE;
    learner->again_left = (uint8_t)random_between(&learner->random, 1, 3);
    learner->at = (uint16_t)random_below(&learner->random, sections - learner->again_left + 1);
    learner->step = STEP_MODULE;
}

static void go_on(struct learner *learner)
{
    learner->again_left = 0;
    if (learner->module >= learner->end) {
        learner->step = STEP_LEAVE;
        return;
    }
    learner->on_screen = learner->module;
    learner->at = learner->section;
    learner->step = STEP_MODULE;
}

static bool step_arrive(struct learner *learner, const struct course *course, struct simulate_event *event)
{
    if (say_changes(learner, course, event)) {
        spend(learner, 1000, 5000);
        return true;
    }
    if (learner->module >= learner->end && learner->again == NO_MODULE)
        learner->again =
            (uint16_t)(learner->first + random_below(&learner->random, (uint32_t)(learner->end - learner->first)));
    if (learner->again != NO_MODULE)
        look_again(learner, course);
    else
        go_on(learner);
    return false;
}

static bool step_module(struct learner *learner, const struct course *course, struct simulate_event *event)
{
    emit(learner, KIND_OPEN, course_module(course, learner->on_screen)->content, 0, event);
    spend(learner, 2000, 9000);
    learner->step = STEP_SECTION;
    return true;
}

static uint16_t section_content(const struct learner *learner, const struct course *course)
{
    return (uint16_t)(course_module(course, learner->on_screen)->content + 1 + learner->at);
}

static uint32_t section_time_ms(struct learner *learner, const struct course *course)
{
    const struct course_module *module = course_module(course, learner->on_screen);
    uint64_t planned_ms = (uint64_t)module->planned_tenths[learner->at] * MINUTE_MS / 10;
    uint64_t own_ms = planned_ms * learner->pace_permille / PERMILLE * random_factor(&learner->random, 250) / PERMILLE;
    uint64_t time_ms = own_ms * rates_of(learner, course, learner->on_screen)->time_permille / PERMILLE;
    return (uint32_t)(learner->again_left > 0 ? time_ms * AGAIN_PERMILLE / PERMILLE : time_ms);
}

static bool step_section(struct learner *learner, const struct course *course, struct simulate_event *event)
{
    emit(learner, KIND_OPEN, section_content(learner, course), 0, event);
    learner->remaining_ms = section_time_ms(learner, course);
    spend(learner, 500, 3000);
    learner->step = STEP_DWELL;
    return true;
}

static bool step_dwell(struct learner *learner, const struct course *course, struct simulate_event *event)
{
    uint32_t slice_ms = course_model(course)->slice_ms;
    if (learner->remaining_ms < LEAST_SLICE_MS) {
        learner->step = STEP_PROGRESS;
        return false;
    }
    if (learner->remaining_ms < slice_ms)
        slice_ms = learner->remaining_ms;
    emit(learner, KIND_DWELL, section_content(learner, course), slice_ms, event);
    learner->clock_ms += slice_ms;
    learner->remaining_ms -= slice_ms;
    if (random_chance(&learner->random, PAUSE_PPM))
        spend(learner, MINUTE_MS, 6 * MINUTE_MS);
    return true;
}

/* After a section that was looked at again there is no progress to tell. */
static void after_again(struct learner *learner)
{
    learner->at++;
    learner->step = STEP_SECTION;
    if (--learner->again_left > 0)
        return;
    if (random_chance(&learner->random, STUDY_AFTER_AGAIN_PPM))
        go_on(learner);
    else
        learner->step = STEP_LEAVE;
}

static bool step_progress(struct learner *learner, const struct course *course, struct simulate_event *event)
{
    if (learner->again_left > 0) {
        after_again(learner);
        return false;
    }
    const struct course_module *module = course_module(course, learner->module);
    learner->section++;
    emit(learner, KIND_PROGRESS, module->content, 100u * learner->section / module->section_count, event);
    learner->at = learner->section;
    spend(learner, 200, 1500);
    bool broken = random_chance(&learner->random, rates_of(learner, course, learner->module)->broken_ppm);
    if (learner->section == module->section_count)
        learner->step = STEP_DONE;
    else
        learner->step = broken ? STEP_LEAVE : STEP_SECTION;
    return true;
}

/* The next module that is not passed over. */
static void next_module(struct learner *learner, const struct course *course)
{
    learner->section = 0;
    do
        learner->module++;
    while (learner->module < learner->end &&
           random_chance(&learner->random, rates_of(learner, course, learner->module)->passed_ppm));
}

static bool step_done(struct learner *learner, const struct course *course, struct simulate_event *event)
{
    struct random *random = &learner->random;
    uint16_t done = learner->module;
    const struct trait_rates *rates = rates_of(learner, course, done);
    bool loved = random_chance(random, rates->loved_ppm);
    if (random_chance(random, rates->again_ppm))
        learner->again = done;
    next_module(learner, course);
    if (random_chance(random, rates->gone_ppm))
        learner->step = STEP_GONE;
    else if (random_chance(random, STAY_AFTER_MODULE_PPM))
        go_on(learner);
    else
        learner->step = STEP_LEAVE;
    if (!loved)
        return false;
    if (random_chance(random, TAKEN_BACK_PPM))
        learner->favorite = done;
    emit(learner, KIND_FAVORITE, course_module(course, done)->content, 0, event);
    spend(learner, 500, 2000);
    return true;
}

static uint32_t leave_ppm(const struct simulate_model *model, uint32_t ppm)
{
    uint64_t scaled = (uint64_t)ppm * model->leave_permille / PERMILLE;
    return scaled < PPM ? (uint32_t)scaled : PPM;
}

static bool step_leave(struct learner *learner, const struct course *course, struct simulate_event *event)
{
    (void)event;
    uint32_t ppm = learner->module >= learner->end ? GIVE_UP_FINISHED_PPM : learner->give_up_ppm;
    if (random_chance(&learner->random, leave_ppm(course_model(course), ppm))) {
        learner->step = STEP_GONE;
        return false;
    }
    learner->step = STEP_ARRIVE;
    int64_t start_ms = simulate_start_ms(course_model(course));
    int64_t today = (learner->clock_ms - start_ms) / DAY_MS;
    plan_visit(learner, course, start_ms + (today + 1) * DAY_MS);
    return false;
}

typedef bool (*step_fn)(struct learner *learner, const struct course *course, struct simulate_event *event);
static const step_fn steps[STEP_COUNT] = {
    [STEP_ENROL] = step_enrol,     [STEP_ARRIVE] = step_arrive, [STEP_MODULE] = step_module,
    [STEP_SECTION] = step_section, [STEP_DWELL] = step_dwell,   [STEP_PROGRESS] = step_progress,
    [STEP_DONE] = step_done,       [STEP_LEAVE] = step_leave,
};

bool learner_next(struct learner *learner, const struct course *course, struct simulate_event *event)
{
    int64_t end_ms = simulate_end_ms(course_model(course));
    struct simulate_event made;
    for (;;) {
        if (learner->step == STEP_GONE || learner->clock_ms >= end_ms) {
            learner->step = STEP_GONE;
            return false;
        }
        if (steps[learner->step](learner, course, &made))
            break;
    }
    *event = made;
    return true;
}
