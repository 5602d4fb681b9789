/* SPDX-License-Identifier: Apache-2.0
 * vmrun.c - the daemon's side of cpushare-vmrun
 */
#include "vmrun.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "bytes.h"
#include "cgroup.h"
#include "file.h"
#include "ipc.h"
#include "log.h"
#include "pid_file.h"
#include "process.h"
#include "scratch.h"

enum { ASK_MS = 3000, STOP_MS = 10000, LISTEN_MS = 20000, LISTEN_STEP_MS = 5 };

/* The lease's id, by which its control groups are called, too. */
static const char *name_of(const char *lease_dir)
{
	const char *slash = strrchr(lease_dir, '/');
	return slash ? slash + 1 : lease_dir;
}

static err_t lease_path(const char *lease_dir, const char *part, char *path, size_t size)
{
	int n = snprintf(path, size, "%s/%s", lease_dir, part);
	return n < 0 || (size_t)n >= size ? E_LIMIT : OK;
}

/* What QEMU and the jail have beside the guest's memory: translated code (64 MiB at most), page tables, libvirt. Measured, and doubled. */
#define JAIL_MEMORY_BYTES (384ULL << 20)
#define JAIL_PIDS 256

/* The jail's control groups, as far as there are any. */
static void put_cgroups(json_t *json, const char *lease_dir, const struct lease_spec *spec, bool idle)
{
	const struct cgroup_limits limits = { .idle = idle,
					      .cores = spec->cores,
					      .memory_bytes = ((uint64_t)spec->memory_mib << 20) + JAIL_MEMORY_BYTES,
					      .pids = JAIL_PIDS + spec->cores };
	char paths[CGROUP_CONTROLLER_COUNT][CGROUP_PATH_SIZE];
	size_t count = 0;
	json_t *array = json_array();
	if (cgroup_make(name_of(lease_dir), &limits, paths, &count))
		log_warn("the guest has no control group", "lease_dir=%s", lease_dir);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(paths[i]));
	json_put(json, "cgroups", array);
}

err_t vmrun_serve_image(const char *lease_dir, uint32_t uid)
{
	char path[600], log_path[600], program[512], number[16];
	TRY(lease_path(lease_dir, "net/image.sock", path, sizeof path));
	TRY(lease_path(lease_dir, "blocks.log", log_path, sizeof log_path));
	TRY(process_sibling("cpushare-vmrun", program, sizeof program));
	(void)snprintf(number, sizeof number, "%u", uid);
	if (unlink(path) && errno != ENOENT)
		return err_from_errno(errno);
	char *argv[] = { program, "--blocks", (char *)lease_dir, number, NULL };
	TRY(process_start(argv, log_path));
	for (int waited = 0; waited < LISTEN_MS; waited += LISTEN_STEP_MS) {
		if (!access(path, F_OK))
			return OK;
		usleep(LISTEN_STEP_MS * 1000);
	}
	return E_TIMEOUT;
}

bool vmrun_image_served(const char *lease_dir)
{
	char path[600];
	return !lease_path(lease_dir, "blocks.pid", path, sizeof path) && pid_file_holder(path);
}

err_t vmrun_start(const char *lease_dir, const struct lease_spec *spec, enum accel accel, enum port_kind port, uint32_t uid,
		  bool idle, bool served, const char *launch_security, const struct warm_start *warm)
{
	char path[600], log_path[600], program[512];
	AUTO_JSON json = json_object();
	json_put_uuid(json, "lease", spec->lease);
	json_put_text(json, "name", spec->name);
	json_put_int(json, "cores", spec->cores);
	json_put_int(json, "memory_mib", spec->memory_mib);
	json_put_int(json, "scratch_mib", spec->scratch_mib);
	json_put_text(json, "mac", spec->self.mac);
	json_put_text(json, "accel", accel_names[accel]);
	json_put_int(json, "uid", uid);
	json_put_text(json, "cdrom_bus", cdrom_bus_names[spec->cdrom_bus]);
	json_put_text(json, "port", port_kind_names[port]);
	json_put_text(json, "image", served ? "nbd" : "file");
	json_put_text(json, "display", display_names[spec->display]);
	json_put_text(json, "priority", idle ? "idle" : "normal");
	put_cgroups(json, lease_dir, spec, idle);
	json_put_text(json, "launch_security", launch_security);
	if (warm->mode != WARM_NONE) {
		json_put_text(json, "warm", warm_mode_names[warm->mode]);
		json_put_uuid(json, "hardware_id", warm->hardware_id);
		json_put_int(json, "template_bytes", (int64_t)warm->max_bytes);
	}
	AUTO_FREE char *text = json_dumps(json, JSON_INDENT(2));
	if (!text)
		return E_NOMEM;
	TRY(lease_path(lease_dir, "vm.json", path, sizeof path));
	TRY(file_write_now(path, text, strlen(text), 0600));
	TRY(lease_path(lease_dir, "vmrun.log", log_path, sizeof log_path));
	TRY(process_sibling("cpushare-vmrun", program, sizeof program));
	char *argv[] = { program, (char *)lease_dir, NULL };
	return process_start_with(argv, log_path, warm->template_fd);
}

static err_t status_from_json(json_t *answer, struct vmrun_status *ret)
{
	static const char *const states[] = { "starting", "running", "paused", "ended" };
	static const enum lease_state meaning[] = { LEASE_PREPARING, LEASE_RUNNING, LEASE_PAUSED, LEASE_ENDED };
	struct vmrun_status s = { .reason = END_NONE };
	struct json_error error = { .what = "" };
	struct json_reader r;
	char reason[32], detail[512]; /* vmrun's own bound; of a longer one than the market takes the beginning is told */
	char template[SHA256_TEXT_SIZE] = "";
	int state = 0, parsed = END_NONE;
	json_open(&r, answer, &error);
	json_take_enum(&r, "state", states, 4, &state);
	json_take_text_or_empty(&r, "reason", reason, sizeof reason);
	json_take_text_or_empty(&r, "detail", detail, sizeof detail);
	json_take_u64(&r, "vcpu_ns", &s.vcpu_ns);
	json_take_u64(&r, "running_us", &s.running_us);
	if (json_has(&r, "resets"))
		json_take_u32(&r, "resets", 0, UINT32_MAX, &s.resets);
	if (json_has(&r, "template"))
		json_take_text_or_empty(&r, "template", template, sizeof template);
	if (json_has(&r, "template_us"))
		json_take_u64(&r, "template_us", &s.template_us);
	TRY(json_close_lenient(&r));
	snprintf(s.detail, sizeof s.detail, "%.*s", (int)sizeof s.detail - 1, detail);
	s.has_template = sha256_parse(template, &s.template_hash) == OK;
	s.state = meaning[state];
	s.starting = state == 0;
	if (s.state == LEASE_ENDED) {
		/* The jail may only give the reasons that a VM can have by itself. */
		if (state_parse(end_reason_names, END_REASON_COUNT, reason, &parsed) || parsed != END_COMPLETED)
			parsed = END_BOOT_FAILED;
		s.reason = (enum end_reason)parsed;
	}
	*ret = s;
	return OK;
}

static err_t ask(const char *lease_dir, json_t *request, int timeout_ms, json_t **ret_answer)
{
	char path[600];
	TRY(lease_path(lease_dir, "vmrun.sock", path, sizeof path));
	return ipc_ask(path, request, timeout_ms, ret_answer);
}

err_t vmrun_ask(const char *lease_dir, const char *what, struct vmrun_status *ret)
{
	AUTO_JSON request = json_pack("{s:s}", "ask", what);
	AUTO_JSON answer = NULL;
	if (!strcmp(what, "stop"))
		json_put_text(request, "reason", end_reason_names[END_COMPLETED]);
	TRY(ask(lease_dir, request, strcmp(what, "stop") ? ASK_MS : STOP_MS, &answer));
	return status_from_json(answer, ret);
}

err_t vmrun_ask_status(const char *lease_dir, struct vmrun_status *ret)
{
	return vmrun_ask(lease_dir, "status", ret);
}

err_t vmrun_throttle(const char *lease_dir, int64_t percent)
{
	AUTO_JSON request = json_pack("{s:s, s:I}", "ask", "throttle", "percent", (json_int_t)percent);
	AUTO_JSON answer = NULL;
	struct vmrun_status status;
	TRY(ask(lease_dir, request, ASK_MS, &answer));
	return status_from_json(answer, &status);
}

err_t vmrun_reset(const char *lease_dir, uint32_t resets, struct vmrun_status *ret)
{
	AUTO_JSON request = json_pack("{s:s, s:I}", "ask", "reset", "number", (json_int_t)resets);
	AUTO_JSON answer = NULL;
	TRY(ask(lease_dir, request, ASK_MS, &answer));
	return status_from_json(answer, ret);
}

err_t vmrun_console(const char *lease_dir, int64_t from, struct console_chunk *ret)
{
	AUTO_JSON request = json_pack("{s:s, s:I, s:i}", "ask", "console", "from", (json_int_t)from, "max", CONSOLE_CHUNK);
	AUTO_JSON answer = NULL;
	struct json_error error = { .what = "" };
	struct json_reader r;
	AUTO_FREE char *data = NULL;
	TRY(ask(lease_dir, request, ASK_MS, &answer));
	memset(ret, 0, sizeof *ret);
	json_open(&r, answer, &error);
	json_take_int(&r, "from", 0, INT64_MAX, &ret->from);
	json_take_int(&r, "end", 0, INT64_MAX, &ret->end);
	json_take_int(&r, "typed", 0, CONSOLE_OFFSET_MAX, &ret->typed);
	json_take_long_text(&r, "data", 2 * CONSOLE_CHUNK, &data);
	TRY(json_close_lenient(&r));
	ret->live = true;
	return base64_decode(data, ret->data, sizeof ret->data, &ret->len);
}

err_t vmrun_type(const char *lease_dir, const struct console_input *input)
{
	AUTO_JSON request = console_input_to_json(input);
	AUTO_JSON answer = NULL;
	json_put_text(request, "ask", "type");
	return ask(lease_dir, request, ASK_MS, &answer);
}

err_t vmrun_screen(const char *lease_dir, uint32_t width, struct screen_picture *ret)
{
	AUTO_JSON request = json_pack("{s:s, s:i}", "ask", "screen", "width", (int)width);
	AUTO_JSON answer = NULL;
	struct json_error error = { .what = "" };
	struct json_reader r;
	AUTO_FREE char *png = NULL;
	TRY(ask(lease_dir, request, ASK_MS, &answer));
	json_open(&r, answer, &error);
	json_take_u64(&r, "number", &ret->number);
	json_take_long_text(&r, "png", 2 * SCREEN_MAX_BYTES, &png);
	TRY(json_close_lenient(&r));
	return base64_decode(png, ret->png, sizeof ret->png, &ret->len);
}

void vmrun_end(const char *lease_dir)
{
	char path[600];
	AUTO_JSON request = json_pack("{s:s}", "ask", "quit");
	AUTO_JSON answer = NULL;
	if (ask(lease_dir, request, STOP_MS, &answer) && !lease_path(lease_dir, "vmrun.pid", path, sizeof path))
		pid_file_kill(path);
	if (!lease_path(lease_dir, "blocks.pid", path, sizeof path))
		pid_file_kill(path);
	cgroup_remove(name_of(lease_dir));
	scratch_remove(lease_dir);
}
