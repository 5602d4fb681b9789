/* SPDX-License-Identifier: Apache-2.0
 * net.c - net up: this machine on an order's ethernet
 *
 * How it works: as root and without a command, `net up` makes a TAP here and goes into the background. With a command, or without
 * root, the TAP is made in a network namespace of its own (and a user namespace, where we are not root), whose only way out is the
 * order's LAN; the command, or a shell, runs inside it and ends the membership when it ends. The packets themselves always leave
 * from the ordinary namespace. With --gateway the members get out through this machine (gateway.h), with --bridge the TAP becomes a port
 * of a bridge that is there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bytes.h"
#include "commands.h"
#include "file.h"
#include "gateway.h"
#include "ipc.h"
#include "json.h"
#include "member.h"
#include "net.h"
#include "output.h"

struct up {
	struct cli *cli;
	struct member *member;
	struct loop *loop;
	struct member_options options;
	char control[512];
	char undo[560]; /* what gateway_down() reads; "": nothing */
	pid_t pasta;
	/* in the background: the parent waits here for a word; in a namespace: the child does */
	int told_fd;
	pid_t child;
	int child_status;
};

static void tell(struct up *u, const char *word)
{
	if (u->told_fd < 0)
		return;
	if (write(u->told_fd, word, strlen(word)) < 0)
		u->told_fd = -1;
	fd_close(&u->told_fd);
}

static void on_started(void *context, size_t connected, size_t peers)
{
	struct up *u = context;
	if (connected < peers && output_form(u->cli) == FORM_TABLE && !cli_flag(u->cli, "quiet"))
		fprintf(stderr, "cpushare: %zu of %zu peers are reached so far; `cpushare net status` tells which\n", connected,
			peers);
	tell(u, "+");
}

static void on_stop(void *context, int number)
{
	struct up *u = context;
	if (number == SIGCHLD) {
		if (u->pasta && waitpid(u->pasta, NULL, WNOHANG) == u->pasta)
			u->pasta = 0;
		if (!u->child || waitpid(u->child, &u->child_status, WNOHANG) != u->child)
			return;
		u->child = 0;
	}
	loop_stop(u->loop);
}

static err_t run_member(struct up *u, const struct interface *interface)
{
	TRY(loop_signal_add(u->loop, SIGTERM, on_stop, u));
	if (!u->child)
		TRY(loop_signal_add(u->loop, SIGINT, on_stop, u));
	TRY(loop_signal_add(u->loop, SIGCHLD, on_stop, u));
	err_t e = member_run(u->member, u->loop, interface, u->control, on_started, u);
	if (*u->undo)
		gateway_down(interface->name, u->undo);
	return e;
}

/* ---- as root: a TAP here, in the background ---- */

/* Nobody has this member's addresses then; docs/VNET.md, "Gateway and bridge". */
static void print_bridge(struct up *u, const char *interface)
{
	AUTO_JSON out = json_object();
	static const struct column columns[] = { { "interface", "interface", CELL_TEXT },
						 { "bridge", "bridge", CELL_TEXT },
						 { "subnet", "subnet", CELL_TEXT },
						 { "address", "ip", CELL_TEXT },
						 { .title = NULL } };
	char subnet[32];
	snprintf(subnet, sizeof subnet, "%s/%u", member_network(u->member)->subnet, member_network(u->member)->prefix_len);
	json_put_text(out, "interface", interface);
	json_put_text(out, "bridge", u->options.bridge);
	json_put_text(out, "subnet", subnet);
	json_object_set_new(out, "ip", json_null());
	output_object(u->cli, out, columns, "interface");
	output_note(u->cli, "Machines behind the bridge get no addresses from here: give them some of 10.77.128.0 and above.\n");
}

static void print_up(struct up *u, const char *interface)
{
	if (u->options.bridge) {
		print_bridge(u, interface);
		return;
	}
	AUTO_JSON out = json_object();
	static const struct column columns[] = { { "interface", "interface", CELL_TEXT },
						 { "address", "ip", CELL_TEXT },
						 { "IPv6", "ip6", CELL_TEXT },
						 { "subnet", "subnet", CELL_TEXT },
						 { .title = NULL } };
	char subnet[32], ip6[INET6_ADDRSTRLEN];
	struct vnet_network network;
	struct vnet_peer self;
	snprintf(subnet, sizeof subnet, "%s/%u", member_network(u->member)->subnet, member_network(u->member)->prefix_len);
	json_put_text(out, "interface", interface);
	json_put_text(out, "ip", member_self(u->member)->ip);
	if (!peers_network(member_network(u->member), &network) && !peers_member(member_self(u->member), &self)) {
		struct in6_addr a = vnet_ip6(network.id, self.mac);
		json_put_text(out, "ip6", inet_ntop(AF_INET6, &a, ip6, sizeof ip6));
	}
	json_put_text(out, "subnet", subnet);
	output_object(u->cli, out, columns, "ip");
}

static int interface_failed(struct up *u)
{
	return cli_error(u->cli, EXIT_ERROR,
			 u->options.bridge ? "the interface cannot be made: %s (is there a bridge %s?)"
					   : "the interface cannot be made: %s (is /dev/net/tun there?)",
			 strerror(errno), u->options.bridge);
}

/* file: NULL in a namespace of its own. */
static int open_gateway(struct up *u, const struct interface *i, const char *file)
{
	struct gateway g = { .interface = i->name,
			     .network = member_network(u->member),
			     .file = file,
			     .allow_private = cli_flag(u->cli, "allow-private") };
	err_t e = u->options.gateway ? gateway_up(&g) : OK;
	if (e)
		return cli_error(u->cli, EXIT_ERROR, "this machine cannot be a gateway: %s",
				 e == E_NOT_FOUND ? "nft is not installed (package nftables)" : err_name(e));
	return EXIT_OK;
}

/* STATE/net/gateway-INTERFACE, beside the control socket. */
static err_t undo_path(struct up *u, const struct interface *i)
{
	int len = (int)(strrchr(u->control, '/') - u->control);
	int n = snprintf(u->undo, sizeof u->undo, "%.*s/gateway-%s", len, u->control, i->name);
	return n < 0 || (size_t)n >= sizeof u->undo ? E_LIMIT : OK;
}

static int up_in_background(struct up *u)
{
	struct interface interface;
	int ends[2];
	if (member_interface(u->member, &interface))
		return interface_failed(u);
	if (u->options.gateway && (undo_path(u, &interface) || open_gateway(u, &interface, u->undo)))
		return EXIT_ERROR;
	if (cli_flag(u->cli, "foreground")) {
		print_up(u, interface.name);
		fflush(stdout);
		return run_member(u, &interface) ? cli_error(u->cli, EXIT_ERROR, "the network ended") : EXIT_OK;
	}
	if (pipe2(ends, O_CLOEXEC))
		return cli_error(u->cli, EXIT_ERROR, "%s", strerror(errno));
	pid_t child = fork();
	if (child < 0)
		return cli_error(u->cli, EXIT_ERROR, "%s", strerror(errno));
	if (child == 0) {
		setsid();
		close(ends[0]);
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		dup2(null, 0);
		dup2(null, 1);
		u->told_fd = ends[1];
		err_t e = run_member(u, &interface);
		member_free(u->member);
		_exit(e ? EXIT_ERROR : EXIT_OK);
	}
	char word = 0;
	close(ends[1]);
	close(interface.fd);
	fd_close(&interface.dns_fd);
	bool up = read(ends[0], &word, 1) == 1 && word == '+';
	close(ends[0]);
	if (!up)
		return cli_error(u->cli, EXIT_ERROR, "the network did not come up");
	print_up(u, interface.name);
	fflush(stdout);
	_exit(EXIT_OK); /* the member belongs to the child: nothing here leaves it */
}

/* ---- in a namespace of its own, with a command ---- */

static err_t write_text(const char *path, const char *text)
{
	AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? E_IO : fd_write_all(fd, text, strlen(text));
}

/* We are root in there and the same user outside. */
static err_t become_namespace_root(uid_t uid, gid_t gid)
{
	char map[64];
	TRY(write_text("/proc/self/setgroups", "deny"));
	snprintf(map, sizeof map, "0 %u 1", uid);
	TRY(write_text("/proc/self/uid_map", map));
	snprintf(map, sizeof map, "0 %u 1", gid);
	return write_text("/proc/self/gid_map", map);
}

/* One or two descriptors: a gateway's has that for names, too. */
static err_t send_interface(int socket, const struct interface *i)
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = { .bytes = "" };
	size_t count = i->dns_fd >= 0 ? 2 : 1;
	int descriptors[2] = { i->fd, i->dns_fd };
	struct iovec part = { .iov_base = (void *)i->name, .iov_len = sizeof i->name };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = CMSG_SPACE(count * sizeof(int))
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), descriptors, count * sizeof(int));
	return sendmsg(socket, &message, 0) > 0 ? OK : E_IO;
}

static err_t receive_interface(int socket, struct interface *ret)
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = { .iov_base = ret->name, .iov_len = sizeof ret->name };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes
	};
	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != sizeof ret->name)
		return E_IO;
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return E_IO;
	memcpy(&ret->fd, CMSG_DATA(c), sizeof(int));
	if (c->cmsg_len == CMSG_LEN(2 * sizeof(int)))
		memcpy(&ret->dns_fd, CMSG_DATA(c) + sizeof(int), sizeof(int));
	return OK;
}

/* Names of the LAN resolve inside: its peers' responder answers at the subnet's last host address. */
static err_t own_resolver(const struct member *m)
{
	char path[] = "/tmp/cpushare-resolv-XXXXXX";
	struct vnet_network network;
	TRY(peers_network(member_network(m), &network));
	uint32_t dns = network.subnet | ((0xffffffffU >> network.prefix_len) - 1);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return E_IO;
	AUTO_FD fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return E_IO;
	dprintf(fd, "search lan\nnameserver %u.%u.%u.%u\n", dns >> 24, dns >> 16 & 255, dns >> 8 & 255, dns & 255);
	(void)!fchmod(fd, 0644);
	err_t e = mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) ? E_IO : OK;
	unlink(path);
	return e;
}

static _Noreturn void namespace_child(struct up *u, int socket, char **command)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	struct interface interface;
	char word;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (unshare(CLONE_NEWNET | CLONE_NEWNS | (uid ? CLONE_NEWUSER : 0)) || (uid && become_namespace_root(uid, gid))) {
		_exit(cli_error(u->cli, EXIT_ERROR,
				"a network namespace cannot be made: %s (does this system allow user namespaces?)",
				strerror(errno)));
	}
	if (member_interface(u->member, &interface))
		_exit(interface_failed(u));
	if (open_gateway(u, &interface, NULL) || send_interface(socket, &interface))
		_exit(EXIT_ERROR);
	close(interface.fd);
	fd_close(&interface.dns_fd);
	if (own_resolver(u->member))
		fprintf(stderr, "cpushare: names of the LAN will not resolve inside (addresses work)\n");
	if (read(socket, &word, 1) != 1)
		_exit(EXIT_ERROR);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	char *shell[] = { getenv("SHELL") ? getenv("SHELL") : "/bin/sh", NULL };
	if (!*command)
		command = shell;
	execvp(command[0], command);
	_exit(cli_error(u->cli, 127, "%s: %s", command[0], strerror(errno)));
}

static void end_child(pid_t *pid, int *ret_status)
{
	if (!*pid)
		return;
	kill(*pid, SIGTERM);
	waitpid(*pid, ret_status, 0);
	*pid = 0;
}

static int up_in_namespace(struct up *u, char **command)
{
	int ends[2];
	struct interface interface = { .fd = -1, .dns_fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return cli_error(u->cli, EXIT_ERROR, "%s", strerror(errno));
	u->child = fork();
	if (u->child < 0)
		return cli_error(u->cli, EXIT_ERROR, "%s", strerror(errno));
	if (u->child == 0) {
		close(ends[0]);
		namespace_child(u, ends[1], command);
	}
	close(ends[1]);
	u->told_fd = ends[0];
	if (receive_interface(ends[0], &interface)) {
		waitpid(u->child, NULL, 0);
		return EXIT_ERROR; /* the child said why */
	}
	if (u->options.gateway && gateway_pasta(u->child, &u->pasta)) {
		end_child(&u->child, NULL);
		return cli_error(u->cli, EXIT_ERROR, "pasta is not installed (package passt): it is the namespace's way out");
	}
	interface.space = u->child;
	signal(SIGINT, SIG_IGN); /* Ctrl-C is for the command inside */
	err_t e = run_member(u, &interface);
	fd_close(&u->told_fd);
	end_child(&u->child, &u->child_status); /* where it was ended from outside, by `net down` */
	end_child(&u->pasta, NULL);
	if (e)
		return cli_error(u->cli, EXIT_ERROR, "the network ended: %s", err_name(e));
	return WIFEXITED(u->child_status) ? WEXITSTATUS(u->child_status) : 128 + WTERMSIG(u->child_status);
}

/* here: the interface appears in this namespace. */
static int check_options(const struct up *u, bool here)
{
	const struct member_options *o = &u->options;
	if (o->bridge && !here)
		return cli_error(u->cli, EXIT_USAGE, "--bridge: only as root, without a command");
	if (o->bridge && o->gateway)
		return cli_error(u->cli, EXIT_USAGE, "--bridge and --gateway exclude each other");
	if (cli_flag(u->cli, "allow-private") && !o->gateway)
		return cli_error(u->cli, EXIT_USAGE, "--allow-private belongs to --gateway");
	if (o->boot_server && !o->boot_file)
		return cli_error(u->cli, EXIT_USAGE, "--boot-server needs a --boot-file");
	return EXIT_OK;
}

static void clean_up(struct up *u)
{
	char folder[sizeof u->control];
	snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(u->control, '/') - u->control), u->control);
	gateway_clean(folder);
}

int command_net_up(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	struct up u = { .cli = cli, .told_fd = -1 };
	struct problem problem = { .title = "" };
	AUTO_JSON running = NULL;
	AUTO_JSON ask = json_pack("{s:s}", "ask", "status");
	char order[UUID_TEXT_SIZE];
	int64_t port;
	unsigned without;
	if (cli_int(cli, "port", 0, 1, 65535, &port))
		return EXIT_USAGE;
	if (peers_cipher(cli_text(cli, "cipher", "auto"), &without))
		return cli_error(cli, EXIT_USAGE, "--cipher is auto or aes-256-gcm");
	int code = session_open(cli, true, &s);
	if (code || (code = session_order(&s, cli_arg(cli, 0), order)))
		return code;
	if (net_control_path(order, u.control, sizeof u.control))
		return cli_error(cli, EXIT_ERROR,
				 "no folder for the network's control socket (XDG_RUNTIME_DIR, XDG_STATE_HOME, HOME)");
	if (ipc_ask(u.control, ask, 1000, &running) == OK)
		return cli_error(cli, EXIT_CONFLICT, "this machine is on that network already: cpushare net down %s", order);
	u.options = (struct member_options){ .name = cli_text(cli, "name", "buyer"),
					     .bridge = cli_text(cli, "bridge", NULL),
					     .gateway = cli_flag(cli, "gateway"),
					     .boot_server = cli_text(cli, "boot-server", NULL),
					     .boot_file = cli_text(cli, "boot-file", NULL),
					     .without = without };
	bool here = geteuid() == 0 && cli_arg_count(cli) == 1 && !cli_flag(cli, "shell");
	if ((code = check_options(&u, here)))
		return code;
	if (here)
		clean_up(&u);
	err_t e = member_new(&s, order, &u.options, &u.member, &problem);
	if (e == E_NOT_FOUND && u.options.boot_server && !problem.status)
		return cli_error(cli, EXIT_NOT_FOUND, "no member of the network is called %s", u.options.boot_server);
	if (e)
		return problem.status || *problem.title ? session_refused(&s, &problem)
							: cli_error(cli, EXIT_ERROR, "joining failed: %s", err_name(e));
	if (member_open_at(u.member, (uint16_t)port, cli_text(cli, "address", "")))
		code = cli_error(cli, EXIT_USAGE, "--address is no numeric address with a port: 203.0.113.7:41641");
	else if (loop_new(&u.loop))
		code = EXIT_ERROR;
	else if (here)
		code = up_in_background(&u);
	else
		code = up_in_namespace(&u, cli_args(cli) + 1);
	loop_free(u.loop);
	member_free(u.member);
	return code;
}
