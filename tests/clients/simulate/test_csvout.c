#include "clients/simulate/csvout.h"
#include "tests/clients/simulate/model.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64], path[80];
static struct course *course;

static void open_all(void)
{
    strcpy(folder, "/tmp/jejak-simulate-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/events.csv", folder);
    struct simulate_model model = model_default();
    course = course_open(&model);
}
static void close_all(void)
{
    course_close(course);
    unlink(path);
    rmdir(folder);
}
TestSuite(csvout, .init = open_all, .fini = close_all);

static char *content_of(const char *name)
{
    static char text[1 << 16];
    FILE *file = fopen(name, "r");
    cr_assert_not_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    return text;
}

Test(csvout, lines_are_what_jejak_publish_reads)
{
    struct csvout *csvout;
    struct error error;
    cr_assert_eq(csvout_open(path, course, &csvout, &error), STATUS_OK);
    uint16_t module = course_module(course, 1)->content;
    const struct simulate_event events[] = {
        {1767583532114, 42, 0, course_cohort_content(course, 2), KIND_COHORT},
        {1767583532114, 42, 0, module, KIND_OPEN},
        {1767583540000, 19999999, 30000, (uint16_t)(module + 1), KIND_DWELL},
        {1767583570000, 42, 100, module, KIND_PROGRESS},
        {0, 0, 0, module, KIND_UNFAVORITE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(events); i++)
        cr_assert_eq(csvout_write(csvout, &events[i], &error), STATUS_OK);
    cr_assert_eq(csvout_finish(csvout, &error), STATUS_OK);
    csvout_close(csvout);
    cr_assert_str_eq(content_of(path), "time,learner,content,kind,value\n"
                                       "1767583532114,sim-00000042,cohort-2,cohort,\n"
                                       "1767583532114,sim-00000042,m02,open,\n"
                                       "1767583540000,sim-19999999,m02/t1/s1,dwell,30000\n"
                                       "1767583570000,sim-00000042,m02,progress,100\n"
                                       "0,sim-00000000,m02,unfavorite,\n");
}

Test(csvout, a_file_that_cannot_be_made_is_named)
{
    struct csvout *csvout = NULL;
    struct error error;
    cr_assert_eq(csvout_open("/nonexistent/events.csv", course, &csvout, &error), STATUS_CANNOT_MAKE);
    cr_assert(strstr(error.text, "/nonexistent/events.csv"));
    cr_assert_null(csvout);
}

Test(csvout, a_full_disk_is_told)
{
    struct csvout *csvout;
    struct error error;
    cr_assert_eq(csvout_open("/dev/full", course, &csvout, &error), STATUS_OK);
    cr_assert_eq(csvout_finish(csvout, &error), STATUS_FULL);
    cr_assert(strstr(error.text, "/dev/full"));
    csvout_close(csvout);
}
