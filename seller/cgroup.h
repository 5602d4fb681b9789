/* SPDX-License-Identifier: Apache-2.0
 * cgroup.h - a control group for each guest, so that it takes what it may and no more
 *
 * How it works: as root the guests' groups lie below a group of our own at the top of the tree, beside the owner's: only there is "idle"
 * idle against everything that the owner runs (within another group it is so against that group's other members alone). As a plain
 * user they lie in the daemon's own group, where systemd delegated it (Delegate=yes). The unified hierarchy (cgroup v2) is
 * used for each controller that it has, and the older ones for those that are mounted so. What is missing is told, and the
 * jail's other bounds stand alone.
 */
#ifndef SELLER_CGROUP_H
#define SELLER_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "err.h"

enum cgroup_controller { CGROUP_CPU, CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CONTROLLER_COUNT };
extern const char *const cgroup_controller_names[CGROUP_CONTROLLER_COUNT];

#define CGROUP_PATH_SIZE 256
struct cgroup_host {
	struct {
		bool there, unified;
		char parent[CGROUP_PATH_SIZE]; /* of the guests' groups */
	} controllers[CGROUP_CONTROLLER_COUNT];
	bool idle;     /* the parent's processors are idle-class against all else */
	char why[160]; /* nothing, or less: what stands in the way */
};

/* Finds or makes the groups above the guests': one for guests that only get what is left, another for those with an equal share. Always returns something; *ret_host says what is there. From any thread, any number
 * of times. */
void cgroup_open(bool idle, struct cgroup_host *ret_host);
/* Removes what cgroup_open() made as root, where no guest is left in it. */
void cgroup_close(const struct cgroup_host *host);

struct cgroup_limits {
	bool idle;
	uint32_t cores;
	uint64_t memory_bytes; /* all that the jail may have, the guest's memory and QEMU's */
	uint32_t pids;
};
/* The guest's groups, of the name that is given; their paths, one a hierarchy, are where its first process must go: none where there
 * are none to be had. A group that was there before is taken over. E_IO. */
MUST_CHECK err_t cgroup_make(const char *name, const struct cgroup_limits *limits, char (*ret_paths)[CGROUP_PATH_SIZE],
			     size_t *ret_count);
/* Kills what is left in them, and removes them. */
void cgroup_remove(const char *name);

#endif
