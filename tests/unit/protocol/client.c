/* SPDX-License-Identifier: Apache-2.0
 * client.c - tests of the market's client against a server that answers well and badly
 */
#include "client.h"
#include "clock.h"
#include "crypto.h"
#include "server.h"
#include "tap.h"

#define PROBLEM                                                                \
	"{\"code\":\"bad_field\",\"title\":\"A field.\",\"detail\":\"must be " \
	"1\",\"request_id\":\"r1\",\"errors\":[{\"field\":\"count\"}]}"

static void endless(struct exchange *x)
{
	static char block[65536];
	memset(block, ' ', sizeof block);
	exchange_say(x, "HTTP/1.1 200 OK\r\n\r\n");
	for (;;)
		exchange_send(x, block, sizeof block);
}

static bool answer(struct exchange *x)
{
	const char *p = x->path;
	if (!strcmp(p, "/json"))
		exchange_answer(x, "200 OK", "Content-Type: application/json\r\n", "{\"a\":1}");
	else if (!strcmp(p, "/empty"))
		exchange_say(x, "HTTP/1.1 204 No Content\r\n\r\n");
	else if (!strncmp(p, "/status/", 8))
		exchange_answer(x, p + 8, "Content-Type: application/problem+json\r\n", PROBLEM);
	else if (!strcmp(p, "/later"))
		exchange_answer(x, "429 Too Many Requests", "Retry-After: 60\r\n", "{\"code\":\"too_many\"}");
	else if (!strcmp(p, "/soon"))
		exchange_answer(x, x->number == 1 ? "429 Too Many" : "200 OK", "Retry-After: 1\r\n", "{}");
	else if (!strcmp(p, "/recovers"))
		exchange_answer(x, x->number == 1 ? "503 Unavailable" : "200 OK", "", "{\"b\":2}");
	else if (!strcmp(p, "/html"))
		exchange_answer(x, "502 Bad Gateway", "Content-Type: text/html\r\n", "<html>");
	else if (!strcmp(p, "/garbage"))
		exchange_answer(x, "200 OK", "", "{\"a\":");
	else if (!strcmp(p, "/redirect"))
		exchange_answer(x, "307 Temporary Redirect", "Location: /json\r\n", "");
	else if (!strcmp(p, "/no-http"))
		exchange_say(x, "SSH-2.0-OpenSSH_9.2p1\r\n\r\n{\"a\":1}");
	else if (!strcmp(p, "/truncated"))
		exchange_say(x, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\":1}");
	else if (!strcmp(p, "/hangs-up-once") && x->number == 1)
		return false;
	else if (!strcmp(p, "/hangs-up-once"))
		exchange_answer(x, "200 OK", "", "{}");
	else if (!strcmp(p, "/slow"))
		sleep(20);
	else if (!strcmp(p, "/endless"))
		endless(x);
	else
		exchange_answer(x, "404 Not Found", "", "");
	return strcmp(p, "/no-http") != 0 && strcmp(p, "/truncated") != 0;
}

static struct client *connect_to(const struct server *s, const char *scheme, const char *pin, int timeout_ms)
{
	char url[64];
	struct client *client = NULL;
	snprintf(url, sizeof url, "%s://127.0.0.1:%d", scheme, s->port);
	struct client_config config = {
		.url = url, .pin = pin, .token = "ct_secret", .user_agent = "test/1", .timeout_ms = timeout_ms
	};
	ok(client_new(&config, &client) == OK, "a client of %s", scheme);
	return client;
}

static void settings(void)
{
	static const char pin[] = "sha256//ERERERERERERERERERERERERERERERERERERERERERE=";
	static const struct {
		const char *url, *pin, *token, *agent;
		bool good;
	} rows[] = {
		{ "https://market.example", NULL, NULL, NULL, true },
		{ "https://market.example:8443/", "", "", NULL, true },
		{ "https://[2001:db8::1]:8443", pin, "ct_x", "seller/1 (test)", true },
		{ "http://127.0.0.1:8080", NULL, NULL, NULL, true },
		{ "http://127.9.9.9", NULL, NULL, NULL, true },
		{ "http://[::1]:8080", NULL, NULL, NULL, true },
		{ "http://localhost:8080", NULL, NULL, NULL, true },
		{ NULL, NULL, NULL, NULL, false },
		{ "", NULL, NULL, NULL, false },
		{ "market.example", NULL, NULL, NULL, false },
		{ "http://market.example", NULL, NULL, NULL, false },
		{ "http://192.0.2.1", NULL, NULL, NULL, false },
		{ "http://localhost.example.org", NULL, NULL, NULL, false },
		{ "http://127.0.0.1.example.org", NULL, NULL, NULL, false },
		{ "http://[::2]", NULL, NULL, NULL, false },
		{ "ftp://127.0.0.1", NULL, NULL, NULL, false },
		{ "file:///etc/passwd", NULL, NULL, NULL, false },
		{ "https://", NULL, NULL, NULL, false },
		{ "https://market.example:99999", NULL, NULL, NULL, false },
		{ "https://user:secret@market.example", NULL, NULL, NULL, false },
		{ "https://market.example/v1", NULL, NULL, NULL, false },
		{ "https://market.example/?a", NULL, NULL, NULL, false },
		{ "https://market.example/#a", NULL, NULL, NULL, false },
		{ "https://market .example", NULL, NULL, NULL, false },
		{ "https://market.example", "sha256//ERER", NULL, NULL, false },
		{ "https://market.example", "ERERERERERERERERERERERERERERERERERERERERERE=", NULL, NULL, false },
		{ "https://market.example", "sha256//ERERERERERERERERERERERERERERERERERERERERERE=;sha256//x", NULL, NULL, false },
		{ "http://127.0.0.1", pin, NULL, NULL, false },
		{ "https://market.example", NULL, "a\r\nX: y", NULL, false },
		{ "https://market.example", NULL, "a b", NULL, false },
		{ "https://market.example", NULL, NULL, "a\nb", false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct client_config config = {
			.url = rows[i].url, .pin = rows[i].pin, .token = rows[i].token, .user_agent = rows[i].agent
		};
		struct client *client = NULL;
		err_t e = client_new(&config, &client);
		is_int(e, rows[i].good ? OK : E_INVALID, "%s %s, row %zu", rows[i].good ? "takes" : "refuses",
		       rows[i].url ? rows[i].url : "nothing", i);
		client_free(client);
	}
	client_free(NULL);
}

static void good_answers(struct server *s)
{
	struct client *c = connect_to(s, "http", NULL, 5000);
	struct problem p;
	json_t *json = NULL, *body = json_pack("{s:i}", "x", 7);
	char key[37];
	client_idempotency_key(key);
	is_int(strlen(key), 36, "a key is a UUID");
	ok(client_call(c, "POST", "/json", body, key, &json, &p) == OK, "a call is answered");
	is_int(json_integer_value(json_object_get(json, "a")), 1, "with JSON");
	json_decref(json);
	is_text(s->seen->body, "{\"x\":7}", "the body went there");
	ok(!strncmp(s->seen->head, "POST /json HTTP/1.1\r\n", 21), "the method and the path");
	ok(strstr(s->seen->head, "\r\nAuthorization: Bearer ct_secret\r\n") != NULL, "the token");
	ok(strstr(s->seen->head, "\r\nUser-Agent: test/1\r\n") != NULL, "the program's name");
	ok(strstr(s->seen->head, "\r\nContent-Type: application/json\r\n") != NULL, "the content's type");
	ok(strstr(s->seen->head, key) != NULL, "the key");
	ok(!strcasestr(s->seen->head, "Expect:"), "no waiting for 100");
	json_decref(body);

	json = (json_t *)&p;
	ok(client_call(c, "DELETE", "/empty", NULL, NULL, &json, &p) == OK && json == NULL, "no content is no JSON");
	ok(!strncmp(s->seen->head, "DELETE /empty HTTP/1.1\r\n", 24), "DELETE");
	ok(client_call(c, "POST", "/empty", NULL, NULL, NULL, NULL) == OK, "who does not ask for the answer is not given it");
	ok(strstr(s->seen->head, "\r\nContent-Length: 0\r\n") != NULL, "a POST without a body says so");
	ok(client_call(c, "GET", "/json", NULL, NULL, NULL, &p) == OK, "GET");
	ok(!strncmp(s->seen->head, "GET /json HTTP/1.1\r\n", 20) && !strstr(s->seen->head, "Content-"), "has no body");
	is_int(s->seen->requests, 4, "four requests");
	is_int(s->seen->connections, 1, "over one connection");
	ok(client_set_token(c, NULL) == OK && client_call(c, "GET", "/json", NULL, NULL, NULL, &p) == OK,
	   "the token is taken away");
	ok(!strstr(s->seen->head, "Authorization"), "and is not sent");
	client_free(c);
}

static void refusals(struct server *s)
{
	static const struct {
		const char *path;
		err_t want;
	} rows[] = {
		{ "/status/400", E_INVALID },	  { "/status/401", E_AUTH },	  { "/status/402", E_FUNDS },
		{ "/status/403", E_DENIED },	  { "/status/404", E_NOT_FOUND }, { "/status/409", E_CONFLICT },
		{ "/status/413", E_LIMIT },	  { "/status/422", E_INVALID },	  { "/status/500", E_UNAVAILABLE },
		{ "/status/503", E_UNAVAILABLE },
	};
	struct client *c = connect_to(s, "http", NULL, 5000);
	struct problem p = { 0 };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		is_int(client_call(c, "POST", rows[i].path, NULL, NULL, NULL, &p), rows[i].want, "%s", rows[i].path);
		ok(p.status == (int)strtol(rows[i].path + 8, NULL, 10) && !strcmp(p.code, "bad_field") &&
			   !strcmp(p.field, "count") && !strcmp(p.detail, "must be 1") && !strcmp(p.request_id, "r1"),
		   "and says why");
	}
	is_int(client_call(c, "POST", "/html", NULL, NULL, NULL, &p), E_UNAVAILABLE, "a proxy's page");
	is_text(p.code, "unavailable", "is understood by its status");
	is_int(client_call(c, "POST", "/redirect", NULL, NULL, NULL, &p), E_INVALID, "a redirect");
	is_text(p.code, "bad_answer", "is not what a market says");
	ok(!strncmp(s->seen->head, "POST /redirect", 14), "and is not followed");
	is_int(client_call(c, "POST", "/garbage", NULL, NULL, NULL, &p), E_CORRUPT, "JSON that is none");
	is_text(p.code, "bad_answer", "is told as such");
	client_free(c);
}

static void bad_requests(struct server *s)
{
	static const char *const paths[] = { "", "json", "/a b", "/a\r\nX: y", "/\x7f", "/\xc3\xa4" };
	struct client *c = connect_to(s, "http", NULL, 5000);
	struct problem p;
	server_forget(s);
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		is_int(client_call(c, "GET", paths[i], NULL, NULL, NULL, &p), E_INVALID, "path %zu", i);
	is_int(client_call(c, "POST", "/json", NULL, "12345678\r\nX: y", NULL, &p), E_INVALID, "a key with a line's end");
	is_int(s->seen->requests, 0, "nothing of that was sent");
	client_free(c);
}

static void tries(struct server *s)
{
	struct client *c = connect_to(s, "http", NULL, 5000);
	struct problem p;
	json_t *json = NULL;
	server_forget(s);
	ok(client_call(c, "GET", "/recovers", NULL, NULL, &json, &p) == OK, "503, then 200");
	is_int(json_integer_value(json_object_get(json, "b")), 2, "the second answer is the answer");
	json_decref(json);
	is_int(s->seen->requests, 2, "asked twice");
	server_forget(s);
	ok(client_call(c, "POST", "/recovers", NULL, "12345678", NULL, &p) == OK, "a POST with a key is tried again");
	is_int(s->seen->requests, 2, "asked twice");
	server_forget(s);
	is_int(client_call(c, "POST", "/recovers", NULL, NULL, NULL, &p), E_UNAVAILABLE, "one without is not");
	is_int(s->seen->requests, 1, "asked once");
	server_forget(s);
	is_int(client_call(c, "GET", "/status/500", NULL, NULL, NULL, &p), E_UNAVAILABLE, "500 is not tried again");
	is_int(s->seen->requests, 1, "asked once");
	server_forget(s);
	mono_time start = clock_mono();
	is_int(client_call(c, "GET", "/later", NULL, NULL, NULL, &p), E_LIMIT, "Retry-After: 60 is for the caller");
	is_int(p.retry_after_s, 60, "who is told");
	ok(s->seen->requests == 1 && clock_mono().us - start.us < 2 * SECOND_US, "at once");
	server_forget(s);
	start = clock_mono();
	ok(client_call(c, "GET", "/soon", NULL, NULL, NULL, &p) == OK, "Retry-After: 1 is waited for");
	ok(clock_mono().us - start.us >= SECOND_US, "for so long");
	server_forget(s);
	ok(client_call(c, "POST", "/hangs-up-once", NULL, "12345678", NULL, &p) == OK, "a connection that breaks is made again");
	server_forget(s);
	start = clock_mono();
	is_int(client_call(c, "GET", "/status/503", NULL, NULL, NULL, &p), E_UNAVAILABLE, "503 for good");
	is_int(s->seen->requests, 4, "asked four times");
	int64_t took = clock_mono().us - start.us;
	ok(took >= 3 * SECOND_US && took < 8 * SECOND_US, "in three seconds");
	client_free(c);
}

static void broken_answers(struct server *s)
{
	struct client *c = connect_to(s, "http", NULL, 400);
	struct problem p;
	is_int(client_call(c, "POST", "/truncated", NULL, NULL, NULL, &p), E_UNAVAILABLE, "an answer that breaks off");
	ok(p.status == 0 && !strcmp(p.code, "unreachable") && *p.detail, "did not come: %s", p.detail);
	is_int(client_call(c, "POST", "/no-http", NULL, NULL, NULL, &p), E_UNAVAILABLE, "something else than HTTP");
	ok(*p.detail != 0, "did not come: %s", p.detail);
	mono_time start = clock_mono();
	is_int(client_call(c, "POST", "/slow", NULL, NULL, NULL, &p), E_UNAVAILABLE, "an answer that takes too long");
	ok(clock_mono().us - start.us < 3 * SECOND_US, "is not waited for: %s", p.detail);
	client_free(c);
	c = connect_to(s, "http", NULL, 20000);
	is_int(client_call(c, "POST", "/endless", NULL, NULL, NULL, &p), E_LIMIT, "an answer without an end");
	is_text(p.code, "bad_answer", "is too large");
	ok(client_call(c, "GET", "/json", NULL, NULL, NULL, &p) == OK, "the client is well after it");
	client_free(c);
}

static void nobody(struct server *s)
{
	struct server gone = server_start(NULL, answer);
	server_stop(&gone);
	(void)s;
	struct client *c = connect_to(&gone, "http", NULL, 1000);
	struct problem p;
	is_int(client_call(c, "POST", "/json", NULL, NULL, NULL, &p), E_UNAVAILABLE, "nobody listens");
	ok(p.status == 0 && !strcmp(p.code, "unreachable") && *p.title && *p.detail && !*p.server_pin, "which is told: %s",
	   p.detail);
	client_free(c);
}

static SSL_CTX *tls_make(char *ret_pin, size_t size)
{
	char *key = NULL, *cert = NULL, text[48];
	sha256 pin;
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	if (certificate_make("127.0.0.1", &key, &cert) != OK || certificate_pin(cert, &pin) != OK)
		abort();
	BIO *key_bio = BIO_new_mem_buf(key, -1), *cert_bio = BIO_new_mem_buf(cert, -1);
	EVP_PKEY *private = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
	X509 *public = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
	if (SSL_CTX_use_PrivateKey(tls, private) != 1 || SSL_CTX_use_certificate(tls, public) != 1)
		abort();
	EVP_EncodeBlock((unsigned char *)text, pin.bytes, sizeof pin.bytes);
	snprintf(ret_pin, size, "sha256//%s", text);
	EVP_PKEY_free(private);
	X509_free(public);
	BIO_free(key_bio);
	BIO_free(cert_bio);
	free(key);
	free(cert);
	return tls;
}

static void pins(void)
{
	static const char wrong[] = "sha256//ERERERERERERERERERERERERERERERERERERERERERE=";
	char pin[64];
	SSL_CTX *tls = tls_make(pin, sizeof pin);
	struct server s = server_start(tls, answer);
	struct problem p = { 0 };
	struct client *c = connect_to(&s, "https", pin, 5000);
	ok(client_call(c, "GET", "/json", NULL, NULL, NULL, &p) == OK, "the pinned key is the server's");
	ok(client_call(c, "GET", "/json", NULL, NULL, NULL, &p) == OK, "and again");
	is_int(s.seen->connections, 1, "over one connection");
	client_free(c);

	server_forget(&s);
	c = connect_to(&s, "https", wrong, 5000);
	is_int(client_call(c, "GET", "/json", NULL, NULL, NULL, &p), E_UNAVAILABLE, "another key is pinned");
	is_text(p.server_pin, pin, "the server's own is told");
	ok(p.status == 0 && strstr(p.detail, wrong), "with the pinned one: %s", p.detail);
	client_free(c);
	c = connect_to(&s, "https", NULL, 5000);
	is_int(client_call(c, "GET", "/json", NULL, NULL, NULL, &p), E_UNAVAILABLE, "nothing is pinned, nobody vouches for it");
	is_text(p.server_pin, pin, "the server's key is told");
	is_text(p.title, "The market's certificate cannot be verified.", "that is why: %s", p.detail);
	client_free(c);
	is_int(s.seen->requests, 0, "no request reached a server that was not trusted");
	c = connect_to(&s, "https", p.server_pin, 5000);
	ok(client_call(c, "GET", "/json", NULL, NULL, NULL, &p) == OK, "who pins what was told is served");
	client_free(c);
	server_stop(&s);
	SSL_CTX_free(tls);
}

int main(void)
{
	struct server s = server_start(NULL, answer);
	settings();
	good_answers(&s);
	refusals(&s);
	bad_requests(&s);
	tries(&s);
	broken_answers(&s);
	nobody(&s);
	server_stop(&s);
	pins();
	return done_testing();
}
