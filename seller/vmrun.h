/* SPDX-License-Identifier: Apache-2.0
 * vmrun.h - the daemon's side of cpushare-vmrun (docs/SELLER.md): what comes back is a captured guest's word until checked
 */
#ifndef SELLER_VMRUN_H
#define SELLER_VMRUN_H

#include "endpoint.h"
#include "machine.h"
#include "warm.h"

struct vmrun_status {
	bool starting;
	enum lease_state state; /* preparing (starting), running, paused, ended */
	enum end_reason reason;
	char detail[DETAIL_SIZE];
	uint64_t vcpu_ns, running_us;
	uint32_t resets;   /* that it has made */
	bool has_template; /* template.new is whole */
	sha256 template_hash;
	uint64_t template_us; /* CLOCK_MONOTONIC, when it had been made */
};

/* Starts the process that serves the image while it is fetched, and waits until it listens. */
MUST_CHECK err_t vmrun_serve_image(const char *lease_dir, uint32_t uid);
bool vmrun_image_served(const char *lease_dir);
/* Writes vm.json and starts the process. idle: the guest gets what the owner's programs leave. served: the image is. */
MUST_CHECK err_t vmrun_start(const char *lease_dir, const struct lease_spec *spec, enum accel accel, enum port_kind port,
			     uint32_t uid, bool idle, bool served, const char *launch_security, const struct warm_start *warm);
MUST_CHECK err_t vmrun_ask_status(const char *lease_dir, struct vmrun_status *ret);
/* ask: "pause", "resume", "stop". */
MUST_CHECK err_t vmrun_ask(const char *lease_dir, const char *ask, struct vmrun_status *ret);
/* It runs that part of the time: 1 .. 100. */
MUST_CHECK err_t vmrun_throttle(const char *lease_dir, int64_t percent);
/* Starts the machine anew, where it has not made so many resets. */
MUST_CHECK err_t vmrun_reset(const char *lease_dir, uint32_t resets, struct vmrun_status *ret);
MUST_CHECK err_t vmrun_console(const char *lease_dir, int64_t from, struct console_chunk *ret);
/* Types into the serial port what it has not taken yet. */
MUST_CHECK err_t vmrun_type(const char *lease_dir, const struct console_input *input);
/* The last picture of its screen, and its number; another one is taken meanwhile. */
struct screen_picture {
	uint64_t number; /* 0, and len 0: there is none */
	size_t len;
	uint8_t png[SCREEN_MAX_BYTES];
};
MUST_CHECK err_t vmrun_screen(const char *lease_dir, uint32_t width, struct screen_picture *ret);
/* Asks it to quit, waits a moment, kills what is left. */
void vmrun_end(const char *lease_dir);

#endif
