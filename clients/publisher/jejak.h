/* jejak.h - publish learning events to a Jejak collector.
 *
 *     struct jejak *publisher;
 *     char error[JEJAK_ERROR_BYTES];
 *     struct jejak_options options = {.endpoint = "tcp://collector:7411", .server_public = ..., .public_key = ...,
 *                                     .secret_key = ..., .spool = "/var/lib/lms/jejak"};
 *     if (jejak_open(&options, &publisher, error) != JEJAK_OK)
 *         ... error says why
 *     struct jejak_event event = {JEJAK_OPEN, now_ms, "learner-7", 9, "algebra/fractions", 17, 0};
 *     jejak_publish(publisher, &event, NULL);       often
 *     jejak_step(publisher, 100);                   in your loop, at least every second
 *     jejak_flush(publisher, 10000);
 *     jejak_close(publisher);
 *
 * What is promised: an event that jejak_publish() took (JEJAK_OK) reaches the collector once. With a spool that holds
 * through the death of this process and of the collector; without one it holds as long as the publisher stays open.
 * A learner id leaves this process only inside the encrypted connection and the encrypted spool; no text from here
 * holds one.
 *
 * A publisher belongs to one thread at a time. There is no global state, no thread of ours but ZeroMQ's, and nothing is
 * printed. Callbacks run inside jejak_publish(), jejak_step() and jejak_flush() and must not call the publisher.
 * docs/PROTOCOL.md says what goes over the wire.
 */
#ifndef JEJAK_H
#define JEJAK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define JEJAK_API __attribute__((visibility("default")))

enum {
    JEJAK_ERROR_BYTES = 2048,
    JEJAK_SESSION_BYTES = 16
};

enum jejak_status {
    JEJAK_OK,
    JEJAK_REJECTED,    /* the event breaks a rule; the verdict says which. Not taken */
    JEJAK_BUSY,        /* a bound is reached (memory, spool, disk): step, and try again. Not taken */
    JEJAK_UNAVAILABLE, /* the collector did not settle everything in time; everything is kept */
    JEJAK_REFUSED,     /* this collector does not speak our protocol version: everything is kept, nothing is sent */
    JEJAK_USAGE,       /* an option is wrong */
    JEJAK_DENIED,      /* a file has the wrong mode, or the spool another key */
    JEJAK_CORRUPT,     /* the spool is damaged, or a newer libjejak wrote it: the text says which */
    JEJAK_FAILED,      /* the operating system refused: the text says what */
};

enum jejak_kind {
    JEJAK_OPEN,
    JEJAK_DWELL, /* value: milliseconds, 1 to 86400000 */
    JEJAK_FAVORITE,
    JEJAK_UNFAVORITE,
    JEJAK_PROGRESS, /* value: percent, 0 to 100 */
    JEJAK_COHORT,   /* content: the group, "-" for none */
};

struct jejak_event {
    enum jejak_kind kind;
    int64_t time_ms;     /* Unix ms UTC */
    const char *learner; /* 1 to 128 bytes of UTF-8 without control characters */
    size_t learner_size;
    const char *content; /* module/topic/section, each [A-Za-z0-9._~:-]{1,64} */
    size_t content_size;
    uint32_t value; /* 0 where the kind has none */
};

/* What happened to a batch. */
enum jejak_outcome {
    JEJAK_STORED,    /* on the collector's stable storage; `accepted` and `rejected` tell how many events */
    JEJAK_DUPLICATE, /* it was stored before (an answer was lost, or a process died) */
    JEJAK_SET_ASIDE, /* it can never be stored; with a spool it is kept in FOLDER/set-aside */
};

struct jejak_rejected {
    uint32_t index; /* of the event in its batch, from 0 */
    const char *code;
};

struct jejak_batch {
    uint64_t seq;
    enum jejak_outcome outcome;
    uint32_t events;
    uint32_t accepted;
    uint32_t rejected; /* in all; the first 100 are listed */
    const struct jejak_rejected *list;
    uint32_t listed;
    const char *detail; /* JEJAK_SET_ASIDE: the collector's sentence */
    /* JEJAK_SET_ASIDE: the events as msgpack, one after the other; NULL where only the spool has them. */
    const void *bytes;
    size_t size;
};

typedef void (*jejak_batch_fn)(void *argument, const struct jejak_batch *batch);
/* Something that somebody may want in a log: one sentence, never a learner id. */
typedef void (*jejak_notice_fn)(void *argument, const char *sentence);

/* 0 or NULL takes the default in brackets. */
struct jejak_options {
    const char *endpoint;
    /* CURVE keys as Z85 texts of 40 characters: all three, or none of them (plain: loopback and ipc:// only). */
    const char *server_public;
    const char *public_key;
    const char *secret_key;
    const char *spool;      /* a folder of this publisher's own; NULL: none */
    uint32_t batch_events;  /* a batch is sent with this many events (500); at most 65535 */
    int32_t batch_age_ms;   /* or when its first event has waited this long (1000); -1: never by age */
    uint32_t in_flight;     /* batches on the way, 1 to 64 (64) */
    uint64_t memory_bytes;  /* encoded events held in memory (16 MiB); ZeroMQ holds what is in flight once more */
    uint64_t spool_bytes;   /* size of the spool (256 MiB) */
    const uint8_t *session; /* goes on with a session whose first `settled` batches are settled; not with a spool */
    uint64_t settled;
    jejak_batch_fn on_batch; /* once for every batch that is settled */
    jejak_notice_fn on_notice;
    void *argument;
};

struct jejak_counters {
    uint64_t taken; /* events; the following ones too */
    uint64_t accepted;
    uint64_t rejected; /* by the collector */
    uint64_t duplicate;
    uint64_t set_aside;
    uint64_t waiting;     /* taken, not settled */
    uint64_t batches;     /* made */
    uint64_t made;        /* the seq of the last one */
    uint64_t sendings;    /* resends included */
    uint64_t busy;        /* answers */
    uint64_t gaps;        /* answers */
    uint64_t unreadable;  /* answers */
    uint64_t connections; /* sockets made */
    uint64_t memory_bytes;
    uint64_t spool_bytes;
};

struct jejak;

/* *publisher is untouched on failure. What a spool still holds is sent as soon as the publisher is stepped. */
JEJAK_API enum jejak_status jejak_open(const struct jejak_options *options, struct jejak **publisher,
                                       char error[JEJAK_ERROR_BYTES]);
/* Does not wait for the collector. What was taken and is not settled stays in the spool, or is lost without one: flush
 * before. NULL is fine. */
JEJAK_API void jejak_close(struct jejak *publisher);

/* Takes an event, or not. Does not wait for the collector; with a spool, a full batch waits for the disk.
 * *code (may be NULL): with JEJAK_REJECTED the rule that is broken, as in the answers (docs/PROTOCOL.md). */
JEJAK_API enum jejak_status jejak_publish(struct jejak *publisher, const struct jejak_event *event, const char **code);

/* Sends what is due, reads answers, and waits up to timeout_ms for something to happen. */
JEJAK_API enum jejak_status jejak_step(struct jejak *publisher, int timeout_ms);

/* Closes the open batch and steps until everything is settled. */
JEJAK_API enum jejak_status jejak_flush(struct jejak *publisher, int timeout_ms);

/* Closes the open batch, without waiting: for those that draw the borders of batches themselves. */
JEJAK_API enum jejak_status jejak_cut(struct jejak *publisher);

/* Why the last call failed. */
JEJAK_API const char *jejak_error(const struct jejak *publisher);
JEJAK_API void jejak_counters(const struct jejak *publisher, struct jejak_counters *counters);
JEJAK_API const uint8_t *jejak_session(const struct jejak *publisher); /* JEJAK_SESSION_BYTES */
JEJAK_API uint64_t jejak_settled(const struct jejak *publisher);       /* every batch up to this seq */
JEJAK_API const char *jejak_version(void);

#ifdef __cplusplus
}
#endif

#endif
