/* SPDX-License-Identifier: Apache-2.0
 * emulator.c - QEMU with the machine that sellers give
 *
 * The devices are those of seller/vm/domain_xml.c. Two differ: the network is QEMU's own instead of an order's, and what the BIOS prints
 * is left out, so that whatever comes by the serial port is the guest's. It is spoken to by QMP, a JSON object a line; only QEMU's
 * own answers are read there, but a guest may have taken QEMU over, so that they are bounded and checked.
 */
#include "emulator.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "buf.h"
#include "file.h"
#include "json.h"

enum { CONSOLE_FD = 3, CONTROL_FD = 4, ARGS_MAX = 64, ARG_BYTES = 512 };
#define LINE_MAX_BYTES (256 * 1024)
#define ANSWER_MS 5000
#define RESTARTS_MAX 1000

/* ---- starting ---- */

struct arguments {
	char text[ARGS_MAX][ARG_BYTES];
	char *argv[ARGS_MAX + 1];
	int count;
	err_t error;
};

static void PRINTF_LIKE(2, 3) put(struct arguments *a, const char *fmt, ...)
{
	va_list list;
	if (a->count == ARGS_MAX) {
		a->error = E_LIMIT;
		return;
	}
	va_start(list, fmt);
	int n = vsnprintf(a->text[a->count], ARG_BYTES, fmt, list);
	va_end(list);
	if (n < 0 || n >= ARG_BYTES)
		a->error = E_LIMIT;
	a->argv[a->count] = a->text[a->count];
	a->count++;
}

/* QEMU takes a comma in a file's name for the next option, and two for one. */
static void put_disc(struct arguments *a, const struct emulator_machine *m, const char *id, const char *path, int number)
{
	char twice[ARG_BYTES];
	size_t len = 0;
	for (; *path && len < sizeof twice - 2; path++) {
		twice[len++] = *path;
		if (*path == ',')
			twice[len++] = ',';
	}
	twice[len] = '\0';
	if (*path)
		a->error = E_LIMIT;
	put(a, "-drive");
	put(a, "if=none,id=%s,media=cdrom,readonly=on,format=raw,file.driver=file,file.filename=%s", id, twice);
	put(a, "-device");
	if (m->sata)
		put(a, "ide-cd,drive=%s,bus=ide.%d%s", id, number, number ? "" : ",bootindex=1");
	else
		put(a, "scsi-cd,drive=%s,bus=scsi.0%s", id, number ? "" : ",bootindex=1");
}

static void describe(const struct emulator_machine *m, struct arguments *a)
{
	static const char *const always[] = { EMULATOR_PROGRAM,
					      "-nodefaults",
					      "-no-user-config",
					      "-display",
					      "none",
					      "-no-shutdown",
					      "-sandbox",
					      "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
					      "-machine",
					      "q35,usb=off" };
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		put(a, "%s", always[i]);
	put(a, "-accel");
	put(a, "%s", m->kvm ? "kvm" : "tcg,tb-size=64");
	put(a, "-cpu");
	put(a, "%s", m->kvm ? "host,vmx=off,svm=off" : "max,svm=off,la57=off");
	put(a, "-smp");
	put(a, "%lld,sockets=1,cores=%lld,threads=1", (long long)m->cores, (long long)m->cores);
	put(a, "-m");
	put(a, "%lld", (long long)m->memory_mib);
	if (!m->sata) {
		put(a, "-device");
		put(a, "virtio-scsi-pci,id=scsi,bus=pcie.0,addr=0x2");
	}
	put_disc(a, m, "image", m->image, 0);
	put_disc(a, m, "seed", m->seed, 1);
	put(a, "-device");
	put(a, "virtio-rng-pci,bus=pcie.0,addr=0x3,max-bytes=65536,period=1000");
	put(a, "-netdev");
	put(a, "user,id=net,restrict=on");
	put(a, "-device");
	put(a, "virtio-net-pci,netdev=net,mac=" EMULATOR_MAC ",bus=pcie.0,addr=0x4,romfile=");
	put(a, "-chardev");
	put(a, "socket,id=console,fd=%d", CONSOLE_FD);
	put(a, "-serial");
	put(a, "chardev:console");
	put(a, "-chardev");
	put(a, "socket,id=control,fd=%d", CONTROL_FD);
	put(a, "-mon");
	put(a, "chardev=control,mode=control");
}

static err_t pair(int *ret_ours, int *ret_its)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return err_from_errno(errno);
	*ret_ours = ends[0];
	*ret_its = ends[1];
	return OK;
}

/* In the child. Both ends lie above the numbers that they get, or dup2() would write over one of them. */
static void become(char **argv, int log, int console, int control)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid(); /* Ctrl-C is for us to hear */
	dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	console = fcntl(console, F_DUPFD_CLOEXEC, 10);
	control = fcntl(control, F_DUPFD_CLOEXEC, 10);
	dup2(console, CONSOLE_FD);
	dup2(control, CONTROL_FD);
	execvp(argv[0], argv);
	_exit(127);
}

err_t emulator_start(const struct emulator_machine *machine, const char *log_path, struct emulator *ret)
{
	struct arguments a = { .error = OK };
	AUTO_FD log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	AUTO_FD console = -1;
	AUTO_FD control = -1;
	describe(machine, &a);
	if (a.error || log < 0)
		return a.error ? a.error : err_from_errno(errno);
	*ret = (struct emulator){ .pid = -1, .console_fd = -1, .control_fd = -1 };
	err_t e = pair(&ret->console_fd, &console);
	if (!e)
		e = pair(&ret->control_fd, &control);
	if (!e && (ret->pid = fork()) < 0)
		e = err_from_errno(errno);
	if (!e && ret->pid == 0)
		become(a.argv, log, console, control);
	if (e)
		emulator_stop(ret);
	return e;
}

void emulator_stop(struct emulator *e)
{
	if (e->pid > 0) {
		kill(e->pid, SIGKILL);
		waitpid(e->pid, NULL, 0);
	}
	fd_close(&e->console_fd);
	fd_close(&e->control_fd);
	e->pid = -1;
}

/* ---- asking ---- */

static err_t read_line(int fd, struct buf *line)
{
	char c;
	buf_reset(line);
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (poll(&p, 1, ANSWER_MS) != 1)
			return E_TIMEOUT;
		ssize_t n = read(fd, &c, 1);
		if (n <= 0)
			return E_IO;
		if (c == '\n')
			return line->error;
		buf_append(line, &c, 1);
		TRY(line->error);
	}
}

static void note(const json_t *message, struct emulator_state *state)
{
	const char *event = json_string_value(json_object_get(message, "event"));
	if (!event)
		return;
	state->off |= !strcmp(event, "SHUTDOWN");
	state->restarts += !strcmp(event, "RESET") && state->restarts < RESTARTS_MAX;
}

/* ret: what it returns. E_INVALID where it refuses. */
static err_t ask(const struct emulator *e, const char *command, struct emulator_state *state, json_t **ret)
{
	AUTO_BUF line = { .max = LINE_MAX_BYTES };
	struct json_error error;
	size_t len = strlen(command);
	if (send(e->control_fd, command, len, MSG_NOSIGNAL) != (ssize_t)len)
		return E_IO;
	for (;;) {
		AUTO_JSON message = NULL;
		TRY(read_line(e->control_fd, &line));
		TRY(json_parse(line.data ? line.data : "", line.len, &message, &error));
		note(message, state);
		json_t *answer = json_object_get(message, "return");
		if (answer) {
			*ret = json_incref(answer);
			return OK;
		}
		if (json_object_get(message, "error"))
			return E_INVALID;
	}
}

static err_t look_at_discs(const struct emulator *e, struct emulator_state *state)
{
	AUTO_JSON discs = NULL;
	size_t i;
	json_t *disc;
	TRY(ask(e, "{\"execute\":\"query-blockstats\"}\n", state, &discs));
	json_array_foreach (discs, i, disc) {
		const char *name = json_string_value(json_object_get(disc, "device"));
		int64_t bytes = json_integer_value(json_object_get(json_object_get(disc, "stats"), "rd_bytes"));
		if (name && !strcmp(name, "image"))
			state->image_read_bytes = bytes;
		if (name && !strcmp(name, "seed"))
			state->seed_read_bytes = bytes;
	}
	return OK;
}

static bool driven(const json_t *status)
{
	static const char word[] = "VIRTIO_CONFIG_S_DRIVER_OK";
	size_t i;
	json_t *flag;
	json_array_foreach (json_object_get(json_object_get(status, "status"), "statuses"), i, flag) {
		const char *text = json_string_value(flag);
		if (text && !strncmp(text, word, sizeof word - 1))
			return true;
	}
	return false;
}

static err_t look_at_drivers(const struct emulator *e, struct emulator_state *state)
{
	AUTO_JSON devices = NULL;
	size_t i;
	json_t *device;
	TRY(ask(e, "{\"execute\":\"x-query-virtio\"}\n", state, &devices));
	json_array_foreach (devices, i, device) {
		const char *name = json_string_value(json_object_get(device, "name"));
		const char *path = json_string_value(json_object_get(device, "path"));
		bool is_network = name && !strcmp(name, "virtio-net"), is_random = name && !strcmp(name, "virtio-rng");
		char command[ARG_BYTES];
		AUTO_JSON status = NULL;
		if (!path || strpbrk(path, "\"\\") || !(is_network || is_random))
			continue;
		int n = snprintf(command, sizeof command,
				 "{\"execute\":\"x-query-virtio-status\",\"arguments\":{\"path\":\"%s\"}}\n", path);
		if (n >= (int)sizeof command)
			return E_LIMIT;
		TRY(ask(e, command, state, &status));
		state->network |= is_network && driven(status);
		state->random |= is_random && driven(status);
	}
	return OK;
}

err_t emulator_look(const struct emulator *e, struct emulator_state *state)
{
	AUTO_JSON nothing = NULL;
	/* Refused as soon as it was said once. */
	err_t first = ask(e, "{\"execute\":\"qmp_capabilities\"}\n", state, &nothing);
	if (first && first != E_INVALID)
		return first;
	TRY(look_at_discs(e, state));
	return look_at_drivers(e, state);
}
