/* SPDX-License-Identifier: Apache-2.0
 * image_test.c - image test: an image started here, on the machine that sellers give, and what it lacks there
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bootable.h"
#include "buf.h"
#include "clock.h"
#include "commands.h"
#include "emulator.h"
#include "file.h"
#include "interrupt.h"
#include "json.h"
#include "order.h"
#include "output.h"
#include "process.h"
#include "seed.h"
#include "terminal.h"
#include "user_data.h"

#define LOOK_US SECOND_US
#define SILENT_US (5 * SECOND_US)
#define SAID_BYTES (64 * 1024) /* of the console, in which TEXT is looked for */

struct trial {
	struct cli *cli;
	struct emulator emulator;
	struct emulator_state state;
	struct terminal_filter filter;
	struct buf said;
	const char *expect;
	mono_time spoke, found_at;
	bool found, ended;
};

/* ---- while it runs ---- */

static void hear(struct trial *t, const uint8_t *data, size_t len, mono_time now)
{
	AUTO_BUF text = { .data = NULL };
	terminal_filter(&t->filter, data, len, &text);
	if (!text.len)
		return;
	if (output_form(t->cli) == FORM_TABLE && !cli_flag(t->cli, "quiet")) {
		fwrite(text.data, 1, text.len, stdout);
		fflush(stdout);
	}
	buf_append(&t->said, text.data, text.len);
	if (!t->found && t->expect && t->said.data && strstr(t->said.data, t->expect)) {
		t->found = true;
		t->found_at = now;
	}
	if (t->said.len > SAID_BYTES)
		buf_consume(&t->said, t->said.len - SAID_BYTES / 2);
	t->spoke = now;
}

static bool nothing_missing(const struct trial *t)
{
	return t->said.len && t->state.seed_read_bytes && t->state.network;
}

/* What was expected may be said before the last driver has its device. */
static bool found_all(const struct trial *t, mono_time now)
{
	return t->found && ((nothing_missing(t) && t->state.random) || now.us - t->found_at.us > SILENT_US);
}

static bool over(const struct trial *t, mono_time now)
{
	return t->ended || t->state.off || found_all(t, now) ||
	       (!t->expect && nothing_missing(t) && now.us - t->spoke.us > SILENT_US);
}

/* Until all is known, the time is over, or Ctrl-C. */
static void watch(struct trial *t, int64_t timeout_us)
{
	mono_time now = clock_mono(), look_at = { now.us + LOOK_US };
	int64_t until_us = now.us + timeout_us;
	uint8_t data[4096];
	t->spoke = now;
	while (!interrupted() && !over(t, now) && now.us < until_us) {
		struct pollfd p = { .fd = t->emulator.console_fd, .events = POLLIN };
		if (poll(&p, 1, 100) == 1) {
			ssize_t n = read(p.fd, data, sizeof data);
			t->ended = n <= 0;
			hear(t, data, n > 0 ? (size_t)n : 0, now);
		}
		now = clock_mono();
		if (now.us < look_at.us)
			continue;
		look_at.us = now.us + LOOK_US;
		t->ended |= emulator_look(&t->emulator, &t->state) != OK;
	}
	if (!t->ended)
		t->ended = emulator_look(&t->emulator, &t->state) != OK;
}

/* ---- what came of it ---- */

struct report {
	json_t *items;
	int missing;
};

static void found(struct report *r, const char *check, bool good, bool needed, const char *detail, const char *fix)
{
	json_t *item = json_object();
	json_put_text(item, "check", check);
	json_put_text(item, "result", good ? "good" : needed ? "missing" : "could be better");
	json_put_text(item, "detail", detail);
	json_put_text(item, "fix", good ? "" : fix);
	json_array_append_new(r->items, item);
	r->missing += needed && !good;
}

static void report_boot(struct report *r, const char *why)
{
	found(r, "boots", !why, true, why ? why : "the BIOS finds what to start",
	      "an ISO that boots by BIOS from a CD (El Torito): isohybrid, isolinux, grub-mkrescue");
}

static void report_guest(struct report *r, const struct trial *t)
{
	char detail[128];
	found(r, "console", t->said.len, true, t->said.len ? "it speaks on the serial port" : "nothing came by the serial port",
	      "console=ttyS0 on the kernel's command line");
	snprintf(detail, sizeof detail, "%.1f MiB were read of the image, %lld bytes of the seed (cidata)",
		 (double)t->state.image_read_bytes / (1 << 20), (long long)t->state.seed_read_bytes);
	found(r, "discs", t->state.seed_read_bytes, true, detail,
	      "virtio_pci, virtio_scsi, sr_mod, isofs in kernel or initrd; or --cdrom-bus sata");
	found(r, "network", t->state.network, true, t->state.network ? "its driver has the card" : "no driver took the card",
	      "virtio_net");
	found(r, "random numbers", t->state.random, false,
	      t->state.random ? "its driver has the device" : "no driver took the device",
	      "virtio_rng, or programs may wait for them");
	if (t->state.restarts) {
		snprintf(detail, sizeof detail, "it restarted itself %d times", t->state.restarts);
		found(r, "stays up", false, false, detail, "a VM that restarts for ever is paid for");
	}
	if (t->expect)
		found(r, "said", t->found, false, t->expect, "more time (--timeout), or user-data that says it");
}

static void show(struct cli *cli, struct report *r)
{
	static const struct column columns[] = { { "CHECK", "check", CELL_TEXT },
						 { "RESULT", "result", CELL_TEXT },
						 { "FOUND", "detail", CELL_TEXT },
						 { "WHAT HELPS", "fix", CELL_TEXT },
						 { .title = NULL } };
	output_list(cli, r->items, columns, "check");
	json_decref(r->items);
}

/* What QEMU said last. */
static int qemu_failed(struct cli *cli, const char *log)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	if (file_read(log, 65536, &text, &len) || !len)
		return cli_error(cli, EXIT_ENDED_BADLY, "QEMU has ended");
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	const char *line = strrchr(text, '\n');
	terminal_clean(text);
	return cli_error(cli, EXIT_ENDED_BADLY, "QEMU has ended: %s", line ? line + 1 : text);
}

static int conclude(struct trial *t, const char *log)
{
	struct report r = { .items = json_array() };
	report_boot(&r, NULL);
	report_guest(&r, t);
	if (t->said.len && output_form(t->cli) == FORM_TABLE)
		fputs(t->said.data[t->said.len - 1] == '\n' ? "\n" : "\n\n", stdout);
	show(t->cli, &r);
	if (interrupted())
		return cli_error(t->cli, EXIT_INTERRUPTED, "interrupted");
	if (t->found)
		return EXIT_OK;
	if (t->ended)
		return qemu_failed(t->cli, log);
	if (t->expect && !t->state.off)
		return cli_error(t->cli, EXIT_PENDING, "\"%s\" was not said in time", t->expect);
	if (t->expect)
		return cli_error(t->cli, EXIT_ENDED_BADLY, "it switched itself off, and \"%s\" was not said", t->expect);
	return r.missing ? cli_error(t->cli, EXIT_ENDED_BADLY, "%d of what a VM needs is missing", r.missing) : EXIT_OK;
}

/* ---- the command ---- */

static int check_file(struct cli *cli, const char *path)
{
	const char *why;
	char program[PATH_MAX];
	err_t e = bootable_check(path, &why);
	if (e == E_INVALID) {
		struct report r = { .items = json_array() };
		report_boot(&r, why);
		show(cli, &r);
		return cli_error(cli, EXIT_ENDED_BADLY, "%s: %s", path, why);
	}
	if (e)
		return cli_error(cli, e == E_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_USAGE, "%s: %s", path, strerror(errno));
	if (process_sibling(EMULATOR_PROGRAM, program, sizeof program))
		return cli_error(cli, EXIT_ERROR, "QEMU is not installed: apt install qemu-system-x86");
	return EXIT_OK;
}

static int run(struct trial *t, struct emulator_machine *m, const char *dir, const char *user_data, int64_t timeout_us)
{
	char seed[PATH_MAX], log[PATH_MAX];
	if (snprintf(seed, sizeof seed, "%s/seed.iso", dir) >= PATH_MAX ||
	    snprintf(log, sizeof log, "%s/qemu.log", dir) >= PATH_MAX)
		return EXIT_ERROR;
	const struct seed contents = { uuid_make(clock_wall()), "vm1", EMULATOR_MAC, user_data ? user_data : "" };
	m->seed = seed;
	if (seed_write(&contents, seed))
		return cli_error(t->cli, EXIT_ERROR, "the disc with user-data cannot be written");
	if (emulator_start(m, log, &t->emulator))
		return cli_error(t->cli, EXIT_ERROR, "QEMU cannot be started: %s", strerror(errno));
	interrupt_catch();
	watch(t, timeout_us);
	emulator_stop(&t->emulator);
	return conclude(t, log);
}

int command_image_test(struct cli *cli)
{
	struct trial t = { .cli = cli, .expect = cli_text(cli, "expect", NULL), .emulator = { -1, -1, -1 } };
	struct emulator_machine m = { .image = cli_arg(cli, 0), .kvm = cli_flag(cli, "kvm") };
	const char *bus = cli_text(cli, "cdrom-bus", "scsi"), *tmp = getenv("TMPDIR");
	AUTO_FREE char *user_data = NULL;
	char dir[PATH_MAX];
	int64_t memory, timeout_us;
	int code = output_check(cli);
	if (code)
		return code;
	m.sata = !strcmp(bus, "sata");
	if (!m.sata && strcmp(bus, "scsi"))
		return cli_error(cli, EXIT_USAGE, "--cdrom-bus: must be scsi or sata");
	if (cli_int(cli, "cores", 1, 1, LEASE_MAX_CORES, &m.cores) || cli_size(cli, "memory", 512LL << 20, &memory) ||
	    cli_duration(cli, "timeout", 3 * MINUTE_US, &timeout_us))
		return EXIT_USAGE;
	m.memory_mib = memory >> 20;
	if (m.memory_mib < LEASE_MIN_MEMORY_MIB || m.memory_mib > LEASE_MAX_MEMORY_MIB)
		return cli_error(cli, EXIT_USAGE, "--memory: must be from 64M to 1T");
	if ((code = user_data_read(cli, &user_data)) || (code = check_file(cli, m.image)))
		return code;
	if (snprintf(dir, sizeof dir, "%s/cpushare-test-XXXXXX", tmp && *tmp ? tmp : "/tmp") >= PATH_MAX || !mkdtemp(dir))
		return cli_error(cli, EXIT_ERROR, "no folder can be made in %s: %s", tmp ? tmp : "/tmp", strerror(errno));
	code = run(&t, &m, dir, user_data, timeout_us);
	buf_clear(&t.said);
	return dir_remove(dir) && !code ? cli_error(cli, EXIT_ERROR, "%s cannot be removed: %s", dir, strerror(errno)) : code;
}
