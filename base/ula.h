/* SPDX-License-Identifier: Apache-2.0
 * ula.h - the IPv6 addresses of an order's LAN (docs/VNET.md section 8)
 */
#ifndef BASE_ULA_H
#define BASE_ULA_H

#include "err.h"
#include "uuid.h"

#define ULA_TEXT_SIZE 46

/* The upper half, the network's own /64: RFC 4193 with the first 56 bits of a hash as global and subnet id. */
uint64_t ula_prefix(uuid network);
/* The lower half, the modified EUI-64 identifier (RFC 4291 appendix A): what a kernel makes of its MAC when nobody tells it otherwise. */
uint64_t ula_id_of_mac(uint64_t mac);
/* Both as text; mac as "52:54:00:12:34:56". E_INVALID: it is none. */
MUST_CHECK err_t ula_text(uuid network, const char *mac, char ret_text[ULA_TEXT_SIZE]);

#endif
