/* SPDX-License-Identifier: Apache-2.0
 * seed.h - the NoCloud disc that tells a guest who it is (cloud-init's NoCloud data source: label cidata, ISO 9660)
 */
#ifndef BASE_SEED_H
#define BASE_SEED_H

#include "err.h"
#include "uuid.h"

struct seed {
	uuid instance;
	const char *name, *mac, *user_data; /* mac: of the one card, which asks by DHCP */
};

/* Writes the ISO with meta-data, user-data and network-config to path. */
MUST_CHECK err_t seed_write(const struct seed *seed, const char *path);

#endif
