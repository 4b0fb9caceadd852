/* zap.h - the ZAP handler (RFC 27/ZAP): judges every handshake on the collector's sockets.
 *
 * Each socket's ZAP domain is its role; a CURVE key is let in where the role lists it, a connection without CURVE where
 * the role allows it. The user id is the Z85 key, so that each message can be judged again (roles.h). With option 93
 * set on the sockets (common/sock.h), nobody gets in while no handler answers.
 */
#ifndef JEJAK_COLLECTOR_ZAP_H
#define JEJAK_COLLECTOR_ZAP_H

#include "collector/roles.h"

/* Binds inproc://zeromq.zap.01; before any other socket of the context is bound. */
enum status zap_open(void *context, void **socket, struct error *error) must_check;
/* Answers all requests that wait. Counts refused handshakes. STATUS_SYSTEM: the handler is gone, and the process is to stop:
 * nobody could come in any more. */
enum status zap_answer(void *socket, const struct roles *roles, uint64_t *refused, struct error *error) must_check;

#endif
