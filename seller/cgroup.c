/* SPDX-License-Identifier: Apache-2.0
 * cgroup.c - a control group for each guest
 */
#include "cgroup.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bytes.h"
#include "file.h"

/* The groups above the guests'. */
static const char *const ours[] = { "cpushare", "cpushare-idle" };
enum { TEXT_MAX = 256 * 1024, QUOTA_PERIOD_US = 100000, REMOVE_TRIES = 50 };

const char *const cgroup_controller_names[] = { "cpu", "memory", "pids" };
static_assert(sizeof cgroup_controller_names / sizeof *cgroup_controller_names == CGROUP_CONTROLLER_COUNT, "one name each");

/* ---- files ---- */

PRINTF_LIKE(3, 4) static bool set(const char *group, const char *file, const char *fmt, ...)
{
	char path[CGROUP_PATH_SIZE + 64], value[64];
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(value, sizeof value, fmt, args);
	va_end(args);
	snprintf(path, sizeof path, "%s/%s", group, file);
	AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, value, (size_t)len) == len;
}

static char *get(const char *group, const char *file)
{
	char path[CGROUP_PATH_SIZE + 64], *text = NULL;
	size_t len;
	snprintf(path, sizeof path, "%s/%s", group, file);
	return file_read(path, TEXT_MAX, &text, &len) == OK ? text : NULL;
}

/* Is the word in a text of words between blanks or commas? */
static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	for (const char *at = text; at && *at;) {
		at += strspn(at, " ,\n");
		size_t n = strcspn(at, " ,\n");
		if (n == len && !strncmp(at, word, len))
			return true;
		at += n;
	}
	return false;
}

/* ---- where hierarchies are mounted ---- */

/* One line of /proc/self/mountinfo (proc(5)): "36 35 0:30 / /sys/fs/cgroup rw,... - cgroup2 cgroup2 rw,...". Fields are ended by NULs. */
static bool read_mount(char *line, char **ret_place, char **ret_type, char **ret_options)
{
	char *field[32], *save = NULL;
	int count = 0, dash = 0;
	for (char *at = strtok_r(line, " ", &save); at && count < 32; at = strtok_r(NULL, " ", &save)) {
		if (!strcmp(at, "-") && count > 5)
			dash = count;
		field[count++] = at;
	}
	if (!dash || count < dash + 4)
		return false;
	*ret_place = field[4];
	*ret_type = field[dash + 1];
	*ret_options = field[dash + 3];
	return strlen(*ret_place) < CGROUP_PATH_SIZE - 64 && !strchr(*ret_place, '\\');
}

struct mounts {
	char unified[CGROUP_PATH_SIZE], older[CGROUP_CONTROLLER_COUNT][CGROUP_PATH_SIZE];
};

static void find_mounts(struct mounts *m)
{
	AUTO_FREE char *text = get("/proc/self", "mountinfo");
	char *save = NULL, *place, *type, *options;
	*m = (struct mounts){ { 0 }, { { 0 } } };
	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		if (!read_mount(line, &place, &type, &options))
			continue;
		if (!strcmp(type, "cgroup2"))
			(void)!text_copy(m->unified, sizeof m->unified, place);
		for (int c = 0; c < CGROUP_CONTROLLER_COUNT && !strcmp(type, "cgroup"); c++)
			if (has_word(options, cgroup_controller_names[c]))
				(void)!text_copy(m->older[c], sizeof m->older[c], place);
	}
}

/* ---- the group above the guests' ---- */

/* A plain user's: the daemon's own group, if nobody else is in it and it is ours. The daemon steps down into a leaf of it, since a
 * group with processes of its own has no controllers for its children (cgroup-v2.rst, "No Internal Process Constraint"). */
static bool take_delegated(const char *mount, char *ret_parent, char *why, size_t size)
{
	AUTO_FREE char *own = get("/proc/self", "cgroup");
	const char *at = own ? strstr(own, "0::/") : NULL;
	char leaf[CGROUP_PATH_SIZE + 16];
	snprintf(why, size, "systemd did not delegate a control group to this daemon (Delegate=yes)");
	if (!at || (at != own && at[-1] != '\n'))
		return false;
	size_t len = strcspn(at + 3, "\n");
	bool again = len > 7 && !strncmp(at + 3 + len - 7, "/daemon", 7);
	if (again)
		len -= 7;
	int n = snprintf(ret_parent, CGROUP_PATH_SIZE, "%s%.*s", mount, (int)len, at + 3);
	if (n < 0 || n >= CGROUP_PATH_SIZE - 64 || len < 2)
		return false;
	if (again)
		return true;
	AUTO_FREE char *members = get(ret_parent, "cgroup.procs");
	if (!members || strtol(members, NULL, 10) != getpid() || strchr(members, '\n') != strrchr(members, '\n'))
		return false;
	snprintf(leaf, sizeof leaf, "%s/daemon", ret_parent);
	return (!mkdir(leaf, 0755) || errno == EEXIST) && set(leaf, "cgroup.procs", "0");
}

static bool make_parent(const char *mount, bool idle, char *ret_parent)
{
	int n = snprintf(ret_parent, CGROUP_PATH_SIZE, "%s/%s", mount, ours[idle]);
	return n > 0 && n < CGROUP_PATH_SIZE && (!mkdir(ret_parent, 0755) || errno == EEXIST);
}

/* The unified hierarchy's controllers, each handed down to the parent and to the guests. */
static void open_unified(struct cgroup_host *host, const char *mount, bool idle)
{
	char parent[CGROUP_PATH_SIZE] = "", word[16];
	AUTO_FREE char *controllers = get(mount, "cgroup.controllers");
	bool root = geteuid() == 0, wanted = false;
	for (int c = 0; c < CGROUP_CONTROLLER_COUNT; c++)
		wanted |= controllers && has_word(controllers, cgroup_controller_names[c]);
	if (!wanted || !(root ? make_parent(mount, idle, parent) : take_delegated(mount, parent, host->why, sizeof host->why)))
		return;
	for (int c = 0; c < CGROUP_CONTROLLER_COUNT; c++) {
		snprintf(word, sizeof word, "+%s", cgroup_controller_names[c]);
		if (root && has_word(controllers, word + 1))
			(void)!set(mount, "cgroup.subtree_control", "%s", word);
		if (!set(parent, "cgroup.subtree_control", "%s", word))
			continue;
		host->controllers[c].there = host->controllers[c].unified = true;
		snprintf(host->controllers[c].parent, CGROUP_PATH_SIZE, "%s", parent);
	}
}

void cgroup_open(bool idle, struct cgroup_host *ret_host)
{
	struct cgroup_host host = { .why = "" };
	struct mounts mounts;
	find_mounts(&mounts);
	if (*mounts.unified)
		open_unified(&host, mounts.unified, idle);
	for (int c = 0; c < CGROUP_CONTROLLER_COUNT; c++)
		if (!host.controllers[c].there && *mounts.older[c] && geteuid() == 0)
			host.controllers[c].there = make_parent(mounts.older[c], idle, host.controllers[c].parent);
	const char *parent = host.controllers[CGROUP_CPU].parent;
	if (host.controllers[CGROUP_CPU].there && idle) {
		/* Kernels before 5.15 have no idle groups: the least weight is the next best. */
		host.idle = set(parent, "cpu.idle", "1") ||
			    set(parent, host.controllers[CGROUP_CPU].unified ? "cpu.weight" : "cpu.shares",
				host.controllers[CGROUP_CPU].unified ? "1" : "2");
	}
	for (int c = 0; c < CGROUP_CONTROLLER_COUNT && !*host.why; c++)
		if (!host.controllers[c].there)
			snprintf(host.why, sizeof host.why, "this kernel or its mounts have no control groups of %s for us",
				 cgroup_controller_names[c]);
	*ret_host = host;
}

void cgroup_close(const struct cgroup_host *host)
{
	for (int c = 0; c < CGROUP_CONTROLLER_COUNT; c++)
		if (host->controllers[c].there && geteuid() == 0)
			rmdir(host->controllers[c].parent);
}

/* ---- a guest's ---- */

/* The controller's groups lie in one folder with an earlier one's. */
static bool seen_before(const struct cgroup_host *host, int controller)
{
	for (int c = 0; c < controller; c++)
		if (host->controllers[c].there && !strcmp(host->controllers[c].parent, host->controllers[controller].parent))
			return true;
	return false;
}

static void bound(const struct cgroup_host *host, enum cgroup_controller c, const char *group, const struct cgroup_limits *l)
{
	bool unified = host->controllers[c].unified;
	/* Half a core for QEMU beside the vCPUs, which its buyer does not pay for. */
	long long quota_us = (long long)l->cores * QUOTA_PERIOD_US + QUOTA_PERIOD_US / 2;
	bool done = false;
	switch (c) {
	case CGROUP_CPU:
		done = unified ? set(group, "cpu.max", "%lld %d", quota_us, QUOTA_PERIOD_US)
			       : set(group, "cpu.cfs_period_us", "%d", QUOTA_PERIOD_US) &&
					 set(group, "cpu.cfs_quota_us", "%lld", quota_us);
		break;
	case CGROUP_MEMORY:
		done = set(group, unified ? "memory.max" : "memory.limit_in_bytes", "%llu", (unsigned long long)l->memory_bytes);
		/* Where it has too little, all of it goes, and nothing half. Not in older hierarchies. */
		done &= !unified || set(group, "memory.oom.group", "1");
		break;
	case CGROUP_PIDS:
		done = set(group, "pids.max", "%u", l->pids);
		break;
	case CGROUP_CONTROLLER_COUNT:
		break;
	}
	(void)done; /* a kernel may be built without one of them; the rlimits of the jail stand */
}

static err_t make_all(const struct cgroup_host *host, const char *name, const struct cgroup_limits *limits,
		      char (*ret_paths)[CGROUP_PATH_SIZE], size_t *ret_count)
{
	size_t count = 0;
	for (int c = 0; c < CGROUP_CONTROLLER_COUNT; c++) {
		char group[CGROUP_PATH_SIZE];
		if (!host->controllers[c].there)
			continue;
		int n = snprintf(group, sizeof group, "%s/%s", host->controllers[c].parent, name);
		if (n >= (int)sizeof group || (mkdir(group, 0755) && errno != EEXIST))
			return err_from_errno(errno);
		bound(host, (enum cgroup_controller)c, group, limits);
		if (!seen_before(host, c))
			memcpy(ret_paths[count++], group, sizeof group);
	}
	*ret_count = count;
	return OK;
}

err_t cgroup_make(const char *name, const struct cgroup_limits *limits, char (*ret_paths)[CGROUP_PATH_SIZE], size_t *ret_count)
{
	struct cgroup_host host;
	err_t e = OK;
	/* Another daemon of ours may just have removed the empty parent. */
	for (int i = 0; i < 3; i++) {
		cgroup_open(limits->idle, &host);
		e = make_all(&host, name, limits, ret_paths, ret_count);
		if (e != E_NOT_FOUND)
			break;
	}
	return e ? E_IO : OK;
}

static void kill_members(const char *group)
{
	AUTO_FREE char *members = get(group, "cgroup.procs");
	char *at = members, *end;
	for (long pid; at && (pid = strtol(at, &end, 10)) > 1 && end != at; at = end)
		kill((pid_t)pid, SIGKILL);
}

static void remove_below(const char *name, bool idle)
{
	struct cgroup_host host;
	cgroup_open(idle, &host);
	for (int c = 0; c < CGROUP_CONTROLLER_COUNT; c++) {
		char group[CGROUP_PATH_SIZE];
		int n = snprintf(group, sizeof group, "%s/%s", host.controllers[c].parent, name);
		if (!host.controllers[c].there || seen_before(&host, c) || n >= (int)sizeof group)
			continue;
		for (int i = 0; i < REMOVE_TRIES && rmdir(group) && errno == EBUSY; i++) {
			kill_members(group);
			usleep(10000);
		}
	}
	cgroup_close(&host);
}

void cgroup_remove(const char *name)
{
	/* The settings may have changed since it was made. */
	remove_below(name, true);
	remove_below(name, false);
}
