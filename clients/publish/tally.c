#include "clients/publish/tally.h"
#include "common/cli.h"

#include <inttypes.h>
#include <stdlib.h>

void tally_start(struct tally *tally, const char *const *paths, size_t path_count)
{
    *tally = (struct tally){.paths = paths, .path_count = path_count};
}

void tally_free(struct tally *tally)
{
    for (uint32_t i = 0; i < tally->unreadable.named; i++)
        free((void *)(uintptr_t)tally->unreadable.why[i]);
}

static bool add(struct tally_case *what, struct tally_line line)
{
    what->count++;
    if (what->named == TALLY_FIRST_LINES)
        return false;
    what->first[what->named++] = line;
    return true;
}

void tally_rejected(struct tally *tally, enum verdict verdict, struct tally_line line)
{
    (void)add(&tally->rejected[verdict], line);
}

void tally_unreadable(struct tally *tally, struct tally_line line, const char *why)
{
    if (add(&tally->unreadable, line))
        tally->unreadable.why[tally->unreadable.named - 1] = mem_text("%s", why);
}

static uint64_t rejected_total(const struct tally *tally)
{
    uint64_t total = tally->rejected_unlisted;
    for (unsigned i = 0; i < VERDICT_COUNT; i++)
        total += tally->rejected[i].count;
    return total;
}

bool tally_clean(const struct tally *tally)
{
    return rejected_total(tally) == 0 && tally->unreadable.count == 0 && tally->set_aside == 0;
}

static void print_line(const struct tally *tally, struct tally_line line, FILE *out)
{
    if (tally->path_count > 1)
        fprintf(out, "%s:%" PRIu64, tally->paths[line.file], line.line);
    else
        fprintf(out, "%" PRIu64, line.line);
}

static void print_case(const struct tally *tally, const struct tally_case *what, const char *name, FILE *out)
{
    char count[CLI_COUNT_BYTES];
    fprintf(out, "  %-13s %12s  %s", name, cli_count(what->count, count), what->count == 1 ? "line " : "lines ");
    for (uint32_t i = 0; i < what->named; i++) {
        fprintf(out, "%s", i ? ", " : "");
        print_line(tally, what->first[i], out);
    }
    fprintf(out, "%s\n", what->count > what->named ? ", ..." : "");
}

static void print_rejected(const struct tally *tally, FILE *out)
{
    char count[CLI_COUNT_BYTES];
    for (unsigned i = 0; i < VERDICT_COUNT; i++)
        if (tally->rejected[i].count > 0)
            print_case(tally, &tally->rejected[i], verdict_name((enum verdict)i), out);
    if (tally->rejected_unlisted > 0)
        fprintf(out, "  %-13s %12s\n", "not listed", cli_count(tally->rejected_unlisted, count));
}

static void print_unreadable(const struct tally *tally, FILE *out)
{
    const struct tally_case *what = &tally->unreadable;
    for (uint32_t i = 0; i < what->named; i++) {
        fprintf(out, "  line ");
        print_line(tally, what->first[i], out);
        fprintf(out, ": %s\n", what->why[i]);
    }
    if (what->count > what->named)
        fprintf(out, "  ...\n");
}

static void print_count(const char *name, uint64_t number, FILE *out)
{
    char count[CLI_COUNT_BYTES];
    fprintf(out, "%-15s %12s\n", name, cli_count(number, count));
}

void tally_print(const struct tally *tally, int64_t elapsed_ms, FILE *out)
{
    char sent[CLI_COUNT_BYTES], batches[CLI_COUNT_BYTES], took[CLI_DURATION_BYTES], rate[CLI_COUNT_BYTES];
    uint64_t per_second = tally->sent * 1000 / (uint64_t)(elapsed_ms > 0 ? elapsed_ms : 1);
    fprintf(out, "%-15s %12s  events in %s batches, %s, %s events/s\n", "sent", cli_count(tally->sent, sent),
            cli_count(tally->batches, batches), cli_duration(elapsed_ms, took), cli_count(per_second, rate));
    print_count("accepted", tally->accepted, out);
    if (tally->duplicate > 0)
        print_count("duplicates", tally->duplicate, out);
    if (tally->earlier > 0)
        print_count("from the spool", tally->earlier, out);
    print_count("rejected", rejected_total(tally), out);
    print_rejected(tally, out);
    print_count("unreadable", tally->unreadable.count, out);
    print_unreadable(tally, out);
    if (tally->set_aside > 0)
        print_count("set aside", tally->set_aside, out);
}
