/* SPDX-License-Identifier: Apache-2.0
 * transport.c - one HTTP exchange with the market, over libcurl
 *
 * With a pin, the server's public key is compared and its certificate is not looked at: an embedded market has a certificate
 * of its own. Without one, the system's certificates decide. Redirects are never followed, so that a token stays where it is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include "buf.h"
#include "bytes.h"
#include "crypto.h"
#include "file.h"
#include "transport.h"

/* Suites that prove who the server is; without one there would be no key to compare with the pin. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"
#define CONNECT_TIMEOUT_MS 10000
#define CANCEL_LOOK_US (200 * MILLISECOND_US)
#define SMALL_BUFFER_BYTES (32 * 1024)
#define LARGE_BUFFER_BYTES (200 * 1024) /* more than that a socket is not given (net.core.rmem_max) */

static void slist_free(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

err_t transport_err(int status)
{
	if (status >= 200 && status < 300)
		return OK;
	switch (status) {
	case 401:
		return E_AUTH;
	case 402:
		return E_FUNDS;
	case 403:
		return E_DENIED;
	case 404:
	case 410:
		return E_NOT_FOUND;
	case 409:
		return E_CONFLICT;
	case 413:
	case 429:
		return E_LIMIT;
	default:
		return status >= 500 ? E_UNAVAILABLE : E_INVALID;
	}
}

static bool is_cancelled(const struct client *client)
{
	return client->cancel && atomic_load(client->cancel);
}

void transport_sleep(const struct client *client, int64_t us)
{
	int64_t step_us = client->cancel ? CANCEL_LOOK_US : us;
	for (; us > 0 && !is_cancelled(client); us -= step_us) {
		int64_t now_us = us < step_us ? us : step_us;
		struct timespec t = { .tv_sec = now_us / SECOND_US, .tv_nsec = now_us % SECOND_US * 1000 };
		while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
			;
	}
}

int transport_status(struct client *client)
{
	long status = 0;
	curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

static int64_t bound_bytes_s(const struct client *client)
{
	return client->most_bytes_s ? atomic_load(client->most_bytes_s) : 0;
}

/* ---- callbacks ---- */
static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	struct transport *t = context;
	int64_t most_bytes_s = bound_bytes_s(t->client);
	/* libcurl's own bound begins after 100 buffers of 16 KiB, which is more than a piece of an image. */
	if (most_bytes_s)
		transport_sleep(t->client, (int64_t)(size * count) * SECOND_US / most_bytes_s);
	t->last_byte = clock_mono();
	if (!t->body_fn(t->context, data, size * count)) {
		t->stopped = true;
		return CURL_WRITEFUNC_ERROR;
	}
	return size * count;
}

/* What the kernel receives before it is read comes at the line's speed: so much is a quarter of a second's, where the kernel's own measure
 * would be more. */
static int on_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
	const struct client *client = context;
	int64_t bytes = bound_bytes_s(client) / 4;
	int size = bytes < SMALL_BUFFER_BYTES ? SMALL_BUFFER_BYTES : (int)bytes;
	(void)purpose;
	if (bytes && bytes < LARGE_BUFFER_BYTES)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return CURL_SOCKOPT_OK;
}

/* A connection from an address that this computer has no more (another network, another lease of DHCP) is dead, and TCP would take until the
 * request's timeout to say so. */
static bool has_moved(const struct client *client)
{
	char *address = NULL;
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	if (curl_easy_getinfo(client->easy, CURLINFO_LOCAL_IP, &address) != CURLE_OK || !address)
		return false;
	bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
	if (!is_v4 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1)
		return false;
	AUTO_FD fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && bind(fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, is_v4 ? sizeof v4 : sizeof v6) &&
	       errno == EADDRNOTAVAIL;
}

static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	struct transport *t = context;
	(void)down_total, (void)down, (void)up_total, (void)up;
	mono_time now = clock_mono();
	t->was_silent = t->silence_ms && now.us - t->last_byte.us > t->silence_ms * 1000LL;
	if (now.us - t->looked.us > SECOND_US) {
		t->looked = now;
		t->has_moved = has_moved(t->client);
	}
	return t->was_silent || t->has_moved || is_cancelled(t->client);
}

/* ---- the request ---- */

/* Nothing that would end a line or a word of the request. */
static bool graphic(const char *text)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text > '~')
			return false;
	}
	return true;
}

static err_t header_add(struct curl_slist **list, const char *name, const char *value)
{
	char line[512];
	if (!value)
		return OK;
	int len = snprintf(line, sizeof line, "%s: %s", name, value);
	if (len < 0 || (size_t)len >= sizeof line)
		return E_INVALID;
	struct curl_slist *longer = curl_slist_append(*list, line);
	explicit_bzero(line, sizeof line);
	if (!longer)
		return E_NOMEM;
	*list = longer;
	return OK;
}

static err_t headers_make(const struct client *client, const struct transport *t, struct curl_slist **ret_list)
{
	char bearer[256];
	if ((t->idempotency_key && !graphic(t->idempotency_key)) || (t->last_event_id && strpbrk(t->last_event_id, "\r\n")))
		return E_INVALID;
	TRY(header_add(ret_list, "Accept", t->accept));
	TRY(header_add(ret_list, "Content-Type", t->body ? t->content_type : NULL));
	TRY(header_add(ret_list, "Idempotency-Key", t->idempotency_key));
	TRY(header_add(ret_list, "Last-Event-ID", t->last_event_id && *t->last_event_id ? t->last_event_id : NULL));
	/* No waiting for "100 Continue": what we send is small. */
	struct curl_slist *longer = curl_slist_append(*ret_list, "Expect:");
	if (!longer)
		return E_NOMEM;
	*ret_list = longer;
	if (!client->token)
		return OK;
	int len = snprintf(bearer, sizeof bearer, "Bearer %s", client->token);
	err_t e = len < 0 || (size_t)len >= sizeof bearer ? E_INVALID : header_add(ret_list, "Authorization", bearer);
	explicit_bzero(bearer, sizeof bearer);
	return e;
}

static void set_tls(CURL *easy, const char *pin)
{
	bool pinned = pin != NULL;
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_CIPHER_LIST, CIPHERS);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, pinned ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, pinned ? 0L : 2L);
	curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, pin);
}

static void set_connection(const struct client *client, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, client->tls ? "https" : "http");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, client->user_agent);
	if (client->most_bytes_s) {
		curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
		curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, (void *)(uintptr_t)client);
	}
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	if (client->loopback)
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
	set_tls(easy, client->pin);
}

static void set_request(struct client *client, struct transport *t, const char *url, struct curl_slist *headers)
{
	CURL *easy = client->easy;
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	if (t->body || !strcmp(t->method, "POST") || !strcmp(t->method, "PUT")) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(t->body ? t->body_len : 0));
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, t->body ? t->body : "");
	} else {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, t->method);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)t->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, client->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, t);
}

/* ---- failures ---- */

static err_t pin_of_certificates(CURL *easy, sha256 *ret_pin)
{
	struct curl_certinfo *chain = NULL;
	static const char label[] = "Cert:";
	if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain || chain->num_of_certs < 1)
		return E_NOT_FOUND;
	for (struct curl_slist *line = chain->certinfo[0]; line; line = line->next) {
		if (!strncmp(line->data, label, strlen(label)))
			return certificate_pin(line->data + strlen(label), ret_pin);
	}
	return E_NOT_FOUND;
}

/* Asks the server for its certificate without believing it, and hangs up: nothing of ours is sent. */
static void find_server_pin(const struct client *client, char *ret_pin, size_t size)
{
	char text[48];
	sha256 pin;
	CURL *easy = curl_easy_init();
	if (!easy)
		return;
	set_connection(client, easy);
	set_tls(easy, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(easy, CURLOPT_URL, client->url);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 5000L);
	if (curl_easy_perform(easy) == CURLE_OK && pin_of_certificates(easy, &pin) == OK)
		snprintf(ret_pin, size, "sha256//%s", base64_encode(pin.bytes, sizeof pin.bytes, text));
	curl_easy_cleanup(easy);
}

static void explain_tls(const struct client *client, CURLcode code, struct problem *p)
{
	find_server_pin(client, p->server_pin, sizeof p->server_pin);
	if (code == CURLE_SSL_PINNEDPUBKEYNOTMATCH) {
		snprintf(p->title, sizeof p->title, "The market's key is not the one that is pinned.");
		snprintf(p->detail, sizeof p->detail, "It shows %s, pinned is %s.",
			 *p->server_pin ? p->server_pin : "another key", client->pin);
	} else {
		snprintf(p->title, sizeof p->title, "The market's certificate cannot be verified.");
		snprintf(p->detail, sizeof p->detail, "%s", client->error);
	}
}

static void explain(const struct client *client, CURLcode code, struct transport *t, struct problem *p)
{
	problem_from_json(NULL, 0, p);
	switch (code) {
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_PEER_FAILED_VERIFICATION:
		explain_tls(client, code, p);
		t->hopeless = true;
		break;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_OUT_OF_MEMORY:
		t->hopeless = true;
		/* fallthrough */
	default:
		snprintf(p->detail, sizeof p->detail, "%s",
			 t->was_silent	  ? "Nothing came for too long."
			 : t->has_moved	  ? "This computer's address has changed."
			 : *client->error ? client->error
					  : curl_easy_strerror(code));
	}
}

err_t transport_run(struct client *client, struct transport *t, struct problem *ret_problem)
{
	__attribute__((cleanup(slist_free))) struct curl_slist *headers = NULL;
	AUTO_BUF url = { 0 };
	if (t->path[0] != '/' || !graphic(t->path))
		return E_INVALID;
	buf_printf(&url, "%s%s", client->url, t->path);
	TRY(url.error);
	TRY(headers_make(client, t, &headers));
	t->status = 0;
	t->stopped = t->hopeless = t->was_silent = t->has_moved = false;
	t->last_byte = t->looked = clock_mono();
	t->client = client;
	client->error[0] = 0;
	bool moved = has_moved(client); /* since the last request; the reset forgets its address */
	curl_easy_reset(client->easy);	/* keeps connections */
	set_connection(client, client->easy);
	set_request(client, t, url.data, headers);
	curl_easy_setopt(client->easy, CURLOPT_FRESH_CONNECT, moved ? 1L : 0L);
	CURLcode code = curl_easy_perform(client->easy);
	if (code != CURLE_OK && !t->stopped) {
		explain(client, code, t, ret_problem);
		return E_UNAVAILABLE;
	}
	t->status = transport_status(client);
	return OK;
}
