#include "aggregator/query.h"

#include "common/mp.h"
#include "common/packer.h"
#include "common/sock.h"

#include <stdlib.h>
#include <unistd.h>

bool query_may_answer(const struct config *config)
{
    const char *path = sock_ipc_path(config_text(config, CONFIG_QUERY));
    return !path || access(path, F_OK) == 0;
}

static struct slice request_encode(const struct query *query)
{
    struct packer *packer = packer_open();
    packer_array(packer, (size_t)query->argc + (query->file.data ? 1 : 0));
    for (int i = 0; i < query->argc; i++)
        packer_text(packer, query->argv[i]);
    if (query->file.data)
        packer_binary(packer, query->file);
    return packer_take(packer);
}

struct slice query_answer(struct slice out, const struct error *error)
{
    struct packer *packer = packer_open();
    packer_map(packer, 3);
    packer_pair_natural(packer, "status", error->status);
    packer_text(packer, "out");
    packer_slice(packer, out);
    packer_pair_text(packer, "error", error->status == STATUS_OK ? "" : error->text);
    return packer_take(packer);
}

/* The arguments, and where the last element is binary, the file. texts has room for all of them. */
static void read_elements(struct mp *mp, uint32_t count, char *texts, struct query *query)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && i == count - 1 && mp_peek(mp) == MP_BIN) {
            query->file = mp_bin(mp);
            break;
        }
        struct slice text = mp_str(mp);
        query->argv[query->argc++] = texts;
        if (text.size > 0)
            memcpy(texts, text.data, text.size);
        texts += text.size + 1;
    }
}

enum status query_read(struct slice request, struct query *query, struct error *error)
{
    struct mp mp = mp_open(request);
    struct query read = {0};
    uint32_t count = request.size <= QUERY_MAX_REQUEST_BYTES ? mp_array(&mp) : 0;
    if (mp.error || count == 0 || count > QUERY_MAX_ARGUMENTS)
        return error_set(error, STATUS_PROTOCOL, "a query is an array of 1 to %d texts", QUERY_MAX_ARGUMENTS);
    /* One piece of memory: the vector with its NULL, then the texts, each with its own. */
    size_t vector_bytes = (count + 1) * sizeof *read.argv;
    read.argv = mem_new(1, vector_bytes + request.size + count);
    read_elements(&mp, count, (char *)read.argv + vector_bytes, &read);
    if (!mp_done(&mp)) {
        query_close(&read);
        return error_set(error, STATUS_PROTOCOL, "a query is an array of texts: %s",
                         mp.error ? mp.error : "more follows");
    }
    *query = read;
    return STATUS_OK;
}

void query_close(struct query *query)
{
    free(query->argv);
    query->argv = NULL;
}

static enum status answer_read(struct slice bytes, FILE *out, struct error *error)
{
    struct mp mp = mp_open(bytes);
    uint32_t pairs = mp_map(&mp);
    uint64_t status = STATUS_BUG;
    struct slice printed = {0}, text = {0};
    for (uint32_t i = 0; i < pairs && !mp.error; i++) {
        struct slice key = mp_str(&mp);
        if (slice_equal(key, slice_of_text("status")))
            status = mp_uint(&mp);
        else if (slice_equal(key, slice_of_text("out")))
            printed = mp_str(&mp);
        else if (slice_equal(key, slice_of_text("error")))
            text = mp_str(&mp);
        else
            mp_skip(&mp);
    }
    if (!mp_done(&mp) || status >= STATUS_COUNT)
        return error_set(error, STATUS_PROTOCOL, "the running `jejak-aggregator follow` answers what is no answer");
    if (printed.size > 0 && fwrite(printed.data, 1, printed.size, out) != printed.size)
        return error_errno(error, STATUS_IO, "the answer cannot be written");
    if (status == STATUS_OK)
        return STATUS_OK;
    return error_set(error, (enum status)status, "%.*s", (int)text.size, text.size ? (const char *)text.data : "");
}

enum status query_ask(const struct config *config, const struct query *query, int timeout_ms, FILE *out,
                      struct error *error)
{
    struct sock_options options = {.max_message_bytes = QUERY_MAX_ANSWER_BYTES};
    struct sock_parts parts;
    struct slice request = request_encode(query);
    enum status status = sock_ask(config_text(config, CONFIG_QUERY), &options, request, timeout_ms, &parts, error);
    if (status == STATUS_OK) {
        status = answer_read(parts.part[0], out, error);
        sock_parts_free(&parts);
    }
    free((void *)(uintptr_t)request.data);
    return status;
}
