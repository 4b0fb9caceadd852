/* learner.h - one simulated learner: a small state machine that makes her next event when asked.
 *
 * The steps follow the model in simulate.h. A learner is a fixed 128 bytes or less whatever she does, so a population
 * is an array; she remembers one favourite and one module to look at again, no history.
 */
#ifndef JEJAK_CLIENTS_SIMULATE_LEARNER_H
#define JEJAK_CLIENTS_SIMULATE_LEARNER_H

#include "clients/simulate/course.h"
#include "clients/simulate/random.h"

enum learner_step {
    STEP_ENROL,    /* says her cohort, at her first visit */
    STEP_ARRIVE,   /* a visit begins: what is it for? */
    STEP_MODULE,   /* opens the module's page */
    STEP_SECTION,  /* opens a section */
    STEP_DWELL,    /* one slice of the section's time */
    STEP_PROGRESS, /* a section is done */
    STEP_DONE,     /* the module is done */
    STEP_LEAVE,    /* the visit ends: when is the next one? */
    STEP_GONE,     /* no further event, ever */
    STEP_COUNT
};

struct learner {
    struct random random;
    int64_t clock_ms; /* where in time she is */
    int64_t enrolled_ms;
    uint32_t number;
    uint32_t remaining_ms; /* of the section on screen */
    uint32_t give_up_ppm;  /* after a visit */
    uint32_t visit_ppm;    /* chance of a visit on a day that suits, now; fades */
    uint32_t fade_permille;
    uint16_t pace_permille;
    uint16_t first, end; /* the modules of her program */
    uint16_t module;     /* on her way through them: the next one to finish */
    uint16_t section;    /* of that module: the next one to finish */
    uint16_t again;      /* module to look at again at the next visit; NO_MODULE */
    uint16_t favorite;   /* one that she will take back; NO_MODULE */
    uint16_t on_screen;  /* the module on screen: `module` or `again` */
    uint16_t at;         /* its section on screen */
    uint16_t habit_min;  /* minute of the local day when she likes to start */
    uint8_t again_left;  /* sections still to look at again in this visit; 0: on her way */
    uint8_t week;        /* since enrolment, as far as visit_ppm has faded */
    uint8_t suits;       /* bit d: weekday d suits (0 is a Thursday, as 1970-01-01 was) */
    uint8_t cohort;      /* 0: none */
    uint8_t moves_to;    /* another cohort, to be said at a later visit; 0: none */
    uint8_t step;        /* enum learner_step */
};

enum {
    NO_MODULE = 0xFFFF
};

/* Her first event is at or after her cohort's start; she may be gone before her first visit. */
void learner_open(struct learner *learner, const struct course *course, uint32_t number);
/* The next event, never before the last one; false: there is none before the period's end, now or later. */
bool learner_next(struct learner *learner, const struct course *course, struct simulate_event *event);

#endif
