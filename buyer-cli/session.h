/* SPDX-License-Identifier: Apache-2.0
 * session.h - who we are at which market, and one call to it
 */
#ifndef BUYER_SESSION_H
#define BUYER_SESSION_H

#include <jansson.h>
#include "cli.h"
#include "client.h"

/* From --market, --pin and the environment (CPUSHARE_MARKET, CPUSHARE_PIN, CPUSHARE_TOKEN), else from
 * the context's file (context.h; 0600), which log-in writes. */
struct session_file {
	char market[256], pin[80], token[TOKEN_TEXT_SIZE], email[EMAIL_SIZE];
};
void session_file_read(const struct cli *cli, struct session_file *ret); /* fields are "" where unknown */
void session_file_load(const char *path, struct session_file *ret);	 /* one file alone */
MUST_CHECK err_t session_file_save(const char *path, const struct session_file *file);
/* The context's. E_NOT_FOUND: there is no such context; E_INVALID: no name. */
MUST_CHECK err_t session_file_path(const struct cli *cli, char *ret_path, size_t size);

struct buyer_session;
/* What a log-in answered goes into the file, and a greeting to the terminal. Exit code. */
int session_keep(struct buyer_session *s, json_t *answer, const char *greeting);
/* Log-in by a code that the user types in a browser (RFC 8628). Exit code. */
int login_by_browser(struct cli *cli);

struct buyer_session {
	struct cli *cli;
	struct client *client;
	struct session_file file;
};
typedef struct buyer_session session_t;

/* An exit code: 0, or what stands in the way has been printed. need_token: refuse without one. */
int session_open(struct cli *cli, bool need_token, session_t *ret);
void session_close(session_t *s);
#define AUTO_SESSION __attribute__((cleanup(session_close))) session_t

/* One call; keyed: send an Idempotency-Key (--idempotency-key, or a fresh one). A refusal is printed. Exit code. ret may be NULL. */
int session_call(session_t *s, const char *method, const char *path, json_t *body, bool keyed, json_t **ret);
/* The same, but the refusal is handed back and not printed. */
err_t session_try(session_t *s, const char *method, const char *path, json_t *body, bool keyed, json_t **ret,
		  struct problem *ret_problem);
/* Follows "next" to the end: one array of all items. */
int session_list(session_t *s, const char *path, json_t **ret_items);

/* Prints a refusal on stderr, as text or (-o json) as {"error":{…},"exit":N}. Returns the exit code. */
int session_refused(const session_t *s, const struct problem *problem);

/* An order by its id, the beginning of its id (4 characters or more), or its name; a node also as ORDER/vm1. ret has 37 bytes. */
int session_order(session_t *s, const char *word, char *ret_id);
int session_node(session_t *s, const char *word, char *ret_id);
/* A seller, machine or token: one of the list at path, by id, beginning of its id, or name. ret has 37 bytes. */
int session_find(session_t *s, const char *what, const char *path, const char *word, char *ret_id);
/* An image by id, beginning, or name. ret has 65 bytes. */
int session_image(session_t *s, const char *word, char *ret_id);

#endif
