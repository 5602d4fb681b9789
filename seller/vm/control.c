/* SPDX-License-Identifier: Apache-2.0
 * control.c - the outer process: LEASE_DIR's files, and the daemon's questions at vmrun.sock
 *
 * What a question may be and what is answered stands in docs/SELLER.md. An answer to a request that is none of them is
 * {"error": "..."} and changes nothing.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bytes.h"
#include "control.h"
#include "file.h"
#include "ipc.h"
#include "json.h"
#include "life.h"
#include "log.h"
#include "pid_file.h"

/* One answer: base64 of it and the rest of the object stay below IPC_MAX. */
#define CONSOLE_ANSWER_BYTES (96 * 1024)
#define TYPE_MAX_BYTES 4096

struct control {
	struct loop *loop;
	struct ipc_server *server;
	struct vm_life life;
};

static json_t *refuse(const struct json_error *error)
{
	char text[sizeof error->field + sizeof error->what + 2];
	json_t *answer = json_object();
	snprintf(text, sizeof text, "%s %s", error->field, error->what);
	json_put_text(answer, "error", text);
	return answer;
}

static json_t *status(struct control *control)
{
	struct vm_life *life = &control->life;
	json_t *answer = json_object();
	char template[SHA256_TEXT_SIZE];

	vm_life_count(life, clock_mono());
	json_put_text(answer, "state", vm_state_names[life->state]);
	json_put_text(answer, "reason", life->reason);
	json_put_text(answer, "detail", life->detail);
	json_put_int(answer, "vcpu_ns", (int64_t)life->vcpu_ns);
	json_put_int(answer, "running_us", life->running_us);
	json_put_int(answer, "console_bytes", life->console ? (int64_t)console_end(life->console) : 0);
	json_put_int(answer, "cores", life->spec.cores);
	json_put_int(answer, "throttle_percent", life->throttle_percent);
	json_put_int(answer, "resets", life->resets);
	json_put_text(answer, "template", life->has_template ? sha256_format(life->template_hash, template) : "");
	json_put_int(answer, "template_us", life->template_at.us);
	return answer;
}

static json_t *throttle(struct control *control, struct json_reader *request)
{
	uint32_t percent = 100;
	json_take_u32(request, "percent", 1, 100, &percent);
	if (json_close(request) != OK)
		return refuse(request->error);
	vm_life_throttle(&control->life, percent);
	return status(control);
}

static json_t *reset(struct control *control, struct json_reader *request)
{
	uint32_t number = 0;
	json_take_u32(request, "number", 1, UINT32_MAX, &number);
	if (json_close(request) != OK)
		return refuse(request->error);
	vm_life_reset(&control->life, number);
	return status(control);
}

static json_t *stop(struct control *control, struct json_reader *request)
{
	char reason[VM_REASON_SIZE] = "";
	json_take_text(request, "reason", reason, sizeof reason);
	if (!request->bad && strspn(reason, "abcdefghijklmnopqrstuvwxyz_") != strlen(reason))
		json_refuse(request, "reason", "must be lower-case letters and underscores");
	if (json_close(request) != OK)
		return refuse(request->error);
	vm_life_end(&control->life, reason, "");
	return status(control);
}

static json_t *console(struct control *control, struct json_reader *request)
{
	static char data[CONSOLE_ANSWER_BYTES], text[4 * ((CONSOLE_ANSWER_BYTES + 2) / 3) + 1];
	uint64_t from = 0;
	uint32_t max = 0;
	size_t len = 0;

	json_take_u64(request, "from", &from);
	json_take_u32(request, "max", 1, UINT32_MAX, &max);
	if (json_close(request) != OK)
		return refuse(request->error);
	if (control->life.console)
		len = console_read(control->life.console, from, max < sizeof data ? max : sizeof data, data, &from);
	json_t *answer = json_object();
	json_put_int(answer, "from", (int64_t)from);
	json_put_text(answer, "data", base64_encode(data, len, text));
	json_put_int(answer, "end", control->life.console ? (int64_t)console_end(control->life.console) : 0);
	json_put_int(answer, "typed", control->life.console ? (int64_t)console_typed(control->life.console) : 0);
	return answer;
}

static json_t *type(struct control *control, struct json_reader *request)
{
	char data[TYPE_MAX_BYTES];
	AUTO_FREE char *text = NULL;
	uint64_t from = 0;
	size_t len = 0;

	json_take_u64(request, "from", &from);
	json_take_long_text(request, "data", 2 * TYPE_MAX_BYTES, &text);
	if (text && base64_decode(text, data, sizeof data, &len) != OK)
		json_refuse(request, "data", "must be base64 of at most %d bytes", TYPE_MAX_BYTES);
	if (!request->bad && from > INT64_MAX)
		json_refuse(request, "from", "is too large");
	if (json_close(request) != OK)
		return refuse(request->error);
	if (control->life.console)
		console_type(control->life.console, from, data, len);
	explicit_bzero(data, sizeof data);
	json_t *answer = json_object();
	json_put_int(answer, "typed", control->life.console ? (int64_t)console_typed(control->life.console) : 0);
	return answer;
}

static json_t *screen(struct control *control, struct json_reader *request)
{
	static char text[4 * ((PICTURE_MAX_BYTES + 2) / 3) + 1];
	struct screen *screen = &control->life.screen;
	uint32_t width = 0;

	json_take_u32(request, "width", PICTURE_MIN_WIDTH, PICTURE_MAX_WIDTH, &width);
	if (json_close(request) != OK)
		return refuse(request->error);
	vm_life_look(&control->life, width);
	json_t *answer = json_object();
	json_put_int(answer, "number", (int64_t)screen->number);
	json_put_text(answer, "png", base64_encode(screen->png, screen_fresh(screen, clock_mono()), text));
	return answer;
}

static json_t *quit(struct control *control)
{
	vm_life_end(&control->life, "vmrun_quit", "");
	/* The round of the loop that sends the answer is the last one. */
	loop_stop(control->loop);
	return json_object();
}

enum ask {
	ASK_STATUS,
	ASK_PAUSE,
	ASK_RESUME,
	ASK_THROTTLE,
	ASK_RESET,
	ASK_STOP,
	ASK_CONSOLE,
	ASK_TYPE,
	ASK_SCREEN,
	ASK_QUIT,
	ASK_COUNT
};
static const char *const ask_names[] = { "status", "pause",   "resume", "throttle", "reset",
					 "stop",   "console", "type",	"screen",   "quit" };
static_assert(sizeof ask_names / sizeof *ask_names == ASK_COUNT, "one name each");

static json_t *on_request(void *context, json_t *json)
{
	struct control *control = context;
	struct json_error error;
	struct json_reader request;
	int ask = 0;

	json_open(&request, json, &error);
	json_take_enum(&request, "ask", ask_names, ASK_COUNT, &ask);
	if (request.bad)
		return refuse(&error);
	if (ask == ASK_THROTTLE)
		return throttle(control, &request);
	if (ask == ASK_RESET)
		return reset(control, &request);
	if (ask == ASK_STOP)
		return stop(control, &request);
	if (ask == ASK_CONSOLE)
		return console(control, &request);
	if (ask == ASK_TYPE)
		return type(control, &request);
	if (ask == ASK_SCREEN)
		return screen(control, &request);
	if (json_close(&request) != OK)
		return refuse(&error);
	if (ask == ASK_QUIT)
		return quit(control);
	if (ask == ASK_PAUSE)
		vm_life_pause(&control->life);
	else if (ask == ASK_RESUME)
		vm_life_resume(&control->life);
	return status(control);
}

static void on_terminate(void *context, int signal)
{
	struct control *control = context;
	(void)signal;
	json_decref(quit(control));
}

static err_t read_spec(const char *lease_dir, struct vm_spec *ret_spec)
{
	AUTO_FREE char *path = NULL, *text = NULL;
	struct json_error error = { 0 };
	size_t len;

	if (asprintf(&path, "%s/vm.json", lease_dir) < 0)
		return E_NOMEM;
	err_t e = file_read(path, VM_SPEC_MAX_BYTES, &text, &len);
	if (e != OK) {
		log_error("vm.json cannot be read", "path=%s error=%s", path, err_name(e));
		return e;
	}
	e = vm_spec_from_json(text, len, ret_spec, &error);
	if (e != OK)
		log_error("vm.json is refused", "field=%s what=\"%s\"", error.field, error.what);
	return e;
}

static err_t serve(struct control *control, const char *lease_dir)
{
	AUTO_FREE char *path = NULL;
	if (asprintf(&path, "%s/vmrun.sock", lease_dir) < 0)
		return E_NOMEM;
	TRY(loop_new(&control->loop));
	TRY(loop_signal_add(control->loop, SIGTERM, on_terminate, control));
	TRY(loop_signal_add(control->loop, SIGINT, on_terminate, control));
	return ipc_serve(control->loop, path, on_request, control, &control->server);
}

static err_t run(struct control *control, const char *lease_dir)
{
	struct vm_spec spec;
	AUTO_FD pid_fd = -1;
	AUTO_FREE char *pid_path = NULL;
	AUTO_FD dir_fd = open(lease_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir_fd < 0)
		return err_from_errno(errno);
	if (asprintf(&pid_path, "%s/vmrun.pid", lease_dir) < 0)
		return E_NOMEM;
	TRY(pid_file_take(pid_path, &pid_fd)); /* two of us in one directory would fight over its sockets */
	TRY(read_spec(lease_dir, &spec));
	AUTO_FD log_fd = openat(dir_fd, "console.log", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (log_fd < 0)
		return err_from_errno(errno);
	TRY(serve(control, lease_dir));
	TRY(vm_life_start(&control->life, control->loop, lease_dir, &spec, log_fd));
	err_t e = loop_run(control->loop);
	vm_life_clear(&control->life);
	if (!unlinkat(dir_fd, "jail/console.sock", 0))
		unlinkat(dir_fd, "vmrun.pid", 0);
	return e;
}

int vm_control_run(const char *lease_dir)
{
	struct control control = { 0 };
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	err_t e = run(&control, lease_dir);
	ipc_server_free(control.server);
	loop_free(control.loop);
	if (e != OK)
		log_error("the machine cannot be run", "lease_dir=%s error=%s", lease_dir, err_name(e));
	return e == OK ? 0 : 1;
}
