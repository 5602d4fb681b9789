/* SPDX-License-Identifier: Apache-2.0
 * seed.c - the NoCloud disc that tells a guest who it is
 */
#include "seed.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "buf.h"
#include "file.h"
#include "process.h"

static err_t put_file(const char *dir, const char *name, const char *data, size_t len)
{
	char path[600];
	int n = snprintf(path, sizeof path, "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= sizeof path)
		return E_LIMIT;
	return file_write_now(path, data, len, 0600);
}

err_t seed_write(const struct seed *seed, const char *work_dir, const char *path)
{
	char id[UUID_TEXT_SIZE], dir[512];
	AUTO_BUF meta = { .data = NULL }, network = { .data = NULL };
	int n = snprintf(dir, sizeof dir, "%s/seed", work_dir), status = -1;
	if (n < 0 || (size_t)n >= sizeof dir)
		return E_LIMIT;
	buf_printf(&meta, "instance-id: %s\nlocal-hostname: %s\n", uuid_format(seed->instance, id), seed->name);
	buf_printf(&network, "version: 2\nethernets:\n  cpu0:\n    match: { macaddress: \"%s\" }\n    dhcp4: true\n", seed->mac);
	if (meta.error || network.error)
		return E_NOMEM;
	TRY(dir_make(dir, 0700));
	TRY(put_file(dir, "meta-data", meta.data, meta.len));
	TRY(put_file(dir, "network-config", network.data, network.len));
	TRY(put_file(dir, "user-data", seed->user_data, strlen(seed->user_data)));
	char *argv[] = { "xorriso", "-as", "mkisofs", "-quiet", "-V", "cidata", "-J", "-r", "-o", (char *)path, dir, NULL };
	TRY(process_run(argv, 30000, &status));
	TRY(dir_remove(dir));
	return status == 0 && !chmod(path, 0644) ? OK : E_IO;
}
