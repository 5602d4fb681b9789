/* SPDX-License-Identifier: Apache-2.0
 * forward.c - questions for names of the world go to our own resolver, and its answers back
 *
 * How it works: each question gets a slot with a connected socket of its own, so that its source port is as random as the kernel makes
 * it and only the asked server can answer. A server that is silent for 2 s makes the next one be asked; after 6 s the question is
 * forgotten, and the asker repeats it. With all slots in use the oldest one goes.
 */
#include "forward.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bytes.h"
#include "file.h"
#include "vnet.h"

#define SLOTS 128
#define SERVERS 3 /* as many as resolv.conf(5) has */
#define QUESTION_MAX 1232
#define ANSWER_MAX 4096
#define HEAD_BYTES 12
#define NEXT_US (2 * SECOND_US)
#define BATCH 64

struct slot {
	int fd; /* -1: free */
	struct sockaddr_in6 asker;
	uint8_t question[QUESTION_MAX];
	size_t len, server;
	int64_t asked_us;
};
struct forward {
	struct loop *loop;
	int fd, timer;
	struct sockaddr_storage servers[SERVERS];
	size_t server_count;
	struct slot slots[SLOTS];
};

err_t forward_socket(const char *interface, int *ret_fd)
{
	int off = 0;
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(VNET_GATEWAY_DNS_PORT) };
	AUTO_FD fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) ||
	    bind(fd, (struct sockaddr *)&any, sizeof any))
		return E_IO;
	*ret_fd = fd;
	fd = -1;
	return OK;
}

static void read_servers(struct forward *f)
{
	char line[256], word[64];
	FILE *file = fopen("/etc/resolv.conf", "re");
	while (file && fgets(line, sizeof line, file) && f->server_count < SERVERS) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)&f->servers[f->server_count];
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)v4;
		if (sscanf(line, "nameserver %63[0-9a-fA-F.:]", word) != 1)
			continue;
		if (inet_pton(AF_INET, word, &v4->sin_addr) == 1) {
			v4->sin_family = AF_INET;
			v4->sin_port = htons(53);
			f->server_count++;
		} else if (inet_pton(AF_INET6, word, &v6->sin6_addr) == 1) {
			v6->sin6_family = AF_INET6;
			v6->sin6_port = htons(53);
			f->server_count++;
		}
	}
	if (file)
		fclose(file);
}

static void slot_free(struct forward *f, struct slot *s)
{
	if (s->fd >= 0)
		loop_fd_remove(f->loop, s->fd);
	fd_close(&s->fd);
}

static void on_answer(void *context, int fd, uint32_t events)
{
	struct forward *f = context;
	uint8_t answer[ANSWER_MAX];
	struct slot *s = NULL;
	(void)events;
	for (size_t i = 0; i < SLOTS; i++)
		if (f->slots[i].fd == fd)
			s = &f->slots[i];
	ssize_t n = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
	if (!s || n < HEAD_BYTES || memcmp(answer, s->question, 2) != 0 || !(answer[2] & 0x80))
		return; /* nothing that answers this; what the server says of its port (ICMP) is found out by silence */
	(void)!sendto(f->fd, answer, (size_t)n, 0, (struct sockaddr *)&s->asker, sizeof s->asker);
	slot_free(f, s);
}

static void ask(struct forward *f, struct slot *s, mono_time now)
{
	const struct sockaddr_storage *to = &f->servers[s->server];
	socklen_t len = to->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	s->asked_us = now.us;
	s->fd = socket(to->ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return;
	if (connect(s->fd, (const struct sockaddr *)to, len) || loop_fd_add(f->loop, s->fd, EPOLLIN, on_answer, f)) {
		fd_close(&s->fd);
		return;
	}
	(void)!send(s->fd, s->question, s->len, 0);
}

static struct slot *slot_for(struct forward *f)
{
	struct slot *oldest = &f->slots[0];
	for (size_t i = 0; i < SLOTS; i++) {
		if (f->slots[i].fd < 0)
			return &f->slots[i];
		if (f->slots[i].asked_us < oldest->asked_us)
			oldest = &f->slots[i];
	}
	slot_free(f, oldest);
	return oldest;
}

static void on_question(void *context, int fd, uint32_t events)
{
	struct forward *f = context;
	mono_time now = clock_mono();
	(void)events;
	for (int i = 0; i < BATCH; i++) {
		uint8_t question[QUESTION_MAX + 1];
		struct sockaddr_in6 asker;
		socklen_t len = sizeof asker;
		ssize_t n = recvfrom(fd, question, sizeof question, MSG_DONTWAIT, (struct sockaddr *)&asker, &len);
		if (n < 0)
			return;
		if (n < HEAD_BYTES || n > QUESTION_MAX || (question[2] & 0x80) || f->server_count == 0)
			continue;
		struct slot *s = slot_for(f);
		s->asker = asker;
		s->len = (size_t)n;
		s->server = 0;
		memcpy(s->question, question, (size_t)n);
		ask(f, s, now);
	}
}

static void on_time(void *context, mono_time now)
{
	struct forward *f = context;
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &f->slots[i];
		if (s->fd < 0 || now.us - s->asked_us < NEXT_US)
			continue;
		slot_free(f, s);
		if (++s->server < f->server_count)
			ask(f, s, now);
	}
}

err_t forward_new(struct loop *loop, int fd, struct forward **ret_forward)
{
	struct forward *f = calloc(1, sizeof *f);
	if (!f) {
		close(fd);
		return E_NOMEM;
	}
	f->loop = loop;
	f->fd = fd;
	for (size_t i = 0; i < SLOTS; i++)
		f->slots[i].fd = -1;
	read_servers(f);
	err_t e = loop_fd_add(loop, fd, EPOLLIN, on_question, f);
	f->timer = loop_timer_add(loop, NEXT_US / 4, on_time, f);
	if (e || !f->timer) {
		forward_free(f);
		return e ? e : E_NOMEM;
	}
	*ret_forward = f;
	return OK;
}

void forward_free(struct forward *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		slot_free(f, &f->slots[i]);
	if (f->timer)
		loop_timer_remove(f->loop, f->timer);
	loop_fd_remove(f->loop, f->fd);
	fd_close(&f->fd);
	free(f);
}
