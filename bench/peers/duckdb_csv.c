/* duckdb_csv - fills a DuckDB table from a CSV of events (time,learner,content,kind,value, as jejak-simulate writes it) and
 * asks it the question (peer.h) over a period: what bench/peers/duckdb runs.
 *
 *     bench-duckdb-csv CSV FOLDER FROM_MS TO_MS ANSWERS THREADS
 *
 * Prints `name value` lines: duckdb_version, duckdb_threads, duckdb_events, duckdb_load_ms, duckdb_bytes, duckdb_ms (the
 * question, median of five after one that is not counted), duckdb_least_ms, duckdb_greatest_ms, duckdb_repeated_opens
 * (opens that the report counts once: same learner, path and ms). ANSWERS gets module, learners and opens of each, the
 * opens without those repetitions.
 */
#include "bench/peers/duck.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    ASKED = 5
};

static enum status load(struct duck *duck, const char *csv, struct error *error)
{
    char *sql = mem_text(
        "CREATE TABLE events AS SELECT time, learner, split_part(content, '/', 1) AS module,"
        " substr(content, strpos(content || '/', '/') + 1) AS part,"
        " (list_position(['open','dwell','favorite','unfavorite','progress','cohort'], kind) - 1)::UTINYINT AS kind,"
        " coalesce(value, 0)::UINTEGER AS value"
        " FROM read_csv('%s', header = true, auto_detect = false, delim = ',', quote = '', escape = '',"
        " columns = {'time': 'BIGINT', 'learner': 'VARCHAR', 'content': 'VARCHAR', 'kind': 'VARCHAR',"
        " 'value': 'UINTEGER'})",
        csv);
    enum status status = duck_execute(duck, "SET preserve_insertion_order = true", error);
    if (status == STATUS_OK)
        status = duck_execute(duck, sql, error);
    if (status == STATUS_OK)
        status = duck_execute(duck, "CHECKPOINT", error);
    free(sql);
    return status;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static enum status ask(struct duck *duck, int64_t from_ms, int64_t to_ms, struct peer_answers *answers,
                       struct error *error)
{
    double took_ms[ASKED];
    for (int i = -1; i < ASKED; i++) {
        answers->count = 0;
        int64_t started_ns = clock_mono_ns();
        enum status status = duck_ask(duck, from_ms, to_ms, answers, error);
        if (status != STATUS_OK)
            return status;
        if (i >= 0)
            took_ms[i] = (double)(clock_mono_ns() - started_ns) / 1e6;
    }
    qsort(took_ms, ASKED, sizeof *took_ms, compare_doubles);
    printf("duckdb_modules %u\nduckdb_ms %.1f\nduckdb_least_ms %.1f\nduckdb_greatest_ms %.1f\n", answers->count,
           took_ms[ASKED / 2], took_ms[0], took_ms[ASKED - 1]);
    return STATUS_OK;
}

/* Takes off the opens that the report counts once: it counts the distinct times of each path. */
static enum status count_once(struct duck *duck, int64_t from_ms, int64_t to_ms, struct peer_answers *answers,
                              struct error *error)
{
    static struct peer_answers again;
    uint64_t all = 0;
    char *sql = mem_text("SELECT module, 0::BIGINT, sum(times - 1)::BIGINT, NULL::DOUBLE FROM ("
                         " SELECT module, count(*) AS times FROM events WHERE kind = 0 AND time >= %" PRId64
                         " AND time < %" PRId64 " GROUP BY module, part, learner, time HAVING count(*) > 1)"
                         " GROUP BY module",
                         from_ms, to_ms);
    enum status status = duck_answers(duck, sql, &again, error);
    free(sql);
    for (uint32_t i = 0; i < again.count; i++) {
        all += again.rows[i].opens;
        for (uint32_t j = 0; j < answers->count; j++)
            if (strcmp(answers->rows[j].module, again.rows[i].module) == 0)
                answers->rows[j].opens -= again.rows[i].opens;
    }
    if (status == STATUS_OK)
        printf("duckdb_repeated_opens %" PRIu64 "\n", all);
    return status;
}

static enum status write_answers(const char *path, const struct peer_answers *answers, struct error *error)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return error_errno(error, STATUS_CANNOT_MAKE, "%s", path);
    for (uint32_t i = 0; i < answers->count; i++)
        fprintf(file, "%s\t%" PRIu64 "\t%" PRIu64 "\n", answers->rows[i].module, answers->rows[i].learners,
                answers->rows[i].opens);
    return fclose(file) == 0 ? STATUS_OK : error_errno(error, STATUS_IO, "%s", path);
}

static enum status print_size(const char *folder, struct error *error)
{
    char *path = mem_text("%s/events.duckdb", folder);
    struct stat stat_of;
    enum status status = stat(path, &stat_of) == 0 ? STATUS_OK : error_errno(error, STATUS_IO, "%s", path);
    free(path);
    if (status == STATUS_OK)
        printf("duckdb_bytes %lld\n", (long long)stat_of.st_size);
    return status;
}

static enum status run(char **argv, struct error *error)
{
    static struct peer_answers answers;
    int64_t from_ms = strtoll(argv[3], NULL, 10), to_ms = strtoll(argv[4], NULL, 10);
    unsigned threads = (unsigned)strtoul(argv[6], NULL, 10);
    struct duck *duck;
    uint64_t events = 0;
    enum status status = duck_open(argv[2], threads, &duck, error);
    if (status != STATUS_OK)
        return status;
    int64_t started_ns = clock_mono_ns();
    status = load(duck, argv[1], error);
    int64_t loaded_ns = clock_mono_ns();
    if (status == STATUS_OK)
        status = duck_number(duck, "SELECT count(*) FROM events", &events, error);
    if (status == STATUS_OK) {
        printf("duckdb_version %s\nduckdb_threads %u\nduckdb_events %" PRIu64 "\nduckdb_load_ms %.0f\n", duck_version(),
               threads, events, (double)(loaded_ns - started_ns) / 1e6);
        status = print_size(argv[2], error);
    }
    if (status == STATUS_OK)
        status = ask(duck, from_ms, to_ms, &answers, error);
    if (status == STATUS_OK)
        status = count_once(duck, from_ms, to_ms, &answers, error);
    if (status == STATUS_OK)
        status = write_answers(argv[5], &answers, error);
    duck_close(duck);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: bench-duckdb-csv CSV FOLDER FROM_MS TO_MS ANSWERS THREADS\n");
        return EX_USAGE;
    }
    struct error error;
    enum status status = run(argv, &error);
    if (status != STATUS_OK)
        fprintf(stderr, "bench-duckdb-csv: %s\n", error.text);
    return status_exit_code(status);
}
