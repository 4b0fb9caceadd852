#include "bench/peers/peer.h"

#include "bench/workload.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

enum {
    ASKED = 5, /* times, after one that is not counted */
};

void peer_bytes_add(struct peer_bytes *bytes, const void *data, size_t size)
{
    if (bytes->size + size > bytes->room) {
        bytes->room = (bytes->size + size) * 2;
        bytes->data = mem_grow(bytes->data, bytes->room, 1);
    }
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

struct peer_answer *peer_answer(struct peer_answers *answers, const char *module, size_t size)
{
    if (answers->count == PEER_MAX_MODULES || size >= PEER_MODULE_BYTES)
        return NULL;
    struct peer_answer *answer = &answers->rows[answers->count++];
    *answer = (struct peer_answer){.median_ms = NAN};
    memcpy(answer->module, module, size);
    return answer;
}

/* ---- the load ---- */

static uint16_t add_content(struct peer_load *load, struct slice path)
{
    ensure(path.size < PEER_CONTENT_BYTES && load->content_count < PEER_SLOTS / 2);
    load->contents = mem_grow(load->contents, load->content_count + 1, sizeof *load->contents);
    struct peer_content *content = &load->contents[load->content_count];
    *content = (struct peer_content){.size = (uint8_t)path.size};
    memcpy(content->text, path.data, path.size);
    content->module_size = (uint8_t)strcspn(content->text, "/");
    content->part = content->module_size < path.size ? (uint8_t)(content->module_size + 1) : (uint8_t)path.size;
    return (uint16_t)load->content_count++;
}

static uint16_t content_of(struct peer_load *load, struct slice path)
{
    size_t at = XXH3_64bits(path.data, path.size) % PEER_SLOTS;
    for (; load->slots[at]; at = (at + 1) % PEER_SLOTS) {
        const struct peer_content *content = &load->contents[load->slots[at] - 1];
        if (slice_equal(path, slice_of(content->text, content->size)))
            return (uint16_t)(load->slots[at] - 1);
    }
    uint16_t index = add_content(load, path);
    load->slots[at] = (uint16_t)(index + 1);
    return index;
}

static void take_event(struct peer_load *load, const struct event *event, size_t *room)
{
    if (load->count == *room) {
        *room = *room ? *room + *room / 2 : 1 << 20;
        load->events = mem_grow(load->events, *room, sizeof *load->events);
    }
    struct peer_event *kept = &load->events[load->count++];
    ensure(event->learner.size <= PEER_LEARNER_BYTES);
    *kept = (struct peer_event){.time_ms = event->time_ms,
                                .value = event->value,
                                .kind = (uint8_t)event->kind,
                                .learner_size = (uint8_t)event->learner.size,
                                .content = content_of(load, event->content)};
    memcpy(kept->learner, event->learner.data, event->learner.size);
}

static enum status add_workload(const struct peer_settings *asked, enum workload_kind kind, int64_t now_ms,
                                struct peer_load *load, size_t *room, struct error *error)
{
    const struct settings settings = {
        .events = asked->events, .learners = asked->learners, .modules = asked->modules, .seed = 1};
    struct workload *workload;
    enum status status = workload_open(&settings, kind, now_ms, &workload, error);
    if (status != STATUS_OK)
        return status;
    struct event event;
    while (workload_next(workload, &event))
        take_event(load, &event, room);
    workload_close(workload);
    return STATUS_OK;
}

static enum status open_load(const struct peer_settings *settings, int64_t now_ms, struct peer_load *load,
                             struct error *error)
{
    size_t room = 0;
    load->slots = mem_new(PEER_SLOTS, sizeof *load->slots);
    enum status status = add_workload(settings, WORKLOAD_WARM, now_ms, load, &room, error);
    load->introduced = load->count;
    return status == STATUS_OK ? add_workload(settings, WORKLOAD_INDEPENDENT, now_ms, load, &room, error) : status;
}

/* The events [first, end) of the load, as batches that are encoded. */
struct batches {
    struct peer_batch *batches;
    uint64_t count;
    struct peer_bytes bytes;
};

static struct batches make_batches(const struct peer *peer, const struct peer_settings *settings,
                                   const struct peer_load *load, uint64_t first, uint64_t end)
{
    struct batches made = {0};
    made.batches = mem_new((end - first) / settings->batch + 1, sizeof *made.batches);
    for (; first < end; first += made.batches[made.count++].count) {
        struct peer_batch *batch = &made.batches[made.count];
        uint64_t left = end - first;
        batch->events = load->events + first;
        batch->count = left < settings->batch ? left : settings->batch;
        size_t start = made.bytes.size;
        if (peer->encode)
            peer->encode(settings, load, batch->events, batch->count, &made.bytes);
        batch->bytes.size = made.bytes.size - start;
    }
    size_t at = 0;
    for (uint64_t i = 0; i < made.count; at += made.batches[i++].bytes.size)
        made.batches[i].bytes.data = made.bytes.data + at; /* they have moved until now */
    return made;
}

/* ---- what is measured ---- */

/* Sends them and frees them. */
static enum status put(const struct peer *peer, void *state, const struct peer_load *load, struct batches made,
                       double *seconds, struct error *error)
{
    enum status status = STATUS_OK;
    int64_t started_ns = clock_mono_ns();
    for (uint64_t i = 0; status == STATUS_OK && i < made.count; i++)
        status = peer->put(state, load, &made.batches[i], error);
    *seconds = (double)(clock_mono_ns() - started_ns) / 1e9;
    free(made.batches);
    free(made.bytes.data);
    return status;
}

static enum status put_all(const struct peer *peer, void *state, const struct peer_settings *settings,
                           const struct peer_load *load, struct error *error)
{
    double seconds = 0;
    uint64_t stored = 0, measured = load->count - load->introduced;
    enum status status =
        put(peer, state, load, make_batches(peer, settings, load, 0, load->introduced), &seconds, error);
    if (status == STATUS_OK)
        status =
            put(peer, state, load, make_batches(peer, settings, load, load->introduced, load->count), &seconds, error);
    if (status == STATUS_OK)
        status = peer->settle(state, load->count, &stored, error);
    if (status == STATUS_OK)
        printf("events %" PRIu64 "\nseconds %.3f\nevents_per_s %.0f\nbytes_per_event %.2f\n", measured, seconds,
               (double)measured / seconds, (double)stored / (double)load->count);
    return status;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int compare_answers(const void *a, const void *b)
{
    return strcmp(((const struct peer_answer *)a)->module, ((const struct peer_answer *)b)->module);
}

static enum status write_answers(const char *path, struct peer_answers *answers, struct error *error)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return error_errno(error, STATUS_CANNOT_MAKE, "%s", path);
    qsort(answers->rows, answers->count, sizeof *answers->rows, compare_answers);
    for (uint32_t i = 0; i < answers->count; i++)
        fprintf(file, "%s\t%" PRIu64 "\t%" PRIu64 "\n", answers->rows[i].module, answers->rows[i].learners,
                answers->rows[i].opens);
    return fclose(file) == 0 ? STATUS_OK : error_errno(error, STATUS_IO, "%s", path);
}

static enum status ask(const struct peer *peer, void *state, const struct peer_settings *settings, int64_t now_ms,
                       struct error *error)
{
    static struct peer_answers answers;
    double took_ms[ASKED];
    for (int i = -1; i < ASKED; i++) {
        answers.count = 0;
        int64_t started_ns = clock_mono_ns();
        enum status status = peer->ask(state, now_ms - PEER_DAY_MS, now_ms + PEER_DAY_MS, &answers, error);
        if (status != STATUS_OK)
            return status;
        if (i >= 0)
            took_ms[i] = (double)(clock_mono_ns() - started_ns) / 1e6;
    }
    if (answers.count == 0)
        return error_set(error, STATUS_DATA, "%s answers without a module", peer->name);
    qsort(took_ms, ASKED, sizeof *took_ms, compare_doubles);
    printf("modules %u\nquestion_ms %.1f\nquestion_least_ms %.1f\nquestion_greatest_ms %.1f\n", answers.count,
           took_ms[ASKED / 2], took_ms[0], took_ms[ASKED - 1]);
    return settings->answers ? write_answers(settings->answers, &answers, error) : STATUS_OK;
}

static enum status run(const struct peer *peer, const struct peer_settings *settings, struct error *error)
{
    struct peer_load load = {0};
    void *state = NULL;
    int64_t now_ms = clock_now_ms();
    enum status status = open_load(settings, now_ms, &load, error);
    if (status == STATUS_OK)
        status = peer->open(settings, &state, error);
    if (status == STATUS_OK)
        status = put_all(peer, state, settings, &load, error);
    if (status == STATUS_OK && peer->ask && settings->ask)
        status = ask(peer, state, settings, now_ms, error);
    if (state)
        peer->close(state);
    free(load.events);
    free(load.contents);
    free(load.slots);
    return status;
}

/* ---- options ---- */

static _Noreturn void usage(const struct peer *peer, int exit_code)
{
    fprintf(exit_code == EX_OK ? stdout : stderr,
            "usage: bench-peer-%s [options] --at AT\n"
            "  --at AT         %s\n"
            "  --events N      of the measured load (2000000)\n"
            "  --learners N    (50000)\n"
            "  --modules N     of four sections each (200)\n"
            "  --batch N       events in each (100000)\n"
            "  --relaxed       acknowledged before it is on stable storage\n"
            "  --ingest-only   no question\n"
            "  --answers FILE  module, learners, opens of each\n",
            peer->name, peer->at);
    if (peer->modes)
        fprintf(exit_code == EX_OK ? stdout : stderr, "  --mode MODE     one of: %s\n", peer->modes);
    exit(exit_code);
}

static uint64_t number(const struct peer *peer, const char *text)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value == 0 || value > 1000000000)
        usage(peer, EX_USAGE);
    return value;
}

static bool has_mode(const struct peer *peer, const char *mode)
{
    size_t size = strlen(mode);
    for (const char *at = peer->modes; at && *at; at += strcspn(at, " "), at += *at == ' ')
        if (size == strcspn(at, " ") && memcmp(at, mode, size) == 0)
            return true;
    return false;
}

static bool take(const struct peer *peer, int found, struct peer_settings *settings)
{
    switch (found) {
    case 'a':
        settings->at = optarg;
        return true;
    case 'e':
        settings->events = number(peer, optarg);
        return true;
    case 'l':
        settings->learners = number(peer, optarg);
        return true;
    case 'u':
        settings->modules = number(peer, optarg);
        return settings->modules < PEER_MAX_MODULES;
    case 'b':
        settings->batch = number(peer, optarg);
        return true;
    case 'r':
        settings->durable = false;
        return true;
    case 'i':
        settings->ask = false;
        return true;
    case 'o':
        settings->answers = optarg;
        return true;
    case 'm':
        settings->mode = optarg;
        return has_mode(peer, optarg);
    default:
        return false;
    }
}

int peer_main(const struct peer *peer, int argc, char **argv)
{
    static const struct option known[] = {{"at", required_argument, NULL, 'a'},
                                          {"events", required_argument, NULL, 'e'},
                                          {"learners", required_argument, NULL, 'l'},
                                          {"modules", required_argument, NULL, 'u'},
                                          {"batch", required_argument, NULL, 'b'},
                                          {"relaxed", no_argument, NULL, 'r'},
                                          {"ingest-only", no_argument, NULL, 'i'},
                                          {"answers", required_argument, NULL, 'o'},
                                          {"mode", required_argument, NULL, 'm'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    struct peer_settings settings = {
        .events = 2000000, .learners = 50000, .modules = 200, .batch = 100000, .durable = true, .ask = true};
    for (int found; (found = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (!take(peer, found, &settings))
            usage(peer, found == 'h' ? EX_OK : EX_USAGE);
    }
    if (!settings.at || optind < argc)
        usage(peer, EX_USAGE);
    struct error error;
    enum status status = run(peer, &settings, &error);
    if (status != STATUS_OK)
        fprintf(stderr, "bench-peer-%s: %s\n", peer->name, error.text);
    return status_exit_code(status);
}
