/* SPDX-License-Identifier: Apache-2.0
 * http_load.c - 256 connections whose requests wait and are resumed in batches: answers never stop
 *
 * All of a batch are resumed before the loop sees any of them: a wake-up that is lost would leave them waiting for ever.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"
#include "tap.h"

#define CONNECTIONS 256
#define ANSWERS 5000
#define WINDOW_US (250 * 1000)
#define QUIET_WINDOWS 80 /* as many without an answer: it has stopped */

static struct request *waiting[CONNECTIONS];
static size_t waiting_count, largest_batch;
static atomic_bool stop;
static atomic_ulong answers, bad;

static err_t wait_for_batch(struct request *r)
{
	waiting[waiting_count++] = r;
	request_wait(r);
	return OK;
}

static void admit(struct request *r)
{
	(void)r;
}

static void run(struct request *r)
{
	if (r->route->fn(r) != OK)
		refuse(r, REFUSE_INTERNAL, NULL, "%s", "");
}

static void done(struct request *r)
{
	(void)r;
}

static void on_batch(void *context, mono_time now)
{
	(void)context;
	(void)now;
	size_t n = waiting_count;
	if (n > largest_batch)
		largest_batch = n;
	waiting_count = 0;
	for (size_t i = 0; i < n; i++) {
		answer_fixed(waiting[i], 200, "text/plain", "fine", 4);
		request_resume(waiting[i]);
	}
}

static unsigned long all;
static int quiet; /* windows without an answer, one behind the other */
static void on_window(void *context, mono_time now)
{
	(void)now;
	unsigned long n = atomic_exchange(&answers, 0);
	all += n;
	quiet = n ? 0 : quiet + 1;
	if (all >= ANSWERS || quiet == QUIET_WINDOWS)
		loop_stop(context);
}

static const char ask[] = "POST /work HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

/* One client thread with all connections: asks again as soon as it was answered. */
static void *client(void *context)
{
	const struct sockaddr_in *to = context;
	int poll_fd = epoll_create1(EPOLL_CLOEXEC), fds[CONNECTIONS];
	size_t got[CONNECTIONS] = { 0 };
	for (int i = 0; i < CONNECTIONS; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = (uint32_t)i };
		if (connect(fds[i], (const struct sockaddr *)to, sizeof *to) || fcntl(fds[i], F_SETFL, O_NONBLOCK) ||
		    epoll_ctl(poll_fd, EPOLL_CTL_ADD, fds[i], &event) || write(fds[i], ask, sizeof ask - 1) != sizeof ask - 1)
			atomic_fetch_add(&bad, 1);
	}
	size_t answer_len = 0; /* all answers are of one length: the id's is fixed */
	while (!atomic_load(&stop)) {
		struct epoll_event events[64];
		int n = epoll_wait(poll_fd, events, 64, 50);
		for (int k = 0; k < n; k++) {
			char buffer[2048];
			uint32_t i = events[k].data.u32;
			ssize_t len = read(fds[i], buffer, sizeof buffer);
			if (len <= 0) {
				atomic_fetch_add(&bad, 1);
				epoll_ctl(poll_fd, EPOLL_CTL_DEL, fds[i], NULL);
				continue;
			}
			if (!answer_len && !memcmp(buffer, "HTTP/1.1 200", 12) && !memcmp(buffer + len - 4, "fine", 4))
				answer_len = (size_t)len;
			got[i] += (size_t)len;
			if (got[i] != answer_len)
				continue;
			got[i] = 0;
			atomic_fetch_add(&answers, 1);
			if (write(fds[i], ask, sizeof ask - 1) != sizeof ask - 1)
				atomic_fetch_add(&bad, 1);
		}
	}
	for (int i = 0; i < CONNECTIONS; i++)
		close(fds[i]);
	close(poll_fd);
	return NULL;
}

int main(void)
{
	static const struct route routes[] = { { "POST", "/work", wait_for_batch, 0, 0, 64, "work" }, { .method = NULL } };
	struct loop *loop;
	struct http_server *server;
	pthread_t thread;
	char bound[64];
	struct http_config config = { .connections = 512,
				      .connections_per_address = 512,
				      .timeout_s = 30,
				      .buffered_bytes = 1 << 20,
				      .routes = routes,
				      .hooks = { admit, run, done } };
	if (loop_new(&loop) != OK || http_listen("127.0.0.1:0", &config.listen_fd, bound) != OK) {
		ok(false, "listen");
		return done_testing();
	}
	struct sockaddr_in to;
	socklen_t len = sizeof to;
	getsockname(config.listen_fd, (struct sockaddr *)&to, &len);
	is_int(http_start(loop, &config, &server), OK, "start");
	ok(loop_timer_add(loop, 2000, on_batch, NULL) && loop_timer_add(loop, WINDOW_US, on_window, loop), "timers");
	pthread_create(&thread, NULL, client, &to);
	is_int(loop_run(loop), OK, "run");
	atomic_store(&stop, true);
	pthread_join(thread, NULL);

	printf("# %lu answers; the largest batch had %zu\n", all, largest_batch);
	ok(all >= ANSWERS, "it never stops answering");
	ok(largest_batch > 128, "batches were larger than what the loop takes at once");
	is_int(atomic_load(&bad), 0, "no connection was lost");
	on_batch(NULL, (mono_time){ 0 });
	http_stop(server);
	loop_free(loop);
	return done_testing();
}
