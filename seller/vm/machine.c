/* SPDX-License-Identifier: Apache-2.0
 * machine.c - starts and watches one machine with libvirt's embedded QEMU driver
 *
 * How it works: libvirt keeps all of its files under ROOT, in the jail's tmpfs; nothing is left when the jail ends, and no
 * daemon of libvirt's is needed. One thread runs libvirt's event loop, on which it talks to QEMU. Nothing is ever torn
 * down from here: the outer process kills the jail, which is quicker and does not depend on what is in it.
 */
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "crypto.h"
#include "domain_xml.h"
#include "file.h"
#include "jail.h"
#include "machine.h"
#include "picture.h"
#include "warm.h"

#define ROOT JAIL_STATE "/libvirt"
#define QEMU_LOG ROOT "/log/qemu/%s.log"
#define CAPABILITIES ROOT "/cache/qemu/capabilities"
#define CAPABILITIES_MAX_BYTES (1024 * 1024)
#define SCREEN JAIL_STATE "/screen.ppm"
#define LOG_MAX_BYTES (1024 * 1024)
#define LOG_TAIL_BYTES 300

struct vm_machine {
	struct vm_spec spec;
	virConnectPtr connection;
	virDomainPtr domain;
	pthread_t events;
};

/* stdio_handler: without it libvirt wants virtlogd. The jail is the confinement; libvirt's own would need root. */
static const char qemu_conf[] = "stdio_handler = \"file\"\n"
				"seccomp_sandbox = 1\n"
				"security_driver = \"none\"\n"
				"cgroup_controllers = []\n"
				"namespaces = []\n"
				"max_core = 0\n";

static void *run_events(void *context)
{
	(void)context;
	for (;;)
		if (virEventRunDefaultImpl() < 0)
			return NULL;
}

/* libvirt prints its errors by itself unless it is given somewhere else to go. */
static void ignore_error(void *context, virErrorPtr error)
{
	(void)context;
	(void)error;
}

static err_t explain(char *detail, const char *what)
{
	char text[VM_DETAIL_SIZE * 2];
	const char *message = virGetLastErrorMessage();
	snprintf(text, sizeof text, "%s: %s", what, message ? message : "unknown");
	vm_detail_set(detail, VM_DETAIL_SIZE, text, strlen(text) < VM_DETAIL_SIZE ? strlen(text) : VM_DETAIL_SIZE - 1);
	return E_IO;
}

/* libvirt starts QEMU some times to find out what it can do, which takes longer than to start a machine, and keeps the answer under the
 * hash of QEMU's path. It looks itself whether that still holds for this QEMU, kernel and processor. */
static void capabilities_path(char *path, size_t size)
{
	char hash[SHA256_TEXT_SIZE];
	snprintf(path, size, CAPABILITIES "/%s.xml", sha256_format(sha256_of(JAIL_QEMU, strlen(JAIL_QEMU)), hash));
}

/* Best effort: without them libvirt finds out again. */
static void take_capabilities(void)
{
	char path[sizeof CAPABILITIES + SHA256_TEXT_SIZE + 8];
	AUTO_FREE char *text = NULL;
	size_t len;
	capabilities_path(path, sizeof path);
	if (file_read(JAIL_CAPABILITIES, CAPABILITIES_MAX_BYTES, &text, &len) == OK &&
	    (dir_make(CAPABILITIES, 0700) || file_write(path, text, len, 0600)))
		fprintf(stderr, "what is known of QEMU is not taken over\n");
}

/* For later jails; before there is a guest, since what a captured QEMU says of itself would be worth nothing. */
static void give_capabilities(void)
{
	char path[sizeof CAPABILITIES + SHA256_TEXT_SIZE + 8];
	AUTO_FREE char *text = NULL, *known = NULL;
	size_t len, known_len = 0;
	capabilities_path(path, sizeof path);
	bool had = file_read(JAIL_CAPABILITIES, CAPABILITIES_MAX_BYTES, &known, &known_len) == OK;
	if (file_read(path, CAPABILITIES_MAX_BYTES, &text, &len) == OK &&
	    !(had && len == known_len && !memcmp(text, known, len)) && fd_write_all(JAIL_CAPABILITIES_FD, text, len) != OK)
		fprintf(stderr, "what was found out of QEMU is not kept\n");
	close(JAIL_CAPABILITIES_FD);
}

static err_t open_driver(struct vm_machine *machine, char *detail)
{
	TRY(dir_make(ROOT "/etc", 0700));
	TRY(file_write(ROOT "/etc/qemu.conf", qemu_conf, sizeof qemu_conf - 1, 0600));
	take_capabilities();
	virSetErrorFunc(NULL, ignore_error);
	if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
		return explain(detail, "libvirt does not start");
	if (pthread_create(&machine->events, NULL, run_events, NULL))
		return E_NOMEM;
	machine->connection = virConnectOpen("qemu:///embed?root=" ROOT);
	return machine->connection ? OK : explain(detail, "libvirt's embedded driver does not open");
}

static err_t start_domain(struct vm_machine *machine, char *detail)
{
	AUTO_BUF xml = { 0 };
	domain_xml(&machine->spec, access(JAIL_CIDATA, F_OK) == 0, &xml);
	if (xml.error)
		return xml.error;
	machine->domain = virDomainDefineXML(machine->connection, xml.data);
	if (!machine->domain)
		return explain(detail, "libvirt refuses the machine");
	give_capabilities();
	if (machine->spec.warm != VM_WARM_CLONE)
		return virDomainCreate(machine->domain) == 0 ? OK : explain(detail, "the machine does not start");
	if (virDomainCreateWithFlags(machine->domain, VIR_DOMAIN_START_PAUSED))
		return explain(detail, "the clone does not start");
	if (vm_warm_load(machine->domain, &machine->spec) != OK || virDomainResume(machine->domain))
		return explain(detail, "the template is not taken");
	return OK;
}

err_t vm_machine_start(const struct vm_spec *spec, struct vm_machine **ret_machine, char *detail)
{
	/* Never freed: libvirt's thread uses it until the process ends. */
	struct vm_machine *machine = calloc(1, sizeof *machine);
	if (!machine)
		return E_NOMEM;
	machine->spec = *spec;
	if (spec->warm != VM_WARM_NONE)
		TRY(vm_warm_prepare(spec, ROOT));
	TRY(open_driver(machine, detail));
	err_t e = start_domain(machine, detail);
	vm_warm_forget_seed();
	TRY(e);
	*ret_machine = machine;
	return OK;
}

/* The end of QEMU's log: where it died, that is where it says why. */
static void last_words(struct vm_machine *machine, char *detail)
{
	char path[sizeof QEMU_LOG + VM_NAME_SIZE], text[LOG_TAIL_BYTES + 64];
	AUTO_FREE char *log = NULL;
	size_t len = 0;

	snprintf(path, sizeof path, QEMU_LOG, machine->spec.name);
	if (file_read(path, LOG_MAX_BYTES, &log, &len) != OK)
		len = 0;
	size_t tail = len < LOG_TAIL_BYTES ? len : LOG_TAIL_BYTES;
	snprintf(text, sizeof text, "QEMU ended by itself: %.*s", (int)tail, log ? log + len - tail : "");
	vm_detail_set(detail, VM_DETAIL_SIZE, text, strlen(text));
}

static void report_end(struct vm_machine *machine, int reason, struct vm_report *report)
{
	report->state = VM_ENDED;
	if (reason == VIR_DOMAIN_SHUTOFF_SHUTDOWN) {
		report->cause = VM_CAUSE_COMPLETED;
		return;
	}
	report->cause = VM_CAUSE_FAILED;
	last_words(machine, report->detail);
}

void vm_machine_report(struct vm_machine *machine, struct vm_report *ret_report)
{
	int state = VIR_DOMAIN_NOSTATE, reason = 0;
	struct vm_report report = { .state = VM_RUNNING };

	if (virDomainGetState(machine->domain, &state, &reason, 0) < 0) {
		report = (struct vm_report){ .state = VM_ENDED, .cause = VM_CAUSE_FAILED };
		(void)explain(report.detail, "libvirt lost the machine");
	} else if (state == VIR_DOMAIN_SHUTOFF || state == VIR_DOMAIN_CRASHED) {
		report_end(machine, state == VIR_DOMAIN_CRASHED ? VIR_DOMAIN_SHUTOFF_CRASHED : reason, &report);
	} else if (state == VIR_DOMAIN_PAUSED && reason != VIR_DOMAIN_PAUSED_SHUTTING_DOWN) {
		report.state = VM_PAUSED;
	}
	*ret_report = report;
}

static err_t want(struct vm_machine *machine, enum vm_state state, int (*change)(virDomainPtr))
{
	struct vm_report report;
	vm_machine_report(machine, &report);
	if (report.state == state)
		return OK;
	if (report.state == VM_ENDED)
		return E_CONFLICT;
	return change(machine->domain) == 0 ? OK : E_IO;
}

err_t vm_machine_pause(struct vm_machine *machine)
{
	return want(machine, VM_PAUSED, virDomainSuspend);
}

err_t vm_machine_save(struct vm_machine *machine)
{
	if (machine->spec.warm != VM_WARM_TEMPLATE)
		return E_CONFLICT;
	TRY(vm_machine_pause(machine));
	return vm_warm_save(machine->domain, &machine->spec);
}

err_t vm_machine_resume(struct vm_machine *machine)
{
	return want(machine, VM_RUNNING, virDomainResume);
}

err_t vm_machine_reset(struct vm_machine *machine)
{
	struct vm_report report;
	vm_machine_report(machine, &report);
	if (report.state != VM_RUNNING)
		return E_CONFLICT;
	return virDomainReset(machine->domain, 0) == 0 ? OK : E_IO;
}

/* By QEMU's own command: what libvirt's writes has another format from one version to the next. What a captured QEMU leaves there instead is read
 * like any PPM, or not at all. */
err_t vm_machine_screen(struct vm_machine *machine, uint32_t width, uint8_t *ret_png, size_t *ret_len)
{
	static const char command[] = "{\"execute\":\"screendump\",\"arguments\":{\"filename\":\"" SCREEN "\"}}";
	AUTO_FREE char *answer = NULL, *ppm = NULL;
	size_t len;
	unlink(SCREEN);
	if (virDomainQemuMonitorCommand(machine->domain, command, &answer, VIR_DOMAIN_QEMU_MONITOR_COMMAND_DEFAULT) < 0)
		return E_IO;
	err_t e = file_read(SCREEN, PICTURE_PPM_MAX_BYTES, &ppm, &len);
	unlink(SCREEN);
	return e == OK ? picture_from_ppm(ppm, len, width, ret_png, ret_len) : E_IO;
}
