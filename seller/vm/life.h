/* SPDX-License-Identifier: Apache-2.0
 * life.h - one machine's life as the outer process knows it: its state, its counters, its end
 */
#ifndef VM_LIFE_H
#define VM_LIFE_H

#include <stdbool.h>
#include "channel.h"
#include "clock.h"
#include "console.h"
#include "crypto.h"
#include "jail.h"
#include "screen.h"
#include "spec.h"
#include "vcpu.h"

#define VM_REASON_SIZE 32

struct vm_life {
	struct loop *loop;
	struct vm_spec spec;
	enum vm_state state;
	char reason[VM_REASON_SIZE]; /* of an ended one */
	char detail[VM_DETAIL_SIZE];
	bool held;	   /* QEMU is stopped by a signal, whatever the inside says */
	unsigned held_ran; /* so often it was seen to have run since */
	uint32_t throttle_percent;
	int throttle_timer; /* 0: none */
	uint32_t resets;    /* that were made */
	bool dozing;	    /* QEMU is stopped by a signal for the rest of a throttled period */
	uint64_t paused_ns; /* the vCPUs' time when the pause began */

	pid_t jail_pid; /* 0: none, or reaped */
	int channel_fd, output_fd;
	char output[VM_DETAIL_SIZE]; /* the last that bubblewrap or the inside printed */
	size_t output_len;
	struct jail_place place;

	struct console *console;
	struct screen screen;
	struct vcpus *vcpus;
	uint64_t vcpu_ns;
	int64_t running_us;
	bool woken;		    /* a clone: it was told to go on */
	bool has_template;	    /* template.new is whole, */
	sha256 template_hash;	    /* this its hash (sparse.h), */
	mono_time template_at;	    /* and then the guest had stopped */
	mono_time started, counted; /* counted: running_us goes up to here */
};

/* log_fd: console.log, taken; or -1. Starts the jail; where that cannot be, the life is an ended one that says why. */
MUST_CHECK err_t vm_life_start(struct vm_life *life, struct loop *loop, const char *lease_dir, const struct vm_spec *spec,
			       int log_fd);
void vm_life_clear(struct vm_life *life);

/* Brings the counters up to now. */
void vm_life_count(struct vm_life *life, mono_time now);
/* A running one is stopped within some milliseconds, by a signal where QEMU takes longer; a paused one goes on within a second. */
void vm_life_pause(struct vm_life *life);
void vm_life_resume(struct vm_life *life);
/* It runs this part of each tenth of a second; 100: all of it. */
void vm_life_throttle(struct vm_life *life, uint32_t percent);
/* It starts anew, as by its reset button, where it runs and has made fewer resets than that. */
void vm_life_reset(struct vm_life *life, uint32_t resets);
/* Has a picture of its screen taken, at most that wide, where it runs, has one and the last is old enough. It comes later. */
void vm_life_look(struct vm_life *life, uint32_t width);
/* Ends it where it has not ended, and waits until QEMU is gone. */
void vm_life_end(struct vm_life *life, const char *reason, const char *detail);

#endif
