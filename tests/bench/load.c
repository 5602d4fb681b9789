/* SPDX-License-Identifier: Apache-2.0
 * load.c - many HTTP clients on keep-alive connections: how many requests a second, how long each waits, what was acknowledged
 *
 * load PORT CONNECTIONS SECONDS METHOD PATH [-b BODY] [-s SPEAKERS] [-j JOURNAL] [-e EVERY_MS] [-k EACH] [-w SECONDS] [-c CPU_OF_PID]...
 *
 * How it works: one epoll loop, plain HTTP to 127.0.0.1, one request under way a connection. A speaker is a line "TOKEN ID" of the file
 * SPEAKERS; connection i is speaker i, around and around; with -k EACH it speaks for so many in turn, as a proxy's connections do. In PATH and BODY {id} is the speaker's id, {key} a key that was never used
 * before, {n} a number that grows with each request of the connection, {uuid} a UUID of the connection. Without -e the next request
 * goes out when the answer is there; with it one each EVERY_MS of each speaker, spread evenly. With -j a request is repeated, under the same key,
 * until it is accepted or refused, as a careful client does; then the key goes to JOURNAL. Connections come from 127.0.0.2, .3, … in
 * turn, 20000 each, for one address has not more ports than that. What is answered in the SECONDS of -w before the others is not counted.
 *
 * load tokens PREFIX COUNT prints new tokens and their hashes.
 *
 * SIGTERM ends it before its time. The last line: "ANSWERS_A_SECOND P50_US P99_US OK REFUSED FAILED CONNECTED", and a number for each -c: its CPU milliseconds meanwhile.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "bytes.h"
#include "clock.h"
#include "crypto.h"
#include "file.h"
#include "uuid.h"

#define OF_ONE_ADDRESS 20000
#define CPUS_MAX 40

struct speaker {
	char token[80], id[UUID_TEXT_SIZE];
};
struct client {
	int fd;
	const struct speaker *speaker; /* the first of options.each */
	uint64_t n;
	char key[24], boot[UUID_TEXT_SIZE];
	int64_t since_us, next_us; /* when the request under way began; when the next one is due */
	bool waiting, writable;
	struct buf out, in;
	size_t written;
};

static struct {
	uint16_t port;
	size_t connections, each;
	int64_t seconds, warm_s, every_us; /* every_us: of a connection */
	const char *method, *path, *body, *journal_path;
} options;
static struct client *clients;
static struct speaker *speakers;
static size_t speaker_count;
static FILE *journal;
static int epoll_fd;
static uint64_t keys, ok_count, refused, failed, connected;
static uint32_t *waits;
static size_t wait_count, wait_max;
static char run_id[12];
static volatile sig_atomic_t stopped;

static void on_term(int signal)
{
	(void)signal;
	stopped = 1;
}

static int64_t now_us(void)
{
	return clock_mono().us;
}

static void wait_note(int64_t us)
{
	if (wait_count == wait_max) {
		wait_max = wait_max ? 2 * wait_max : 1 << 16;
		waits = realloc(waits, wait_max * sizeof *waits);
		if (!waits)
			exit(1);
	}
	waits[wait_count++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* ---- what is sent ---- */

static const struct speaker *speaks(const struct client *c)
{
	return &speakers[((size_t)(c->speaker - speakers) + c->n % options.each) % speaker_count];
}

static void expand(struct buf *out, const char *text, const struct client *c)
{
	static const char *const names[] = { "{id}", "{key}", "{n}", "{uuid}" };
	while (*text) {
		size_t plain = strcspn(text, "{");
		buf_append(out, text, plain);
		text += plain;
		size_t i = 0;
		while (i < 4 && strncmp(text, names[i], strlen(names[i])))
			i++;
		if (i == 0 && c->speaker)
			buf_puts(out, speaks(c)->id);
		else if (i == 1)
			buf_puts(out, c->key);
		else if (i == 2)
			buf_printf(out, "%llu", (unsigned long long)c->n);
		else if (i == 3)
			buf_puts(out, c->boot);
		else if (*text)
			buf_append(out, text++, 1);
		if (i < 4)
			text += strlen(names[i]);
	}
}

static void request_make(struct client *c)
{
	AUTO_BUF body = { 0 };
	c->n++;
	snprintf(c->key, sizeof c->key, "%s-%llu", run_id, (unsigned long long)++keys);
	c->out.len = c->written = 0;
	buf_printf(&c->out, "%s ", options.method);
	expand(&c->out, options.path, c);
	buf_printf(&c->out, " HTTP/1.1\r\nHost: localhost\r\n");
	if (c->speaker)
		buf_printf(&c->out, "Authorization: Bearer %s\r\n", speaks(c)->token);
	if (options.body) {
		expand(&body, options.body, c);
		buf_printf(&c->out,
			   "Idempotency-Key: %s\r\nContent-Type: application/json\r\n"
			   "Content-Length: %zu\r\n",
			   c->key, body.len);
	}
	buf_puts(&c->out, "\r\n");
	if (body.len)
		buf_append(&c->out, body.data, body.len);
	c->since_us = now_us();
	c->waiting = true;
}

/* ---- connections ---- */

static void client_open(struct client *c)
{
	size_t number = (size_t)(c - clients);
	struct sockaddr_in from = { .sin_family = AF_INET }, to = { .sin_family = AF_INET, .sin_port = htons(options.port) };
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(number / OF_ONE_ADDRESS));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int one = 1;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(c->fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	if (c->fd < 0 || bind(c->fd, (void *)&from, sizeof from) ||
	    (connect(c->fd, (void *)&to, sizeof to) && errno != EINPROGRESS)) {
		perror("load: connect");
		exit(1);
	}
	struct epoll_event event = { EPOLLIN | EPOLLOUT | EPOLLET, { .ptr = c } };
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
	c->in.len = c->written = 0;
	c->writable = false;
}

/* The request under way is sent again where there is a journal; else it is given up. */
static void client_lost(struct client *c)
{
	fd_close(&c->fd);
	failed++;
	if (!options.journal_path)
		c->waiting = false;
	c->next_us = now_us() + 20000;
}

static void client_write(struct client *c)
{
	while (c->fd >= 0 && c->waiting && c->writable && c->written < c->out.len) {
		ssize_t n = write(c->fd, c->out.data + c->written, c->out.len - c->written);
		if (n > 0)
			c->written += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			c->writable = false;
		else
			client_lost(c);
	}
}

static void client_next(struct client *c, int64_t now)
{
	if (c->fd < 0) {
		if (c->next_us > now)
			return;
		client_open(c);
	}
	if (!c->waiting && c->next_us <= now) {
		request_make(c);
		c->next_us += options.every_us;
	}
	client_write(c);
}

static void answer_take(struct client *c, int status)
{
	bool again = status >= 500 || status == 429;
	c->in.len = 0;
	if (options.journal_path && again) {
		failed++;
		fd_close(&c->fd); /* and once more */
		c->next_us = now_us() + 20000;
		return;
	}
	wait_note(now_us() - c->since_us);
	c->waiting = false;
	*(status < 400 ? &ok_count : &refused) += 1;
	if (journal && status < 300)
		fprintf(journal, "%s\n", c->key);
	if (status >= 400 && refused == 1)
		fprintf(stderr, "load: %s %s: %d\n", options.method, options.path, status);
	if (!options.every_us)
		client_next(c, c->next_us);
}

static void answer_parse(struct client *c)
{
	char *end = strstr(c->in.data, "\r\n\r\n"), *length = strcasestr(c->in.data, "\r\nContent-Length:");
	int64_t body = 0;
	if (!end)
		return;
	if (length && length < end)
		body = strtoll(length + 17, NULL, 10);
	if (c->in.len >= (size_t)(end + 4 - c->in.data) + (size_t)body)
		answer_take(c, (int)strtol(c->in.data + 9, NULL, 10));
}

static void client_read(struct client *c)
{
	char data[16384];
	while (c->fd >= 0) {
		ssize_t n = read(c->fd, data, sizeof data);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			client_lost(c);
			return;
		}
		buf_append(&c->in, data, (size_t)n);
		answer_parse(c);
	}
}

static void on_event(const struct epoll_event *event)
{
	struct client *c = event->data.ptr;
	if (event->events & EPOLLOUT && c->fd >= 0) {
		connected += c->n <= 1 && !c->written && !c->writable;
		c->writable = true;
		client_write(c);
	}
	if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		client_read(c);
}

/* ---- what is measured ---- */

static int64_t cpu_ms(const char *pid)
{
	char path[64], text[1024] = "";
	snprintf(path, sizeof path, "/proc/%s/stat", pid);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
	if (f)
		fclose(f);
	char *at = n ? strrchr(text, ')') : NULL;
	for (int i = 0; at && i < 12; i++) /* utime and stime are the 14th and 15th word */
		at = strchr(at + 1, ' ');
	if (!at)
		return 0;
	char *end;
	int64_t user = strtoll(at, &end, 10);
	return (user + strtoll(end, NULL, 10)) * 1000 / sysconf(_SC_CLK_TCK);
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void report(double seconds)
{
	qsort(waits, wait_count, sizeof *waits, by_size);
	printf("%.0f %u %u %llu %llu %llu %llu", (double)wait_count / seconds, wait_count ? waits[wait_count / 2] : 0,
	       wait_count ? waits[wait_count * 99 / 100] : 0, (unsigned long long)ok_count, (unsigned long long)refused,
	       (unsigned long long)failed, (unsigned long long)connected);
}

static void speakers_read(const char *path)
{
	FILE *f = fopen(path, "re");
	struct speaker s;
	while (f && fscanf(f, "%79s %36s", s.token, s.id) == 2) {
		speakers = realloc(speakers, (speaker_count + 1) * sizeof s);
		if (!speakers)
			exit(1);
		speakers[speaker_count++] = s;
	}
	if (f)
		fclose(f);
}

static void start(void)
{
	struct rlimit limit = { options.connections + 64, options.connections + 64 };
	uint32_t id;
	uuid boot;
	setrlimit(RLIMIT_NOFILE, &limit);
	random_fill(&id, sizeof id);
	snprintf(run_id, sizeof run_id, "b%08x", id);
	clients = calloc(options.connections, sizeof *clients);
	if (!clients)
		exit(1);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	int64_t now = now_us();
	for (size_t i = 0; i < options.connections; i++) {
		clients[i].speaker = speaker_count ? &speakers[i * options.each % speaker_count] : NULL;
		clients[i].in.max = clients[i].out.max = 1 << 20;
		boot = uuid_make(clock_wall());
		uuid_format(boot, clients[i].boot);
		clients[i].fd = -1;
		clients[i].next_us = now + options.every_us * (int64_t)i / (int64_t)options.connections;
	}
}

static void run(int64_t until)
{
	static struct epoll_event events[1024];
	for (int64_t now; !stopped && (now = now_us()) < until;) {
		static int64_t looked;
		static size_t due;
		/* Those that are due stand in a row: connection i is due when i of them were. */
		for (size_t i = 0; options.every_us && i < options.connections && clients[due].next_us <= now; i++) {
			client_next(&clients[due], now);
			due = (due + 1) % options.connections;
		}
		if ((options.every_us ? now - looked > 100000 : failed || now - looked > 5000)) {
			looked = now;
			for (size_t i = 0; i < options.connections; i++)
				client_next(&clients[i], now);
		}
		int n = epoll_wait(epoll_fd, events, 1024, 5);
		for (int i = 0; i < n; i++)
			on_event(&events[i]);
	}
}

/* "tokens PREFIX COUNT": as many new tokens, each with its hash. */
static int make_tokens(const char *prefix, unsigned long count)
{
	for (unsigned long i = 0; i < count; i++) {
		char token[TOKEN_TEXT_SIZE];
		token_make(prefix, token);
		sha256 hash = token_hash(token);
		printf("%s ", token);
		for (size_t k = 0; k < sizeof hash.bytes; k++)
			printf("%02x", hash.bytes[k]);
		putchar('\n');
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *pids[CPUS_MAX];
	int64_t before[CPUS_MAX];
	int pid_count = 0;
	if (argc == 4 && !strcmp(argv[1], "tokens"))
		return make_tokens(argv[2], strtoul(argv[3], NULL, 10));
	if (argc < 6)
		return 2;
	options.port = (uint16_t)strtol(argv[1], NULL, 10);
	options.connections = strtoul(argv[2], NULL, 10);
	options.seconds = strtol(argv[3], NULL, 10);
	options.each = 1;
	options.method = argv[4];
	options.path = argv[5];
	for (int i = 6; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "-b"))
			options.body = argv[i + 1];
		else if (!strcmp(argv[i], "-s"))
			speakers_read(argv[i + 1]);
		else if (!strcmp(argv[i], "-j"))
			options.journal_path = argv[i + 1];
		else if (!strcmp(argv[i], "-e"))
			options.every_us = strtol(argv[i + 1], NULL, 10) * 1000;
		else if (!strcmp(argv[i], "-w"))
			options.warm_s = strtol(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "-k"))
			options.each = strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "-c") && pid_count < CPUS_MAX)
			pids[pid_count++] = argv[i + 1];
	}
	options.every_us /= (int64_t)options.each;
	journal = options.journal_path ? fopen(options.journal_path, "ae") : NULL;
	start();
	signal(SIGTERM, on_term);
	run(now_us() + options.warm_s * SECOND_US);
	wait_count = ok_count = refused = failed = 0;
	for (int i = 0; i < pid_count; i++)
		before[i] = cpu_ms(pids[i]);
	int64_t began = now_us();
	run(began + options.seconds * SECOND_US);
	report((double)(now_us() - began) / SECOND_US);
	for (int i = 0; i < pid_count; i++)
		printf(" %lld", (long long)(cpu_ms(pids[i]) - before[i]));
	putchar('\n');
	return 0;
}
