/* SPDX-License-Identifier: Apache-2.0
 * ipc.c - tests of asking over a unix socket: a server in a process of its own, good and hostile clients
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "file.h"
#include "ipc.h"
#include "json.h"
#include "tap.h"

static char folder[] = "/tmp/cpushare-ipc-XXXXXX";
static char path[600];

/* Answers {"echo":...}; some requests make it misbehave. */
static json_t *handle(void *context, json_t *request)
{
	const char *ask = json_string_value(json_object_get(request, "ask"));
	if (ask && !strcmp(ask, "hang up"))
		return NULL;
	if (ask && !strcmp(ask, "sleep"))
		usleep(300000);
	if (ask && !strcmp(ask, "stop"))
		loop_stop(context);
	if (ask && (!strcmp(ask, "flood") || !strcmp(ask, "much"))) {
		json_t *answer = json_object();
		char *text = calloc(1, IPC_MAX + 1);
		memset(text, 'x', *ask == 'f' ? IPC_MAX : IPC_MAX / 2);
		json_put_text(answer, "text", text);
		free(text);
		return answer;
	}
	json_t *answer = json_object();
	json_object_set(answer, "echo", request);
	return answer;
}

static pid_t start_server(void)
{
	int ready[2];
	char byte;
	if (pipe(ready))
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		struct loop *loop;
		struct ipc_server *server;
		if (loop_new(&loop) != OK || ipc_serve(loop, path, handle, loop, &server) != OK || write(ready[1], "x", 1) != 1 ||
		    loop_run(loop) != OK)
			_exit(1);
		ipc_server_free(server);
		loop_free(loop);
		exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		ok(false, "the server starts");
	close(ready[0]);
	return pid;
}

static err_t ask(const char *text, int timeout_ms, json_t **ret_answer)
{
	AUTO_JSON request = json_object();
	json_put_text(request, "ask", text);
	return ipc_ask(path, request, timeout_ms, ret_answer);
}

static bool answers(void)
{
	AUTO_JSON answer = NULL;
	return ask("hello", 5000, &answer) == OK &&
	       !strcmp(json_string_value(json_object_get(json_object_get(answer, "echo"), "ask")), "hello");
}

static int connect_raw(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char here[200];
	if (!getcwd(here, sizeof here) || chdir(folder))
		return -1;
	/* the long folder's name does not fit into sun_path; its socket's name does from inside */
	char *name = strrchr(path, '/');
	*name = '\0';
	int fd = chdir(path) ? -1 : socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	*name = '/';
	snprintf(address.sun_path, sizeof address.sun_path, "%.90s", name + 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof address))
		fd_close(&fd);
	return chdir(here) ? -1 : fd;
}

/* Sends the packet; the server must hang up. */
static void send_bad(const void *packet, size_t len, const char *what)
{
	AUTO_FD fd = connect_raw();
	int bytes = 1 << 20;
	char back[64];
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	if (send(fd, packet, len, MSG_NOSIGNAL) != (ssize_t)len)
		ok(false, "send %s", what);
	struct pollfd hup = { .fd = fd, .events = POLLIN };
	ok(poll(&hup, 1, 5000) == 1 && recv(fd, back, sizeof back, 0) <= 0, "%s is hung up on", what);
	ok(answers(), "and the server goes on");
}

static void test_hostile(void)
{
	static char big[IPC_MAX + 10];
	memset(big, ' ', sizeof big);
	send_bad("", 0, "an empty packet");
	send_bad("{", 1, "half a packet");
	send_bad("[]", 2, "an array");
	send_bad("{}\0{}", 5, "a NUL");
	send_bad("\xff\xfe", 2, "bytes");
	memcpy(big, "{}", 2); /* good JSON wherever it is cut */
	send_bad(big, sizeof big, "too large a packet");
	int idle[32];
	for (int i = 0; i < 32; i++)
		idle[i] = connect_raw();
	json_t *answer = NULL;
	err_t e = ask("hello", 2000, &answer);
	is_int(e, E_UNAVAILABLE, "more than 16 clients are turned away");
	for (int i = 0; i < 32; i++)
		fd_close(&idle[i]);
	ok(answers(), "and there is room again");
	/* A client that asks and asks without taking the answers must not hold up the others. */
	AUTO_FD deaf = connect_raw();
	for (int i = 0; i < 100; i++)
		if (send(deaf, "{\"ask\":\"much\"}", 14, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
	ok(answers(), "a client that does not listen holds nobody up");
}

static void test_ask(void)
{
	json_t *answer = NULL;
	ok(answers(), "ask and answer");
	is_int(ask("hang up", 5000, &answer), E_UNAVAILABLE, "it hangs up");
	int64_t start_us = clock_mono().us;
	is_int(ask("sleep", 50, &answer), E_TIMEOUT, "it takes too long");
	ok(clock_mono().us - start_us < 250000, "and is not waited for");
	is_int(ask("hello", 0, &answer), E_TIMEOUT, "no time at all");
	is_int(ask("flood", 5000, &answer), E_UNAVAILABLE, "an answer that is too large is not sent");
	ok(answer == NULL, "a refusal leaves the result alone");
	char *text = calloc(1, IPC_MAX + 1);
	memset(text, 'x', IPC_MAX);
	is_int(ask(text, 5000, &answer), E_LIMIT, "a request that is too large");
	text[IPC_MAX - 100] = '\0';
	is_int(ask(text, 5000, &answer), OK, "a large request and its answer");
	json_decref(answer);
	free(text);
}

/* A listener that never accepts: its queue fills up. */
static void test_stuck(void)
{
	char name[] = "stuck";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", folder, name);
	AUTO_FD fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	AUTO_JSON request = json_object();
	json_t *answer;
	if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1))
		ok(false, "listen");
	for (int i = 0; i < 4; i++) {
		int64_t start_us = clock_mono().us;
		err_t e = ipc_ask(address.sun_path, request, 50, &answer);
		ok(e == E_TIMEOUT && clock_mono().us - start_us < 1000000, "nobody accepts, %d", i);
	}
	fd_close(&fd);
	is_int(ipc_ask(address.sun_path, request, 50, &answer), E_UNAVAILABLE, "nobody listens any more");
}

static void test_serving(void)
{
	struct loop *loop;
	struct ipc_server *server, *successor;
	struct stat st;
	if (loop_new(&loop) != OK)
		return;
	char file[100];
	snprintf(file, sizeof file, "%s/file", folder);
	is_int(file_write(file, "x", 1, 0600), OK, "a file");
	is_int(ipc_serve(loop, file, handle, NULL, &server), E_EXISTS, "is not replaced");
	is_int(ipc_serve(loop, "/none/such", handle, NULL, &server), E_NOT_FOUND, "no folder");
	is_int(ipc_serve(loop, "", handle, NULL, &server), E_INVALID, "no path");
	is_int(ipc_serve(loop, "/tmp/", handle, NULL, &server), E_INVALID, "no name");
	is_int(ipc_serve(loop, path, handle, NULL, &server), OK, "serve");
	ok(!stat(path, &st) && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600, "for its owner only");
	is_int(ipc_serve(loop, path, handle, NULL, &successor), OK, "a successor takes the path over");
	ipc_server_free(server);
	ok(!stat(path, &st), "which the one before leaves alone");
	ipc_server_free(successor);
	ok(stat(path, &st), "and the last one removes");
	ipc_server_free(NULL);
	loop_free(loop);
}

int main(void)
{
	signal(SIGPIPE, SIG_DFL);
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof path, "%s", folder);
	while (strlen(path) < 250)
		memcpy(path + strlen(path), "/a-long-name-of-a-folder", 25);
	is_int(dir_make(path, 0700), OK, "a folder with a long name");
	memcpy(path + strlen(path), "/socket", 8);
	json_t *answer = NULL;
	is_int(ask("hello", 100, &answer), E_UNAVAILABLE, "no socket");
	test_serving();
	pid_t pid = start_server();
	test_ask();
	test_hostile();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	is_int(ask("hello", 100, &answer), E_UNAVAILABLE, "killed");
	pid = start_server();
	ok(answers(), "its successor replaces the socket");
	int status = 0;
	is_int(ask("stop", 5000, &answer), OK, "asked to stop");
	json_decref(answer);
	waitpid(pid, &status, 0);
	is_int(status, 0, "it answers first, then ends");
	test_stuck();
	is_int(dir_remove(folder), OK, "clean up");
	return done_testing();
}
