/* SPDX-License-Identifier: Apache-2.0
 * namespace.c - three machines in network namespaces on one ethernet, each with an endpoint and a TAP; the kernel is the guest
 *
 * Real DHCP and DNS clients, ping and TCP go through it; endpoints are killed, moved, given a wrong key and taken away. The third
 * machine's port is QEMU's datagram socket: a QEMU without a guest joins it to a TAP.
 */
#include <assert.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tap.h"
#include "trains.h"
#include "vnet_status.h"

#define NODES 3
#define QEMU_NODE 2
#define PATIENCE_US (30 * SECOND_US)
#define TRANSFER_BYTES (24 << 20)

enum order { PEERS, STATUS, QUIT };
struct command {
	enum order order;
	size_t count;
	struct vnet_peer peers[NODES];
};
struct answer {
	err_t error;
	struct vnet_status status;
	struct vnet_peer_status peers[NODES];
	struct vnet_peer self; /* with pin and candidates */
};
struct node {
	pid_t holder; /* keeps the namespace */
	pid_t endpoint;
	pid_t qemu; /* of QEMU_NODE */
	int control;
	char underlay[32];
	char *key, *cert;
	unsigned without; /* offloads */
	struct vnet_peer self;
};
static struct node nodes[NODES];
static char folder[] = "/tmp/vnet-namespace-XXXXXX";
static const struct vnet_network network = { .id = { { 7 } }, .subnet = 0x0a4d0000, .prefix_len = 16, .mtu = 1400 };

/* ---- commands ---- */
__attribute__((format(printf, 1, 2))) static int run(const char *fmt, ...)
{
	char line[512];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	assert(n > 0 && (size_t)n < sizeof line);
	fflush(stdout);
	return system(line);
}

/* In a node's namespace; its output becomes comments. */
__attribute__((format(printf, 2, 3))) static int run_in(int i, const char *fmt, ...)
{
	char line[400];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	assert(n > 0 && (size_t)n < sizeof line);
	return run("{ nsenter -t %d -n -- %s; } >%s/out 2>&1; r=$?; sed 's/^/# /' %s/out; exit $r", nodes[i].holder, line, folder,
		   folder);
}

/* ---- namespaces ---- */
static void namespace_make(int i)
{
	struct node *n = &nodes[i];
	int ready[2];
	char byte;
	assert(pipe2(ready, O_CLOEXEC) == 0);
	n->holder = fork();
	assert(n->holder >= 0);
	if (n->holder == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "r", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	assert(read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	close(ready[1]);
	snprintf(n->underlay, sizeof n->underlay, "192.0.2.%d", i + 1);
	assert(run("ip link add port%d type veth peer name eth0 netns %d && ip link set port%d master lan up", i, n->holder, i) ==
	       0);
	assert(run_in(i, "ip link set lo up") == 0);
	assert(run_in(i, "ip link set eth0 up") == 0);
	assert(run_in(i, "ip addr add %s/24 dev eth0", n->underlay) == 0);
	assert(run_in(i, "ip addr add 2001:db8::%d/64 dev eth0 nodad", i + 1) == 0);
}

/* ---- the endpoint's process ---- */
static void obey(int control, struct vnet *v, struct vnet_peer *self)
{
	struct command c;
	struct answer a = { 0 };
	ssize_t n = recv(control, &c, sizeof c, 0);
	if (n <= 0 || c.order == QUIT) {
		vnet_free(v);
		_exit(0);
	}
	if (c.order == PEERS)
		a.error = vnet_set_peers(v, c.peers, c.count, clock_mono());
	self->pin = vnet_pin(v);
	self->candidate_count = vnet_candidates(v, self->candidates);
	a.self = *self;
	vnet_status(v, &a.status);
	vnet_peer_statuses(v, a.peers, NODES);
	assert(send(control, &a, sizeof a, 0) == sizeof a);
}

static void say(void *context, int level, const char *line)
{
	(void)level;
	if (getenv("TEST_VERBOSE"))
		printf("# %s: %s\n", (const char *)context, line);
	fflush(stdout);
}

static void enter(int i)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/ns/net", nodes[i].holder);
	int ns = open(path, O_RDONLY | O_CLOEXEC);
	assert(ns >= 0 && setns(ns, CLONE_NEWNET) == 0);
	close(ns);
}

static void attach(int i, struct vnet *v)
{
	char tap[IFNAMSIZ], ours[64], theirs[64];
	int tap_fd;
	if (i == QEMU_NODE) {
		snprintf(ours, sizeof ours, "%s/vnet.sock", folder);
		snprintf(theirs, sizeof theirs, "%s/qemu.sock", folder);
		assert(vnet_attach_qemu_dgram(v, ours, theirs) == OK);
		return;
	}
	assert(vnet_tap_open("cpu%d", nodes[i].self.mac, network.mtu, &tap_fd, tap) == OK);
	assert(vnet_attach_tap(v, tap_fd) == OK);
}

_Noreturn static void endpoint_main(int i, int control)
{
	struct node *n = &nodes[i];
	struct vnet *v;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	enter(i);
	struct vnet_config c = { .network = network,
				 .self = n->self,
				 .key_pem = n->key,
				 .cert_pem = n->cert,
				 .answer_dhcp = true,
				 .without = n->without,
				 .log = say,
				 .log_context = n->self.name };
	assert(vnet_new(&c, clock_mono(), &v) == OK);
	attach(i, v);
	for (;;) {
		struct pollfd polls[2] = { { vnet_fd(v), POLLIN, 0 }, { control, POLLIN, 0 } };
		int64_t wait = vnet_next_us(v).us - clock_mono().us;
		poll(polls, 2, wait > SECOND_US ? 1000 : wait > 0 ? (int)(wait / 1000) + 1 : 0);
		vnet_run(v, clock_mono());
		if (polls[1].revents)
			obey(control, v, &n->self);
	}
}

static struct answer ask(int i, struct command *c)
{
	struct answer a = { .error = E_IO };
	if (send(nodes[i].control, c, sizeof *c, MSG_NOSIGNAL) == sizeof *c)
		(void)!recv(nodes[i].control, &a, sizeof a, 0);
	return a;
}

static struct answer status_of(int i)
{
	struct command c = { .order = STATUS };
	return ask(i, &c);
}

static void endpoint_start(int i)
{
	int pair[2];
	assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	fflush(stdout);
	nodes[i].endpoint = fork();
	assert(nodes[i].endpoint >= 0);
	if (nodes[i].endpoint == 0)
		endpoint_main(i, pair[1]);
	close(pair[1]);
	nodes[i].control = pair[0];
	nodes[i].self = status_of(i).self;
}

static void endpoint_kill(int i)
{
	kill(nodes[i].endpoint, SIGKILL);
	waitpid(nodes[i].endpoint, NULL, 0);
	close(nodes[i].control);
}

static void introduce(int i, unsigned members)
{
	struct command c = { .order = PEERS };
	for (int k = 0; k < NODES; k++)
		if (members & 1u << k)
			c.peers[c.count++] = nodes[k].self;
	struct answer a = ask(i, &c);
	if (a.error != OK)
		printf("# introduction at %d: %s\n", i, err_name(a.error));
}

static void introduce_all(void)
{
	for (int i = 0; i < NODES; i++)
		introduce(i, (1 << NODES) - 1);
}

static bool connects(int i, size_t count)
{
	int64_t end = clock_mono().us + PATIENCE_US;
	while (clock_mono().us < end) {
		if (status_of(i).status.connected == count)
			return true;
		usleep(20000);
	}
	return false;
}

static bool pings(int i, const char *to)
{
	int64_t end = clock_mono().us + PATIENCE_US;
	while (clock_mono().us < end)
		if (run_in(i, "ping -c 1 -W 1 -q %s >/dev/null", to) == 0)
			return true;
	return false;
}

static void qemu_start(int i)
{
	char dgram[256], tap[64];
	snprintf(dgram, sizeof dgram,
		 "dgram,id=vnet,local.type=unix,local.path=%s/qemu.sock,remote.type=unix,remote.path=%s/vnet.sock", folder,
		 folder);
	snprintf(tap, sizeof tap, "tap,id=tap,ifname=cpu0,script=no,downscript=no,vnet_hdr=off");
	fflush(stdout);
	pid_t pid = fork();
	assert(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		enter(i);
		execlp("qemu-system-x86_64", "qemu-system-x86_64", "-M", "none", "-nodefaults", "-display", "none", "-netdev",
		       dgram, "-netdev", "hubport,id=one,hubid=0,netdev=vnet", "-netdev", tap, "-netdev",
		       "hubport,id=two,hubid=0,netdev=tap", (char *)NULL);
		_exit(127);
	}
	nodes[i].qemu = pid;
	int64_t end = clock_mono().us + PATIENCE_US;
	while (run_in(i, "ip link show cpu0 >/dev/null") != 0 && clock_mono().us < end)
		usleep(50000);
	const uint8_t *m = nodes[i].self.mac.bytes;
	assert(run_in(i, "ip link set cpu0 address %02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]) == 0);
}

static void node_make(int i)
{
	struct node *n = &nodes[i];
	assert(certificate_make("peer", &n->key, &n->cert) == OK);
	n->self = (struct vnet_peer){ .id = { { (uint8_t)(i + 1) } }, .ip = 0x0a4d0101u + (uint32_t)i };
	n->self.gateway = i == 0;
	n->self.mac = (vnet_mac){ { 0x52, 0x54, 0, 0, 0, (uint8_t)(i + 1) } };
	snprintf(n->self.name, sizeof n->self.name, "vm%d", i + 1);
	namespace_make(i);
	endpoint_start(i);
	if (i == QEMU_NODE)
		qemu_start(i);
}

/* ---- what the guests do ---- */
static void write_dhcp_script(void)
{
	char path[64];
	snprintf(path, sizeof path, "%s/lease", folder);
	FILE *f = fopen(path, "we");
	assert(f);
	fprintf(f,
		"#!/bin/sh\n[ \"$1\" = bound ] || exit 0\nip link set \"$interface\" up mtu \"$mtu\"\n"
		"ip -4 addr flush dev \"$interface\" scope global\nip addr add \"$ip/$mask\" dev \"$interface\"\n"
		"echo \"$ip/$mask router=$router dns=$dns name=$hostname.$domain mtu=$mtu lease=$lease\" >\"%s/$hostname\"\n",
		folder);
	fclose(f);
	assert(chmod(path, 0755) == 0);
}

static bool gets_lease(int i)
{
	return run_in(i, "ip link set cpu0 up") == 0 &&
	       run_in(i, "busybox udhcpc -i cpu0 -n -q -f -t 10 -T 1 -s %s/lease", folder) == 0;
}

static void test_dhcp(void)
{
	char path[96], line[256] = "";
	write_dhcp_script();
	for (int i = 0; i < NODES; i++)
		ok(gets_lease(i), "vm%d gets its address by DHCP", i + 1);
	snprintf(path, sizeof path, "%s/vm2", folder);
	FILE *f = fopen(path, "re");
	if (f && fgets(line, sizeof line, f))
		line[strcspn(line, "\n")] = '\0';
	if (f)
		fclose(f);
	is_text(line, "10.77.1.2/16 router=10.77.1.1 dns=10.77.255.254 name=vm2.lan mtu=1400 lease=86400",
		"with all its options");
}

static void test_names(void)
{
	ok(run_in(0, "busybox nslookup -type=a vm2.lan 10.77.255.254") == 0, "vm2.lan has an address");
	ok(run_in(0, "busybox nslookup 10.77.1.3 10.77.255.254") == 0, "10.77.1.3 has a name");
	ok(run_in(0, "busybox nslookup -type=a nobody.lan 10.77.255.254") != 0, "nobody has none");
	ok(run_in(0, "ping -c 1 -W 2 -q 10.77.255.254") == 0, "who answers may be pinged");
}

static void test_ping(void)
{
	ok(run_in(0, "ping -c 20 -i 0.01 -W 2 -q 10.77.1.2") == 0, "vm1 pings vm2");
	ok(run_in(1, "ping -c 3 -i 0.01 -W 2 -q -s 1372 -M do 10.77.1.3") == 0, "with full packets");
	ok(run_in(2, "ping -c 3 -i 0.01 -W 2 -q -s 20000 10.77.1.1") == 0, "with IP fragments");
	ok(pings(0, "-6 fe80::5054:ff:fe00:2%cpu0"), "over IPv6");
	ok(run_in(0, "ping -c 1 -W 1 -q 10.77.9.9 >/dev/null") != 0, "an address of nobody does not answer");
}

/* The kernels make their addresses of our router advertisement: vm1's of its MAC, as kernels do unasked, vm2's another way. */
static const char *ula(int i, char text[64])
{
	struct in6_addr a = vnet_ip6(network.id, nodes[i].self.mac);
	return inet_ntop(AF_INET6, &a, text, 64);
}

static bool has_address(int i, const char *what)
{
	int64_t end = clock_mono().us + PATIENCE_US;
	while (clock_mono().us < end) {
		if (run_in(i, "ip -6 -o addr show dev cpu0 scope global -tentative | grep -q %s", what) == 0)
			return true;
		usleep(100000);
	}
	return false;
}

static void test_ipv6(void)
{
	char one[64], two[64], prefix[20];
	snprintf(prefix, sizeof prefix, "%.7s", ula(0, one));
	assert(run_in(1,
		      "ip link set cpu0 addrgenmode random && nsenter -t %d -n -- sysctl -qw net.ipv6.conf.cpu0.use_tempaddr=2",
		      nodes[1].holder) == 0);
	for (int i = 0; i < NODES; i++)
		assert(run_in(i, "ip link set cpu0 down") == 0 && run_in(i, "ip link set cpu0 up") == 0);
	ok(has_address(0, ula(0, one)), "vm1 makes itself an IPv6 address of the network's prefix and its MAC");
	ok(has_address(1, prefix), "vm2 one at random");
	ok(has_address(2, ula(2, two)), "vm3, behind QEMU, one of its MAC");
	for (int i = 0; i < NODES; i++)
		assert(gets_lease(i));
	ok(pings(0, two), "they reach each other");
	ok(pings(1, one) && pings(1, two), "from a temporary address too");
	ok(run_in(0, "busybox nslookup -type=aaaa vm3.lan 10.77.255.254") == 0, "vm3's IPv6 address has its name");
	ok(run_in(0, "busybox nslookup %s 10.77.255.254", two) == 0, "and the name is found by it");
	ok(run_in(2, "ip -6 route show default | grep -q 'via fe80::5054:ff:fe00:1 '") == 0,
	   "the gateway is IPv6's default router");
	assert(run_in(2, "ip addr add %s/128 dev cpu0 nodad", one) == 0);
	uint64_t before = status_of(2).status.spoofed;
	(void)run_in(2, "ping -6 -c 1 -W 1 -q -I %s fd00::1 >/dev/null", one);
	ok(status_of(2).status.spoofed > before, "another's IPv6 address does not pass, and is counted");
	assert(run_in(2, "ip addr del %s/128 dev cpu0", one) == 0);
}

static int connect_or_listen(int node, bool listens, const char *ip)
{
	int one = 1;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(5001) };
	enter(node);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, ip, &in.sin_addr);
	if (!listens)
		return connect(s, (struct sockaddr *)&in, sizeof in) == 0 ? s : -1;
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	return bind(s, (struct sockaddr *)&in, sizeof in) == 0 && listen(s, 1) == 0 ? s : -1;
}

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 2654435761u >> 13);
}

_Noreturn static void send_pattern(int node, const char *ip)
{
	static uint8_t block[65536];
	int s = connect_or_listen(node, false, ip);
	for (size_t done = 0; s >= 0 && done < TRANSFER_BYTES;) {
		for (size_t i = 0; i < sizeof block; i++)
			block[i] = pattern(done + i);
		for (size_t at = 0; at < sizeof block;) {
			ssize_t n = write(s, block + at, sizeof block - at);
			if (n <= 0)
				_exit(1);
			at += (size_t)n;
		}
		done += sizeof block;
	}
	_exit(s < 0);
}

_Noreturn static void receive_pattern(int node, const char *ip, int ready)
{
	static uint8_t block[65536];
	int listener = connect_or_listen(node, true, ip);
	if (listener < 0 || write(ready, "r", 1) != 1)
		_exit(1);
	int s = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	size_t done = 0;
	for (;;) {
		ssize_t n = read(s, block, sizeof block);
		if (n <= 0)
			_exit(n < 0 || done != TRANSFER_BYTES);
		for (ssize_t i = 0; i < n; i++)
			if (block[i] != pattern(done++))
				_exit(2);
	}
}

static bool transfers(int from, int to, const char *ip)
{
	int ready[2], one = 0, other = 0;
	char byte;
	assert(pipe2(ready, O_CLOEXEC) == 0);
	fflush(stdout);
	pid_t receiver = fork();
	if (receiver == 0)
		receive_pattern(to, ip, ready[1]);
	close(ready[1]);
	bool listening = read(ready[0], &byte, 1) == 1;
	close(ready[0]);
	pid_t sender = listening ? fork() : -1;
	if (sender == 0)
		send_pattern(from, ip);
	if (sender > 0)
		waitpid(sender, &one, 0);
	waitpid(receiver, &other, 0);
	return sender > 0 && one == 0 && other == 0;
}

/* Sends a frame from one machine's card to the other's; true where it arrives as it was, tags and all. */
static bool carries(int from, int to, const char *head, size_t head_len, size_t len)
{
	static uint8_t sent[9100], got[9200];
	struct sockaddr_ll card = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int on = 1;
	bool arrived = false;
	memcpy(sent, nodes[to].self.mac.bytes, 6);
	memcpy(sent + 6, nodes[from].self.mac.bytes, 6);
	memcpy(sent + 12, head, head_len);
	for (size_t i = 12 + head_len; i < len; i++)
		sent[i] = pattern(i);
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	enter(to);
	int receiver = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	card.sll_ifindex = (int)if_nametoindex("cpu0");
	assert(bind(receiver, (struct sockaddr *)&card, sizeof card) == 0);
	assert(setsockopt(receiver, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) == 0);
	enter(from);
	int sender = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	card.sll_ifindex = (int)if_nametoindex("cpu0");
	card.sll_protocol = 0;
	assert(sendto(sender, sent, len, 0, (struct sockaddr *)&card, sizeof card) == (ssize_t)len);
	int64_t end = clock_mono().us + 2 * SECOND_US;
	while (!arrived && clock_mono().us < end) {
		union {
			char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
			struct cmsghdr align;
		} control;
		struct iovec part = { got + 4, sizeof got - 4 };
		struct msghdr m = {
			.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control
		};
		ssize_t n = recvmsg(receiver, &m, MSG_DONTWAIT);
		const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
		uint8_t *start = got + 4;
		struct tpacket_auxdata aux = { 0 };
		if (c && c->cmsg_type == PACKET_AUXDATA)
			memcpy(&aux, CMSG_DATA(c), sizeof aux);
		if (aux.tp_status & TP_STATUS_VLAN_VALID) { /* the kernel took the outer tag off */
			start = got;
			memmove(got, got + 4, 12);
			uint16_t tag[2] = { htons(aux.tp_vlan_tpid), htons(aux.tp_vlan_tci) };
			memcpy(got + 12, tag, 4);
			n += 4;
		}
		arrived = n == (ssize_t)len && !memcmp(start, sent, len);
		if (n < 0)
			usleep(10000);
	}
	close(receiver);
	close(sender);
	assert(setns(home, CLONE_NEWNET) == 0);
	close(home);
	return arrived;
}

static void test_frames(void)
{
	ok(carries(0, 1, "\x88\xb5", 2, 200), "an ethertype that nobody knows");
	ok(carries(0, 1, "\x88\xcc", 2, 200), "LLDP's");
	ok(carries(0, 1, "\x81\x00\x00\x05\x88\xb5", 6, 1418), "a VLAN's tag (802.1Q), on a full frame");
	ok(carries(0, 1, "\x88\xa8\x00\x06\x81\x00\x0f\xff\x88\xb5", 10, 1410), "two (802.1ad)");
	ok(carries(2, 0, "\x88\xa8\x00\x06\x81\x00\x00\x05\x08\x00", 10, 1410), "from QEMU's port too");
	ok(carries(1, 2, "\x81\x00\x00\x05\x08\x06", 6, 60), "and to it");
}

static void test_tcp(void)
{
	ok(transfers(0, 1, "10.77.1.2"), "24 MiB go by TCP from vm1 to vm2 and arrive as they were");
	ok(transfers(2, 0, "10.77.1.1"), "and from vm3 to vm1");
	struct answer a = status_of(0);
	ok(a.status.tx_bytes > TRANSFER_BYTES && a.status.rx_bytes > TRANSFER_BYTES, "bytes are metered");
	is_int(a.status.spoofed, 0, "nothing looked forged");
}

static void test_forgery(void)
{
	uint64_t before = status_of(2).status.spoofed;
	assert(run_in(2, "ip addr add 10.77.1.2/32 dev cpu0") == 0);
	ok(run_in(2, "ping -c 1 -W 1 -q -I 10.77.1.2 10.77.1.1 >/dev/null") != 0, "another's IP address does not pass");
	ok(status_of(2).status.spoofed > before, "and is counted");
	assert(run_in(2, "ip addr del 10.77.1.2/32 dev cpu0") == 0);
	assert(run_in(2, "ip link set cpu0 address 52:54:00:00:00:02") == 0);
	ok(run_in(2, "ping -c 1 -W 1 -q 10.77.1.1 >/dev/null") != 0, "another's MAC address neither");
	assert(run_in(2, "ip link set cpu0 address 52:54:00:00:00:03") == 0);
	ok(pings(2, "10.77.1.1"), "its own does");
}

/* A socket in the underlay, beside the machines. */
static int underlay_socket(void)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert(s >= 0);
	return s;
}

static struct sockaddr_in endpoint_address(int i)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	const struct vnet_peer *p = &nodes[i].self;
	char host[VNET_CANDIDATE_SIZE];
	unsigned port = 0;
	for (size_t k = 0; k < p->candidate_count; k++)
		if (sscanf(p->candidates[k].address, "%[0-9.]:%u", host, &port) == 2)
			break;
	inet_pton(AF_INET, host, &in.sin_addr);
	in.sin_port = htons((uint16_t)port);
	return in;
}

/* Sees one sealed packet to an endpoint as it passes the bridge. */
static size_t overhear(int i, uint8_t *packet, size_t size)
{
	uint8_t frame[2048];
	struct sockaddr_in to = endpoint_address(i);
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(3 /* ETH_P_ALL */));
	struct pollfd p = { s, POLLIN, 0 };
	int64_t end = clock_mono().us + PATIENCE_US;
	assert(s >= 0);
	while (clock_mono().us < end && poll(&p, 1, 1000) >= 0) {
		ssize_t n = recv(s, frame, sizeof frame, MSG_DONTWAIT);
		bool ours = n > 42 && !memcmp(frame + 30, &to.sin_addr, 4) && !memcmp(frame + 36, &to.sin_port, 2) &&
			    frame[42] == 0xC1;
		if (!ours || (size_t)n - 42 > size)
			continue;
		memcpy(packet, frame + 42, (size_t)n - 42);
		close(s);
		return (size_t)n - 42;
	}
	close(s);
	return 0;
}

static void test_strangers(void)
{
	static const uint8_t first_bytes[] = { 0x00, 0x16, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xff };
	uint8_t packet[2048] = { 0 };
	struct sockaddr_in to = endpoint_address(0);
	int s = underlay_socket();
	struct answer before = status_of(0);
	for (size_t i = 0; i < sizeof first_bytes; i++) {
		packet[0] = first_bytes[i];
		packet[1] = 0x10;
		assert(sendto(s, packet, 1200, 0, (struct sockaddr *)&to, sizeof to) == 1200);
	}
	struct pollfd p = { s, POLLIN, 0 };
	is_int(poll(&p, 1, 500), 0, "strangers get no answer");
	is_int(status_of(0).status.strangers - before.status.strangers, sizeof first_bytes, "but are counted");

	fflush(stdout);
	pid_t pinger = fork();
	if (pinger == 0)
		_exit(run_in(1, "ping -c 20 -i 0.1 -W 1 -q 10.77.1.1 >/dev/null") != 0);
	size_t len = overhear(0, packet, sizeof packet);
	waitpid(pinger, NULL, 0);
	ok(len > 0, "a sealed packet was overheard");
	before = status_of(0);
	for (int i = 0; i < 10; i++)
		assert(sendto(s, packet, len, 0, (struct sockaddr *)&to, sizeof to) == (ssize_t)len);
	is_int(poll(&p, 1, 500), 0, "its replay gets no answer");
	struct answer after = status_of(0);
	uint64_t dropped = after.peers[0].dropped + after.peers[1].dropped - before.peers[0].dropped - before.peers[1].dropped;
	is_int(dropped, 10, "and is dropped");
	close(s);
}

static void test_restart(void)
{
	endpoint_kill(1);
	nodes[1].without = VNET_WITHOUT_UDP_GSO | VNET_WITHOUT_UDP_GRO | VNET_WITHOUT_TAP_GSO;
	endpoint_start(1);
	introduce_all();
	ok(connects(1, NODES - 1), "a killed endpoint that comes back, without offloads, finds its peers");
	ok(gets_lease(1) && pings(0, "10.77.1.2"), "and its machine is reached again");
	ok(transfers(0, 1, "10.77.1.2") && transfers(1, 0, "10.77.1.1"),
	   "TCP goes from one with offloads to one without, and back");
	endpoint_kill(QEMU_NODE);
	endpoint_start(QEMU_NODE);
	introduce_all();
	ok(pings(0, "10.77.1.3"), "QEMU's machine too, without noticing");
	kill(nodes[QEMU_NODE].qemu, SIGKILL);
	waitpid(nodes[QEMU_NODE].qemu, NULL, 0);
	qemu_start(QEMU_NODE);
	ok(gets_lease(QEMU_NODE) && pings(0, "10.77.1.3"), "and another QEMU at the same endpoint");
}

/* How many trains the bridge between the nodes has dropped. */
static long trains_dropped(void)
{
	long n = -1;
	FILE *f = popen("nft list chain bridge trains forward", "r");
	assert(f);
	for (char line[256]; fgets(line, sizeof line, f);)
		(void)sscanf(line, " meta length > 2000 counter packets %ld", &n);
	pclose(f);
	return n;
}

/* What goes as one message is one large packet to a bridge; one on the way that drops those lets the same packets pass singly. */
static void test_trains(void)
{
	endpoint_kill(0);
	assert(run("nft 'table bridge trains { chain forward { type filter hook forward priority 0; "
		   "meta length > 2000 counter drop; }; }'") == 0);
	endpoint_start(0);
	introduce_all();
	ok(connects(0, NODES - 1) && gets_lease(0), "an endpoint whose packets are dropped where they go many in one message");
	ok(transfers(0, 1, "10.77.1.2"), "carries TCP all the same");
	long dropped = trains_dropped();
	ok(dropped > 0, "after some of these were lost");
	ok(transfers(0, 1, "10.77.1.2"), "and again");
	ok(trains_dropped() - dropped < 2 * TRAIN_ROUNDS, "with no more but perhaps another trial");
	assert(run("nft delete table bridge trains") == 0);
}

static bool uses_address(int i, const char *start)
{
	struct answer a = status_of(i);
	for (int k = 0; k < NODES - 1; k++)
		if (!strncmp(a.peers[k].address, start, strlen(start)))
			return true;
	return false;
}

static void test_roaming(void)
{
	assert(run_in(1, "ip addr del %s/24 dev eth0", nodes[1].underlay) == 0);
	ok(pings(1, "10.77.1.1") && pings(2, "10.77.1.2"), "a machine that lost its IPv4 address goes on over IPv6");
	ok(uses_address(0, "[2001:db8::2]:"), "which is in use");
	assert(run_in(1, "ip addr add 192.0.2.77/24 dev eth0") == 0);
	assert(run_in(1, "ip addr del 2001:db8::2/64 dev eth0") == 0);
	ok(pings(1, "10.77.1.1") && pings(2, "10.77.1.2"), "and over another IPv4 address, that nobody announced");
	ok(uses_address(0, "192.0.2.77:"), "which is in use");
}

static void test_removal(void)
{
	assert(pings(2, "10.77.1.1"));
	introduce(0, 3);
	ok(run_in(2, "ping -c 1 -W 1 -q 10.77.1.1 >/dev/null") != 0, "a removed peer has no access from that moment");
	is_int(status_of(0).status.peer_count, 1, "it is gone");
	ok(pings(1, "10.77.1.1"), "the others stay");
	introduce_all();
	ok(pings(2, "10.77.1.1"), "introduced again it has");
}

static void test_wrong_pin(void)
{
	struct vnet_peer believed = nodes[2].self;
	endpoint_kill(2);
	free(nodes[2].key);
	free(nodes[2].cert);
	assert(certificate_make("peer", &nodes[2].key, &nodes[2].cert) == OK);
	endpoint_start(2);
	introduce(2, 7);
	believed.candidate_count = nodes[2].self.candidate_count;
	memcpy(believed.candidates, nodes[2].self.candidates, sizeof believed.candidates);
	nodes[2].self = believed; /* where it is, but with the old key */
	introduce(0, 7);
	introduce(1, 7);
	usleep(3000000);
	is_int(status_of(2).status.connected, 0, "with a key that was not introduced nobody talks");
	ok(pings(1, "10.77.1.1"), "the others do");
	ok(connects(0, 1), "and know soon that it is gone");
}

int main(void)
{
	if (geteuid() != 0) {
		printf("1..0 # SKIP network namespaces need root\n");
		return 0;
	}
	assert(mkdtemp(folder));
	assert(unshare(CLONE_NEWNET) == 0);
	assert(run("ip link set lo up && ip link add lan type bridge mcast_snooping 0 && ip link set lan up && "
		   "ip addr add 192.0.2.254/24 dev lan") == 0);
	for (int i = 0; i < NODES; i++)
		node_make(i);
	introduce_all();
	for (int i = 0; i < NODES; i++)
		ok(connects(i, NODES - 1), "vm%d is connected to the others", i + 1);
	test_dhcp();
	test_names();
	test_ping();
	test_ipv6();
	test_tcp();
	test_frames();
	test_forgery();
	test_strangers();
	test_restart();
	test_trains();
	test_roaming();
	test_removal();
	test_wrong_pin();
	kill(nodes[QEMU_NODE].qemu, SIGKILL);
	waitpid(nodes[QEMU_NODE].qemu, NULL, 0);
	for (int i = 0; i < NODES; i++) {
		endpoint_kill(i);
		kill(nodes[i].holder, SIGKILL);
		waitpid(nodes[i].holder, NULL, 0);
		free(nodes[i].key);
		free(nodes[i].cert);
	}
	ok(run("rm -r %s", folder) == 0, "cleaned up");
	return done_testing();
}
