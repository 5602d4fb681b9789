/* SPDX-License-Identifier: Apache-2.0
 * nat_pair.c - two endpoints in network namespaces, introduced to each other as the market would; tests/vnet/nat.t drives it
 *
 * nat_pair key FILE
 *	makes the market's key for tickets in FILE and prints its public half in hex
 * nat_pair ticket FILE NETWORK PEER PIN
 *	prints a ticket for that member in hex; the ids are UUIDs, the pin is hex
 * nat_pair run FILE FOLDER RELAY STUN STUN NAMESPACE NAMESPACE EXPECTED HOLD_S GAP_MS
 *	EXPECTED is a row of paths with commas, as in "direct,relayed": both sides have to come to each within 60 s
 *	(any: to direct or relayed), with frames passing
 *	both ways; the last one has to last for HOLD_S, where it is direct but for detours over the relay, each shorter than DETOUR_US:
 *	a busy machine or a path that loses may leave three pings in a row unanswered. Of the frames from the first on, no
 *	more in a row may be lost than an idle machine sends in GAP_MS.
 *	"direct@192.0.2.7" says where one of them sends to: an address that begins so.
 *	RELAY is one or more, with commas, each UDP or UDP/TLS/PIN; STUN may be "". The environment's LEFT_PROXY, RIGHT_PROXY and
 *	PROXY_LOGIN are vnet_config's. With TAP=NAME each side has a TAP of that name in the stead of QEMU's socket, which the caller
 *	gives its address (10.77.1.1, 10.77.1.2), and the frames are datagrams of its kernel. With QUIET_MS no frames are sent for so long after
 *	the first 100. With TICKET_S tickets for the relays are good for so long, and replaced at half of it.
 */
#include <assert.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bytes.h"
#include "frame.h"
#include "ticket.h"
#include "vnet.h"
#include "vnet_status.h"

#define SIDES 2
#define REPORT_US 100000
#define FRAME_US 20000
#define LOUD_FRAMES 100 /* before QUIET_MS */
#define FRAME_PORT 2000
#define FRAME_DATA_BYTES 200
#define PHASE_US (60 * SECOND_US)
#define DETOUR_US (5 * SECOND_US)

/* From a child to the parent each REPORT_US; the other's self goes back. */
struct report {
	struct vnet_peer self;
	enum vnet_path path;
	enum vnet_mapping mapping;
	char address[VNET_CANDIDATE_SIZE];
	uint64_t received;
	uint32_t sent, heard; /* the numbers of the last frames */
	uint32_t lost;	      /* at most so many in a row, since the first one */
	uint16_t datagram_bytes;
};
struct side {
	pid_t pid;
	int control;
	struct report report;
};

/* Its id gets the parent's pid, so that pairs that run at the same time are networks of their own. */
static struct vnet_network network = { .id = { { 7 } }, .subnet = 0x0a4d0000, .prefix_len = 16, .mtu = 1400 };

/* ---- one endpoint and its guest ---- */
struct child {
	struct vnet *vnet;
	struct report report;
	struct vnet_peer other;
	char ours[108], theirs[108];
	bool tap;
	int guest, control;
	char **argv;
	int64_t frame_us, report_us, quiet_us, ticket_us, renew_us;
};

static void log_line(void *context, int level, const char *line)
{
	(void)context, (void)level;
	if (getenv("TEST_VERBOSE"))
		fprintf(stderr, "# %d %s\n", getpid(), line);
}

static size_t read_relays(const char *text, struct vnet_relay *relays)
{
	char copy[1024], *rest, *part;
	size_t count = 0;
	assert(text_copy(copy, sizeof copy, text) == OK);
	for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		struct vnet_relay *r = &relays[count++];
		assert(count <= VNET_MAX_RELAYS);
		assert(text_copy(r->address, sizeof r->address, strtok_r(word, "/", &part)) == OK);
		const char *tls = strtok_r(NULL, "/", &part);
		if (tls)
			assert(text_copy(r->tls_address, sizeof r->tls_address, tls) == OK &&
			       sha256_parse(strtok_r(NULL, "/", &part), &r->tls_pin) == OK);
	}
	return count;
}

/* QEMU's end of its socket, or a machine's kernel behind a TAP. */
static void open_guest(struct child *c)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(FRAME_PORT) };
	c->tap = getenv("TAP");
	assert(text_copy(name.sun_path, sizeof name.sun_path, c->theirs) == OK);
	c->guest = socket(c->tap ? AF_INET : AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert(c->guest >= 0);
	assert((c->tap ? bind(c->guest, (struct sockaddr *)&any, sizeof any)
		       : bind(c->guest, (struct sockaddr *)&name, sizeof name)) == 0);
}

static void attach_guest(struct child *c)
{
	char name[IFNAMSIZ];
	int fd;
	if (!c->tap) {
		assert(vnet_attach_qemu_dgram(c->vnet, c->ours, c->theirs) == OK);
		return;
	}
	assert(vnet_tap_open(getenv("TAP"), c->report.self.mac, network.mtu, &fd, name) == OK);
	assert(vnet_attach_tap(c->vnet, fd) == OK);
}

/* With new tickets. */
static void child_tell_relays(struct child *c)
{
	struct ed25519_key *key;
	struct vnet_relay relays[VNET_MAX_RELAYS] = { 0 };
	const struct vnet_peer *self = &c->report.self;
	struct ticket t = { .network = network.id, .peer = self->id, .pin = self->pin, .quota_bytes = UINT64_MAX };
	t.expires.us = clock_wall().us + c->ticket_us;
	size_t count = read_relays(c->argv[4], relays);
	assert(ed25519_load(c->argv[2], &key) == OK);
	for (size_t i = 0; i < count; i++)
		ticket_sign(&t, key, relays[i].ticket);
	ed25519_free(key);
	assert(vnet_set_relays(c->vnet, relays, count, clock_mono()) == OK);
	c->renew_us = clock_mono().us + c->ticket_us / 2;
}

static void child_open(struct child *c, char **argv, int number)
{
	pid_t parent = getppid();
	memcpy(network.id.bytes + 1, &parent, sizeof parent);
	struct vnet_config config = { .network = network };
	const char *quiet = getenv("QUIET_MS");
	char path[256];
	assert(!quiet || int_parse(quiet, &c->quiet_us) == OK);
	c->quiet_us *= 1000;
	snprintf(path, sizeof path, "/run/netns/%s", argv[7 + number]);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert(fd >= 0 && setns(fd, CLONE_NEWNET) == 0);
	close(fd);
	snprintf(c->ours, sizeof c->ours, "%s/%d-%d.vnet", argv[3], parent, number);
	snprintf(c->theirs, sizeof c->theirs, "%s/%d-%d.qemu", argv[3], parent, number);
	open_guest(c);

	char *key_pem, *cert_pem;
	assert(certificate_make("peer", &key_pem, &cert_pem) == OK);
	struct vnet_peer *self = &c->report.self;
	*self = (struct vnet_peer){ .id = { { (uint8_t)(number + 1) } }, .ip = 0x0a4d0101u + (uint32_t)number };
	self->mac = (vnet_mac){ { 0x52, 0x54, 0, 0, 0, (uint8_t)(number + 1) } };
	snprintf(self->name, sizeof self->name, "vm%d", number);
	config.self = *self;
	config.key_pem = key_pem;
	config.cert_pem = cert_pem;
	for (int i = 0; i < 2; i++)
		assert(text_copy(config.stun_servers[i], sizeof config.stun_servers[i], argv[5 + i]) == OK);
	const char *proxy = getenv(number ? "RIGHT_PROXY" : "LEFT_PROXY"), *login = getenv("PROXY_LOGIN");
	if (proxy)
		assert(text_copy(config.proxy, sizeof config.proxy, proxy) == OK);
	if (login)
		assert(text_copy(config.proxy_login, sizeof config.proxy_login, login) == OK);
	config.log = log_line;
	assert(vnet_new(&config, clock_mono(), &c->vnet) == OK);
	attach_guest(c);
	self->pin = vnet_pin(c->vnet);
	c->argv = argv;
	c->ticket_us = (getenv("TICKET_S") ? strtoll(getenv("TICKET_S"), NULL, 10) : 3600) * SECOND_US;
	child_tell_relays(c);
}

static void child_send_frame(struct child *c)
{
	uint8_t frame[UDP_HEAD_BYTES + FRAME_DATA_BYTES] = { 0 };
	struct udp u = { .from = 1000, .to = FRAME_PORT, .payload_len = FRAME_DATA_BYTES };
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(FRAME_PORT), .sin_addr.s_addr = htonl(c->other.ip) };
	uint8_t *data = c->tap ? frame : frame + UDP_HEAD_BYTES;
	struct writer w = writer_of(data, FRAME_DATA_BYTES);
	write_u32(&w, ++c->report.sent);
	if (c->tap) {
		(void)sendto(c->guest, frame, FRAME_DATA_BYTES, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to);
		return;
	}
	size_t len = udp_put(frame, mac_number(c->other.mac), mac_number(c->report.self.mac), c->report.self.ip, c->other.ip, &u);
	assert(text_copy(name.sun_path, sizeof name.sun_path, c->ours) == OK);
	(void)sendto(c->guest, frame, len, MSG_DONTWAIT, (struct sockaddr *)&name, sizeof name);
}

static void child_take_frames(struct child *c)
{
	uint8_t frame[2048];
	ssize_t len;
	size_t head = c->tap ? 0 : UDP_HEAD_BYTES;
	while ((len = recv(c->guest, frame, sizeof frame, 0)) > 0) {
		if ((size_t)len != head + FRAME_DATA_BYTES)
			continue;
		struct reader r = reader_of(frame + head, FRAME_DATA_BYTES);
		uint32_t number = read_u32(&r);
		if (c->report.heard && number > c->report.heard && number - c->report.heard - 1 > c->report.lost)
			c->report.lost = number - c->report.heard - 1;
		if (number > c->report.heard)
			c->report.heard = number;
		c->report.received++;
	}
}

static void child_report(struct child *c)
{
	struct vnet_peer_status peer = { .path = VNET_PATH_NONE };
	struct vnet_status status;
	vnet_status(c->vnet, &status);
	(void)vnet_peer_statuses(c->vnet, &peer, 1);
	c->report.path = peer.path;
	c->report.mapping = status.mapping;
	c->report.datagram_bytes = peer.datagram_bytes;
	memcpy(c->report.address, peer.address, sizeof peer.address);
	c->report.self.candidate_count = vnet_candidates(c->vnet, c->report.self.candidates);
	if (send(c->control, &c->report, sizeof c->report, MSG_NOSIGNAL) != sizeof c->report)
		_exit(0);
}

static void child_run(struct child *c)
{
	for (;;) {
		struct pollfd polls[] = { { vnet_fd(c->vnet), POLLIN, 0 }, { c->control, POLLIN, 0 }, { c->guest, POLLIN, 0 } };
		mono_time now = clock_mono();
		int64_t wait = vnet_next_us(c->vnet).us - now.us;
		poll(polls, 3, wait <= 0 ? 0 : wait < FRAME_US ? (int)(wait / 1000) + 1 : FRAME_US / 1000);
		now = clock_mono();
		if (polls[1].revents) {
			if (recv(c->control, &c->other, sizeof c->other, 0) != sizeof c->other)
				return;
			assert(vnet_set_peers(c->vnet, &c->other, 1, now) == OK);
		}
		if (now.us >= c->renew_us)
			child_tell_relays(c);
		vnet_run(c->vnet, now);
		child_take_frames(c);
		if (c->other.name[0] && now.us - c->frame_us >= FRAME_US) {
			child_send_frame(c);
			c->frame_us = now.us + (c->report.sent == LOUD_FRAMES ? c->quiet_us : 0);
		}
		if (now.us - c->report_us >= REPORT_US) {
			c->report_us = now.us;
			child_report(c);
		}
	}
}

static void side_start(struct side *s, char **argv, int number)
{
	int ends[2];
	assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	s->pid = fork();
	assert(s->pid >= 0);
	if (s->pid == 0) {
		static struct child c;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN); /* as all that have an ethernet do: a relay may die under a write by TLS */
		c.control = ends[1];
		close(ends[0]);
		child_open(&c, argv, number);
		child_run(&c);
		_exit(0);
	}
	close(ends[1]);
	s->control = ends[0];
}

/* ---- both ---- */
/* Takes what they report and introduces them anew where a candidate changed. */
static bool turn(struct side *sides)
{
	struct pollfd polls[SIDES];
	for (int i = 0; i < SIDES; i++)
		polls[i] = (struct pollfd){ sides[i].control, POLLIN, 0 };
	poll(polls, SIDES, 1000);
	for (int i = 0; i < SIDES; i++) {
		struct report r;
		if (!polls[i].revents)
			continue;
		if (recv(sides[i].control, &r, sizeof r, 0) != sizeof r)
			return false;
		bool changed = memcmp(&r.self, &sides[i].report.self, sizeof r.self) != 0;
		sides[i].report = r;
		if (changed && send(sides[1 - i].control, &r.self, sizeof r.self, MSG_NOSIGNAL) < 0)
			return false;
	}
	return true;
}

#define PATH_ANY VNET_PATH_COUNT
struct goal {
	enum vnet_path path;
	char at[VNET_CANDIDATE_SIZE]; /* how an address that one of them sends to begins */
};

/* Takes one off a row. */
static struct goal goal_of(const char **row)
{
	struct goal g = { .path = PATH_ANY };
	char word[128] = "";
	size_t len = strcspn(*row, ",");
	assert(len < sizeof word);
	memcpy(word, *row, len);
	*row += len + ((*row)[len] == ',');
	char *at = strchr(word, '@');
	if (at)
		assert(text_copy(g.at, sizeof g.at, at + 1) == OK);
	word[strcspn(word, "@")] = '\0';
	for (int i = 0; i < VNET_PATH_COUNT; i++)
		if (!strcmp(vnet_path_names[i], word))
			g.path = (enum vnet_path)i;
	assert(g.path != PATH_ANY || !strcmp(word, "any"));
	return g;
}

static bool is_at(const struct side *s, enum vnet_path path)
{
	if (path == PATH_ANY)
		return s->report.path == VNET_PATH_DIRECT || s->report.path == VNET_PATH_RELAYED;
	return s->report.path == path;
}

/* Both are there and each gets frames. since: what they had received before. */
static bool are_at(const struct side *sides, const struct goal *goal, const uint64_t *since)
{
	bool there = false;
	for (int i = 0; i < SIDES; i++) {
		if (!is_at(&sides[i], goal->path) || sides[i].report.received < since[i] + 5)
			return false;
		there |= !strncmp(sides[i].report.address, goal->at, strlen(goal->at));
	}
	return there;
}

static void show(const struct side *sides, const char *what)
{
	for (int i = 0; i < SIDES; i++) {
		const struct report *r = &sides[i].report;
		printf("# %s vm%d path=%s address=%s datagram=%u mapping=%s received=%llu lost_in_a_row=%u\n", what, i,
		       vnet_path_names[r->path], r->address, r->datagram_bytes, vnet_mapping_names[r->mapping],
		       (unsigned long long)r->received, r->lost);
		for (size_t k = 0; k < r->self.candidate_count; k++)
			printf("#   %s %s\n", vnet_candidate_kind_names[r->self.candidates[k].kind],
			       r->self.candidates[k].address);
	}
	fflush(stdout);
}

static bool come_to(struct side *sides, const struct goal *goal)
{
	int64_t begun = clock_mono().us;
	uint64_t since[SIDES] = { sides[0].report.received, sides[1].report.received };
	while (!are_at(sides, goal, since))
		if (clock_mono().us - begun > PHASE_US || !turn(sides))
			return false;
	printf("reached %s%s%s after %lld ms\n", goal->path == PATH_ANY ? "any" : vnet_path_names[goal->path],
	       *goal->at ? "@" : "", goal->at, (long long)(clock_mono().us - begun) / 1000);
	fflush(stdout);
	return true;
}

static bool stay_at(struct side *sides, enum vnet_path path, int64_t hold_us)
{
	int64_t begun = clock_mono().us, there_us[SIDES] = { begun, begun };
	bool away = false;
	for (int64_t now = begun; away || now - begun < hold_us; now = clock_mono().us) {
		if (!turn(sides))
			return false;
		away = false;
		for (int i = 0; i < SIDES; i++) {
			bool detour = path == VNET_PATH_DIRECT && sides[i].report.path == VNET_PATH_RELAYED;
			if (is_at(&sides[i], path))
				there_us[i] = now;
			else if (detour ? now - there_us[i] > DETOUR_US : sides[i].report.path != VNET_PATH_CONNECTING)
				return false;
			away |= detour;
		}
	}
	return true;
}

/* What was sent by now arrives, but for so many at the end. */
static bool hear_all(struct side *sides, int64_t most)
{
	int64_t begun = clock_mono().us, sent[SIDES] = { sides[0].report.sent, sides[1].report.sent };
	while (sides[0].report.heard + most < sent[1] || sides[1].report.heard + most < sent[0])
		if (clock_mono().us - begun > PHASE_US || !turn(sides))
			return false;
	return sides[0].report.lost <= most && sides[1].report.lost <= most;
}

static int run(char **argv)
{
	struct side sides[SIDES] = { 0 };
	struct goal goal = { .path = PATH_ANY };
	int64_t hold_s, gap_ms;
	bool good = true;
	assert(int_parse(argv[10], &hold_s) == OK && int_parse(argv[11], &gap_ms) == OK);
	for (int i = 0; i < SIDES; i++)
		side_start(&sides[i], argv, i);
	for (const char *row = argv[9]; good && *row;) {
		goal = goal_of(&row);
		good = come_to(sides, &goal);
	}
	good = good && stay_at(sides, goal.path, hold_s * SECOND_US) && hear_all(sides, gap_ms * 1000 / FRAME_US);
	show(sides, good ? "good" : "failed");
	for (int i = 0; i < SIDES; i++) {
		kill(sides[i].pid, SIGKILL);
		waitpid(sides[i].pid, NULL, 0);
	}
	return good ? 0 : 1;
}

static int make_key(const char *path)
{
	struct ed25519_key *key;
	char text[65];
	assert(ed25519_new(&key) == OK && ed25519_save(key, path) == OK);
	ed25519_public public = ed25519_public_of(key);
	printf("%s\n", hex_encode(public.bytes, sizeof public.bytes, text));
	ed25519_free(key);
	return 0;
}

static int make_ticket(char **argv)
{
	struct ed25519_key *key;
	struct ticket t = { .expires = { clock_wall().us + 3600 * SECOND_US }, .quota_bytes = UINT64_MAX };
	uint8_t bytes[TICKET_BYTES];
	char text[TICKET_TEXT_SIZE];
	assert(ed25519_load(argv[2], &key) == OK);
	assert(uuid_parse(argv[3], &t.network) == OK && uuid_parse(argv[4], &t.peer) == OK &&
	       sha256_parse(argv[5], &t.pin) == OK);
	ticket_sign(&t, key, bytes);
	printf("%s\n", hex_encode(bytes, sizeof bytes, text));
	ed25519_free(key);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "key"))
		return make_key(argv[2]);
	if (argc == 6 && !strcmp(argv[1], "ticket"))
		return make_ticket(argv);
	if (argc == 12 && !strcmp(argv[1], "run"))
		return run(argv);
	puts("1..0 # SKIP tests/vnet/nat.t runs it");
	return 0;
}
