/* SPDX-License-Identifier: Apache-2.0
 * server.h - a server of a few scripted answers, in a forked child on 127.0.0.1, for the tests of the client
 *
 * Each connection gets a child of its own. What was asked lands in shared memory, where the test looks at it.
 */
#ifndef TESTS_SERVER_H
#define TESTS_SERVER_H

#include <arpa/inet.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/ssl.h>

struct server_seen {
	atomic_int connections, requests; /* since server_forget() */
	char head[4096];		  /* of the last request */
	char body[4096];		  /* its first bytes */
	atomic_int body_len;
};

struct exchange {
	int fd;
	SSL *ssl;
	struct server_seen *seen;
	int number; /* of this request, from 1 */
	char path[256];
};
/* Answers; false closes the connection. */
typedef bool server_answer_fn(struct exchange *x);

struct server {
	pid_t pid;
	int port;
	struct server_seen *seen;
};

static void exchange_send(struct exchange *x, const void *data, size_t len)
{
	const char *at = data;
	while (len > 0) {
		ssize_t n = x->ssl ? SSL_write(x->ssl, at, (int)len) : send(x->fd, at, len, MSG_NOSIGNAL);
		if (n <= 0)
			_exit(0); /* the client has hung up */
		at += n;
		len -= (size_t)n;
	}
}

static void exchange_say(struct exchange *x, const char *text)
{
	exchange_send(x, text, strlen(text));
}

__attribute__((unused)) static void exchange_answer(struct exchange *x, const char *status, const char *headers, const char *body)
{
	char head[1024];
	snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status, strlen(body), headers);
	exchange_say(x, head);
	exchange_say(x, body);
}

static bool exchange_read(struct exchange *x)
{
	static char text[2 << 20];
	size_t len = 0;
	char *end = NULL;
	while (!end) {
		ssize_t n = x->ssl ? SSL_read(x->ssl, text + len, (int)(sizeof text - 1 - len))
				   : recv(x->fd, text + len, sizeof text - 1 - len, 0);
		if (n <= 0)
			return false;
		len += (size_t)n;
		text[len] = 0;
		end = strstr(text, "\r\n\r\n");
	}
	char *length = strcasestr(text, "Content-Length:");
	size_t want = length && length < end ? strtoul(length + 15, NULL, 10) : 0, have = len - (size_t)(end + 4 - text);
	while (have < want) {
		ssize_t n = x->ssl ? SSL_read(x->ssl, text + len, (int)(sizeof text - 1 - len))
				   : recv(x->fd, text + len, sizeof text - 1 - len, 0);
		if (n <= 0)
			return false;
		len += (size_t)n;
		have += (size_t)n;
	}
	text[len] = 0;
	end[2] = 0;
	snprintf(x->seen->head, sizeof x->seen->head, "%.4095s", text);
	snprintf(x->seen->body, sizeof x->seen->body, "%.4095s", end + 4);
	x->seen->body_len = (int)have;
	x->number = ++x->seen->requests;
	return sscanf(text, "%*s %255s", x->path) == 1;
}

static void serve_connection(int fd, SSL_CTX *tls, struct server_seen *seen, server_answer_fn *fn)
{
	struct exchange x = { .fd = fd, .seen = seen };
	seen->connections++;
	if (tls) {
		x.ssl = SSL_new(tls);
		SSL_set_fd(x.ssl, fd);
		if (SSL_accept(x.ssl) != 1)
			_exit(0);
	}
	while (exchange_read(&x) && fn(&x))
		;
	_exit(0);
}

static struct server server_start(SSL_CTX *tls, server_answer_fn *fn)
{
	struct server s = { 0 };
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof address;
	s.seen = mmap(NULL, sizeof *s.seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 16) ||
	    getsockname(fd, (struct sockaddr *)&address, &len))
		abort();
	s.port = ntohs(address.sin_port);
	fflush(stdout);
	s.pid = fork();
	if (s.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGCHLD, SIG_IGN);
		for (;;) {
			int connection = accept(fd, NULL, NULL);
			if (connection >= 0 && fork() == 0) {
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				close(fd);
				alarm(30);
				serve_connection(connection, tls, s.seen, fn);
			}
			close(connection);
		}
	}
	close(fd);
	return s;
}

static void server_forget(struct server *s)
{
	memset(s->seen, 0, sizeof *s->seen);
}

static void server_stop(struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	munmap(s->seen, sizeof *s->seen);
}

#endif
