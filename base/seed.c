/* SPDX-License-Identifier: Apache-2.0
 * seed.c - the NoCloud disc that tells a guest who it is
 */
#include "seed.h"
#include <string.h>
#include "file.h"
#include "iso9660.h"

err_t seed_write(const struct seed *seed, const char *path)
{
	char id[UUID_TEXT_SIZE];
	AUTO_BUF meta = { .data = NULL }, network = { .data = NULL }, disc = { .data = NULL };
	buf_printf(&meta, "instance-id: %s\nlocal-hostname: %s\n", uuid_format(seed->instance, id), seed->name);
	buf_printf(&network, "version: 2\nethernets:\n  cpu0:\n    match: { macaddress: \"%s\" }\n    dhcp4: true\n", seed->mac);
	if (meta.error || network.error)
		return E_NOMEM;
	const struct iso9660_file files[] = {
		{ "meta-data", meta.data, meta.len },
		{ "network-config", network.data, network.len },
		{ "user-data", seed->user_data, strlen(seed->user_data) },
	};
	TRY(iso9660_make("cidata", files, sizeof files / sizeof *files, &disc));
	return file_write_now(path, disc.data, disc.len, 0644);
}
