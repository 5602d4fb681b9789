/* SPDX-License-Identifier: Apache-2.0
 * client.c - the market's client: calls, their answers and when they are tried again
 */
#include <arpa/inet.h>
#include "buf.h"
#include "bytes.h"
#include "crypto.h"
#include "file.h"
#include "transport.h"
#include "uuid.h"

#define TRIES 4
static const int64_t wait_us[TRIES - 1] = { 200000, 800000, 2000000 };
#define RETRY_AFTER_MAX_S 10 /* who is told to wait longer is told so, instead of waiting here */

/* ---- setting up ---- */

static bool is_loopback(const char *host)
{
	struct in_addr v4;
	/* libcurl resolves "localhost" by itself, always to the loopback interface. */
	if (!strcmp(host, "localhost") || !strcmp(host, "[::1]"))
		return true;
	return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

static void curl_text_free(char **text)
{
	curl_free(*text);
}
static void curl_url_free(CURLU **url)
{
	curl_url_cleanup(*url);
}
#define AUTO_CURL_TEXT __attribute__((cleanup(curl_text_free))) char *

static bool url_has(CURLU *u, CURLUPart part)
{
	AUTO_CURL_TEXT text = NULL;
	return curl_url_get(u, part, &text, 0) == CURLUE_OK;
}

/* "https://host[:port][/]" and nothing more. */
static err_t url_read(struct client *c, const char *url)
{
	__attribute__((cleanup(curl_url_free))) CURLU *u = curl_url();
	AUTO_CURL_TEXT scheme = NULL;
	AUTO_CURL_TEXT host = NULL;
	AUTO_CURL_TEXT path = NULL;
	AUTO_CURL_TEXT whole = NULL;
	if (!u)
		return E_NOMEM;
	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK || url_has(u, CURLUPART_USER) || url_has(u, CURLUPART_PASSWORD) ||
	    url_has(u, CURLUPART_QUERY) || url_has(u, CURLUPART_FRAGMENT))
		return E_INVALID;
	if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK || curl_url_get(u, CURLUPART_PATH, &path, 0) != CURLUE_OK ||
	    strcmp(path, "/") != 0)
		return E_INVALID;
	c->tls = !strcmp(scheme, "https");
	c->loopback = is_loopback(host);
	if (!c->tls && (strcmp(scheme, "http") != 0 || !c->loopback))
		return E_INVALID;
	if (curl_url_get(u, CURLUPART_URL, &whole, 0) != CURLUE_OK)
		return E_INVALID;
	whole[strlen(whole) - 1] = 0; /* the path "/" */
	c->url = strdup(whole);
	return c->url ? OK : E_NOMEM;
}

static err_t pin_read(struct client *c, const char *pin)
{
	static const char prefix[] = "sha256//";
	uint8_t hash[32];
	size_t len = 0;
	if (!pin || !*pin)
		return OK;
	if (!c->tls || strncmp(pin, prefix, strlen(prefix)) != 0)
		return E_INVALID;
	if (base64_decode(pin + strlen(prefix), hash, sizeof hash, &len) != OK || len != sizeof hash)
		return E_INVALID;
	c->pin = strdup(pin);
	return c->pin ? OK : E_NOMEM;
}

void client_free(struct client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->easy);
	if (client->token)
		explicit_bzero(client->token, strlen(client->token));
	free(client->token);
	free(client->url);
	free(client->pin);
	free(client->user_agent);
	free(client);
}

static void client_cleanup(struct client **client)
{
	client_free(*client);
}

static bool fits_header(const char *text, char first)
{
	for (; *text; text++) {
		if (*text < first || *text > '~')
			return false;
	}
	return true;
}

err_t client_set_token(struct client *client, const char *token)
{
	char *copy = NULL;
	if (token && *token) {
		if (strlen(token) >= 200 || !fits_header(token, '!'))
			return E_INVALID;
		copy = strdup(token);
		if (!copy)
			return E_NOMEM;
	}
	if (client->token)
		explicit_bzero(client->token, strlen(client->token));
	free(client->token);
	client->token = copy;
	return OK;
}

err_t client_new(const struct client_config *config, struct client **ret_client)
{
	const char *agent = config->user_agent ? config->user_agent : "cpushare/" CPUSHARE_VERSION;
	if (!config->url || !fits_header(agent, ' '))
		return E_INVALID;
	__attribute__((cleanup(client_cleanup))) struct client *c = calloc(1, sizeof *c);
	if (!c)
		return E_NOMEM;
	TRY(url_read(c, config->url));
	TRY(pin_read(c, config->pin));
	TRY(client_set_token(c, config->token));
	c->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : 30000;
	c->most_bytes_s = config->most_bytes_s;
	c->cancel = config->cancel;
	c->silence_ms = config->silence_ms > 0 ? config->silence_ms : 45000;
	c->user_agent = strdup(agent);
	c->easy = curl_easy_init();
	if (!c->user_agent || !c->easy)
		return E_NOMEM;
	*ret_client = c;
	c = NULL;
	return OK;
}

/* ---- calls ---- */

static bool gather(void *context, const void *data, size_t len)
{
	struct buf *b = context;
	buf_append(b, data, len);
	return b->error == OK;
}

static void bad_answer(int status, const char *detail, struct problem *ret)
{
	*ret = (struct problem){ .status = status };
	snprintf(ret->code, sizeof ret->code, "bad_answer");
	snprintf(ret->title, sizeof ret->title, "The answer is not the market's: is the URL right?");
	snprintf(ret->detail, sizeof ret->detail, "%s", detail);
}

static int retry_after_s(struct client *client)
{
	curl_off_t after = 0;
	curl_easy_getinfo(client->easy, CURLINFO_RETRY_AFTER, &after);
	return after > 0 && after <= 86400 ? (int)after : 0;
}

/* An answer with another status than 2xx. */
static err_t refused(struct client *client, int status, const struct buf *body, struct problem *ret)
{
	AUTO_JSON json = NULL;
	struct json_error ignored;
	if (status < 400) {
		bad_answer(status, "It is a redirect or another answer that the market does not give.", ret);
		return E_INVALID;
	}
	if (body->error == OK && body->len > 0 && json_parse(body->data, body->len, &json, &ignored) != OK)
		json = NULL;
	problem_from_json(json, status, ret);
	if (retry_after_s(client))
		ret->retry_after_s = retry_after_s(client);
	return transport_err(status);
}

/* One try: *ret_again says whether another one may help. */
static err_t try_once(struct client *client, struct transport *t, struct buf *body, struct problem *ret, bool *ret_again)
{
	size_t max = body->max;
	buf_clear(body);
	body->max = max;
	t->body_fn = gather;
	t->context = body;
	*ret_again = false;
	err_t e = transport_run(client, t, ret);
	if (e != OK) {
		if (e == E_UNAVAILABLE)
			*ret_again = !t->hopeless;
		else
			bad_answer(0, "The request's path or a header is malformed.", ret);
		return e;
	}
	if (transport_err(t->status) != OK) {
		*ret_again = t->status == 429 || t->status == 503;
		return refused(client, t->status, body, ret);
	}
	if (body->error != OK) {
		bad_answer(t->status, "It is too large.", ret);
		return body->error;
	}
	return OK;
}

static err_t try_again(struct client *client, struct transport *t, bool repeatable, struct buf *body, struct problem *ret)
{
	for (int i = 0;; i++) {
		bool again;
		err_t e = try_once(client, t, body, ret, &again);
		if (e == OK || !again || !repeatable || i + 1 >= TRIES || ret->retry_after_s > RETRY_AFTER_MAX_S ||
		    (client->cancel && atomic_load(client->cancel)))
			return e;
		int64_t wait = ret->retry_after_s * SECOND_US;
		uint16_t jitter; /* up to 65 ms: those who failed together do not come back together */
		random_fill(&jitter, sizeof jitter);
		transport_sleep(client, (wait > wait_us[i] ? wait : wait_us[i]) + jitter);
	}
}

err_t client_call(struct client *client, const char *method, const char *path, json_t *body, const char *idempotency_key,
		  json_t **ret_json, struct problem *ret_problem)
{
	AUTO_BUF answer = { .max = CLIENT_ANSWER_MAX };
	AUTO_FREE char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct problem problem = { 0 };
	struct json_error why;
	json_t *json = NULL;
	if (body && !text)
		return E_NOMEM;
	struct transport t = { .method = method,
			       .path = path,
			       .body = text,
			       .body_len = text ? strlen(text) : 0,
			       .content_type = "application/json",
			       .accept = "application/json, application/problem+json",
			       .idempotency_key = idempotency_key,
			       .timeout_ms = client->timeout_ms };
	bool repeatable = idempotency_key || !strcmp(method, "GET");
	err_t e = try_again(client, &t, repeatable, &answer, &problem);
	if (e == OK && answer.len > 0 && json_parse(answer.data, answer.len, &json, &why) != OK) {
		bad_answer(t.status, why.what, &problem);
		e = E_CORRUPT;
	}
	if (e != OK && ret_problem)
		*ret_problem = problem;
	if (e == OK && ret_json)
		*ret_json = json;
	else
		json_decref(json);
	return e;
}

/* ---- raw bytes ---- */
#define BYTES_TIMEOUT_FACTOR 10

err_t client_put_bytes(struct client *client, const char *path, const void *data, size_t len, struct problem *ret_problem)
{
	AUTO_BUF answer = { .max = 65536 };
	struct problem problem = { 0 };
	struct transport t = { .method = "PUT",
			       .path = path,
			       .body = data ? data : "",
			       .body_len = len,
			       .content_type = "application/octet-stream",
			       .accept = "application/json, application/problem+json",
			       .timeout_ms = client->timeout_ms * BYTES_TIMEOUT_FACTOR };
	err_t e = try_again(client, &t, true, &answer, &problem);
	if (e != OK && ret_problem)
		*ret_problem = problem;
	return e;
}

err_t client_get_bytes(struct client *client, const char *path, void *data, size_t max, size_t *ret_len,
		       struct problem *ret_problem)
{
	/* Room for a refusal too, where fewer bytes are expected. */
	AUTO_BUF answer = { .max = max > 65536 ? max : 65536 };
	struct problem problem = { 0 };
	struct transport t = { .method = "GET",
			       .path = path,
			       .accept = "application/octet-stream, application/problem+json",
			       .timeout_ms = client->timeout_ms * BYTES_TIMEOUT_FACTOR };
	err_t e = try_again(client, &t, true, &answer, &problem);
	if (e == OK && answer.len > max) {
		bad_answer(t.status, "It is too large.", &problem);
		e = E_LIMIT;
	}
	if (e != OK) {
		if (ret_problem)
			*ret_problem = problem;
		return e;
	}
	if (answer.len)
		memcpy(data, answer.data, answer.len);
	*ret_len = answer.len;
	return OK;
}

void client_idempotency_key(char *key)
{
	uuid_format(uuid_make(clock_wall()), key);
}
