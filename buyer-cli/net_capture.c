/* SPDX-License-Identifier: Apache-2.0
 * net_capture.c - net capture: the frames at this machine's port, both ways, as pcapng
 *
 * How it works: the membership that `net up` began copies the port's frames (lan/capture.h) to a socket that this command opened, and
 * counts those for which there was no room; here they become pcapng and go to a file or to standard output, each as soon as nothing
 * more waits, so that `wireshark -k -i -` shows them as they come.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "capture.h"
#include "commands.h"
#include "file.h"
#include "interrupt.h"
#include "ipc.h"
#include "json.h"
#include "net.h"
#include "output.h"
#include "pcapng.h"

#define WRITE_BYTES (256 << 10) /* written at once when so much has come */
#define CONNECT_MS 3000

struct capturing {
	struct cli *cli;
	struct net_member member;
	char socket_path[NET_PATH_SIZE + 32];
	int listen_fd, fd, out_fd;
	const char *file; /* NULL: standard output */
	int64_t snaplen, max_count, max_us, max_bytes;
	wall_time began;
	mono_time started;
	struct buf in, out;
	uint64_t count, dropped;
	int64_t written_bytes;
	bool over; /* a bound is reached, or nobody reads us any more */
};

/* ---- the socket that the frames come to ---- */
static err_t listen_at(struct capturing *c)
{
	struct sockaddr_un address;
	AUTO_FD folder_fd = -1;
	int n = snprintf(c->socket_path, sizeof c->socket_path, "%s.%ld", c->member.path, (long)getpid());
	if (n < 0 || (size_t)n >= sizeof c->socket_path)
		return E_LIMIT;
	TRY(ipc_address(c->socket_path, &address, &folder_fd));
	unlink(c->socket_path);
	c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* The mode is set before there is a name: bind() gives it to the file. */
	if (c->listen_fd < 0 || fchmod(c->listen_fd, 0600) || bind(c->listen_fd, (struct sockaddr *)&address, sizeof address) ||
	    listen(c->listen_fd, 1))
		return err_from_errno(errno);
	return OK;
}

static int connect_member(struct capturing *c)
{
	AUTO_JSON answer = NULL;
	if (listen_at(c))
		return cli_error(c->cli, EXIT_ERROR, "no socket for the frames: %s", strerror(errno));
	AUTO_JSON ask = json_pack("{s:s, s:s, s:I}", "ask", "capture", "path", c->socket_path, "snaplen", (json_int_t)c->snaplen);
	int code = net_ask(c->cli, &c->member, ask, &answer);
	if (code)
		return code;
	const char *error = json_string_value(json_object_get(answer, "error"));
	if (error)
		return cli_error(c->cli, EXIT_CONFLICT, "the network does not let itself be captured: %s",
				 !strcmp(error, err_name(E_EXISTS)) ? "another capture goes on" : error);
	struct pollfd p = { c->listen_fd, POLLIN, 0 };
	if (poll(&p, 1, CONNECT_MS) == 1)
		c->fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	unlink(c->socket_path);
	return c->fd < 0 ? cli_error(c->cli, EXIT_ERROR, "the network did not begin to send its frames") : EXIT_OK;
}

/* ---- frames ---- */
static int write_out(struct capturing *c)
{
	if (c->out.error)
		return cli_error(c->cli, EXIT_ERROR, "%s", err_name(c->out.error));
	if (!c->out.len)
		return EXIT_OK;
	err_t e = fd_write_all(c->out_fd, c->out.data, c->out.len);
	c->written_bytes += (int64_t)c->out.len;
	buf_reset(&c->out);
	if (e && !c->file && errno == EPIPE) {
		c->over = true; /* who looked on has seen enough */
		return EXIT_OK;
	}
	return e ? cli_error(c->cli, EXIT_ERROR, "%s: %s", c->file ? c->file : "standard output", strerror(errno)) : EXIT_OK;
}

/* What has come becomes blocks. E_INVALID: not what the member sends. */
static err_t convert(struct capturing *c)
{
	size_t at = 0;
	while (!c->over && c->in.len - at >= CAPTURE_RECORD_BYTES) {
		struct capture_record r;
		const uint8_t *bytes = (const uint8_t *)c->in.data + at;
		TRY(capture_record_get(bytes, &r));
		if (c->in.len - at < CAPTURE_RECORD_BYTES + r.captured)
			break;
		at += CAPTURE_RECORD_BYTES + r.captured;
		c->dropped = r.dropped;
		if (c->max_bytes && c->written_bytes + (int64_t)(c->out.len + r.captured + 128) > c->max_bytes) {
			c->over = true;
			break;
		}
		pcapng_frame(&c->out, (wall_time){ (int64_t)r.time_us }, r.outbound, bytes + CAPTURE_RECORD_BYTES, r.captured,
			     r.len);
		c->over = ++c->count == (uint64_t)c->max_count;
	}
	buf_consume(&c->in, at);
	return c->in.error;
}

/* How long poll() may wait; -1: for ever. */
static int wait_ms(const struct capturing *c)
{
	if (c->out.len)
		return 0;
	if (!c->max_us)
		return -1;
	int64_t left_us = c->started.us + c->max_us - clock_mono().us;
	return left_us > 0 ? (int)(left_us / 1000 + 1) : 0;
}

static bool time_is_over(const struct capturing *c)
{
	return c->max_us && clock_mono().us - c->started.us >= c->max_us;
}

static int run(struct capturing *c)
{
	static char chunk[WRITE_BYTES];
	int code = write_out(c); /* the headers: a reader at a pipe waits for them */
	while (!code && !c->over && !interrupted() && !time_is_over(c)) {
		struct pollfd p = { c->fd, POLLIN, 0 };
		int ready = poll(&p, 1, wait_ms(c));
		if (ready == 0 || c->out.len >= WRITE_BYTES) {
			code = write_out(c);
			continue;
		}
		ssize_t n = ready == 1 ? recv(c->fd, chunk, sizeof chunk, 0) : -1;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break; /* the network is down */
		buf_append(&c->in, chunk, (size_t)n);
		if (convert(c))
			code = cli_error(c->cli, EXIT_ERROR, "the network's frames are not understood");
	}
	pcapng_statistics(&c->out, c->began, clock_wall(), c->count + c->dropped, c->dropped);
	return code ? code : write_out(c);
}

static int finish(struct capturing *c)
{
	static const struct column columns[] = { { "file", "file", CELL_TEXT },
						 { "frames", "frames", CELL_NUMBER },
						 { "dropped", "dropped", CELL_NUMBER },
						 { "size", "bytes", CELL_BYTES },
						 { .title = NULL } };
	AUTO_JSON out = json_object();
	if (!c->file)
		return EXIT_OK; /* standard output is the capture's */
	json_put_text(out, "file", c->file);
	json_put_int(out, "frames", (int64_t)c->count);
	json_put_int(out, "dropped", (int64_t)c->dropped);
	json_put_int(out, "bytes", c->written_bytes);
	output_object(c->cli, out, columns, "file");
	return EXIT_OK;
}

static int check_output(struct capturing *c)
{
	const char *file = cli_text(c->cli, "write", "-");
	if (strcmp(file, "-") != 0)
		c->file = file;
	else if (output_form(c->cli) != FORM_TABLE)
		return cli_error(c->cli, EXIT_USAGE, "--write: standard output cannot have both frames and --output");
	else if (isatty(STDOUT_FILENO))
		return cli_error(c->cli, EXIT_USAGE, "--write FILE, or send standard output to a file or to wireshark -k -i -");
	return EXIT_OK;
}

static int open_output(struct capturing *c)
{
	c->out_fd = STDOUT_FILENO;
	if (c->file)
		c->out_fd = open(c->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return c->out_fd < 0 ? cli_error(c->cli, EXIT_ERROR, "%s: %s", c->file, strerror(errno)) : EXIT_OK;
}

int command_net_capture(struct cli *cli)
{
	struct capturing c = { .cli = cli, .listen_fd = -1, .fd = -1, .out_fd = -1 };
	if (cli_int(cli, "snaplen", CAPTURE_MAX_BYTES, 14, CAPTURE_MAX_BYTES, &c.snaplen) ||
	    cli_int(cli, "count", 0, 1, INT64_MAX, &c.max_count) || cli_duration(cli, "seconds", 0, &c.max_us) ||
	    cli_size(cli, "max-size", 1 << 30, &c.max_bytes))
		return EXIT_USAGE;
	int code = check_output(&c);
	if (!c.file && !cli_text(cli, "max-size", NULL))
		c.max_bytes = 0; /* it is no disc */
	if (!code)
		code = net_find(cli, &c.member);
	if (!code)
		code = connect_member(&c);
	if (!code)
		code = open_output(&c);
	if (!code) {
		char description[96];
		snprintf(description, sizeof description, "the port on the network of order %s", c.member.order);
		interrupt_catch();
		c.began = clock_wall();
		c.started = clock_mono();
		pcapng_begin(&c.out, "cpushare " CPUSHARE_VERSION, "cpushare", description, (uint32_t)c.snaplen);
		code = run(&c);
	}
	if (!code)
		code = finish(&c);
	if (*c.socket_path)
		unlink(c.socket_path);
	fd_close(&c.listen_fd);
	fd_close(&c.fd);
	if (c.file)
		fd_close(&c.out_fd);
	buf_clear(&c.in);
	buf_clear(&c.out);
	return code;
}
