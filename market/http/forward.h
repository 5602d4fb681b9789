/* SPDX-License-Identifier: Apache-2.0
 * forward.h - hands a request on to another market of the same database, and its answer back
 *
 * Both sides know a secret that lies in the database. The one that is asked then believes whose request it is, and never hands it on again.
 */
#ifndef HTTP_FORWARD_H
#define HTTP_FORWARD_H

#include "loop.h"
#include "request.h"

#define FORWARD_SECRET "X-CPUShare-Forwarded"
#define FORWARD_CLIENT "X-CPUShare-Client"   /* the client's address, which rate limits count */
#define FORWARD_REQUEST "X-CPUShare-Request" /* the request's id, one in both logs */

struct forward;
MUST_CHECK err_t forward_new(struct loop *loop, struct forward **ret_forward);
/* Refuses what is under way. */
void forward_free(struct forward *f);
/* To this market from now on: "https://ADDRESS:PORT", the pin of its key ("" with plain HTTP). url NULL: there is none. What is under way
 * to another one is refused: that one may have done it. */
void forward_aim(struct forward *f, const char *url, const char *pin, const char *secret);
bool forward_has_aim(const struct forward *f);
/* Answers r, which waits, when the other market has. E_UNAVAILABLE: there is none, or r was handed on already. */
MUST_CHECK err_t forward_request(struct forward *f, struct request *r);

#endif
