/* SPDX-License-Identifier: Apache-2.0
 * lan.c - a vnet on a loop, with a control socket
 */
#include "lan.h"
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include "asks.h"
#include "capture.h"
#include "ipc.h"
#include "json.h"

struct lan {
	struct loop *loop;
	struct vnet *vnet;
	struct ipc_server *server;
	struct capture *capture; /* NULL: nobody looks */
	int timer;
	bool quit, may_capture;
	pid_t space; /* 0: not told */
};

static void lan_work(struct lan *lan)
{
	mono_time now = clock_mono();
	vnet_run(lan->vnet, now);
	if (lan->capture && !capture_flush(lan->capture)) {
		capture_free(lan->capture);
		lan->capture = NULL;
	}
	int64_t wait_us = vnet_next_us(lan->vnet).us - now.us;
	loop_timer_change(lan->loop, lan->timer, wait_us < 1000 ? 1000 : wait_us);
	if (lan->quit)
		loop_stop(lan->loop);
}

static void on_packet(void *context, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	lan_work(context);
}

static void on_time(void *context, mono_time now)
{
	(void)now;
	lan_work(context);
}

static err_t begin_capture(struct lan *lan, json_t *request, struct json_error *error)
{
	struct json_reader r;
	char word[8], path[600];
	uint32_t snaplen = 0;
	json_open(&r, request, error);
	json_take_text(&r, "ask", word, sizeof word);
	json_take_text(&r, "path", path, sizeof path);
	json_take_u32(&r, "snaplen", 1, CAPTURE_MAX_BYTES, &snaplen);
	TRY(json_close(&r));
	if (lan->capture && capture_flush(lan->capture))
		return E_EXISTS;
	capture_free(lan->capture);
	lan->capture = NULL;
	return capture_new(lan->loop, lan->vnet, path, snaplen, &lan->capture);
}

static json_t *answer_capture(struct lan *lan, json_t *request)
{
	struct json_error error = { .what = "" };
	err_t failed = begin_capture(lan, request, &error);
	json_t *out = json_object();
	if (failed)
		json_put_text(out, "error", *error.what ? error.what : err_name(failed));
	return out;
}

static json_t *on_request(void *context, json_t *request)
{
	struct lan *lan = context;
	const char *ask = json_string_value(json_object_get(request, "ask"));
	if (!ask)
		return NULL;
	if (!strcmp(ask, "quit")) {
		lan->quit = true;
		loop_timer_change(lan->loop, lan->timer, 1000);
		return json_object();
	}
	if (!strcmp(ask, "capture") && lan->may_capture)
		return answer_capture(lan, request);
	json_t *answer = asks_answer(lan->vnet, ask, request);
	if (lan->space && !strcmp(ask, "status"))
		json_put_int(answer, "space", lan->space);
	return answer;
}

err_t lan_new(struct loop *loop, const struct vnet_config *config, struct lan **ret_lan)
{
	struct lan *lan = calloc(1, sizeof *lan);
	if (!lan)
		return E_NOMEM;
	lan->loop = loop;
	err_t e = vnet_new(config, clock_mono(), &lan->vnet);
	if (!e && !(lan->timer = loop_timer_add(loop, SECOND_US / 100, on_time, lan)))
		e = E_NOMEM;
	if (!e)
		e = loop_fd_add(loop, vnet_fd(lan->vnet), EPOLLIN, on_packet, lan);
	if (e) {
		lan_free(lan);
		return e;
	}
	*ret_lan = lan;
	return OK;
}

void lan_free(struct lan *lan)
{
	if (!lan)
		return;
	ipc_server_free(lan->server);
	capture_free(lan->capture);
	if (lan->timer)
		loop_timer_remove(lan->loop, lan->timer);
	if (lan->vnet)
		loop_fd_remove(lan->loop, vnet_fd(lan->vnet));
	vnet_free(lan->vnet);
	free(lan);
}

void lan_allow_capture(struct lan *lan)
{
	lan->may_capture = true;
}

void lan_tell_space(struct lan *lan, pid_t pid)
{
	lan->space = pid;
}

struct vnet *lan_vnet(struct lan *lan)
{
	return lan->vnet;
}

err_t lan_serve(struct lan *lan, const char *path)
{
	return ipc_serve(lan->loop, path, on_request, lan, &lan->server);
}
