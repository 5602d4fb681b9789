/* SPDX-License-Identifier: Apache-2.0
 * session.c - the keys that one handshake gave
 */
#include "session.h"

err_t session_new(const struct seal_key *send, const struct seal_key *receive, uint32_t local_index, uint32_t remote_index,
		  mono_time now, struct session **ret_session)
{
	struct session *s = calloc(1, sizeof *s);
	if (!s)
		return E_NOMEM;
	s->local_index = local_index;
	s->remote_index = remote_index;
	s->made_us = now.us;
	err_t e = seal_init(&s->send, send, true, 1);
	if (e == OK)
		e = seal_init(&s->receive, receive, false, 0);
	if (e != OK) {
		session_free(s);
		return e;
	}
	*ret_session = s;
	return OK;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	seal_clear(&s->send);
	seal_clear(&s->receive);
	free(s);
}

bool session_may_send(const struct session *s, mono_time now)
{
	return now.us - s->made_us < SESSION_END_US && s->sent < SESSION_END_PACKETS;
}

bool session_wants_rekey(const struct session *s, mono_time now, int64_t jitter_us)
{
	return now.us - s->made_us >= SESSION_REKEY_US - jitter_us || s->sent >= SESSION_REKEY_PACKETS ||
	       s->replay.newest >= SESSION_REKEY_PACKETS;
}

bool session_is_over(const struct session *s, mono_time now)
{
	if (s->replaced_us && now.us - s->replaced_us >= SESSION_PREVIOUS_US)
		return true;
	return now.us - s->made_us >= SESSION_END_US;
}

err_t session_seal(struct session *s, enum wire_type type, uint8_t *packet, size_t len)
{
	if (s->sent >= SESSION_END_PACKETS)
		return E_LIMIT;
	struct wire_header h = { .type = type, .index = s->remote_index };
	s->sent++;
	return seal_packet(&s->send, &h, packet, len);
}

err_t session_unseal(struct session *s, const struct wire_header *h, uint8_t *packet, size_t len, size_t *ret_plain_len)
{
	if (!replay_is_fresh(&s->replay, h->counter))
		return E_EXISTS;
	if (h->counter > SESSION_END_PACKETS)
		return E_CORRUPT;
	TRY(seal_open(&s->receive, packet, len, ret_plain_len));
	return replay_accept(&s->replay, h->counter) ? OK : E_EXISTS;
}
