/* SPDX-License-Identifier: Apache-2.0
 * smtp.h - one mail to one address: its bytes (RFC 5322), and the call to the server that takes it (RFC 5321)
 */
#ifndef MAIL_SMTP_H
#define MAIL_SMTP_H

#include <stdatomic.h>
#include "buf.h"
#include "clock.h"
#include "err.h"
#include "uuid.h"

#define SMTP_NOTE_SIZE 257

/* Texts stay the caller's. */
struct smtp_config {
	const char *server; /* "smtp://HOST:PORT" or "smtps://HOST:PORT"; "": no mail is sent */
	const char *from;   /* address */
	const char *name;   /* of who sends: any text */
	const char *ca_file;
	const char *login_file; /* INI (0600): user, password; or "" */
};
struct smtp;
/* E_INVALID with error (CONF_ERROR_SIZE) saying which setting, and what would be right. */
MUST_CHECK err_t smtp_new(const struct smtp_config *config, struct smtp **ret_smtp, char *error);
void smtp_free(struct smtp *smtp);
/* A call under way is given up (E_UNAVAILABLE), from any thread; none is begun any more. */
void smtp_stop(struct smtp *smtp);

/* A mail as it goes over the line. The subject may be any text: what could end a header's line, or is no ASCII, is written as encoded words
 * (RFC 2047), and the text in base64, so that nothing in them is read by a server. E_INVALID: to is no address. */
MUST_CHECK err_t smtp_message(const struct smtp *smtp, uuid id, const char *to, const char *subject, const char *text,
			      wall_time now, struct buf *out);
/* Waits for the server, at most a minute: on a thread of its own. E_DENIED: it does not take this mail, and will not. E_UNAVAILABLE: try
 * again later; its answer, or what is in the way, in ret_note. TLS is asked for, but of a server on this machine. */
MUST_CHECK err_t smtp_send(struct smtp *smtp, const char *to, const struct buf *message, char ret_note[static SMTP_NOTE_SIZE]);

#endif
