/* jejak-simulate: course -> crowd -> delivery -> CSV or collector. simulate.h says what is simulated. */
#include "clients/simulate/collectorout.h"
#include "clients/simulate/crowd.h"
#include "clients/simulate/csvout.h"
#include "clients/simulate/delivery.h"
#include "clients/simulate/options.h"
#include "common/cli.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

typedef void (*write_fn)(const struct course *course, FILE *file);

static enum status write_file(const char *path, const struct course *course, write_fn write, struct error *error)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return error_errno(error, STATUS_CANNOT_MAKE, "%s", path);
    write(course, file);
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed)
        return error_errno(error, STATUS_IO, "%s: writing", path);
    return STATUS_OK;
}

static enum status send_all(struct crowd *crowd, struct delivery *delivery, struct error *error)
{
    struct simulate_event event;
    while (crowd_next(crowd, &event)) {
        enum status status = delivery_send(delivery, &event, error);
        if (status != STATUS_OK)
            return status;
    }
    return delivery_finish(delivery, error);
}

static enum status simulate(const struct options *options, const struct course *course, delivery_fn arrive,
                            void *argument, struct delivery_counts *counts, struct error *error)
{
    struct crowd *crowd = crowd_open(course);
    struct delivery *delivery = delivery_open(&options->delivery, options->model.seed, arrive, argument);
    enum status status = send_all(crowd, delivery, error);
    *counts = delivery_counts(delivery);
    delivery_close(delivery);
    crowd_close(crowd);
    return status;
}

static enum status write_to_csv(const struct simulate_event *event, void *argument, struct error *error)
{
    return csvout_write(argument, event, error);
}

static enum status simulate_to_csv(const struct options *options, const struct course *course,
                                   struct delivery_counts *counts, struct error *error)
{
    struct csvout *out;
    enum status status = csvout_open(options->out, course, &out, error);
    if (status != STATUS_OK)
        return status;
    status = simulate(options, course, write_to_csv, out, counts, error);
    if (status == STATUS_OK)
        status = csvout_finish(out, error);
    csvout_close(out);
    return status;
}

static enum status write_to_collector(const struct simulate_event *event, void *argument, struct error *error)
{
    return collectorout_write(argument, event, error);
}

static enum status simulate_to_collector(const struct options *options, const struct course *course,
                                         struct delivery_counts *counts, struct error *error)
{
    struct collectorout *out;
    const struct collectorout_options where = {options->to, options->home, options->name};
    enum status status = collectorout_open(&where, course, &out, error);
    if (status != STATUS_OK)
        return status;
    status = simulate(options, course, write_to_collector, out, counts, error);
    if (status == STATUS_OK)
        status = collectorout_finish(out, error);
    struct collectorout_counts told = collectorout_counts(out);
    fprintf(stderr, "jejak-simulate: %s: accepted %" PRIu64 ", rejected %" PRIu64 ", duplicate %" PRIu64 "\n",
            options->to, told.accepted, told.rejected, told.duplicate);
    collectorout_close(out);
    return status;
}

static void summarise(const struct simulate_model *model, const struct delivery_counts *counts, int64_t started_ns)
{
    double seconds = (double)(clock_mono_ns() - started_ns) / 1e9;
    fprintf(stderr,
            "jejak-simulate: simulated data: %" PRIu64 " events of %" PRIu32 " learners, %" PRIu32 " modules, %" PRIu32
            " weeks, seed %" PRIu64 "; late %" PRIu64 ", disordered %" PRIu64 ", repeated %" PRIu64
            "; %.1f s, %.0f events/s\n",
            counts->arrived, model->learners, model->modules, model->weeks, model->seed, counts->late,
            counts->disordered, counts->repeated, seconds, (double)counts->arrived / seconds);
}

/* How many learners, and how long they stay, where --events asks for it. */
static enum status settle_population(struct options *options, struct error *error)
{
    if (options->events == 0)
        return STATUS_OK;
    if (!options->learners_for_events)
        return crowd_leave_for(&options->model, options->events, &options->model.leave_permille, error);
    struct course *course = course_open(&options->model);
    options->model.learners = crowd_learners_for(course, options->events);
    course_close(course);
    return STATUS_OK;
}

static enum status run(struct options *options, struct error *error)
{
    int64_t started_ns = clock_mono_ns();
    enum status status = settle_population(options, error);
    if (status != STATUS_OK)
        return status;
    struct course *course = course_open(&options->model);
    struct delivery_counts counts = {0};
    if (options->curriculum)
        status = write_file(options->curriculum, course, course_write_curriculum, error);
    if (status == STATUS_OK && options->planted)
        status = write_file(options->planted, course, course_write_planted, error);
    if (status == STATUS_OK)
        status = options->to ? simulate_to_collector(options, course, &counts, error)
                             : simulate_to_csv(options, course, &counts, error);
    if (status == STATUS_OK)
        summarise(&options->model, &counts, started_ns);
    course_close(course);
    return status;
}

int main(int argc, char **argv)
{
    cli_start("jejak-simulate");
    signal(SIGPIPE, SIG_IGN); /* a reader that has seen enough is no failure */
    struct options options;
    struct error error;
    enum status status = options_parse(argc, argv, &options, &error);
    if (status == STATUS_OK && options.help) {
        options_help();
        return 0;
    }
    if (status == STATUS_OK && options.version) {
        puts("jejak-simulate " JEJAK_VERSION);
        return 0;
    }
    if (status == STATUS_OK)
        status = run(&options, &error);
    return status == STATUS_OK || status == STATUS_STOPPED ? EX_OK : cli_fail(&error);
}
