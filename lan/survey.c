/* SPDX-License-Identifier: Apache-2.0
 * survey.c - what this machine's network lets an ethernet do
 */
#include "survey.h"
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include "bytes.h"
#include "file.h"

#define PATIENCE_US (5 * SECOND_US) /* for STUN and the gateway */

static err_t endpoint_new(const char *key, const char *cert, unsigned without, struct vnet_config *c, struct vnet **ret)
{
	c->network = (struct vnet_network){ .id = uuid_make(clock_wall()), .subnet = 0x0a4d0000, .prefix_len = 16, .mtu = 1400 };
	c->self = (struct vnet_peer){ .id = uuid_make(clock_wall()), .ip = 0x0a4d0001, .mac = { { 2, 0, 0x0a, 0x4d, 0, 1 } } };
	TRY(text_copy(c->self.name, sizeof c->self.name, "survey"));
	c->key_pem = key;
	c->cert_pem = cert;
	c->without = without;
	return vnet_new(c, clock_mono(), ret);
}

static bool answered(const struct vnet *v)
{
	struct vnet_stun_status status[VNET_MAX_STUN_SERVERS];
	size_t n = vnet_stun_statuses(v, status);
	for (size_t i = 0; i < n; i++)
		if (!*status[i].mapped)
			return false;
	return true;
}

static bool has_kind(const struct vnet_candidate *list, size_t count, enum vnet_candidate_kind kind)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].kind == kind)
			return true;
	return false;
}

/* Until all have answered and the gateway mapped a port, or patience is over. */
static void run_both(struct survey *s, struct vnet *v[2])
{
	mono_time now = clock_mono();
	for (int64_t end = now.us + PATIENCE_US; now.us < end; now = clock_mono()) {
		struct pollfd p[2] = { { vnet_fd(v[0]), POLLIN, 0 }, { vnet_fd(v[1]), POLLIN, 0 } };
		int64_t due = end;
		for (int i = 0; i < 2; i++)
			if (vnet_next_us(v[i]).us < due)
				due = vnet_next_us(v[i]).us;
		poll(p, 2, due > now.us ? (int)((due - now.us) / 1000 + 1) : 0);
		now = clock_mono();
		vnet_run(v[0], now);
		vnet_run(v[1], now);
		s->candidate_count = vnet_candidates(v[0], s->candidates);
		s->mapped = has_kind(s->candidates, s->candidate_count, VNET_MAPPED);
		if (s->mapped && answered(v[0]) && answered(v[1]))
			break;
	}
}

err_t survey_make(const struct netcheck *servers, struct survey *ret)
{
	struct vnet *v[2] = { NULL, NULL };
	struct vnet_config a = { .key_pem = NULL }, b = { .key_pem = NULL };
	struct survey s = { .stun_count = 0 };
	struct vnet_status status;
	AUTO_FREE char *key = NULL, *cert = NULL;
	TRY(certificate_make("survey", &key, &cert));
	memcpy(a.stun_servers, servers->stun, sizeof a.stun_servers);
	for (size_t i = 0; i < servers->relay_count && i < VNET_MAX_STUN_SERVERS; i++)
		memcpy(b.stun_servers[i], servers->relays[i].address, sizeof b.stun_servers[i]);
	err_t e = endpoint_new(key, cert, 0, &a, &v[0]);
	if (!e)
		e = endpoint_new(key, cert, VNET_WITHOUT_PORT_MAPPING, &b, &v[1]);
	if (!e) {
		run_both(&s, v);
		s.stun_count = vnet_stun_statuses(v[0], s.stun);
		s.relay_count = vnet_stun_statuses(v[1], s.relays);
		vnet_status(v[0], &status);
		s.mapping = status.mapping;
		*ret = s;
	}
	vnet_free(v[0]);
	vnet_free(v[1]);
	return e;
}

static bool is_v6(const char *address)
{
	return *address == '[';
}

bool survey_is_own(const struct survey *s, const char *address)
{
	size_t len = (size_t)(strrchr(address, ':') - address);
	for (size_t i = 0; i < s->candidate_count; i++)
		if (s->candidates[i].kind == VNET_HOST && !strncmp(s->candidates[i].address, address, len) &&
		    s->candidates[i].address[len] == ':')
			return true;
	return false;
}

const struct vnet_stun_status *survey_answer(const struct survey *s, bool v6)
{
	for (size_t i = 0; i < s->stun_count + s->relay_count; i++) {
		const struct vnet_stun_status *answer = i < s->stun_count ? &s->stun[i] : &s->relays[i - s->stun_count];
		if (*answer->mapped && is_v6(answer->server) == v6)
			return answer;
	}
	return NULL;
}

bool survey_is_direct(const struct survey *s)
{
	return s->mapped || s->mapping == VNET_MAPPING_INDEPENDENT;
}

uint32_t survey_ms(int64_t us)
{
	int64_t ms = (us + 999) / 1000;
	return us < 0 ? 0 : ms < 1 ? 1 : ms > RTT_MAX_MS ? RTT_MAX_MS : (uint32_t)ms;
}

int64_t survey_relay_us(const struct survey *s)
{
	int64_t least_us = -1;
	for (size_t i = 0; i < s->relay_count; i++)
		if (*s->relays[i].mapped && s->relays[i].rtt_us >= 0 && (least_us < 0 || s->relays[i].rtt_us < least_us))
			least_us = s->relays[i].rtt_us;
	return least_us;
}

void survey_regions(const struct survey *s, const struct netcheck *servers, struct region_rtt *ret_rtt, size_t *ret_count)
{
	size_t count = 0, at;
	for (size_t i = 0; i < s->relay_count && i < servers->relay_count; i++) {
		const char *region = servers->relays[i].region;
		if (!*region || !*s->relays[i].mapped || s->relays[i].rtt_us < 0)
			continue;
		for (at = 0; at < count && strcmp(ret_rtt[at].region, region) != 0; at++)
			;
		if (at == MAX_REGIONS)
			continue;
		uint32_t ms = survey_ms(s->relays[i].rtt_us);
		if (at == count) {
			memcpy(ret_rtt[count].region, region, REGION_SIZE);
			ret_rtt[count++].rtt_ms = ms;
		} else if (ms < ret_rtt[at].rtt_ms) {
			ret_rtt[at].rtt_ms = ms;
		}
	}
	*ret_count = count;
}

const char *survey_regions_text(const struct survey *s, const struct netcheck *servers, char *ret_text)
{
	struct region_rtt rtt[MAX_REGIONS];
	size_t count, len = 0;
	survey_regions(s, servers, rtt, &count);
	*ret_text = 0;
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(ret_text + len, SURVEY_REGIONS_SIZE - len, "%s%s %u ms", i ? ", " : "", rtt[i].region,
					rtt[i].rtt_ms);
	return ret_text;
}
