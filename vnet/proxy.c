/* SPDX-License-Identifier: Apache-2.0
 * proxy.c - asking an HTTP proxy for a connection, and what it answers
 */
#include "proxy.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "bytes.h"

#define STATUS_LINE_MIN 12 /* "HTTP/1.1 200" */

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

err_t proxy_request(const char *to, const char *login, char *room, size_t *ret_len)
{
	char basic[4 * ((PROXY_LOGIN_SIZE + 2) / 3) + 1] = "";
	if (has_control(to) || has_control(login))
		return E_INVALID;
	if (strlen(login) >= PROXY_LOGIN_SIZE)
		return E_LIMIT;
	base64_encode(login, strlen(login), basic);
	int n = snprintf(room, PROXY_REQUEST_SIZE, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", to, to,
			 *login ? "Proxy-Authorization: Basic " : "", *login ? basic : "", *login ? "\r\n" : "");
	if (n < 0 || n >= PROXY_REQUEST_SIZE)
		return E_LIMIT;
	*ret_len = (size_t)n;
	return OK;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The status of a whole head; 0: no HTTP/1. */
static int status_of(const char *head)
{
	if (strncmp(head, "HTTP/1.", 7) != 0 || !is_digit(head[7]) || head[8] != ' ' || !is_digit(head[9]) ||
	    !is_digit(head[10]) || !is_digit(head[11]) || (head[12] != ' ' && head[12] != '\r'))
		return 0;
	return (head[9] - '0') * 100 + (head[10] - '0') * 10 + (head[11] - '0');
}

err_t proxy_answer(const char *data, size_t len)
{
	static const char begin[] = "HTTP/1.";
	size_t known = len < sizeof begin - 1 ? len : sizeof begin - 1;
	if (memcmp(data, begin, known) != 0)
		return E_INVALID;
	const char *end = memmem(data, len, "\r\n\r\n", 4);
	if (!end)
		return len < PROXY_ANSWER_MAX ? E_AGAIN : E_LIMIT;
	if (end - data < STATUS_LINE_MIN)
		return E_INVALID;
	int status = status_of(data);
	if (status == 407 || status == 401) /* the latter is wrong, and tinyproxy's */
		return E_AUTH;
	if (status < 200 || status > 299)
		return status < 100 ? E_INVALID : E_DENIED;
	return end + 4 == data + len ? OK : E_INVALID;
}
