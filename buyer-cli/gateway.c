/* SPDX-License-Identifier: Apache-2.0
 * gateway.c - nftables, forwarding and pasta for `net up --gateway`
 */
#include "gateway.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bytes.h"
#include "file.h"
#include "vnet.h"

#define FILE_START "gateway-"
#define UPLINKS 16

/* ---- the kernel's switches ---- */
static err_t switch_path(const char *interface, char *path, size_t size)
{
	int n = snprintf(path, size, "/proc/sys/net/ipv4/conf/%s/forwarding", interface);
	return n < 0 || (size_t)n >= size || strchr(interface, '/') ? E_INVALID : OK;
}

static bool is_on(const char *path)
{
	char c = 0;
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &c, 1) == 1 && c == '1';
}

static err_t set_switch(const char *path, bool on)
{
	AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? E_IO : fd_write_all(fd, on ? "1" : "0", 1);
}

static err_t set_forwarding(const char *interface, bool on)
{
	char path[96];
	TRY(switch_path(interface, path, sizeof path));
	return set_switch(path, on);
}

static bool has_default_route(const char *interface)
{
	/* /proc/net/route: name, destination, gateway, flags, reference and use counts, metric, mask; addresses in hex */
	char line[256], name[IF_NAMESIZE];
	unsigned destination, mask;
	bool found = false;
	FILE *file = fopen("/proc/net/route", "re");
	while (file && !found && fgets(line, sizeof line, file))
		found = sscanf(line, "%15s %x %*x %*x %*d %*d %*d %x", name, &destination, &mask) == 3 && !destination && !mask &&
			!strcmp(name, interface);
	if (file)
		fclose(file);
	return found;
}

/* Where members' packets may leave and the answers come back, and forwarding is off. */
static size_t find_uplinks(const struct gateway *g, char uplinks[UPLINKS][IF_NAMESIZE])
{
	char path[96];
	size_t count = 0;
	struct if_nameindex *all = if_nameindex();
	for (struct if_nameindex *i = all; i && i->if_index && count < UPLINKS; i++) {
		bool ours = !strcmp(i->if_name, g->interface) || !strcmp(i->if_name, "lo");
		if (ours || (!g->allow_private && !has_default_route(i->if_name)) ||
		    switch_path(i->if_name, path, sizeof path) != OK || is_on(path))
			continue;
		snprintf(uplinks[count++], IF_NAMESIZE, "%s", i->if_name);
	}
	if_freenameindex(all);
	return count;
}

/* ---- nftables ---- */
static err_t nft(const char *script)
{
	int ends[2], status = -1;
	if (pipe2(ends, O_CLOEXEC))
		return E_IO;
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(ends[0], 0);
		if (null >= 0 && !getenv("CPUSHARE_VERBOSE"))
			dup2(null, 2);
		execlp("nft", "nft", "-f", "-", (char *)NULL);
		_exit(127);
	}
	close(ends[0]);
	err_t e = pid < 0 ? E_IO : fd_write_all(ends[1], script, strlen(script));
	close(ends[1]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return E_IO;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return E_NOT_FOUND;
	return e == OK && status == 0 ? OK : E_DENIED;
}

/* Private, shared, link-local, loopback, documentation and the rest that no public host has (RFC 6890). */
#define PRIVATE4                                                                                                           \
	"0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/24, 192.168.0.0/16, " \
	"198.18.0.0/15"

static void put_rules(FILE *out, const struct gateway *g, char switched[][IF_NAMESIZE], size_t count, bool ipv6)
{
	const char *i = g->interface;
	char subnet[32], prefix[INET6_ADDRSTRLEN];
	struct in6_addr a = vnet_ip6(g->network->id, (vnet_mac){ { 0 } });
	memset(a.s6_addr + 8, 0, 8);
	snprintf(subnet, sizeof subnet, "%s/%u", g->network->subnet, g->network->prefix_len);
	inet_ntop(AF_INET6, &a, prefix, sizeof prefix);
	fprintf(out,
		"table inet cpushare_%s {\n chain forward {\n  type filter hook forward priority filter - 5; policy accept;\n",
		i);
	for (size_t k = 0; k < count; k++) /* forwarding is on there for the members alone */
		fprintf(out, "  iifname \"%s\" oifname != \"%s\" drop\n", switched[k], i);
	fprintf(out, "  oifname \"%s\" ct state established,related accept\n  oifname \"%s\" drop\n", i, i);
	fprintf(out, "  iifname != \"%s\" accept\n  ip saddr != %s drop\n  ip6 saddr != %s/64 drop\n", i, subnet, prefix);
	fprintf(out, "  ip daddr 224.0.0.0/3 drop\n");
	if (!g->allow_private)
		fprintf(out, "  ip daddr { %s } reject with icmp admin-prohibited\n  ip6 daddr != 2000::/3 reject\n", PRIVATE4);
	fprintf(out, " }\n chain input {\n  type filter hook input priority filter - 5; policy accept;\n");
	/* Our other addresses are not the members' either: what is for us must be for an address of this interface. */
	fprintf(out, "  iifname \"%s\" fib daddr . iif type != { local, broadcast, multicast } drop\n }\n", i);
	if (!ipv6) /* a quick answer instead of silence */
		fprintf(out,
			" chain world6 {\n  type filter hook prerouting priority filter; policy accept;\n"
			"  iifname \"%s\" ip6 daddr 2000::/3 reject with icmpv6 no-route\n }\n",
			i);
	fprintf(out,
		" chain out {\n  type nat hook postrouting priority srcnat; policy accept;\n  oifname != \"%s\" ip saddr %s "
		"masquerade\n"
		"  oifname != \"%s\" ip6 saddr %s/64 masquerade\n }\n}\n",
		i, subnet, i, prefix);
}

static err_t load(const struct gateway *g, char switched[][IF_NAMESIZE], size_t count, bool ipv6)
{
	char *script = NULL;
	size_t len;
	FILE *out = open_memstream(&script, &len);
	if (!out)
		return E_NOMEM;
	put_rules(out, g, switched, count, ipv6);
	fclose(out);
	err_t e = nft(script);
	free(script);
	return e;
}

/* ---- up, down ---- */
/* Switches forwarding on where it is off, noting that first: file has a line for each. */
static err_t switch_on(const struct gateway *g, char uplinks[UPLINKS][IF_NAMESIZE], size_t count)
{
	char text[UPLINKS * (IF_NAMESIZE + 1) + 1] = "";
	size_t len = 0;
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s\n", uplinks[i]);
	if (g->file)
		TRY(file_write(g->file, text, len, 0600));
	for (size_t i = 0; i < count; i++)
		TRY(set_forwarding(uplinks[i], true));
	return set_forwarding(g->interface, true);
}

static const char all6[] = "/proc/sys/net/ipv6/conf/all/forwarding";

err_t gateway_up(const struct gateway *g)
{
	char uplinks[UPLINKS][IF_NAMESIZE];
	size_t count = g->file ? find_uplinks(g, uplinks) : 0;
	/* IPv6 knows one switch for all interfaces, and one that is on makes this machine ignore its own router: so only where it is
	 * on already, or where all is ours. */
	bool ipv6 = is_on(all6);
	if (!g->file) {
		TRY(set_switch("/proc/sys/net/ipv4/ip_forward", true));
		ipv6 = set_switch(all6, true) == OK;
	}
	err_t e = load(g, uplinks, count, ipv6); /* the rules first: nothing is open without them */
	if (e == OK)
		e = switch_on(g, uplinks, count);
	if (e != OK && g->file)
		gateway_down(g->interface, g->file);
	return e;
}

void gateway_down(const char *interface, const char *file)
{
	char script[96], line[IF_NAMESIZE + 2];
	FILE *in = fopen(file, "re");
	while (in && fgets(line, sizeof line, in)) {
		line[strcspn(line, "\n")] = '\0';
		(void)!set_forwarding(line, false);
	}
	if (in)
		fclose(in);
	snprintf(script, sizeof script, "delete table inet cpushare_%s\n", interface);
	(void)!nft(script);
	unlink(file);
}

void gateway_clean(const char *folder)
{
	DIR *dir = opendir(folder);
	for (struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir)) {
		char path[600];
		const char *interface = d->d_name + strlen(FILE_START);
		int n = snprintf(path, sizeof path, "%s/%s", folder, d->d_name);
		if (strncmp(d->d_name, FILE_START, strlen(FILE_START)) == 0 && n > 0 && (size_t)n < sizeof path &&
		    if_nametoindex(interface) == 0)
			gateway_down(interface, path);
	}
	if (dir)
		closedir(dir);
}

/* ---- pasta ---- */
err_t gateway_pasta(pid_t namespaces, pid_t *ret_pid)
{
	char net[64], user[64];
	int said[2];
	snprintf(net, sizeof net, "/proc/%ld/ns/net", (long)namespaces);
	snprintf(user, sizeof user, "/proc/%ld/ns/user", (long)namespaces);
	if (pipe2(said, O_CLOEXEC))
		return E_IO;
	pid_t pid = fork();
	if (pid < 0)
		return E_IO;
	if (pid == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL); /* pasta takes an ignored one for a failure */
		signal(SIGINT, SIG_IGN);  /* Ctrl-C is for the command inside */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		/* No ports in either direction, and neither this machine's loopback by the name of its router. */
		char *with_user[] = {
			"pasta", "--foreground", "--quiet", "--config-net", "--no-map-gw", "--ns-ifname", GATEWAY_PASTA_NAME,
			"-t",	 "none",	 "-u",	    "none",	    "-T",	   "none",	  "-U",
			"none",	 "--userns",	 user,	    "--netns",	    net,	   NULL
		};
		if (geteuid() == 0) {
			with_user[15] = "--netns-only";
			with_user[16] = "--netns";
			with_user[17] = net;
			with_user[18] = NULL;
		}
		execvp(with_user[0], with_user);
		(void)!write(said[1], "x", 1);
		_exit(127);
	}
	char c;
	close(said[1]);
	bool missing = read(said[0], &c, 1) == 1; /* closed by a successful exec */
	close(said[0]);
	if (missing) {
		waitpid(pid, NULL, 0);
		return E_NOT_FOUND;
	}
	*ret_pid = pid;
	return OK;
}
