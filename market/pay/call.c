/* SPDX-License-Identifier: Apache-2.0
 * call.c - one call to a provider's server, over libcurl, on a thread that may wait
 */
#include <curl/curl.h>
#include "provider.h"

#define CONNECT_TIMEOUT_MS 10000L
#define CALL_TIMEOUT_MS 20000L
#define ANSWER_MAX (256 * 1024)

static void easy_free(CURL **easy)
{
	curl_easy_cleanup(*easy);
}

static void slist_free(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	struct buf *answer = context;
	buf_append(answer, data, size * count);
	return answer->error ? 0 : size * count;
}

static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	const struct pay *pay = context;
	(void)down_total, (void)down, (void)up_total, (void)up;
	return atomic_load(&pay->stopping);
}

static void set_server(const struct pay *pay, const struct http_call *call, CURL *easy)
{
	/* Credentials go over TLS, or not out of this machine. */
	bool here = !strncmp(call->url, "http://127.0.0.1:", 17);
	curl_easy_setopt(easy, CURLOPT_URL, call->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, here ? "http" : "https");
	if (here)
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (*pay->config.ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, pay->config.ca_file);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, CALL_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, pay);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "cpushare-market/" CPUSHARE_VERSION);
}

err_t http_call_make(const struct pay *pay, struct http_call *call)
{
	__attribute__((cleanup(easy_free))) CURL *easy = curl_easy_init();
	__attribute__((cleanup(slist_free))) struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	long status = 0;
	if (!easy || !headers)
		return E_NOMEM;
	for (size_t i = 0; i < sizeof call->headers / sizeof *call->headers && call->headers[i]; i++)
		if (!curl_slist_append(headers, call->headers[i]))
			return E_NOMEM;
	call->answer.max = ANSWER_MAX;
	set_server(pay, call, easy);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &call->answer);
	if (call->user) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERNAME, call->user);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, call->password);
	}
	if (call->body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(call->body));
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
	CURLcode code = curl_easy_perform(easy);
	if (call->answer.error)
		return call->answer.error;
	if (code != CURLE_OK)
		return E_UNAVAILABLE;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	call->status = (int)status;
	return OK;
}

err_t http_call_json(const struct http_call *call, json_t **ret_json)
{
	struct json_error error;
	return json_parse(call->answer.data ? call->answer.data : "", call->answer.len, ret_json, &error) == OK ? OK
														: E_UNAVAILABLE;
}
