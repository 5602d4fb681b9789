/* SPDX-License-Identifier: Apache-2.0
 * doctor.c - doctor: what is wrong here and what mends it; bugreport: what others need to know to help, without secrets
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "commands.h"
#include "config.h"
#include "context.h"
#include "file.h"
#include "json.h"
#include "output.h"
#include "session.h"

struct examination {
	struct cli *cli;
	json_t *items;
	int code; /* of the first check that failed, or 0 */
	int failed;
};

/* code 0: fine; EXIT_OK with a fix: it works without. */
static void found(struct examination *x, const char *check, int code, const char *detail, const char *fix)
{
	json_t *item = json_object();
	json_put_text(item, "check", check);
	json_put_text(item, "result", code ? "fails" : *fix ? "could be better" : "good");
	json_put_text(item, "detail", detail);
	json_put_text(item, "fix", fix);
	json_array_append_new(x->items, item);
	x->failed += code != 0;
	if (code && !x->code)
		x->code = code;
}

/* ---- the market ---- */

static void examine_file(struct examination *x)
{
	char path[PATH_MAX];
	struct stat st;
	if (session_file_path(x->cli, path, sizeof path)) {
		found(x, "context", EXIT_NOT_FOUND, "there is no such context", "cpushare context list");
		return;
	}
	if (stat(path, &st)) {
		found(x, "credentials", EXIT_OK, "none are kept", "");
		return;
	}
	bool open = st.st_mode & 077;
	found(x, "credentials", open ? EXIT_ERROR : EXIT_OK,
	      open ? "others on this machine can read them" : "only you can read them",
	      open ? "chmod 600 the file that `cpushare context show` names" : "");
}

static void examine_config(struct examination *x)
{
	const char *fault = config_fault();
	found(x, "settings", fault ? EXIT_USAGE : EXIT_OK, fault ? fault : "the file can be read, or there is none",
	      fault ? "mend that line" : "");
}

/* Whether the market answers as one does; and then whether it knows us. */
static void examine_market(struct examination *x)
{
	struct session_file file;
	struct problem problem = { .title = "" };
	AUTO_JSON market = NULL;
	char text[512];
	struct client *client = NULL;
	session_file_read(x->cli, &file);
	if (!*file.market) {
		found(x, "market", EXIT_AUTH, "no market is known yet", "cpushare signup --market https://HOST:8443, or login");
		return;
	}
	struct client_config config = { .url = file.market,
					.pin = file.pin,
					.token = *file.token ? file.token : NULL,
					.user_agent = "cpushare/" CPUSHARE_VERSION };
	if (client_new(&config, &client)) {
		found(x, "market", EXIT_USAGE, "its address, or its key's pin, is none",
		      "--market https://HOST[:PORT] --pin sha256//BASE64");
		return;
	}
	if (client_call(client, "GET", "/v1/market", NULL, NULL, &market, &problem)) {
		snprintf(text, sizeof text, "%s: %s", file.market, problem.title);
		found(x, "market", problem.status ? EXIT_ERROR : EXIT_UNREACHABLE, text,
		      *problem.server_pin ? "it shows another key: ask its operator, then --pin"
					  : "is that its address, and does it run?");
	} else {
		snprintf(text, sizeof text, "%s answers, version %s", file.market, field_text(market, "version"));
		found(x, "market", EXIT_OK, text, "");
		AUTO_JSON account = NULL;
		if (!*file.token)
			found(x, "log-in", EXIT_OK, "not logged in", "cpushare login");
		else if (client_call(client, "GET", "/v1/account", NULL, NULL, &account, &problem))
			found(x, "log-in", EXIT_AUTH, problem.title, "cpushare login");
		else
			found(x, "log-in", EXIT_OK, "the market knows you", "");
	}
	client_free(client);
	explicit_bzero(&file, sizeof file);
}

/* ---- this machine ---- */

static bool on_path(const char *program)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];
	for (const char *at = path ? path : "/usr/bin:/usr/sbin"; *at;) {
		size_t len = strcspn(at, ":");
		int n = snprintf(file, sizeof file, "%.*s/%s", (int)len, at, program);
		if (n > 0 && (size_t)n < sizeof file && !access(file, X_OK))
			return true;
		at += len + (at[len] == ':');
	}
	return false;
}

static void examine_program(struct examination *x, const char *program, const char *package)
{
	char detail[128], fix[64] = "";
	bool there = on_path(program);
	snprintf(detail, sizeof detail, there ? "%s is installed" : "%s is not installed: net up --gateway needs it", program);
	if (!there)
		snprintf(fix, sizeof fix, "apt install %s", package);
	found(x, program, EXIT_OK, detail, fix);
}

/* What `net up` does without root: in a child, whose namespace ends with it. */
static bool namespaces_work(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNET) ? 1 : 0);
	int status = 1;
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void examine_machine(struct examination *x)
{
	AUTO_FD tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	found(x, "tun", EXIT_OK, tun >= 0 ? "/dev/net/tun can be opened" : "/dev/net/tun cannot be opened: net up needs it",
	      tun >= 0 ? "" : "modprobe tun");
	bool work = namespaces_work();
	found(x, "namespaces", EXIT_OK,
	      work ? "users may make namespaces" : "users may not make namespaces: net up needs root here",
	      work ? "" : "sysctl kernel.unprivileged_userns_clone=1");
	examine_program(x, geteuid() == 0 ? "nft" : "pasta", geteuid() == 0 ? "nftables" : "passt");
}

static struct examination examine(struct cli *cli)
{
	struct examination x = { .cli = cli, .items = json_array() };
	examine_config(&x);
	examine_file(&x);
	examine_market(&x);
	examine_machine(&x);
	return x;
}

int command_doctor(struct cli *cli)
{
	static const struct column columns[] = { { "CHECK", "check", CELL_TEXT },
						 { "RESULT", "result", CELL_TEXT },
						 { "FOUND", "detail", CELL_TEXT },
						 { "WHAT HELPS", "fix", CELL_TEXT },
						 { .title = NULL } };
	int code = output_check(cli);
	if (code)
		return code;
	struct examination x = examine(cli);
	output_list(cli, x.items, columns, "check");
	json_decref(x.items);
	return x.code ? cli_error(cli, x.code, "%d of the checks failed", x.failed) : EXIT_OK;
}

/* ---- a report ---- */

static void put_system(json_t *report)
{
	struct utsname name;
	AUTO_FREE char *release = NULL;
	size_t len;
	const char *line = NULL;
	char text[128] = "";
	if (!file_read("/etc/os-release", 16384, &release, &len) && (line = strstr(release, "PRETTY_NAME=")))
		snprintf(text, sizeof text, "%.*s", (int)strcspn(line + 12, "\n"), line + 12);
	json_put_text(report, "system", text);
	if (!uname(&name)) {
		json_put_text(report, "kernel", name.release);
		json_put_text(report, "architecture", name.machine);
	}
	json_put_bool(report, "root", geteuid() == 0);
	json_put_bool(report, "terminal", isatty(STDOUT_FILENO));
}

/* Variables that change what we do: their names alone. */
static json_t *environment_set(void)
{
	static const char *const names[] = { "CPUSHARE_MARKET",	  "CPUSHARE_PIN",     "CPUSHARE_TOKEN",
					     "CPUSHARE_PASSWORD", "CPUSHARE_CONTEXT", "XDG_CONFIG_HOME",
					     "XDG_STATE_HOME",	  "https_proxy",      "all_proxy" };
	json_t *set = json_array();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (getenv(names[i]))
			json_array_append_new(set, json_string(names[i]));
	return set;
}

int command_bugreport(struct cli *cli)
{
	struct session_file file;
	char context[CONTEXT_NAME_SIZE] = "";
	int code = output_check(cli);
	if (code)
		return code;
	AUTO_JSON report = json_object();
	session_file_read(cli, &file);
	if (context_name(cli, context))
		*context = '\0';
	json_put_int(report, "schema", 1);
	json_put_text(report, "program", "cpushare");
	json_put_text(report, "version", CPUSHARE_VERSION);
	put_system(report);
	json_put_text(report, "context", context);
	json_put_text(report, "market", *file.market ? file.market : NULL);
	json_put_text(report, "pin", *file.pin ? file.pin : NULL);
	json_put_bool(report, "logged_in", *file.token);
	explicit_bzero(&file, sizeof file);
	json_put(report, "environment", environment_set());
	struct examination x = examine(cli);
	json_put(report, "checks", x.items);
	json_dumpf(report, stdout, JSON_INDENT(2));
	putchar('\n');
	return EXIT_OK;
}
