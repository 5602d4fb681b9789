/* SPDX-License-Identifier: Apache-2.0
 * lan.c - a vnet on a loop, with a control socket
 */
#include "lan.h"
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include "asks.h"
#include "ipc.h"

struct lan {
	struct loop *loop;
	struct vnet *vnet;
	struct ipc_server *server;
	int timer;
	bool quit;
};

static void lan_work(struct lan *lan)
{
	mono_time now = clock_mono();
	vnet_run(lan->vnet, now);
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
	return asks_answer(lan->vnet, ask, request);
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
	if (lan->timer)
		loop_timer_remove(lan->loop, lan->timer);
	if (lan->vnet)
		loop_fd_remove(lan->loop, vnet_fd(lan->vnet));
	vnet_free(lan->vnet);
	free(lan);
}

struct vnet *lan_vnet(struct lan *lan)
{
	return lan->vnet;
}

err_t lan_serve(struct lan *lan, const char *path)
{
	return ipc_serve(lan->loop, path, on_request, lan, &lan->server);
}
