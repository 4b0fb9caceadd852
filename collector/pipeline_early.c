#include "collector/pipeline_inner.h"

/* After a `busy`, all else that was in flight. The same that judging the whole batch would say. */
static bool is_gap(const struct pipeline *pipeline, const struct arrival *arrival, const struct wire_batch *batch,
                   uint64_t *expected)
{
    const struct session *session = sessions_find(pipeline->sessions, arrival->publisher, batch->session);
    struct judged judged = session_judge(session, batch->seq, batch->acked, FINGERPRINT_MALFORMED);
    *expected = judged.expected;
    return judged.judgement == JUDGE_GAP && !judged.rolled_back;
}

bool pipeline_turned_early(struct pipeline *pipeline, const struct arrival *arrival, const struct wire_batch *batch)
{
    uint64_t expected;
    if (arrival->parked || !batch->has_session || !batch->has_seq)
        return false;
    uint32_t wait_ms = budgets_wait_ms(pipeline->budgets, arrival->publisher, arrival->now_ms);
    bool in_line = parking_line(pipeline->parking, arrival->publisher, batch->session, &expected);
    if (wait_ms > 0 && !in_line) {
        budgets_turned_down(pipeline->budgets, arrival->publisher, arrival->message.size);
        pipeline->counters.count[COUNTER_OVER_BUDGET]++;
        pipeline_answer(pipeline, arrival->from, batch, ANSWER_BUSY)->retry_ms = wait_ms;
        return true;
    }
    if (!in_line && is_gap(pipeline, arrival, batch, &expected)) {
        pipeline_answer(pipeline, arrival->from, batch, ANSWER_GAP)->expected = expected;
        return true;
    }
    budgets_charge(pipeline->budgets, arrival->publisher, batch->event_count, arrival->message.size);
    return false;
}
