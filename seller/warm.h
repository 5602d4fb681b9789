/* SPDX-License-Identifier: Apache-2.0
 * warm.h - templates: guests that stand where their image may be cloned, from which other guests of the same image and shape start
 *
 * How it works: a template is made by a lease's vmrun at the guest's own word, before anything of the lease is in it, and kept in
 * STATE/warm/. What it hashes to is in this daemon's memory alone, so that nothing but what it had made is ever started from;
 * a new daemon throws all of them away. A template is read into a sealed file in memory and checked there; the guests that start from
 * it share it, copied on write, and it stays as long as there are leases, and for some minutes then, unless the owner wants the memory. docs/SELLER.md, "Warm start".
 */
#ifndef SELLER_WARM_H
#define SELLER_WARM_H

#include <stdbool.h>
#include "crypto.h"
#include "endpoint.h"
#include "machine.h"
#include "settings.h"

/* The names are vm.json's. */
enum warm_mode { WARM_NONE, WARM_TEMPLATE, WARM_CLONE, WARM_MODE_COUNT };
extern const char *const warm_mode_names[WARM_MODE_COUNT];

/* How one guest is to be started. */
struct warm_start {
	enum warm_mode mode;
	uuid hardware_id;   /* what its firmware says that the machine is: the same for a template and its clones, no lease's */
	int template_fd;    /* of a clone: sealed, in memory; else -1 */
	uint64_t max_bytes; /* of what may become a template: so much of it is written */
};
#define WARM_START_NONE           \
	(struct warm_start)       \
	{                         \
		.template_fd = -1 \
	}
void warm_start_clear(struct warm_start *start);

struct warm_store;
MUST_CHECK err_t warm_new(const struct settings *settings, struct warm_store **ret_store);
void warm_free(struct warm_store *store);

/* From any thread: a clone where there is a template of this image and shape, whole and not too old, else what may become one;
 * WARM_NONE where neither can be. port: vhost-user cannot. */
struct warm_start warm_choose(struct warm_store *store, const struct lease_spec *spec, enum accel accel, enum port_kind port);
/* LEASE_DIR/template.new, which vmrun says hashes to that, is the template of all machines of this hardware from now on. */
void warm_keep(struct warm_store *store, uuid hardware_id, const char *lease_dir, sha256 hash);
/* Its clones do not start. */
void warm_drop(struct warm_store *store, uuid hardware_id);
/* There are no leases now: in memory stays what was used in the last minutes, where this machine may take new ones, and no more of it than a
 * small guest has. */
void warm_rest(struct warm_store *store, bool open);

#endif
