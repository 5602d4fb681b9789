/* SPDX-License-Identifier: Apache-2.0
 * smtp.c - one mail to one address, over libcurl
 */
#include "smtp.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "account.h"
#include "bytes.h"
#include "conf.h"

#define CONNECT_TIMEOUT_MS 15000L
#define CALL_TIMEOUT_MS 60000L
#define MESSAGE_MAX (64 * 1024)
#define PLAIN_MAX 60
#define WORD_BYTES 39 /* in base64 with its frame: 64 of the 75 that RFC 2047 section 2 allows */
#define LINE_BYTES 57 /* in base64: 76, RFC 2045 section 6.8 */

struct smtp {
	struct smtp_config config;
	struct smtp_login {
		char user[257], password[257];
	} login;
	bool local;
	atomic_bool stopping;
};

static const struct conf_entry login_table[] = {
	{ "user", CONF_TEXT, offsetof(struct smtp_login, user), 257, 0, 0, NULL, "of the mail server" },
	{ "password", CONF_TEXT, offsetof(struct smtp_login, password), 257, 0, 0, NULL, "of that user" },
	{ .key = NULL }
};

static bool is_local(const char *host)
{
	return !strcmp(host, "127.0.0.1") || !strcmp(host, "[::1]") || !strcmp(host, "localhost");
}

static err_t read_server(const char *server, bool *ret_local, char *error)
{
	static const CURLUPart unwanted[] = { CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT };
	char *scheme = NULL, *host = NULL, *part = NULL;
	CURLU *url = curl_url();
	bool good = url && curl_url_set(url, CURLUPART_URL, server, 0) == CURLUE_OK &&
		    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		    curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		    (!strcmp(scheme, "smtp") || !strcmp(scheme, "smtps"));
	for (size_t i = 0; good && i < sizeof unwanted / sizeof *unwanted; i++) {
		good = curl_url_get(url, unwanted[i], &part, 0) != CURLUE_OK;
		curl_free(part);
		part = NULL;
	}
	if (good)
		*ret_local = is_local(host);
	else
		snprintf(error, CONF_ERROR_SIZE, "mail.server: must be smtp://HOST:PORT or smtps://HOST:PORT, and nothing more");
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(url);
	return good ? OK : E_INVALID;
}

err_t smtp_new(const struct smtp_config *config, struct smtp **ret_smtp, char *error)
{
	struct smtp *smtp = calloc(1, sizeof *smtp);
	if (!smtp)
		return E_NOMEM;
	smtp->config = *config;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	err_t e = read_server(config->server, &smtp->local, error);
	if (e == OK && !email_valid(config->from)) {
		snprintf(error, CONF_ERROR_SIZE, "mail.from: must be an address such as market@example.org");
		e = E_INVALID;
	}
	if (e == OK && *config->login_file)
		e = conf_load_private(login_table, &smtp->login, config->login_file, error);
	if (e) {
		smtp_free(smtp);
		return e;
	}
	*ret_smtp = smtp;
	return OK;
}

void smtp_free(struct smtp *smtp)
{
	if (!smtp)
		return;
	explicit_bzero(smtp, sizeof *smtp);
	free(smtp);
}

void smtp_stop(struct smtp *smtp)
{
	if (smtp)
		atomic_store(&smtp->stopping, true);
}

/* ---- the mail's bytes ---- */

/* The longest beginning of at most max bytes that ends where a character ends (RFC 2047 section 5: a word holds whole ones). */
static size_t whole_characters(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	size_t n = max;
	while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n ? n : max;
}

/* A text of a header: as it is where it is letters, digits, blanks and those marks, else in encoded words, a line each. */
static void put_words(struct buf *out, const char *text, const char *marks)
{
	size_t len = strlen(text), plain = 0;
	char word[4 * ((WORD_BYTES + 2) / 3) + 1];
	while (plain < len && (isalnum((unsigned char)text[plain]) || text[plain] == ' ' || strchr(marks, text[plain])))
		plain++;
	if (plain == len && len <= PLAIN_MAX) {
		buf_puts(out, text);
		return;
	}
	for (size_t n; len; text += n, len -= n) {
		n = whole_characters(text, len, WORD_BYTES);
		buf_printf(out, "=?UTF-8?B?%s?=%s", base64_encode(text, n, word), n < len ? "\r\n " : "");
	}
}

static void put_base64(struct buf *out, const char *text)
{
	char line[4 * ((LINE_BYTES + 2) / 3) + 1];
	for (size_t len = strlen(text), n; len; text += n, len -= n) {
		n = len < LINE_BYTES ? len : LINE_BYTES;
		buf_printf(out, "%s\r\n", base64_encode(text, n, line));
	}
}

/* RFC 5322 section 3.3, in words that no locale changes. */
static void put_date(struct buf *out, wall_time now)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t s = (time_t)(now.us / SECOND_US);
	struct tm t;
	if (gmtime_r(&s, &t))
		buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[t.tm_wday], t.tm_mday, months[t.tm_mon],
			   t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

err_t smtp_message(const struct smtp *smtp, uuid id, const char *to, const char *subject, const char *text, wall_time now,
		   struct buf *out)
{
	char name[UUID_TEXT_SIZE];
	if (!email_valid(to) || strlen(to) >= EMAIL_SIZE)
		return E_INVALID;
	out->max = MESSAGE_MAX;
	put_date(out, now);
	buf_puts(out, "From: ");
	put_words(out, smtp->config.name, "-'");
	buf_printf(out, "\r\n <%s>\r\nTo: %s\r\nSubject: ", smtp->config.from, to);
	put_words(out, subject, "-'\"(),.:;@!?%/");
	/* RFC 3834 section 5: nobody's holiday answers this. */
	buf_printf(out, "\r\nMessage-ID: <%s%s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
		   uuid_format(id, name), strchr(smtp->config.from, '@'));
	buf_puts(out, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
	put_base64(out, text);
	return out->error;
}

/* ---- the call ---- */

struct reading {
	const struct buf *message;
	size_t at;
};

static size_t on_read(char *data, size_t size, size_t count, void *context)
{
	struct reading *r = context;
	size_t n = r->message->len - r->at;
	if (n > size * count)
		n = size * count;
	memcpy(data, r->message->data + r->at, n);
	r->at += n;
	return n;
}

static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	struct smtp *smtp = context;
	(void)down_total, (void)down, (void)up_total, (void)up;
	return atomic_load(&smtp->stopping);
}

static void easy_free(CURL **easy)
{
	curl_easy_cleanup(*easy);
}

static void slist_free(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

static void set_server(struct smtp *smtp, CURL *easy)
{
	const struct smtp_config *c = &smtp->config;
	curl_easy_setopt(easy, CURLOPT_URL, c->server);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_USE_SSL, smtp->local ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (*c->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, c->ca_file);
	if (*c->login_file) {
		curl_easy_setopt(easy, CURLOPT_USERNAME, smtp->login.user);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, smtp->login.password);
	}
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, CALL_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, smtp);
}

/* A 5xx is for good (RFC 5321 section 4.2.1) where it is about the mail: one about our login or about TLS is for the operator to mend. */
static err_t judge(CURLcode code, long status)
{
	if (code == CURLE_OK)
		return OK;
	bool about_mail = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_WEIRD_SERVER_REPLY;
	return about_mail && status >= 500 && status <= 599 ? E_DENIED : E_UNAVAILABLE;
}

err_t smtp_send(struct smtp *smtp, const char *to, const struct buf *message, char ret_note[static SMTP_NOTE_SIZE])
{
	__attribute__((cleanup(easy_free))) CURL *easy = curl_easy_init();
	char envelope_to[EMAIL_SIZE + 2], envelope_from[EMAIL_SIZE + 2], error[CURL_ERROR_SIZE] = "";
	struct reading reading = { message, 0 };
	long status = 0;
	if (atomic_load(&smtp->stopping))
		return E_UNAVAILABLE;
	if (!email_valid(to) || strlen(to) >= EMAIL_SIZE)
		return E_DENIED;
	snprintf(envelope_to, sizeof envelope_to, "<%.*s>", EMAIL_SIZE - 1, to);
	snprintf(envelope_from, sizeof envelope_from, "<%.*s>", EMAIL_SIZE - 1, smtp->config.from);
	__attribute__((cleanup(slist_free))) struct curl_slist *list = curl_slist_append(NULL, envelope_to);
	if (!easy || !list)
		return E_NOMEM;
	set_server(smtp, easy);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(easy, CURLOPT_MAIL_FROM, envelope_from);
	curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, list);
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(easy, CURLOPT_READDATA, &reading);
	CURLcode code = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK)
		snprintf(ret_note, SMTP_NOTE_SIZE, "%.200s (%ld)", *error ? error : curl_easy_strerror(code), status);
	return judge(code, status);
}
