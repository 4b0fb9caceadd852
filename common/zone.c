#include "common/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The table of day starts covers 1969-12-31 to 2135-01-02. zoneinfo names no change beyond 2037 but a few to 2087;
 * after these, each year follows one rule that knows only the calendar. There are 14 calendars (which weekday 1 January
 * is, leap or not), and any 28 years without a century's exception hold all of them: the years 2107 to 2134 stand for
 * all later. */
enum {
    FIRST_DAY = -1,
    CYCLE_FIRST_YEAR = 2107,
    CYCLE_YEARS = 28,
    CYCLE_FIRST_DAY = 50038, /* 2107-01-01 */
    CYCLE_END_DAY = 60265,   /* 2135-01-01 */
    TABLE_DAYS = CYCLE_END_DAY + 2 - FIRST_DAY,
    DAY_SECONDS = 86400,
};

struct zone {
    char *name;
    int64_t start_s[TABLE_DAYS]; /* Unix seconds of the days from FIRST_DAY on */
};

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01 to 1 January of a year from 1970 on: 365 each, and a leap day for each leap year before it. */
static int32_t year_start(int year)
{
    int before = year - 1;
    return (year - 1970) * 365 + (before / 4 - before / 100 + before / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

/* The year that a day from 1970-01-01 on lies in. */
static int year_of(int32_t day)
{
    int year = 1970 + (int)((int64_t)day * 400 / 146097); /* 400 years have 146,097 days: right, or one off */
    while (year_start(year + 1) <= day)
        year++;
    while (year_start(year) > day)
        year--;
    return year;
}

/* Where the days of a later year find a year of the table that has the same calendar: the number of days to go back. */
static int32_t cycle_shift(int32_t day)
{
    int year = year_of(day);
    int32_t start = year_start(year);
    for (int like = CYCLE_FIRST_YEAR; like < CYCLE_FIRST_YEAR + CYCLE_YEARS; like++)
        if (is_leap(like) == is_leap(year) && (start - year_start(like)) % 7 == 0)
            return start - year_start(like);
    ensure(!"28 years hold every calendar");
    return 0;
}

static char *zone_path(const char *name)
{
    const char *folder = getenv("TZDIR");
    return mem_text("%s/%s", folder && *folder ? folder : "/usr/share/zoneinfo", name);
}

static bool name_valid(const char *name)
{
    size_t length = strlen(name);
    bool plain = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") == length;
    return plain && length >= 1 && length <= 64 && name[0] != '/';
}

bool zone_exists(const char *name)
{
    if (!name_valid(name))
        return false;
    char *path = zone_path(name), magic[4];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool exists = fd >= 0 && read(fd, magic, sizeof magic) == (ssize_t)sizeof magic && memcmp(magic, "TZif", 4) == 0;
    if (fd >= 0)
        close(fd);
    free(path);
    return exists;
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Offset from UTC at a moment, by libc in the zone that TZ names. */
static int64_t offset_at(int64_t time_s)
{
    struct tm local;
    time_t time = (time_t)time_s;
    ensure(localtime_r(&time, &local));
    return local.tm_gmtoff;
}

static int64_t local_day(int64_t time_s)
{
    return floor_divide(time_s + offset_at(time_s), DAY_SECONDS);
}

/* The first moment whose local date is `day` or later, after `low` (whose date is earlier). No zone is 26 hours off. */
static int64_t find_start(int32_t day, int64_t low)
{
    int64_t high = (int64_t)day * DAY_SECONDS + 26 * 3600;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (local_day(middle) >= day)
            high = middle;
        else
            low = middle;
    }
    return high;
}

/* No zone since 1970 has changed its clock and changed it back within a week (the shortest time was 12 days: Tucuman,
 * 2004). So where the offset a week on is the same, the days between start 24 hours apart, and libc is asked once. */
static void fill_table(struct zone *zone)
{
    int64_t start = find_start(FIRST_DAY, (int64_t)FIRST_DAY * DAY_SECONDS - 26 * 3600);
    int64_t offset = offset_at(start);
    for (int32_t day = FIRST_DAY, steady_until = FIRST_DAY; day < FIRST_DAY + TABLE_DAYS; day++) {
        int64_t guess = (int64_t)day * DAY_SECONDS - offset;
        if (day >= steady_until && offset_at(guess + 7 * DAY_SECONDS) == offset && offset_at(guess) == offset)
            steady_until = day + 7;
        if (day < steady_until || offset_at(guess) == offset)
            start = guess;
        else if (local_day(start) < day)
            start = find_start(day, start);
        if (day >= steady_until)
            offset = offset_at(start);
        zone->start_s[day - FIRST_DAY] = start;
    }
}

static void set_tz(const char *value)
{
    if (value)
        setenv("TZ", value, 1);
    else
        unsetenv("TZ");
    tzset();
}

enum status zone_open(const char *name, struct zone **zone, struct error *error)
{
    if (!zone_exists(name))
        return error_set(error, STATUS_CONFIG,
                         "\"%.64s\" is not a time zone of this machine (like Asia/Jakarta; is tzdata installed?)",
                         name);
    struct zone *opened = mem_new(1, sizeof *opened);
    opened->name = mem_text("%s", name);
    const char *before = getenv("TZ");
    char *kept = before ? mem_text("%s", before) : NULL, *wanted = mem_text(":%s", name);
    set_tz(wanted);
    fill_table(opened);
    set_tz(kept);
    free(kept);
    free(wanted);
    *zone = opened;
    return STATUS_OK;
}

void zone_close(struct zone *zone)
{
    if (!zone)
        return;
    free(zone->name);
    free(zone);
}

const char *zone_name(const struct zone *zone)
{
    return zone->name;
}

int64_t zone_day_start_ms(const struct zone *zone, int32_t day)
{
    ensure(day >= FIRST_DAY);
    int32_t shift = day < CYCLE_END_DAY ? 0 : cycle_shift(day);
    return (zone->start_s[day - shift - FIRST_DAY] + (int64_t)shift * DAY_SECONDS) * 1000;
}

int32_t zone_day(const struct zone *zone, int64_t time_ms)
{
    int32_t day = (int32_t)floor_divide(time_ms, (int64_t)DAY_SECONDS * 1000);
    ensure(day > FIRST_DAY);
    while (zone_day_start_ms(zone, day) > time_ms)
        day--;
    while (zone_day_start_ms(zone, day + 1) <= time_ms)
        day++;
    return day;
}

/* `count` digits from `at` on; false where there are others. */
static bool digits(struct slice text, size_t at, size_t count, int *value)
{
    int number = 0;
    if (at + count > text.size)
        return false;
    for (size_t i = at; i < at + count; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (text.data[i] - '0');
    }
    *value = number;
    return true;
}

static const uint8_t month_days[2][12] = {
    {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31},
    {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31},
};

bool date_parse(struct slice text, int32_t *day)
{
    int year, month, date;
    if (text.size != DATE_TEXT_BYTES - 1 || text.data[4] != '-' || text.data[7] != '-' || !digits(text, 0, 4, &year) ||
        !digits(text, 5, 2, &month) || !digits(text, 8, 2, &date))
        return false;
    if (year < 1970 || month < 1 || month > 12 || date < 1 || date > month_days[is_leap(year)][month - 1])
        return false;
    int32_t found = year_start(year) + date - 1;
    for (int i = 0; i < month - 1; i++)
        found += month_days[is_leap(year)][i];
    *day = found;
    return true;
}

void date_format(int32_t day, char text[DATE_TEXT_BYTES])
{
    ensure(day >= 0);
    int year = year_of(day), month = 0, date = day - year_start(year);
    ensure(year <= 9999);
    while (date >= month_days[is_leap(year)][month])
        date -= month_days[is_leap(year)][month++];
    snprintf(text, DATE_TEXT_BYTES, "%04d-%02d-%02d", year, month + 1, date + 1);
}

/* A second's fraction, its digits from `at` on, cut to ms. Returns where they end, 0 where there are none. */
static size_t fraction_parse(struct slice text, size_t at, int *ms)
{
    size_t first = at;
    int weight = 100, digit;
    *ms = 0;
    for (; digits(text, at, 1, &digit); at++, weight /= 10)
        *ms += digit * weight;
    return at > first ? at : 0;
}

/* hh:mm[:ss[.fraction]] from 11 on. Returns where it ends, 0 where it is not one. */
static size_t clock_parse(struct slice text, int64_t *ms)
{
    int hour, minute, second = 0, fraction = 0;
    size_t at = 16;
    if (!digits(text, 11, 2, &hour) || hour > 23 || text.size < 17 || text.data[13] != ':' ||
        !digits(text, 14, 2, &minute) || minute > 59)
        return 0;
    if (text.data[at] == ':') {
        if (!digits(text, at + 1, 2, &second) || second > 59)
            return 0;
        at += 3;
        if (at < text.size && (text.data[at] == '.' || text.data[at] == ','))
            at = fraction_parse(text, at + 1, &fraction);
    }
    if (at > 0)
        *ms = (((int64_t)hour * 60 + minute) * 60 + second) * 1000 + fraction;
    return at;
}

/* Z, +hh:mm, +hhmm or +hh, and nothing after it. */
static bool offset_parse(struct slice text, int64_t *ms)
{
    if (text.size == 1 && (text.data[0] == 'Z' || text.data[0] == 'z')) {
        *ms = 0;
        return true;
    }
    int hour, minute = 0;
    if (text.size < 3 || (text.data[0] != '+' && text.data[0] != '-') || !digits(text, 1, 2, &hour) || hour > 23)
        return false;
    size_t colon = text.size > 3 && text.data[3] == ':';
    if (text.size > 3 && (text.size != 5 + colon || !digits(text, 3 + colon, 2, &minute) || minute > 59))
        return false;
    *ms = (text.data[0] == '-' ? -1 : 1) * ((int64_t)hour * 60 + minute) * 60000;
    return true;
}

bool iso8601_parse(struct slice text, int64_t *time_ms)
{
    int32_t day;
    int64_t clock_ms, offset_ms;
    if (text.size < 17 || !date_parse(slice_of(text.data, 10), &day))
        return false;
    if (text.data[10] != 'T' && text.data[10] != 't' && text.data[10] != ' ')
        return false;
    size_t end = clock_parse(text, &clock_ms);
    if (end == 0 || !offset_parse(slice_of(text.data + end, text.size - end), &offset_ms))
        return false;
    *time_ms = (int64_t)day * DAY_SECONDS * 1000 + clock_ms - offset_ms;
    return true;
}
