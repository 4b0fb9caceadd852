#include "common/zone.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

TestSuite(zone);

static struct error error;

static struct zone *open_zone(const char *name)
{
    struct zone *zone = NULL;
    cr_assert_eq(zone_open(name, &zone, &error), STATUS_OK, "%s", error.text);
    return zone;
}

static int64_t ms_of(const char *text)
{
    int64_t ms = -1;
    cr_assert(iso8601_parse(slice_of_text(text), &ms), "%s", text);
    return ms;
}

static int32_t day_of(const char *text)
{
    int32_t day = -1;
    cr_assert(date_parse(slice_of_text(text), &day), "%s", text);
    return day;
}

Test(zone, dates_are_days_and_back)
{
    static const struct {
        const char *text;
        int32_t day;
    } cases[] = {{"1970-01-01", 0},     {"1970-12-31", 364},   {"1972-02-29", 789},
                 {"2000-02-29", 11016}, {"2000-03-01", 11017}, {"2026-01-31", 20484},
                 {"2100-02-28", 47540}, {"2100-03-01", 47541}, {"9999-12-31", 2932896}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char text[DATE_TEXT_BYTES];
        cr_assert_eq(day_of(cases[i].text), cases[i].day, "%s", cases[i].text);
        date_format(cases[i].day, text);
        cr_assert_str_eq(text, cases[i].text);
    }
    for (int32_t day = 0; day <= 2932896; day += 17) {
        char text[DATE_TEXT_BYTES];
        date_format(day, text);
        cr_assert_eq(day_of(text), day, "%s", text);
    }
}

Test(zone, what_is_no_date_is_refused)
{
    static const char *const wrong[] = {"",           "2026-1-31",   "2026-02-29", "2100-02-29", "2026-13-01",
                                        "2026-00-01", "2026-01-00",  "2026-04-31", "1969-12-31", "20260131xx",
                                        "2026-01-3x", "2026-01-311", "+026-01-31", " 026-01-31"};
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        int32_t day = 77;
        cr_assert_not(date_parse(slice_of_text(wrong[i]), &day), "%s", wrong[i]);
        cr_assert_eq(day, 77);
    }
}

Test(zone, iso_8601_moments)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {{"1970-01-01T00:00Z", 0},
                 {"2026-01-31T08:15:00Z", 1769847300000},
                 {"2026-01-31 08:15:00.5z", 1769847300500},
                 {"2026-01-31T15:15:00.123999+07:00", 1769847300123},
                 {"2026-01-31T15:15:00,12+0700", 1769847300120},
                 {"2026-01-31T15:15:00+07", 1769847300000},
                 {"2026-01-31T02:45:00-05:30", 1769847300000},
                 {"1970-01-01T00:00:00+07:00", -25200000}};
    static const char *const wrong[] = {"",
                                        "2026-01-31",
                                        "2026-01-31T08:15:00",
                                        "2026-01-31T08:15",
                                        "2026-01-31T24:00:00Z",
                                        "2026-01-31T08:60:00Z",
                                        "2026-01-31T08:15:60Z",
                                        "2026-01-31T08:15:00.Z",
                                        "2026-01-31T08:15:00Zx",
                                        "2026-01-31T08:15:00+7",
                                        "2026-01-31T08:15:00+07:0",
                                        "2026-01-31T08:15:00+07:60",
                                        "2026-01-31T08:15:00+24:00",
                                        "2026-01-31T08:15:00+07000",
                                        "2026-02-30T08:15:00Z",
                                        "2026-01-31T8:15:00Z",
                                        "2026-01-31T08:15:0",
                                        "1769847300000"};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        cr_assert_eq(ms_of(cases[i].text), cases[i].ms, "%s: %lld", cases[i].text, (long long)ms_of(cases[i].text));
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        int64_t ms = 77;
        cr_assert_not(iso8601_parse(slice_of_text(wrong[i]), &ms), "%s", wrong[i]);
        cr_assert_eq(ms, 77);
    }
}

Test(zone, jakarta_is_seven_hours_ahead)
{
    struct zone *zone = open_zone("Asia/Jakarta");
    cr_assert_str_eq(zone_name(zone), "Asia/Jakarta");
    int32_t day = day_of("2026-01-31");
    cr_assert_eq(zone_day_start_ms(zone, day), ms_of("2026-01-30T17:00Z"));
    cr_assert_eq(zone_day(zone, ms_of("2026-01-30T17:00Z")), day);
    cr_assert_eq(zone_day(zone, ms_of("2026-01-30T17:00Z") - 1), day - 1);
    cr_assert_eq(zone_day(zone, ms_of("9999-12-31T23:59:59.999Z")), 2932897);
    zone_close(zone);
    zone_close(NULL);
}

Test(zone, unusual_days)
{
    static const struct {
        const char *zone, *day, *start;
    } cases[] = {
        {"Europe/Berlin", "2026-03-29", "2026-03-28T23:00Z"},
        {"Europe/Berlin", "2026-03-30", "2026-03-29T22:00Z"},
        {"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00Z"}, /* midnight was skipped */
        {"America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00Z"}, /* 23:00 to 24:00 came twice before it */
        {"Pacific/Apia", "2011-12-30", "2011-12-30T10:00Z"},      /* the date was skipped: an empty day */
        {"Pacific/Apia", "2011-12-31", "2011-12-30T10:00Z"},
        {"America/St_Johns", "2010-11-07", "2010-11-07T02:30Z"}, /* 00:01 went back to 23:01: the first midnight */
        {"America/St_Johns", "2010-11-08", "2010-11-08T03:30Z"},
        {"Asia/Kathmandu", "2026-01-01", "2025-12-31T18:15Z"},
        {"UTC", "1970-01-01", "1970-01-01T00:00Z"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct zone *zone = open_zone(cases[i].zone);
        cr_assert_eq(zone_day_start_ms(zone, day_of(cases[i].day)), ms_of(cases[i].start), "%s %s: %lld", cases[i].zone,
                     cases[i].day, (long long)zone_day_start_ms(zone, day_of(cases[i].day)));
        zone_close(zone);
    }
    struct zone *apia = open_zone("Pacific/Apia");
    cr_assert_eq(zone_day(apia, ms_of("2011-12-30T10:00Z")), day_of("2011-12-31"));
    cr_assert_eq(zone_day(apia, ms_of("2011-12-30T09:59:59.999Z")), day_of("2011-12-29"));
    zone_close(apia);
}

Test(zone, the_first_moment_of_1970_has_a_day_west_of_greenwich)
{
    struct zone *zone = open_zone("America/New_York");
    cr_assert_eq(zone_day(zone, 0), -1);
    cr_assert_eq(zone_day_start_ms(zone, -1), -19 * 3600 * 1000);
    zone_close(zone);
}

/* Against libc, asked afresh: the local date just before, at and after each start, far beyond the table too. */
static void compare_with_libc(const char *name, int32_t from, int32_t to, int32_t step)
{
    struct zone *zone = open_zone(name);
    setenv("TZ", name, 1);
    tzset();
    for (int32_t day = from; day < to; day += step) {
        int64_t start_ms = zone_day_start_ms(zone, day);
        for (int before = 0; before < 2; before++) {
            time_t at = start_ms / 1000 - before;
            struct tm local;
            localtime_r(&at, &local);
            local.tm_isdst = 0;
            int32_t there = (int32_t)((at + local.tm_gmtoff) / 86400);
            cr_assert_eq(there, day - before, "%s day %d %s", name, day, before ? "before" : "at");
            cr_assert_eq(zone_day(zone, start_ms - before), day - before);
        }
    }
    zone_close(zone);
}

Test(zone, agrees_with_libc)
{
    compare_with_libc("Asia/Jakarta", 1, 2932896, 61);
    compare_with_libc("Europe/Berlin", 1, 60000, 1);
    compare_with_libc("Europe/Berlin", 60000, 2932896, 31);
    compare_with_libc("America/Santiago", 60200, 2932896, 29); /* its rule changes at midnight */
    compare_with_libc("Africa/Casablanca", 20000, 60000, 1);
    compare_with_libc("Asia/Gaza", 60200, 2932896, 37);
}

Test(zone, an_unknown_zone_is_refused_and_libc_keeps_its_own)
{
    static const char *const wrong[] = {"",         "Asia/Atlantis", "../../etc/passwd", "/etc/localtime",
                                        "zone.tab", "Asia",          "Asia/Jak\narta"};
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        struct zone *zone = NULL;
        cr_assert_not(zone_exists(wrong[i]), "%s", wrong[i]);
        cr_assert_eq(zone_open(wrong[i], &zone, &error), STATUS_CONFIG);
        cr_assert_null(zone);
    }
    setenv("TZ", "Asia/Tokyo", 1);
    zone_close(open_zone("Asia/Jakarta"));
    cr_assert_str_eq(getenv("TZ"), "Asia/Tokyo");
    time_t zero = 0;
    cr_assert_eq(localtime(&zero)->tm_hour, 9);
}
