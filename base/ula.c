/* SPDX-License-Identifier: Apache-2.0
 * ula.c - the IPv6 addresses of an order's LAN
 */
#include "ula.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "bytes.h"
#include "crypto.h"

uint64_t ula_prefix(uuid network)
{
	static const char label[] = "cpushare vnet ula v1";
	uint8_t text[sizeof label - 1 + sizeof network.bytes];
	memcpy(text, label, sizeof label - 1);
	memcpy(text + sizeof label - 1, network.bytes, sizeof network.bytes);
	sha256 h = sha256_of(text, sizeof text);
	struct reader r = reader_of(h.bytes, sizeof h.bytes);
	return 0xfdull << 56 | read_u64(&r) >> 8;
}

uint64_t ula_id_of_mac(uint64_t mac)
{
	return ((mac >> 24) ^ 0x020000) << 40 | 0xfffeull << 24 | (mac & 0xffffff);
}

err_t ula_text(uuid network, const char *mac, char ret_text[ULA_TEXT_SIZE])
{
	unsigned b[6];
	char rest;
	uint64_t number = 0;
	struct in6_addr a;
	if (strlen(mac) != 17 || sscanf(mac, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &rest) != 6)
		return E_INVALID;
	for (int i = 0; i < 6; i++)
		number = number << 8 | b[i];
	struct writer w = writer_of(a.s6_addr, sizeof a.s6_addr);
	write_u64(&w, ula_prefix(network));
	write_u64(&w, ula_id_of_mac(number));
	return inet_ntop(AF_INET6, &a, ret_text, ULA_TEXT_SIZE) ? OK : E_INVALID;
}
