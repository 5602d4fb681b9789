/* SPDX-License-Identifier: Apache-2.0
 * inside.c - this program within the jail: confines itself, starts the machine, reports and obeys
 *
 * How it works: every layer of confine.h is put on before libvirt is opened and before there is a second thread, so that
 * libvirt and QEMU are born with them. Then one thread waits for commands and looks at the machine's state five times a
 * second; a change goes out as a report, and so does the state after each command.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "channel.h"
#include "confine.h"
#include "file.h"
#include "inside.h"
#include "jail.h"
#include "machine.h"
#include "picture.h"
#include "scratch.h"

#define STATE_PERIOD_MS 200

static void send_report(const struct vm_report *report)
{
	uint8_t data[VM_REPORT_MAX_BYTES];
	size_t len = vm_report_encode(report, data);
	while (send(JAIL_CHANNEL_FD, data, len, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* The loader's name is part of every program's (System V ABI), and executing a program executes it. With a scratch disk also the last
 * of each list. */
static const char *const programs[] = { JAIL_QEMU, "/lib64/ld-linux-x86-64.so.2", SCRATCH_MAKER, NULL };
static const char *const devices[] = { "/dev", "/proc", JAIL_SCRATCH, NULL };

static err_t confine_files(const struct vm_spec *spec)
{
	const char *const few_programs[] = { programs[0], programs[1], NULL };
	const char *const few_devices[] = { devices[0], devices[1], NULL };
	const struct confine_paths paths = {
		.programs = spec->scratch_mib ? programs : few_programs,
		.writable = (const char *const[]){ JAIL_STATE, "/tmp", NULL },
		.sockets = (const char *const[]){ "/lease/net", NULL },
		.devices = spec->scratch_mib ? devices : few_devices,
	};
	return confine_landlock(&paths);
}

err_t vm_inside_confine(const struct vm_spec *spec, const char **ret_step)
{
	*ret_step = "rlimits";
	TRY(confine_rlimits(spec));
	*ret_step = "landlock";
	err_t e = confine_files(spec);
	if (e == E_UNSUPPORTED)
		fprintf(stderr, "this kernel has no Landlock; the jail does without\n");
	else
		TRY(e);
	*ret_step = "no_new_privs";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_from_errno(errno);
	*ret_step = "seccomp";
	return confine_seccomp(spec->port == VM_PORT_VHOST_USER);
}

/* Where memory runs out, the guest goes before any program of the seller's own. Best effort. */
static void be_first_victim(void)
{
	AUTO_FD fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || fd_write_all(fd, "1000", 4) != OK)
		fprintf(stderr, "the guest is no likelier victim of the kernel's than others\n");
}

static err_t receive_spec(struct vm_spec *ret_spec)
{
	char text[VM_SPEC_MAX_BYTES];
	struct json_error error;
	ssize_t len = recv(JAIL_CHANNEL_FD, text, sizeof text, 0);
	return len <= 0 ? E_UNAVAILABLE : vm_spec_from_json(text, (size_t)len, ret_spec, &error);
}

static err_t start(struct vm_machine **ret_machine, struct vm_report *report)
{
	struct vm_spec spec;
	const char *step = "vm.json";
	err_t e = receive_spec(&spec);

	if (e == OK)
		e = vm_inside_confine(&spec, &step);
	if (e != OK) {
		snprintf(report->detail, sizeof report->detail, "the jail's %s: %s", step, err_name(e));
		return e;
	}
	snprintf(report->detail, sizeof report->detail, "the scratch disk cannot be made");
	if (spec.scratch_mib)
		TRY(scratch_format(&spec));
	snprintf(report->detail, sizeof report->detail, "the machine does not start");
	TRY(vm_machine_start(&spec, ret_machine, report->detail));
	scratch_forget_key();
	e = confine_seccomp_no_exec();
	if (e != OK)
		snprintf(report->detail, sizeof report->detail, "the jail's last filter: %s", err_name(e));
	return e;
}

/* An answer comes in any case, empty where there is no picture. */
static void send_screen(struct vm_machine *machine, uint32_t width)
{
	static uint8_t packet[1 + PICTURE_MAX_BYTES] = { VM_COMMAND_SCREEN };
	size_t len = 0;
	err_t e = vm_machine_screen(machine, width, packet + 1, &len);
	if (e != OK)
		fprintf(stderr, "the screen has no picture: %s\n", err_name(e));
	while (send(JAIL_CHANNEL_FD, packet, 1 + len, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* False where the outer process is gone. A failure shows in the report that follows. */
static bool obey(struct vm_machine *machine)
{
	char command[VM_COMMAND_MAX_BYTES] = { 0 };
	ssize_t len = recv(JAIL_CHANNEL_FD, command, sizeof command, 0);
	if (len <= 0)
		return len < 0 && errno == EINTR;
	if (*command == VM_COMMAND_SCREEN) {
		send_screen(machine, (uint32_t)(uint8_t)command[1] << 8 | (uint8_t)command[2]);
		return true;
	}
	err_t e = *command == VM_COMMAND_PAUSE	    ? vm_machine_pause(machine)
		  : *command == VM_COMMAND_RESET    ? vm_machine_reset(machine)
		  : *command == VM_COMMAND_TEMPLATE ? vm_machine_save(machine)
						    : vm_machine_resume(machine);
	if (e != OK)
		fprintf(stderr, "the machine does not %s: %s\n",
			*command == VM_COMMAND_PAUSE	  ? "pause"
			: *command == VM_COMMAND_RESET	  ? "start anew"
			: *command == VM_COMMAND_TEMPLATE ? "become a template"
							  : "resume",
			err_name(e));
	return true;
}

static void watch(struct vm_machine *machine)
{
	struct vm_report report = { 0 };
	enum vm_state told = VM_STARTING;

	for (bool asked = false;;) {
		vm_machine_report(machine, &report);
		if (asked || report.state != told)
			send_report(&report);
		told = report.state;
		if (told == VM_ENDED)
			return;
		struct pollfd channel = { .fd = JAIL_CHANNEL_FD, .events = POLLIN };
		asked = poll(&channel, 1, STATE_PERIOD_MS) > 0;
		if (asked && !obey(machine))
			return;
	}
}

int vm_inside(void)
{
	struct vm_machine *machine = NULL;
	struct vm_report report = { .state = VM_ENDED, .cause = VM_CAUSE_FAILED };

	prctl(PR_SET_NAME, "vmrun-inside");
	/* bubblewrap's executable path, which is open as a descriptor, is of no more use. */
	close_range(JAIL_LAST_FD + 1, ~0U, 0);
	(void)fcntl(JAIL_CAPABILITIES_FD, F_SETFD, FD_CLOEXEC);
	(void)fcntl(JAIL_MEMORY_FD, F_SETFD, FD_CLOEXEC);
	be_first_victim();
	if (start(&machine, &report) != OK)
		send_report(&report);
	else
		watch(machine);
	/* No tearing down: with this process ends the jail. */
	_exit(0);
}
