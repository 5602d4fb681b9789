/* SPDX-License-Identifier: Apache-2.0
 * forward.c - hands a request on to another market of the same database, and its answer back
 *
 * How it works: libcurl's multi interface on our loop, which keeps connections to the other market open. The request goes on as it came,
 * with the headers of passed_on, and is suspended until the answer is complete. Where none comes the client is told 503: like after a
 * lost commit, it asks again, under the same Idempotency-Key where it has one.
 */
#include "forward.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/epoll.h>

#include "bytes.h"
#include "clock.h"
#include "file.h"
#include "inside.h"
#include "log.h"

#define URL_SIZE 320
#define PIN_MAX 64
#define CONNECT_MS 2000L
#define ANSWER_MS 20000L
#define CONNECTIONS 64L /* to the other market; more requests wait for one */
#define ANSWER_MAX (16 << 20)
#define HEADER_SIZE 4096

struct call {
	struct forward *f;
	struct request *r;
	CURL *easy;
	struct curl_slist *headers;
	struct buf body;
	struct call *next, **at;
};
struct forward {
	struct loop *loop;
	CURLM *multi;
	int timer;
	struct call *calls;
	char url[URL_SIZE], pin[PIN_MAX], secret[SHA256_TEXT_SIZE];
};

/* What handlers look at; the body's length is libcurl's to tell. */
static const char *const passed_on[] = { "Authorization", "Cookie",	    "Content-Type", "Idempotency-Key", "Host",	"Origin",
					 "X-CPUShare",	  "Sec-Fetch-Site", "User-Agent",   "If-None-Match",   "Accept" };
/* At most HEADER_MAX. */
static const char *const passed_back[] = { "ETag",	  "Cache-Control",	  "Link",
					   "Retry-After", "Idempotency-Replayed", "WWW-Authenticate" };

/* ---- one request ---- */

static void call_free(struct call *c)
{
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	curl_multi_remove_handle(c->f->multi, c->easy);
	curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->headers);
	buf_clear(&c->body);
	free(c);
}

static void refuse_call(struct call *c)
{
	struct request *r = c->r;
	call_free(c);
	refuse(r, REFUSE_UNAVAILABLE, NULL, "the market that holds the book does not answer; it may have done it");
	request_resume(r);
}

/* A text that outlives the answer. */
static const char *type_of(CURL *easy)
{
	static const char *const types[] = { "application/problem+json", "application/json", "image/png" };
	char *type = NULL;
	curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
	for (size_t i = 0; type && i < sizeof types / sizeof *types; i++)
		if (!strncmp(type, types[i], strlen(types[i])))
			return types[i];
	return type ? "application/octet-stream" : NULL;
}

static void answer_call(struct call *c)
{
	struct request *r = c->r;
	long status = 0;
	size_t len = c->body.len;
	const char *type = type_of(c->easy);
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	char *text = buf_take(&c->body);
	if (text)
		answer_text(r, (int)status, type, text, len);
	else
		answer_fixed(r, (int)status, type, "", 0);
	for (size_t i = 0; i < sizeof passed_back / sizeof *passed_back; i++) {
		struct curl_header *header;
		if (curl_easy_header(c->easy, passed_back[i], 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
			answer_header(r, passed_back[i], header->value);
	}
	call_free(c);
	request_resume(r);
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	struct call *c = context;
	buf_append(&c->body, data, size * count);
	return c->body.error ? 0 : size * count;
}

static int on_socket_made(void *context, curl_socket_t fd, curlsocktype purpose)
{
	(void)context, (void)purpose;
	return fcntl(fd, F_SETFD, FD_CLOEXEC) ? CURL_SOCKOPT_ERROR : CURL_SOCKOPT_OK;
}

static bool add_header(struct call *c, const char *name, const char *value)
{
	char line[HEADER_SIZE];
	if (!value || !*value)
		return true;
	if ((size_t)snprintf(line, sizeof line, "%s: %s", name, value) >= sizeof line)
		return false;
	struct curl_slist *longer = curl_slist_append(c->headers, line);
	if (longer)
		c->headers = longer;
	return longer;
}

static bool add_headers(struct call *c)
{
	bool fine = true;
	for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
		fine = fine && add_header(c, passed_on[i], request_header(c->r, passed_on[i]));
	fine = fine && add_header(c, FORWARD_SECRET, c->f->secret) && add_header(c, FORWARD_CLIENT, c->r->address);
	struct curl_slist *longer = fine ? curl_slist_append(c->headers, "Expect:") : NULL;
	return longer && add_header(c, FORWARD_REQUEST, c->r->id);
}

static err_t call_fill(struct call *c)
{
	struct request *r = c->r;
	CURL *easy = c->easy;
	char url[URL_SIZE + 2200]; /* the server takes no longer target than 2048 */
	bool writes = strcmp(r->method, "GET") && strcmp(r->method, "HEAD");
	if ((size_t)snprintf(url, sizeof url, "%s%s", c->f->url, r->target) >= sizeof url || !add_headers(c))
		return E_LIMIT;
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, *c->f->pin ? "https" : "http");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	if (*c->f->pin) { /* the key is known: the name in its certificate does not matter */
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
		curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, c->f->pin);
		curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	}
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, ANSWER_MS);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, c->headers);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
	if (writes && r->route->body_max) { /* the body lies in the request until it is answered */
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body.len ? r->body.data : "");
	}
	/* HEAD goes as GET: its answer has the length that a GET's has. */
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, writes ? r->method : "GET");
	return OK;
}

err_t forward_request(struct forward *f, struct request *r)
{
	if (!*f->url || r->forwarded)
		return E_UNAVAILABLE;
	struct call *c = calloc(1, sizeof *c);
	if (!c)
		return E_NOMEM;
	*c = (struct call){ .f = f, .r = r, .body.max = ANSWER_MAX, .next = f->calls, .at = &f->calls };
	if (c->next)
		c->next->at = &c->next;
	f->calls = c;
	c->easy = curl_easy_init();
	err_t e = c->easy ? call_fill(c) : E_NOMEM;
	if (e == OK && curl_multi_add_handle(f->multi, c->easy) != CURLM_OK)
		e = E_NOMEM;
	if (e)
		call_free(c);
	else
		request_wait(r);
	return e;
}

/* ---- libcurl on our loop ---- */

static void finish(struct forward *f)
{
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(f->multi, &left))) {
		struct call *c = NULL;
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &c);
		if (code == CURLE_OK) {
			answer_call(c);
		} else {
			log_debug("a request could not be handed on", "request=%s why=%s", c->r->id, curl_easy_strerror(code));
			refuse_call(c);
		}
	}
}

static void on_socket_ready(void *context, int fd, uint32_t events)
{
	struct forward *f = context;
	int running, what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			    (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
	curl_multi_socket_action(f->multi, fd, what, &running);
	finish(f);
}

/* known: NULL at the descriptor's first time. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
	struct forward *f = context;
	(void)easy;
	uint32_t events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) | (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
	if (what == CURL_POLL_REMOVE) {
		loop_fd_remove(f->loop, fd);
		return 0;
	}
	err_t e = known ? loop_fd_change(f->loop, fd, events) : loop_fd_add(f->loop, fd, events, on_socket_ready, f);
	curl_multi_assign(f->multi, fd, f);
	return e ? -1 : 0;
}

/* Not from within this callback: libcurl does not want to be called by it. */
static int on_timeout_wanted(CURLM *multi, long timeout_ms, void *context)
{
	struct forward *f = context;
	(void)multi;
	loop_timer_change(f->loop, f->timer, timeout_ms < 0 ? HOUR_US : timeout_ms > 0 ? timeout_ms * MILLISECOND_US : 1);
	return 0;
}

static void on_timer(void *context, mono_time now)
{
	struct forward *f = context;
	int running;
	(void)now;
	loop_timer_change(f->loop, f->timer, HOUR_US);
	curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finish(f);
}

/* ---- where to ---- */

void forward_aim(struct forward *f, const char *url, const char *pin, const char *secret)
{
	if (url && !strcmp(f->url, url) && !strcmp(f->secret, secret))
		return;
	while (f->calls)
		refuse_call(f->calls);
	f->url[0] = 0;
	if (url && (text_copy(f->pin, sizeof f->pin, pin) != OK || text_copy(f->secret, sizeof f->secret, secret) != OK ||
		    text_copy(f->url, sizeof f->url, url) != OK))
		log_error("the address of the market that holds the book is too long", "%s", "");
}

bool forward_has_aim(const struct forward *f)
{
	return *f->url;
}

err_t forward_new(struct loop *loop, struct forward **ret_forward)
{
	struct forward *f = calloc(1, sizeof *f);
	if (!f)
		return E_NOMEM;
	f->loop = loop;
	f->multi = curl_multi_init();
	f->timer = f->multi ? loop_timer_add(loop, HOUR_US, on_timer, f) : 0;
	if (!f->timer) {
		curl_multi_cleanup(f->multi);
		free(f);
		return E_NOMEM;
	}
	curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
	curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_timeout_wanted);
	curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
	curl_multi_setopt(f->multi, CURLMOPT_MAX_HOST_CONNECTIONS, CONNECTIONS);
	*ret_forward = f;
	return OK;
}

void forward_free(struct forward *f)
{
	if (!f)
		return;
	forward_aim(f, NULL, NULL, NULL);
	curl_multi_cleanup(f->multi);
	loop_timer_remove(f->loop, f->timer);
	free(f);
}
