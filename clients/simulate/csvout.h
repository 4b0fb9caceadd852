/* csvout.h - events as jejak-publish reads them: time,learner,content,kind,value; times in Unix ms.
 *
 *     time,learner,content,kind,value
 *     1767583532114,sim-00000042,m01/t1/s2,dwell,30000
 *
 * No field ever needs quotes. Own buffer and digits: printf would take longer than everything else together.
 */
#ifndef JEJAK_CLIENTS_SIMULATE_CSVOUT_H
#define JEJAK_CLIENTS_SIMULATE_CSVOUT_H

#include "clients/simulate/course.h"

struct csvout;

/* path: "-" for standard output; an existing file is written over. The header line is written. */
enum status csvout_open(const char *path, const struct course *course, struct csvout **csvout,
                        struct error *error) must_check;
enum status csvout_write(struct csvout *csvout, const struct simulate_event *event, struct error *error) must_check;
/* Writes what is left. STATUS_STOPPED where the reader of a pipe has gone, here and in csvout_write(). */
enum status csvout_finish(struct csvout *csvout, struct error *error) must_check;
void csvout_close(struct csvout *csvout);

#endif
