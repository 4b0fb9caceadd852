/* What is asked of a running follower, and of a collector's control socket. */
#include "tests/fuzz/fuzz.h"

#include "aggregator/query.h"
#include "collector/control.h"

static void check_query(struct slice request)
{
    struct query query;
    struct error error;
    if (query_read(request, &query, &error) != STATUS_OK)
        return;
    size_t texts = 0;
    promise(query.argc >= 1 && query.argc <= QUERY_MAX_ARGUMENTS && !query.argv[query.argc]);
    for (int i = 0; i < query.argc; i++)
        texts += strlen(query.argv[i]);
    promise(texts + query.file.size <= request.size);
    if (query.file.data)
        promise(query.file.data + query.file.size == request.data + request.size);
    query_close(&query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = exact_copy(slice_of(data, size));
    enum control_op op = CONTROL_OP_COUNT;
    struct error error;
    check_query(slice_of(copy, size));
    if (control_read(slice_of(copy, size), &op, &error) == STATUS_OK)
        promise(op < CONTROL_OP_COUNT);
    else
        promise(op == CONTROL_OP_COUNT && error.text[0]);
    free(copy);
    return 0;
}
