/* SPDX-License-Identifier: Apache-2.0
 * proxy.h - the HTTP proxy that the environment names, for relays that are reached no other way
 */
#ifndef LAN_PROXY_H
#define LAN_PROXY_H

#include "vnet.h"

/* "http://user:password@host:3128", as curl reads https_proxy: the scheme may be missing, user and password may be percent-encoded; port
 * 1080 where there is none. host_size, login_size: of what is written. E_INVALID; E_UNSUPPORTED: another scheme than http. */
#define PROXY_HOST_SIZE 256
MUST_CHECK err_t proxy_parse(const char *text, char host[PROXY_HOST_SIZE], uint16_t *ret_port, char login[VNET_LOGIN_SIZE]);
/* Sets config's proxy by https_proxy, HTTPS_PROXY, all_proxy or ALL_PROXY, the first that is there, unless no_proxy is "*". Resolves a
 * name, so it may wait. Logs what it cannot use. */
void proxy_from_environment(struct vnet_config *config);

#endif
