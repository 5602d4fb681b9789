/* SPDX-License-Identifier: Apache-2.0
 * seal_plain.c - stands in for vnet/seal.c in a bench program of its own: the same packets with nothing sealed, to see what sealing costs
 *
 * Only tests/bench/endpoint-plain is linked with it. No program that is shipped can be made to send plain packets.
 */
#include <stdlib.h>
#include <string.h>
#include "seal.h"

err_t seal_init(struct seal *s, const struct seal_key *key, bool for_sending, uint64_t next)
{
	(void)key;
	(void)for_sending;
	uint64_t *counter = malloc(sizeof *counter);
	if (!counter)
		return E_NOMEM;
	*counter = next;
	s->context = (EVP_CIPHER_CTX *)(void *)counter;
	return OK;
}

void seal_clear(struct seal *s)
{
	free(s->context);
	s->context = NULL;
}

err_t seal_packet(struct seal *s, const struct wire_header *h, uint8_t *packet, size_t len)
{
	struct wire_header counted = *h;
	counted.counter = (*(uint64_t *)(void *)s->context)++;
	wire_header_put(&counted, packet);
	memset(packet + WIRE_HEADER_BYTES + len, 0, WIRE_TAG_BYTES);
	return OK;
}

err_t seal_open(struct seal *s, uint8_t *packet, size_t len, size_t *ret_plain_len)
{
	(void)s;
	(void)packet;
	if (len < WIRE_SEAL_BYTES)
		return E_CORRUPT;
	*ret_plain_len = len - WIRE_SEAL_BYTES;
	return OK;
}
