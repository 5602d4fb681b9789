/* SPDX-License-Identifier: Apache-2.0
 * relay_try.c - can the relay be reached by TLS from here? Asked by who has no network yet
 */
#include <sys/epoll.h>
#include <unistd.h>
#include "file.h"
#include "relay_tls.h"
#include "vnet_status.h"

static void ignore(void *context, uint8_t *packet, size_t len)
{
	(void)context, (void)packet, (void)len; /* a relay does not speak first */
}

/* Until it is up, failed, or out of time. */
static err_t run(struct relay_tls *t, int timeout_ms, int64_t *ret_us, const char **ret_why)
{
	mono_time begun = clock_mono(), now = begun;
	int64_t end_us = begun.us + timeout_ms * INT64_C(1000);
	relay_tls_tick(t, now);
	while (t->state != RELAY_TLS_CLOSED && now.us < end_us) {
		struct epoll_event event;
		if (epoll_wait(t->epoll_fd, &event, 1, (int)((end_us - now.us) / 1000 + 1)) > 0)
			relay_tls_ready(t, ignore, NULL, clock_mono());
		now = clock_mono();
		if (relay_tls_is_up(t)) {
			*ret_us = now.us - begun.us;
			return OK;
		}
	}
	*ret_why = t->state == RELAY_TLS_CLOSED ? t->what : "TLS to the relay: no answer";
	return E_UNAVAILABLE;
}

err_t vnet_try_relay(const struct vnet_relay *relay, const struct vnet_config *config, int timeout_ms, int64_t *ret_us,
		     const char **ret_why)
{
	struct address to, proxy = { 0 };
	struct relay_tls t;
	SSL_CTX *context;
	*ret_why = "TLS to the relay: no such address";
	TRY(address_parse(relay->tls_address, &to));
	if (*config->proxy)
		TRY(address_parse(config->proxy, &proxy));
	*ret_why = "TLS to the relay: no room for it here";
	AUTO_FD epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		return E_IO;
	TRY(tls_client_context(&context));
	relay_tls_init(&t, context, epoll_fd, &to, relay->tls_pin, &proxy, config->proxy_login, clock_mono());
	err_t e = run(&t, timeout_ms, ret_us, ret_why);
	relay_tls_close(&t, clock_mono());
	SSL_CTX_free(context);
	return e;
}
