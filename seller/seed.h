/* SPDX-License-Identifier: Apache-2.0
 * seed.h - the NoCloud disc that tells a guest who it is (cloud-init's NoCloud data source: label cidata, ISO 9660)
 */
#ifndef SELLER_SEED_H
#define SELLER_SEED_H

#include "machine.h"

/* Writes the ISO with meta-data, user-data and network-config to path. Takes xorriso. */
MUST_CHECK err_t seed_write(const struct lease_spec *spec, const char *work_dir, const char *path);

#endif
