#include "clients/simulate/course.h"

#include "clients/simulate/random.h"
#include "common/zone.h"

#include <stdlib.h>

enum {
    COURSE_STREAM = 1 << 30
}; /* learners' streams are below */
_Static_assert((int)COURSE_STREAM > (int)SIMULATE_MAX_LEARNERS, "streams are apart");

struct course {
    struct simulate_model model;
    int64_t revised_ms;
    struct course_module *modules;
    struct course_content *contents; /* a module, its sections, the next module …; then "-" and the cohorts */
    uint16_t content_count;
    uint16_t first_cohort;
};

static const struct trait_rates rates[TRAIT_COUNT] = {
#define X(name, text, verdict, time, broken, again, gone, loved, passed, least, greatest)                              \
    [TRAIT_##name] = {text, verdict, time, broken, again, gone, loved, passed, least, greatest},
    TRAIT_TABLE(X)
#undef X
};

/* ---- what is planted where ------------------------------------------------------------------------------------- */

/* Any module but the first and the last that is still plain; the caller made sure that there is one. */
static struct course_module *plain_module(struct course *course, struct course_program program, struct random *random)
{
    uint32_t inner = program.end - program.first - 2u;
    for (;;) {
        struct course_module *module = &course->modules[program.first + 1 + random_below(random, inner)];
        if (module->trait == TRAIT_PLAIN)
            return module;
    }
}

static void plant(struct course *course, struct course_program program, struct random *random)
{
    const struct simulate_model *model = &course->model;
    const struct {
        enum trait trait;
        uint32_t count;
    } wanted[] = {
        {TRAIT_LONG, model->long_modules},
        {TRAIT_CONFUSING, model->confusing_modules},
        {TRAIT_LOVED, model->loved_modules},
        {TRAIT_SKIPPED, model->skipped_modules},
    };
    /* The revised one stands at a third of the program, where many pass both before and after the date. */
    if (model->revise)
        course->modules[program.first + (program.end - program.first) / 3].trait = TRAIT_REVISED;
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++)
        for (uint32_t n = 0; n < wanted[i].count; n++)
            plain_module(course, program, random)->trait = wanted[i].trait;
}

/* ---- topics, sections, minutes --------------------------------------------------------------------------------- */

static void lay_out(struct course_module *module, struct random *random)
{
    uint32_t topics = random_between(random, 2, 4);
    for (uint32_t topic = 1; topic <= topics; topic++) {
        uint32_t sections = random_between(random, 2, 3);
        for (uint32_t section = 0; section < sections; section++)
            module->topic[module->section_count++] = (uint8_t)topic;
    }
    uint32_t weights[COURSE_MAX_SECTIONS] = {0}, weight = 0;
    for (uint32_t i = 0; i < module->section_count; i++)
        weight += weights[i] = random_between(random, 2, 4);
    const struct trait_rates *trait = &rates[module->trait];
    uint32_t total = random_between(random, trait->least_tenths, trait->greatest_tenths);
    for (uint32_t i = 0; i < module->section_count; i++)
        module->planned_tenths[i] = (total * weights[i] + weight / 2) / weight;
}

static uint16_t add_content(struct course *course, const char *text)
{
    struct course_content *content = &course->contents[course->content_count];
    content->size = (uint8_t)strlen(text);
    memcpy(content->text, text, content->size);
    return course->content_count++;
}

static void topic_path(const struct course *course, uint32_t module, uint32_t topic, char path[COURSE_PATH_BYTES])
{
    int digits = course->model.modules < 100 ? 2 : 3;
    int length = snprintf(path, COURSE_PATH_BYTES, "m%0*u", digits, module + 1);
    if (topic > 0)
        snprintf(path + length, (size_t)(COURSE_PATH_BYTES - length), "/t%u", topic);
}

/* The place of a section within its topic, from 1. */
static uint32_t section_place(const struct course_module *module, uint32_t section)
{
    uint32_t place = 1;
    while (section >= place && module->topic[section - place] == module->topic[section])
        place++;
    return place;
}

static void section_path(const struct course *course, uint32_t module, uint32_t section, char path[COURSE_PATH_BYTES])
{
    const struct course_module *laid = &course->modules[module];
    topic_path(course, module, laid->topic[section], path);
    size_t length = strlen(path);
    snprintf(path + length, COURSE_PATH_BYTES - length, "/s%u", section_place(laid, section));
}

static void name_contents(struct course *course)
{
    char path[COURSE_PATH_BYTES];
    for (uint32_t i = 0; i < course->model.modules; i++) {
        struct course_module *module = &course->modules[i];
        topic_path(course, i, 0, path);
        module->content = add_content(course, path);
        for (uint32_t section = 0; section < module->section_count; section++) {
            section_path(course, i, section, path);
            add_content(course, path);
        }
    }
    course->first_cohort = add_content(course, "-");
    for (uint32_t i = 1; i <= course->model.cohorts; i++) {
        snprintf(path, sizeof path, "cohort-%u", i);
        add_content(course, path);
    }
}

struct course *course_open(const struct simulate_model *model)
{
    struct course *course = mem_new(1, sizeof *course);
    course->model = *model;
    course->revised_ms = model->revise ? simulate_day_start_ms(model, model->revise_day) : INT64_MAX;
    course->modules = mem_new(model->modules, sizeof *course->modules);
    course->contents =
        mem_new(model->modules * (1 + COURSE_MAX_SECTIONS) + 1 + model->cohorts, sizeof *course->contents);
    struct random random;
    random_open(&random, model->seed, COURSE_STREAM);
    for (uint32_t program = 0; program < model->programs; program++)
        plant(course, course_program(course, program), &random);
    for (uint32_t i = 0; i < model->modules; i++)
        lay_out(&course->modules[i], &random);
    name_contents(course);
    return course;
}

void course_close(struct course *course)
{
    if (!course)
        return;
    free(course->modules);
    free(course->contents);
    free(course);
}

/* ---- asking ---------------------------------------------------------------------------------------------------- */

const struct simulate_model *course_model(const struct course *course)
{
    return &course->model;
}

const struct course_module *course_module(const struct course *course, uint32_t module)
{
    return &course->modules[module];
}

struct course_program course_program(const struct course *course, uint32_t program)
{
    uint32_t modules = course->model.modules, programs = course->model.programs;
    return (struct course_program){(uint16_t)(program * modules / programs),
                                   (uint16_t)((program + 1) * modules / programs)};
}

const struct trait_rates *course_rates(const struct course *course, uint32_t module, int64_t time_ms)
{
    enum trait trait = course->modules[module].trait;
    bool revised = trait == TRAIT_REVISED && time_ms >= course->revised_ms;
    return &rates[revised ? TRAIT_BETTER : trait];
}

const struct course_content *course_content(const struct course *course, uint16_t content)
{
    return &course->contents[content];
}

uint16_t course_cohort_content(const struct course *course, uint32_t cohort)
{
    return (uint16_t)(course->first_cohort + cohort);
}

int64_t course_cohort_start_ms(const struct course *course, uint32_t cohort)
{
    const struct simulate_model *model = &course->model;
    uint64_t intake = (uint64_t)model->weeks * model->intake_ppm;
    uint32_t week = (uint32_t)((cohort - 1) * intake / ((uint64_t)PPM * model->cohorts));
    return simulate_day_start_ms(model, model->start_day + (int32_t)week * 7);
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

struct line {
    char path[COURSE_PATH_BYTES], title[40], revised[DATE_TEXT_BYTES], program[24];
    uint32_t order;
};

static void write_line(FILE *file, struct line *line, uint32_t tenths)
{
    fprintf(file, "%s,%s (simulated),%u,%u.%u,%s,%s\n", line->path, line->title, ++line->order, tenths / 10,
            tenths % 10, line->revised, line->program);
}

static uint32_t topic_tenths(const struct course_module *module, uint32_t topic) /* 0: the whole module */
{
    uint32_t tenths = 0;
    for (uint32_t i = 0; i < module->section_count; i++)
        if (topic == 0 || module->topic[i] == topic)
            tenths += module->planned_tenths[i];
    return tenths;
}

static void revision_date(const struct course *course, const struct course_module *module, char text[DATE_TEXT_BYTES])
{
    text[0] = '\0';
    if (module->trait == TRAIT_REVISED)
        date_format(course->model.revise_day, text);
}

static void write_module(const struct course *course, uint32_t index, struct line *line, FILE *file)
{
    const struct course_module *module = &course->modules[index];
    revision_date(course, module, line->revised);
    topic_path(course, index, 0, line->path);
    snprintf(line->title, sizeof line->title, "Module %u", index + 1);
    write_line(file, line, topic_tenths(module, 0));
    line->revised[0] = '\0';
    for (uint32_t i = 0; i < module->section_count; i++) {
        uint32_t topic = module->topic[i], place = section_place(module, i);
        if (place == 1) {
            topic_path(course, index, topic, line->path);
            snprintf(line->title, sizeof line->title, "Module %u topic %u", index + 1, topic);
            write_line(file, line, topic_tenths(module, topic));
        }
        section_path(course, index, i, line->path);
        snprintf(line->title, sizeof line->title, "Module %u topic %u section %u", index + 1, topic, place);
        write_line(file, line, module->planned_tenths[i]);
    }
}

void course_write_curriculum(const struct course *course, FILE *file)
{
    fputs("content,title,order,expected_minutes,revised,program\n", file);
    struct line line = {.program = "simulated"};
    for (uint32_t p = 0; p < course->model.programs; p++) {
        struct course_program program = course_program(course, p);
        if (course->model.programs > 1)
            snprintf(line.program, sizeof line.program, "simulated %u", p + 1);
        for (uint32_t i = program.first; i < program.end; i++)
            write_module(course, i, &line, file);
    }
}

void course_write_planted(const struct course *course, FILE *file)
{
    fputs("content,planted,verdict,date\n", file);
    for (uint32_t i = 0; i < course->model.modules; i++) {
        const struct course_module *module = &course->modules[i];
        char path[COURSE_PATH_BYTES], revised[DATE_TEXT_BYTES];
        revision_date(course, module, revised);
        topic_path(course, i, 0, path);
        if (module->trait != TRAIT_PLAIN)
            fprintf(file, "%s,%s,%s,%s\n", path, rates[module->trait].name, rates[module->trait].verdict, revised);
    }
}
