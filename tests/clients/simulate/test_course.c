#include "tests/clients/simulate/model.h"

#include <criterion/criterion.h>
#include <stdlib.h>

typedef void (*write_fn)(const struct course *course, FILE *file);

static char *written(const struct course *course, write_fn write)
{
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    write(course, file);
    fclose(file);
    return text;
}

static uint32_t count_of(const struct course *course, enum trait trait)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < course_model(course)->modules; i++)
        count += course_module(course, i)->trait == trait;
    return count;
}

Test(course, plants_what_was_asked_and_never_first_or_last)
{
    struct simulate_model model = model_default();
    model.long_modules = 3;
    model.loved_modules = 2;
    model.skipped_modules = 0;
    for (model.seed = 1; model.seed <= 50; model.seed++) {
        struct course *course = course_open(&model);
        cr_assert_eq(count_of(course, TRAIT_LONG), 3);
        cr_assert_eq(count_of(course, TRAIT_CONFUSING), 1);
        cr_assert_eq(count_of(course, TRAIT_LOVED), 2);
        cr_assert_eq(count_of(course, TRAIT_SKIPPED), 0);
        cr_assert_eq(count_of(course, TRAIT_REVISED), 1);
        cr_assert_eq(course_module(course, 0)->trait, TRAIT_PLAIN);
        cr_assert_eq(course_module(course, 11)->trait, TRAIT_PLAIN);
        course_close(course);
    }
}

Test(course, room_for_everything_that_can_be_planted_is_used_up)
{
    struct simulate_model model = model_default();
    model.modules = 7; /* five planted ones between two plain ones */
    struct course *course = course_open(&model);
    cr_assert_eq(count_of(course, TRAIT_PLAIN), 2);
    course_close(course);
}

Test(course, each_program_has_what_was_asked_and_never_first_or_last)
{
    struct simulate_model model = model_default();
    model.modules = 42;
    model.programs = 5;
    model.long_modules = 2;
    struct course *course = course_open(&model);
    uint32_t next = 0;
    for (uint32_t p = 0; p < 5; p++) {
        struct course_program program = course_program(course, p);
        cr_assert_eq(program.first, next);
        cr_assert(program.end - program.first == 8 || program.end - program.first == 9);
        uint32_t planted[TRAIT_COUNT] = {0};
        for (next = program.first; next < program.end; next++)
            planted[course_module(course, next)->trait]++;
        cr_assert_eq(planted[TRAIT_LONG], 2);
        cr_assert_eq(planted[TRAIT_CONFUSING], 1);
        cr_assert_eq(planted[TRAIT_LOVED], 1);
        cr_assert_eq(planted[TRAIT_SKIPPED], 1);
        cr_assert_eq(planted[TRAIT_REVISED], 1);
        cr_assert_eq(course_module(course, program.first)->trait, TRAIT_PLAIN);
        cr_assert_eq(course_module(course, program.end - 1u)->trait, TRAIT_PLAIN);
    }
    cr_assert_eq(next, 42);
    course_close(course);
}

Test(course, contents_are_valid_paths_of_their_own)
{
    struct simulate_model model = model_default();
    model.modules = 130;
    struct course *course = course_open(&model);
    uint16_t last = course_cohort_content(course, model.cohorts);
    for (uint16_t i = 0; i <= last; i++) {
        const struct course_content *content = course_content(course, i);
        struct slice path = slice_of(content->text, content->size);
        bool cohort = i >= course_cohort_content(course, 0);
        cr_assert(cohort ? segment_valid(path) : content_valid(path), "%.*s", (int)path.size, content->text);
        for (uint16_t j = 0; j < i; j++)
            cr_assert(content->size != course_content(course, j)->size ||
                      memcmp(content->text, course_content(course, j)->text, content->size) != 0);
    }
    course_close(course);
}

Test(course, a_revision_bites_from_its_local_midnight)
{
    struct simulate_model model = model_default();
    struct course *course = course_open(&model);
    uint32_t revised = model_module_of(course, TRAIT_REVISED);
    int64_t midnight_ms = simulate_day_start_ms(&model, model.revise_day);
    cr_assert_eq(midnight_ms, 1771174800000); /* 2026-02-16 00:00 at +07:00 */
    cr_assert_eq(course_rates(course, revised, midnight_ms - 1)->time_permille, 2000);
    cr_assert_eq(course_rates(course, revised, midnight_ms)->time_permille, 1000);
    course_close(course);
}

Test(course, cohorts_start_at_whole_weeks_of_the_first_half)
{
    struct simulate_model model = model_default();
    struct course *course = course_open(&model);
    for (uint32_t cohort = 1; cohort <= 3; cohort++)
        cr_assert_eq(course_cohort_start_ms(course, cohort),
                     simulate_start_ms(&model) + (int64_t)(cohort - 1) * 14 * DAY_MS);
    course_close(course);
}

Test(course, cohorts_start_over_the_part_of_the_period_that_is_asked_for)
{
    struct simulate_model model = model_default();
    model.intake_ppm = 1000000;
    struct course *course = course_open(&model);
    cr_assert_eq(course_cohort_start_ms(course, 3), simulate_start_ms(&model) + INT64_C(8) * 7 * DAY_MS);
    course_close(course);
    model.intake_ppm = 0;
    course = course_open(&model);
    cr_assert_eq(course_cohort_start_ms(course, 3), simulate_start_ms(&model));
    course_close(course);
}

/* Minutes of modules are those of their topics, and of their sections; orders ascend one by one. */
Test(course, the_curriculum_file_adds_up)
{
    struct simulate_model model = model_default();
    struct course *course = course_open(&model);
    char *text = written(course, course_write_curriculum), *rest = text;
    cr_assert_str_eq(strsep(&rest, "\n"), "content,title,order,expected_minutes,revised,program");
    double sums[4] = {0};
    int lines = 0, revised = 0;
    for (char *line; (line = strsep(&rest, "\n")) && *line; lines++) {
        char path[20], title[60], date[20] = "", program[20];
        int order, whole, tenth;
        // NOLINTNEXTLINE(cert-err34-c): our own file
        int fields = sscanf(line, "%19[^,],%59[^,],%d,%d.%1d,%19[0-9-],%19s", path, title, &order, &whole, &tenth, date,
                            program);
        if (fields == 5)
            cr_assert_eq(sscanf(strrchr(line, ','), ",%19s", program), 1);
        cr_assert_geq(fields, 5, "%s", line);
        cr_assert_eq(order, lines + 1);
        cr_assert_str_eq(program, "simulated");
        cr_assert(strstr(title, "(simulated)"));
        size_t level = 1;
        for (char *at = path; *at; at++)
            level += *at == '/';
        sums[level] += whole + tenth / 10.0;
        revised += strcmp(date, "2026-02-16") == 0;
    }
    cr_assert_float_eq(sums[1], sums[2], 1e-6);
    cr_assert_float_eq(sums[1], sums[3], 1e-6);
    cr_assert_eq(revised, 1);
    cr_assert(sums[1] > 12 * 9 && sums[1] < 12 * 21, "%f minutes", sums[1]);
    free(text);
    course_close(course);
}

Test(course, the_curriculum_file_names_each_modules_program)
{
    struct simulate_model model = model_default();
    model.programs = 2;
    model.long_modules = model.skipped_modules = 0;
    struct course *course = course_open(&model);
    char *text = written(course, course_write_curriculum), *rest = text;
    strsep(&rest, "\n");
    uint32_t lines[2] = {0};
    for (char *line; (line = strsep(&rest, "\n")) && *line;) {
        bool second = strncmp(line, "m07", 3) >= 0;
        cr_assert_str_eq(strrchr(line, ','), second ? ",simulated 2" : ",simulated 1", "%s", line);
        lines[second]++;
    }
    cr_assert(lines[0] > 6 * 6 && lines[1] > 6 * 6);
    free(text);
    course_close(course);
}

Test(course, the_planted_file_names_each_planted_module_and_its_verdict)
{
    struct simulate_model model = model_default();
    model.seed = 3;
    struct course *course = course_open(&model);
    char *text = written(course, course_write_planted);
    cr_assert_str_eq(text, "content,planted,verdict,date\n"
                           "m02,loved,interest,\n"
                           "m03,confusing,clarify,\n"
                           "m05,revised,better,2026-02-16\n"
                           "m07,long,split,\n"
                           "m08,skipped,skimmed,\n");
    free(text);
    course_close(course);
}
