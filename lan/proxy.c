/* SPDX-License-Identifier: Apache-2.0
 * proxy.c - the HTTP proxy that the environment names
 */
#include "proxy.h"
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "log.h"

#define DEFAULT_PORT 1080 /* curl's */

/* Percent-encoded bytes to themselves (RFC 3986 section 2.1). */
static err_t unescape(const char *from, size_t len, char *to, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		char hex[3] = "";
		uint8_t byte = (uint8_t)from[i];
		if (from[i] == '%') {
			if (len - i < 3)
				return E_INVALID;
			memcpy(hex, from + i + 1, 2);
			TRY(hex_decode(hex, &byte, 1));
			i += 2;
		}
		if (byte < 0x20 || byte == 0x7f)
			return E_INVALID;
		if (n + 1 >= size)
			return E_LIMIT;
		to[n++] = (char)byte;
	}
	to[n] = 0;
	return OK;
}

static err_t take_port(const char *text, uint16_t *ret_port)
{
	int64_t port = DEFAULT_PORT;
	if (*text)
		TRY(int_parse(text, &port));
	if (port < 1 || port > 65535)
		return E_INVALID;
	*ret_port = (uint16_t)port;
	return OK;
}

err_t proxy_parse(const char *text, char host[PROXY_HOST_SIZE], uint16_t *ret_port, char login[VNET_LOGIN_SIZE])
{
	const char *scheme_end = strstr(text, "://"), *at = scheme_end ? scheme_end + 3 : text;
	size_t len = strcspn(at, "/?#");
	if (scheme_end && strncmp(text, "http://", 7) != 0)
		return E_UNSUPPORTED;
	const char *sign = memrchr(at, '@', len);
	login[0] = 0;
	if (sign) {
		TRY(unescape(at, (size_t)(sign - at), login, VNET_LOGIN_SIZE));
		len -= (size_t)(sign + 1 - at);
		at = sign + 1;
	}
	char place[PROXY_HOST_SIZE];
	if (len == 0 || len >= sizeof place)
		return E_INVALID;
	memcpy(place, at, len);
	place[len] = 0;
	char *name = place, *end = strchr(place, ':');
	if (*place == '[') {
		name = place + 1;
		end = strchr(place, ']');
		if (!end || (end[1] && end[1] != ':'))
			return E_INVALID;
		*end++ = 0;
	}
	const char *port = "";
	if (end && *end == ':') {
		*end = 0;
		port = end + 1;
		if (!*port)
			return E_INVALID;
	}
	if (!*name)
		return E_INVALID;
	TRY(take_port(port, ret_port));
	return text_copy(host, PROXY_HOST_SIZE, name);
}

static err_t resolve(const char *host, uint16_t port, char address[VNET_CANDIDATE_SIZE])
{
	char service[8], number[INET6_ADDRSTRLEN];
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG }, *list;
	snprintf(service, sizeof service, "%u", port);
	if (getaddrinfo(host, service, &hints, &list) != 0)
		return E_NOT_FOUND;
	int failed = getnameinfo(list->ai_addr, list->ai_addrlen, number, sizeof number, NULL, 0, NI_NUMERICHOST);
	int n = snprintf(address, VNET_CANDIDATE_SIZE, list->ai_family == AF_INET6 ? "[%s]:%u" : "%s:%u", number, port);
	freeaddrinfo(list);
	return failed || n < 0 || n >= VNET_CANDIDATE_SIZE ? E_INVALID : OK;
}

void proxy_from_environment(struct vnet_config *config)
{
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
	const char *text = NULL, *without = getenv("no_proxy");
	char host[PROXY_HOST_SIZE];
	uint16_t port = 0;
	for (size_t i = 0; i < sizeof names / sizeof *names && !(text && *text); i++)
		text = getenv(names[i]);
	if (!text || !*text || (without && !strcmp(without, "*")))
		return;
	err_t e = proxy_parse(text, host, &port, config->proxy_login);
	if (!e)
		e = resolve(host, port, config->proxy);
	if (e) { /* the text may hold a password */
		config->proxy[0] = config->proxy_login[0] = 0;
		log_warn("the proxy of the environment is not used", "error=%s", err_name(e));
	}
}
