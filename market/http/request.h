/* SPDX-License-Identifier: Apache-2.0
 * request.h - one request while it is served, and how a handler answers or refuses it
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include "buf.h"
#include "codes.h"
#include "head.h"
#include "json.h"
#include "router.h"

#define KEY_SIZE 65
#define ADDRESS_SIZE 46
#define TEXTS_MAX 24
#define ANSWER_HEADERS_AT 512

struct connection;
struct http_server;

/* Who asks, as the market found out from the token. */
struct caller {
	bool known;
	uuid account, machine, token; /* machine: zero unless it is a machine's token */
	uint32_t scopes;
	bool operator_;
	bool by_cookie; /* a browser: writes must come from a page of ours */
};

enum answer_kind { ANSWER_NONE, ANSWER_TEXT, ANSWER_FIXED, ANSWER_FILE, ANSWER_STREAM };
struct answer {
	enum answer_kind kind;
	int status;
	const char *type;  /* Content-Type, NULL: none */
	char *text;	   /* ANSWER_TEXT: heap */
	const char *fixed; /* ANSWER_FIXED: outlives the server */
	size_t len;
	int fd; /* ANSWER_FILE */
	struct stream *stream;
	bool may_be_kept; /* its headers say how */
	/* The lines of answer_header(), and then in front of them all others. */
	size_t head_from, head_to, body_len; /* body_len: 0 where only len tells of it */
	char head[ANSWER_HEADERS_AT + 2048];
};

struct request {
	void *context; /* what the server was started with */
	struct http_server *server;
	struct connection *from;
	const struct route *route; /* NULL where there is none */
	struct route_values values;
	char id[UUID_TEXT_SIZE];    /* in the answer's X-Request-Id, and in the log */
	char address[ADDRESS_SIZE]; /* whom rate limits count: the peer, or whom our own reverse proxy names */
	char method[8];
	const char *target, *path, *query; /* as they came; query: behind the "?", NULL without one */
	char *texts[TEXTS_MAX];		   /* decoded values that were asked for */
	size_t text_count;
	int64_t content_length;
	struct buf body;
	json_t *json; /* the body, where the route takes JSON and there is one */
	struct caller caller;
	mono_time since; /* its headers came */
	wall_time now;	 /* and when its handler began */
	mono_time now_mono;
	const char *key;		    /* the Idempotency-Key that counts, NULL: none */
	void *job;			    /* a handler's own, while it waits */
	int64_t reserved;		    /* of the server's buffered bytes */
	bool forwarded;			    /* by another market of ours */
	bool told, ran, waiting, suspended; /* told: to go on with its body */
	struct request *next, **at;	    /* the server's list */
	struct answer answer;
	struct head head; /* behind answer.head, and like it not cleared */
};

/* ---- reading ---- */
/* A header's, query parameter's or cookie's value, NULL where absent; lives as long as the request. */
const char *request_header(const struct request *r, const char *name);
const char *request_query(struct request *r, const char *name);
const char *request_cookie(struct request *r, const char *name);
/* A number in the query; refuses what is none or out of bounds. */
MUST_CHECK err_t request_query_int(struct request *r, const char *name, int64_t fallback, int64_t min, int64_t max,
				   int64_t *ret_value);

/* What the connection's client was recognised by, zeros at first: who stays need not be found out each time. */
#define SIGN_SIZE 80
struct known_sign {
	char text[SIGN_SIZE];
	sha256 hash;
	bool by_cookie;
};
struct known_sign *request_sign(const struct request *r);
/* Takes a text from the heap that lives as long as the request. Returns it. */
char *request_text(struct request *r, char *text);

/* ---- answering: once ---- */
void answer_json(struct request *r, int status, json_t *json);					  /* takes json */
void answer_empty(struct request *r);								  /* 204 */
void answer_text(struct request *r, int status, const char *type, char *text, size_t len);	  /* takes text */
void answer_fixed(struct request *r, int status, const char *type, const char *text, size_t len); /* text stays */
void answer_file(struct request *r, const char *type, int fd, size_t len);			  /* takes fd */
void answer_header(struct request *r, const char *name, const char *value); /* too long, or not of one line: dropped */
/* Problem+json (RFC 9457). field may be NULL; fmt: what exactly is wrong, "" for the code's sentence alone. Replaces an answer
 * that was made before. Never returns OK, so that a handler can end with it. */
err_t refuse(struct request *r, enum refusal code, const char *field, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* From what json_*() of base found. */
err_t refuse_json(struct request *r, const struct json_error *error);
bool answered(const struct request *r);
void answer_take_back(struct request *r);

/* Memory that a large answer takes until it is sent, out of what request bodies may take together. E_LIMIT: that is used up. */
MUST_CHECK err_t request_reserve(struct request *r, size_t bytes);

/* ---- later: the handler gave the work to someone else ---- */
void request_wait(struct request *r);
/* The answer is there now. From the loop's thread. */
void request_resume(struct request *r);

#endif
