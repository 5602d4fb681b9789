/* SPDX-License-Identifier: Apache-2.0
 * node_exec.c - node exec: a command on a VM, by ssh over the order's ethernet
 *
 * How it works: the membership that `net up` began knows the VM's address, and names a process of the namespace that its interface is in;
 * ssh is started there. The ethernet alone says already whose address that is; host keys are kept beside it, in a file for each VM.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "commands.h"
#include "file.h"
#include "json.h"
#include "net.h"
#include "output.h"

#define SSH_FAILED 255
#define OPTIONS_MAX 24

struct exec {
	struct cli *cli;
	struct net_member member;
	char name[64], ip[64], known[NET_PATH_SIZE + 80], alias[128], hosts[NET_PATH_SIZE + 120], identity[PATH_MAX];
	pid_t space; /* 0: ours */
};

static int find_peer(struct exec *x)
{
	AUTO_JSON answer = NULL;
	AUTO_JSON ask = json_pack("{s:s}", "ask", "status");
	const char *slash = strchr(cli_arg(x->cli, 0), '/');
	size_t i;
	json_t *peer;
	if (!slash || !slash[1])
		return cli_error(x->cli, EXIT_USAGE, "the VM is named as ORDER/vm1");
	int code = net_find(x->cli, &x->member);
	if (code || (code = net_ask(x->cli, &x->member, ask, &answer)))
		return code;
	json_array_foreach (json_object_get(answer, "peers"), i, peer)
		if (!strcmp(slash + 1, field_text(peer, "name")) || !strcmp(slash + 1, field_text(peer, "ip"))) {
			snprintf(x->name, sizeof x->name, "%s", field_text(peer, "name"));
			snprintf(x->ip, sizeof x->ip, "%s", field_text(peer, "ip"));
		}
	if (!*x->ip || strchr(x->name, '/'))
		return cli_error(x->cli, EXIT_NOT_FOUND, "the network has no peer %s: cpushare net peers %s", slash + 1,
				 x->member.order);
	x->space = (pid_t)field_int(answer, "space");
	return EXIT_OK;
}

/* Beside the control socket; `known` is its path, `hosts` the option that names it. */
static int find_files(struct exec *x)
{
	const char *identity = cli_text(x->cli, "identity", NULL);
	int folder = (int)(strrchr(x->member.path, '/') - x->member.path);
	snprintf(x->known, sizeof x->known, "%.*s/%s.%s.known", folder, x->member.path, x->member.order, x->name);
	snprintf(x->hosts, sizeof x->hosts, "UserKnownHostsFile=\"%s\"", x->known);
	snprintf(x->alias, sizeof x->alias, "HostKeyAlias=%s", x->name);
	if (identity && !realpath(identity, x->identity))
		return cli_error(x->cli, EXIT_NOT_FOUND, "--identity %s: %s", identity, strerror(errno));
	if (cli_flag(x->cli, "new-host-key") && unlink(x->known) && errno != ENOENT)
		return cli_error(x->cli, EXIT_ERROR, "%s: %s", x->known, strerror(errno));
	return EXIT_OK;
}

/* Where the interface is. The folder stays what it was, by its name. */
static err_t enter_space(pid_t pid)
{
	char folder[PATH_MAX];
	int flags = CLONE_NEWNET | CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0);
	bool had = getcwd(folder, sizeof folder) != NULL;
	AUTO_FD fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0 || setns(fd, flags))
		return err_from_errno(errno);
	return had && chdir(folder) ? err_from_errno(errno) : OK;
}

static _Noreturn void become_ssh(const struct exec *x, char **argv)
{
	if (x->space && enter_space(x->space))
		_exit(cli_error(x->cli, EXIT_CONFLICT, "the network's namespace cannot be entered: %s", strerror(errno)));
	execvp(argv[0], argv);
	_exit(cli_error(x->cli, EXIT_NOT_FOUND, "ssh: %s (package openssh-client)", strerror(errno)));
}

/* ret has room for OPTIONS_MAX and the command. */
static void build(struct exec *x, char **command, char **ret)
{
	bool quiet = output_form(x->cli) != FORM_TABLE, asks = isatty(STDIN_FILENO) && !quiet;
	const char *const fixed[] = { "ssh",
				      "-o",
				      x->hosts,
				      "-o",
				      x->alias,
				      "-o",
				      "GlobalKnownHostsFile=/dev/null",
				      "-o",
				      "StrictHostKeyChecking=accept-new",
				      "-o",
				      "ConnectTimeout=15",
				      "-o",
				      quiet ? "LogLevel=QUIET" : "LogLevel=ERROR",
				      "-o",
				      asks ? "BatchMode=no" : "BatchMode=yes",
				      "-l",
				      cli_text(x->cli, "user", "root") };
	size_t n = 0;
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		ret[n++] = (char *)fixed[i];
	if (*x->identity) {
		ret[n++] = "-i";
		ret[n++] = x->identity;
	}
	if (cli_flag(x->cli, "tty"))
		ret[n++] = "-t";
	ret[n++] = "--";
	ret[n++] = x->ip;
	while (*command)
		ret[n++] = *command++;
	ret[n] = NULL;
}

int command_node_exec(struct cli *cli)
{
	struct exec x = { .cli = cli };
	int status = 0, code = find_peer(&x);
	if (code || (code = find_files(&x)))
		return code;
	AUTO_FREE char **argv = calloc((size_t)(OPTIONS_MAX + cli_arg_count(cli)), sizeof *argv);
	if (!argv)
		return cli_error(cli, EXIT_ERROR, "out of memory");
	build(&x, cli_args(cli) + 1, argv);
	fflush(stdout);
	pid_t child = fork();
	if (child < 0)
		return cli_error(cli, EXIT_ERROR, "%s", strerror(errno));
	if (child == 0)
		become_ssh(&x, argv);
	signal(SIGINT, SIG_IGN); /* Ctrl-C is for ssh */
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	if (WEXITSTATUS(status) == SSH_FAILED)
		return cli_error(cli, EXIT_NO_ANSWER, "ssh did not get into %s at %s (or the command there ended with %d)",
				 x.name, x.ip, SSH_FAILED);
	return WEXITSTATUS(status);
}
