/* SPDX-License-Identifier: Apache-2.0
 * dhcp.c - the one address that our machine may have, handed out as RFC 2131 wants it
 *
 * There is nothing to allocate and nothing to remember: the market gave this peer its address, so every answer is a function of the
 * question. What asks for another address gets a NAK and starts over.
 */
#include "bytes.h"
#include "dhcp.h"

#define BOOT_REQUEST 1
#define BOOT_REPLY 2
#define MAGIC 0x63825363
#define FLAG_BROADCAST 0x8000
#define BOOTP_MIN_BYTES 300 /* RFC 1542 section 2.1 */
#define CLIENT_ID_MAX 64

enum message { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM };
enum option {
	O_PAD = 0,
	O_MASK = 1,
	O_ROUTER = 3,
	O_DNS = 6,
	O_HOSTNAME = 12,
	O_DOMAIN = 15,
	O_MTU = 26,
	O_BROADCAST = 28,
	O_REQUESTED_IP = 50,
	O_LEASE_TIME = 51,
	O_MESSAGE = 53,
	O_SERVER = 54,
	O_RENEW_TIME = 58,
	O_REBIND_TIME = 59,
	O_CLIENT_ID = 61,
	O_END = 255
};

struct question {
	uint32_t xid, client_ip, relay_ip, requested_ip, server;
	uint16_t flags;
	uint8_t hardware[16];
	uint8_t message;
	bool has_requested, has_server;
	const uint8_t *client_id;
	size_t client_id_len;
};

static void take_option(struct question *q, uint8_t code, const uint8_t *data, size_t len)
{
	struct reader r = reader_of(data, len);
	if (code == O_MESSAGE && len == 1) {
		q->message = read_u8(&r);
	} else if (code == O_REQUESTED_IP && len == 4) {
		q->requested_ip = read_u32(&r);
		q->has_requested = true;
	} else if (code == O_SERVER && len == 4) {
		q->server = read_u32(&r);
		q->has_server = true;
	} else if (code == O_CLIENT_ID && len >= 2 && len <= CLIENT_ID_MAX) {
		q->client_id = data;
		q->client_id_len = len;
	}
}

static err_t parse(const uint8_t *message, size_t len, struct question *q)
{
	struct reader r = reader_of(message, len);
	bool usual = read_u8(&r) == BOOT_REQUEST && read_u8(&r) == 1 && read_u8(&r) == 6;
	read_u8(&r);
	q->xid = read_u32(&r);
	read_u16(&r);
	q->flags = read_u16(&r);
	q->client_ip = read_u32(&r);
	read_u32(&r);
	read_u32(&r);
	q->relay_ip = read_u32(&r);
	read_copy(&r, q->hardware, sizeof q->hardware);
	read_bytes(&r, 64 + 128);
	usual = usual && read_u32(&r) == MAGIC;
	if (r.bad || !usual)
		return E_INVALID;
	while (reader_left(&r) > 0) {
		uint8_t code = read_u8(&r);
		if (code == O_PAD)
			continue;
		if (code == O_END)
			break;
		uint8_t n = read_u8(&r);
		const uint8_t *data = read_bytes(&r, n);
		if (r.bad)
			return E_INVALID;
		take_option(q, code, data, n);
	}
	return q->message ? OK : E_INVALID;
}

/* RFC 2131 section 4.3: what the message deserves; 0 for silence. */
static uint8_t verdict(const struct dhcp *d, const struct question *q)
{
	switch (q->message) {
	case DISCOVER:
		return OFFER;
	case INFORM:
		return ACK;
	case REQUEST:
		if (q->has_server) /* SELECTING: of several offers it chose one */
			return q->server != d->server ? 0 : q->has_requested && q->requested_ip == d->ip ? ACK : NAK;
		if (q->has_requested && q->client_ip == 0) /* INIT-REBOOT */
			return q->requested_ip == d->ip ? ACK : NAK;
		return q->client_ip == d->ip ? ACK : NAK; /* RENEWING, REBINDING */
	}
	return 0;
}

static void put_u32(struct writer *w, enum option code, uint32_t value)
{
	write_u8(w, code);
	write_u8(w, 4);
	write_u32(w, value);
}

static void put_bytes(struct writer *w, enum option code, const void *data, size_t len)
{
	write_u8(w, code);
	write_u8(w, (uint8_t)len);
	write_bytes(w, data, len);
}

static void put_settings(struct writer *w, const struct dhcp *d, bool with_lease)
{
	const struct vnet_network *n = d->network;
	uint32_t mask = UINT32_MAX << (32 - n->prefix_len);
	if (with_lease) {
		put_u32(w, O_LEASE_TIME, DHCP_LEASE_S);
		put_u32(w, O_RENEW_TIME, DHCP_RENEW_S);
		put_u32(w, O_REBIND_TIME, DHCP_LEASE_S / 8 * 7);
	}
	put_u32(w, O_MASK, mask);
	put_u32(w, O_BROADCAST, (n->subnet & mask) | ~mask);
	if (d->gateway && d->gateway != d->ip)
		put_u32(w, O_ROUTER, d->gateway);
	put_u32(w, O_DNS, d->server);
	put_bytes(w, O_HOSTNAME, d->name, strlen(d->name));
	put_bytes(w, O_DOMAIN, "lan", 3);
	write_u8(w, O_MTU);
	write_u8(w, 2);
	write_u16(w, n->mtu);
}

static err_t put_reply(const struct dhcp *d, const struct question *q, uint8_t kind, struct dhcp_reply *reply)
{
	static const uint8_t zeros[64];
	char file[VNET_BOOT_FILE_SIZE] = "";
	bool boots = kind != NAK && *d->boot_file && text_copy(file, sizeof file, d->boot_file) == OK;
	struct writer w = writer_of(reply->data, sizeof reply->data);
	bool inform = q->message == INFORM;
	write_u8(&w, BOOT_REPLY);
	write_u8(&w, 1);
	write_u8(&w, 6);
	write_u8(&w, 0);
	write_u32(&w, q->xid);
	write_u16(&w, 0);
	write_u16(&w, q->flags);
	write_u32(&w, kind == NAK ? 0 : q->client_ip);
	write_u32(&w, kind == NAK || inform ? 0 : d->ip);
	write_u32(&w, boots ? d->boot_server : 0); /* where the next step of the start comes from (section 2, siaddr) */
	write_u32(&w, 0);
	write_bytes(&w, q->hardware, sizeof q->hardware);
	write_bytes(&w, zeros, sizeof zeros);
	write_bytes(&w, file, sizeof file);
	write_u32(&w, MAGIC);
	put_bytes(&w, O_MESSAGE, &kind, 1);
	put_u32(&w, O_SERVER, d->server);
	if (q->client_id) /* RFC 6842 */
		put_bytes(&w, O_CLIENT_ID, q->client_id, q->client_id_len);
	if (kind != NAK)
		put_settings(&w, d, !inform);
	write_u8(&w, O_END);
	while (writer_len(&w) < BOOTP_MIN_BYTES)
		write_u8(&w, O_PAD);
	if (w.bad)
		return E_INTERNAL;
	reply->len = writer_len(&w);
	return OK;
}

err_t dhcp_answer(const struct dhcp *d, const uint8_t *message, size_t len, struct dhcp_reply *ret_reply)
{
	struct question q = { 0 };
	TRY(parse(message, len, &q));
	if (memcmp(q.hardware, d->mac.bytes, sizeof d->mac.bytes) != 0)
		return E_NOT_FOUND;
	uint8_t kind = q.relay_ip ? 0 : verdict(d, &q);
	if (!kind)
		return E_AGAIN;
	TRY(put_reply(d, &q, kind, ret_reply));
	/* Section 4.1: where the client can be reached. It may send from an address only if that is its own. */
	bool configured = kind != NAK && q.client_ip == d->ip;
	ret_reply->to_broadcast_mac = kind == NAK || (!configured && (q.flags & FLAG_BROADCAST));
	ret_reply->to_ip = ret_reply->to_broadcast_mac ? UINT32_MAX : d->ip;
	return OK;
}
