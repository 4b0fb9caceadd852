/* counts - runs one stage of an event's way on a fixed input, for callgrind to count (bench/counts).
 *
 *     bench-counts                  prints the stages: name<TAB>unit
 *     bench-counts STAGE FOLDER     FOLDER: an empty one; prints "units N"
 *
 * Callgrind is switched on just before the work, so that preparing takes little time, and collects in this thread's
 * counts_work() only: valgrind --tool=callgrind --instr-atstart=no --toggle-collect=counts_work
 */
#include "bench/counts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

enum status counts_work(const struct counts_stage *stage, void *state, uint64_t *units, struct error *error);

static void read_events(struct counts_load *load)
{
    load->events = mem_new(load->batches.events, sizeof *load->events);
    for (uint32_t i = 0; i < load->message_count; i++) {
        struct wire_batch batch;
        enum verdict verdict;
        ensure(wire_batch_read(load->messages[i], &batch) == WIRE_OK);
        while (wire_event_next(&batch, &load->events[load->event_count], &verdict))
            load->event_count += verdict == VERDICT_ACCEPTED;
    }
    ensure(load->event_count == load->batches.events);
}

enum status counts_load_open(enum workload_kind kind, uint64_t events, uint64_t learners, struct counts_load *load,
                             struct error *error)
{
    const struct settings settings = {.events = events, .learners = learners, .modules = 200, .batch = 500, .seed = 1};
    static const uint8_t session[SESSION_BYTES] = "a session";
    struct workload *workload;
    enum status status = workload_open(&settings, kind, COUNTS_NOW_MS, &workload, error);
    if (status != STATUS_OK)
        return status;
    *load = (struct counts_load){0};
    batches_deal(workload, (uint32_t)settings.batch, &load->batches, 1);
    workload_close(workload);
    load->message_count = (uint32_t)load->batches.count;
    load->messages = mem_new(load->message_count, sizeof *load->messages);
    for (uint32_t i = 0; i < load->message_count; i++)
        load->messages[i] = batches_message(
            &load->batches, i, (struct encode_head){.session = session, .seq = i + 1, .sent_ms = COUNTS_NOW_MS});
    read_events(load);
    return STATUS_OK;
}

void counts_load_close(struct counts_load *load)
{
    batches_close(&load->batches);
    free(load->messages);
    free(load->events);
    *load = (struct counts_load){0};
}

/* Its name is what callgrind looks for. */
__attribute__((noipa)) enum status counts_work(const struct counts_stage *stage, void *state, uint64_t *units,
                                               struct error *error)
{
    return stage->work(state, units, error);
}

static enum status run(const struct counts_stage *stage, const char *folder, struct error *error)
{
    void *state = NULL;
    uint64_t units = 0;
    enum status status = stage->prepare(folder, &state, error);
    if (status == STATUS_OK) {
        CALLGRIND_START_INSTRUMENTATION;
        status = counts_work(stage, state, &units, error);
        CALLGRIND_STOP_INSTRUMENTATION;
    }
    if (status == STATUS_OK)
        printf("units %" PRIu64 "\n", units);
    if (state)
        stage->close(state);
    return status;
}

static const struct counts_stage *find(const char *name)
{
    for (size_t i = 0; i < counts_ingest_count; i++)
        if (strcmp(counts_ingest_stages[i].name, name) == 0)
            return &counts_ingest_stages[i];
    for (size_t i = 0; i < counts_cells_count; i++)
        if (strcmp(counts_cells_stages[i].name, name) == 0)
            return &counts_cells_stages[i];
    return NULL;
}

static int list(void)
{
    for (size_t i = 0; i < counts_ingest_count; i++)
        printf("%s\t%s\n", counts_ingest_stages[i].name, counts_ingest_stages[i].unit);
    for (size_t i = 0; i < counts_cells_count; i++)
        printf("%s\t%s\n", counts_cells_stages[i].name, counts_cells_stages[i].unit);
    return EX_OK;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return list();
    const struct counts_stage *stage = argc == 3 ? find(argv[1]) : NULL;
    if (!stage) {
        fprintf(stderr, "usage: bench-counts [STAGE FOLDER]; without them it prints the stages\n");
        return EX_USAGE;
    }
    struct error error;
    enum status status = run(stage, argv[2], &error);
    if (status != STATUS_OK)
        fprintf(stderr, "bench-counts: %s\n", error.text);
    return status_exit_code(status);
}
