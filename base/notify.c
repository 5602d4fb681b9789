/* SPDX-License-Identifier: Apache-2.0
 * notify.c - tells the service manager how a daemon fares
 */
#include "notify.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "bytes.h"
#include "file.h"

/* sd_notify(3): one datagram of NAME=VALUE lines; an address that begins with @ is an abstract one. */
static void send_state(const char *state)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	if (!path || (*path != '/' && *path != '@') || text_copy(to.sun_path, sizeof to.sun_path, path))
		return;
	if (*path == '@')
		to.sun_path[0] = '\0';
	AUTO_FD fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
}

static void sign_of_life(void *context, mono_time now)
{
	(void)context, (void)now;
	send_state("WATCHDOG=1");
}

/* How often the manager of this very process wants to hear of it (sd_watchdog_enabled(3)), or 0. */
static int64_t watchdog_us(void)
{
	const char *interval = getenv("WATCHDOG_USEC"), *whose = getenv("WATCHDOG_PID");
	int64_t us, pid;
	if (!interval || int_parse(interval, &us) || us < 2)
		return 0;
	return !whose || (!int_parse(whose, &pid) && pid == getpid()) ? us : 0;
}

void notify_ready(struct loop *loop)
{
	int64_t us = watchdog_us();
	if (us)
		(void)loop_timer_add(loop, us / 2, sign_of_life, NULL);
	send_state("READY=1");
}

void notify_stopping(void)
{
	send_state("STOPPING=1");
}
