/* SPDX-License-Identifier: Apache-2.0
 * scratch.c - the file of a guest's scratch disk in its lease's directory
 */
#include "scratch.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "file.h"
#include "log.h"

#define QEMU_IMG "/usr/bin/qemu-img" /* as the jail has it: vm/scratch.c */

static err_t path_of(const char *lease_dir, char *path, size_t size)
{
	int n = snprintf(path, size, "%s/scratch.img", lease_dir);
	return n < 0 || (size_t)n >= size ? E_LIMIT : OK;
}

uint32_t scratch_offered_mib(const struct settings *s, const char *const *lease_dirs, size_t count)
{
	struct statvfs fs;
	char path[PATH_SIZE + 16];
	if (access(QEMU_IMG, X_OK) || statvfs(s->state, &fs))
		return 0;
	int64_t bytes = (int64_t)(fs.f_bavail * fs.f_frsize) - s->limits.disk_free_bytes;
	for (size_t i = 0; i < count; i++) {
		struct stat st;
		if (path_of(lease_dirs[i], path, sizeof path) == OK && !lstat(path, &st))
			bytes += st.st_blocks * 512;
	}
	bytes = bytes < s->scratch_bytes ? bytes : s->scratch_bytes;
	return bytes > 0 ? (uint32_t)(bytes >> 20) : 0;
}

err_t scratch_make(const struct settings *s, const char *lease_dir, const struct lease_spec *spec, uint32_t uid)
{
	char path[PATH_SIZE + 16];
	if (!spec->scratch_mib)
		return OK;
	if (spec->scratch_mib > s->scratch_bytes >> 20)
		return E_LIMIT;
	TRY(path_of(lease_dir, path, sizeof path));
	AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || (uid && fchown(fd, uid, uid)))
		return err_from_errno(errno);
	return OK;
}

void scratch_remove(const char *lease_dir)
{
	char path[PATH_SIZE + 16];
	if (path_of(lease_dir, path, sizeof path) == OK && unlink(path) && errno != ENOENT)
		log_warn("a scratch disk stays", "path=%s", path);
}
