/* SPDX-License-Identifier: Apache-2.0
 * life.c - one machine's life as the outer process knows it
 *
 * How it works: the jail's process, the channel to its inside and whatever it prints hang on the loop. The inside's reports
 * move the state; everything that is charged for is measured here. An end has three ways: the inside reports one, the
 * jail's process dies, or vm_life_end() kills it. In each, the counters are read a last time, the jail is killed, and
 * with its first process the kernel kills all others in it.
 *
 *   starting -> running <-> paused -> ended
 *      `---------------------------------^
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "file.h"
#include "life.h"
#include "log.h"
#include "sparse.h"

#define TICK_US (SECOND_US / 5)
/* Bounds the start of bubblewrap, libvirt and QEMU on a busy machine; the guest's own boot comes after it. */
#define START_MAX_US (60 * SECOND_US)
#define COMMAND_MAX_US SECOND_US
/* QEMU needs two to four milliseconds to pause; on a busy machine it gets no turn, and just then the owner must not wait. */
#define PAUSE_MAX_US (5 * MILLISECOND_US)
#define THROTTLE_PERIOD_US (100 * MILLISECOND_US)
#define END_MAX_MS 3000
/* What an image says where it may be cloned, and what it then waits for (docs/IMAGES.md, "Warm start"). */
#define WARM_MARK "cpushare-warm: may be cloned\n"
#define WARM_WORD "\ngo\n"
#define SAVE_MAX_US (5 * SECOND_US)
/* What a pause may take to take effect, in vCPU time; beyond it, the machine runs although it is said to be paused. */
#define PAUSE_SLACK_NS 50000000
/* Where this computer is a virtual machine, time in which its own processor was somebody else's counts as the thread's: once is no proof. */
#define HELD_RAN_MAX 5
/* The inside's packets in one round: a flood of them must not keep the loop from everything else. */
#define ROUND_PACKETS 32
/* A tick later than this was the host asleep, not the machine running. */
#define GAP_MAX_US (5 * SECOND_US)

void vm_life_count(struct vm_life *life, mono_time now)
{
	int64_t passed_us = now.us - life->counted.us;
	if (life->state == VM_RUNNING && passed_us > 0)
		life->running_us += passed_us < GAP_MAX_US ? passed_us : GAP_MAX_US;
	life->counted = now;
	/* A signal takes some microseconds to stop a vCPU; they are counted once it goes on. */
	if (life->vcpus && life->state != VM_ENDED && life->state != VM_PAUSED) {
		uint64_t ns = vcpus_time_ns(life->vcpus), most = (uint64_t)life->running_us * 1000 * life->spec.cores;
		/* A report of a change comes some ms late; the counters never contradict each other by it. */
		ns = ns < most ? ns : most;
		if (ns > life->vcpu_ns)
			life->vcpu_ns = ns;
	}
}

static void close_channel(struct vm_life *life)
{
	if (life->channel_fd >= 0)
		loop_fd_remove(life->loop, life->channel_fd);
	fd_close(&life->channel_fd);
}

static void reap(struct vm_life *life)
{
	if (life->jail_pid > 0 && waitpid(life->jail_pid, NULL, WNOHANG) == life->jail_pid)
		life->jail_pid = 0;
}

void vm_life_end(struct vm_life *life, const char *reason, const char *detail)
{
	if (life->state == VM_ENDED)
		return;
	vm_life_count(life, clock_mono());
	life->state = VM_ENDED;
	snprintf(life->reason, sizeof life->reason, "%s", reason);
	vm_detail_set(life->detail, sizeof life->detail, detail, strlen(detail));
	close_channel(life);
	if (life->jail_pid > 0)
		kill(life->jail_pid, SIGKILL);
	if (life->vcpus && vcpus_wait_end(life->vcpus, END_MAX_MS) != OK)
		log_error("QEMU is still there after it was killed", "lease_name=%s", life->spec.name);
	reap(life);
	log_info("the machine ended", "name=%s reason=%s detail=\"%s\"", life->spec.name, life->reason, life->detail);
}

/* A clone stands where its template stood: before it took anything of its own. */
static void wake(struct vm_life *life)
{
	if (life->spec.warm == VM_WARM_CLONE && !life->woken && life->state == VM_RUNNING && life->console)
		life->woken = console_push(life->console, WARM_WORD, sizeof WARM_WORD - 1);
}

static void take_report(struct vm_life *life, const struct vm_report *report)
{
	/* A stopped QEMU cannot have changed; what comes now was sent before. */
	if (life->state == VM_ENDED || (life->held && report->state != VM_ENDED))
		return;
	if (report->state == VM_ENDED) {
		vm_life_end(life, report->cause == VM_CAUSE_COMPLETED ? "completed" : "boot_failed", report->detail);
		return;
	}
	if (report->state == VM_STARTING || report->state == life->state)
		return;
	vm_life_count(life, clock_mono());
	if (life->state == VM_STARTING)
		log_info("the machine runs", "name=%s after_ms=%d", life->spec.name,
			 (int)((life->counted.us - life->started.us) / 1000));
	life->state = report->state;
	life->paused_ns = life->vcpus ? vcpus_time_ns(life->vcpus) : 0;
	wake(life);
}

static void take_packets(struct vm_life *life)
{
	/* One more than the longest allowed, so that a longer one is seen to be. */
	static uint8_t data[1 + PICTURE_MAX_BYTES + 1];
	static_assert(sizeof data > VM_REPORT_MAX_BYTES, "either fits");
	struct vm_report report;
	bool kept;

	for (int i = 0; i < ROUND_PACKETS && life->channel_fd >= 0; i++) {
		ssize_t len = recv(life->channel_fd, data, sizeof data, MSG_DONTWAIT);
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (len <= 0) {
			close_channel(life); /* SIGCHLD tells the rest */
			return;
		}
		if (data[0] == VM_COMMAND_SCREEN) {
			kept = screen_take(&life->screen, data + 1, (size_t)len - 1, clock_mono()) == OK;
		} else if ((kept = vm_report_decode(data, (size_t)len, &report) == OK)) {
			take_report(life, &report);
		}
		if (!kept) {
			vm_life_end(life, "boot_failed", "the jail does not keep to its protocol");
			return;
		}
	}
}

static void on_channel(void *context, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	take_packets(context);
}

/* Keeps the end of what is printed in there, however much it is. */
static void take_output(struct vm_life *life)
{
	char data[sizeof life->output];
	ssize_t len = read(life->output_fd, data, sizeof data);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		loop_fd_remove(life->loop, life->output_fd);
		fd_close(&life->output_fd);
		return;
	}
	size_t room = sizeof life->output - (size_t)len;
	size_t drop = life->output_len > room ? life->output_len - room : 0;
	memmove(life->output, life->output + drop, life->output_len - drop);
	memcpy(life->output + life->output_len - drop, data, (size_t)len);
	life->output_len += (size_t)len - drop;
}

static void on_output(void *context, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	take_output(context);
}

static void on_child(void *context, int signal)
{
	struct vm_life *life = context;
	char detail[VM_DETAIL_SIZE], said[VM_DETAIL_SIZE];
	(void)signal;
	reap(life);
	if (life->jail_pid || life->state == VM_ENDED)
		return;
	take_packets(life);
	if (life->output_fd >= 0)
		take_output(life);
	vm_detail_set(said, sizeof said - 32, life->output, life->output_len);
	snprintf(detail, sizeof detail, "the jail ended: %.*s", (int)(sizeof said - 32), said);
	vm_life_end(life, "boot_failed", detail);
}

static void on_peer(void *context, pid_t pid)
{
	struct vm_life *life = context;
	if (vcpus_new(pid, life->spec.cores, life->spec.priority == VM_PRIORITY_IDLE, &life->vcpus) != OK)
		log_warn("QEMU's process is not to be seen", "pid=%d", (int)pid);
	wake(life);
}

static void hold(struct vm_life *life)
{
	vcpus_stop(life->vcpus);
	vm_life_count(life, clock_mono());
	life->held_ran = life->held ? life->held_ran + 1 : 0;
	life->held = true;
	life->state = VM_PAUSED;
	life->paused_ns = vcpus_time_ns(life->vcpus);
}

/* The meter is believed, not the inside: a paused machine whose vCPUs run is stopped, and stopped again, and in the end for good. */
static void check_paused(struct vm_life *life)
{
	if (life->state != VM_PAUSED || !life->vcpus || vcpus_time_ns(life->vcpus) <= life->paused_ns + PAUSE_SLACK_NS)
		return;
	if (life->held && life->held_ran == HELD_RAN_MAX) {
		vm_life_end(life, "boot_failed", "the machine ran while it was held");
		return;
	}
	hold(life);
	log_warn("the machine runs while it is said to be paused and is held by a signal", "name=%s times=%u", life->spec.name,
		 life->held_ran);
}

static void on_tick(void *context, mono_time now)
{
	struct vm_life *life = context;
	if (life->state == VM_STARTING && now.us - life->started.us > START_MAX_US)
		vm_life_end(life, "boot_failed", "the machine did not start within a minute");
	if (life->vcpus && (life->state == VM_RUNNING || life->state == VM_PAUSED) && vcpus_find(life->vcpus) != OK)
		log_debug("not all vCPUs are there", "name=%s", life->spec.name);
	check_paused(life);
	vm_life_count(life, now);
}

/* Sends a command and takes reports until the state is as wanted or the time has passed. */
static bool command(struct vm_life *life, enum vm_command byte, enum vm_state wanted, int64_t max_us)
{
	char packet = (char)byte;
	int64_t deadline_us = clock_mono().us + max_us;

	if (life->channel_fd < 0 || send(life->channel_fd, &packet, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
		return false;
	while (life->state != wanted && life->state != VM_ENDED && life->channel_fd >= 0) {
		struct pollfd channel = { .fd = life->channel_fd, .events = POLLIN };
		int64_t left_us = deadline_us - clock_mono().us;
		if (left_us <= 0)
			break;
		if (poll(&channel, 1, (int)(left_us / 1000) + 1) > 0)
			take_packets(life);
	}
	return life->state == wanted;
}

void vm_life_look(struct vm_life *life, uint32_t width)
{
	const uint8_t packet[VM_COMMAND_MAX_BYTES] = { VM_COMMAND_SCREEN, (uint8_t)(width >> 8), (uint8_t)width };
	/* One that is stopped by a signal does not answer, and the next pause would wait behind it. */
	if (life->state != VM_RUNNING || life->dozing || life->spec.display == VM_DISPLAY_NONE || life->channel_fd < 0 ||
	    !screen_ask(&life->screen, clock_mono()))
		return;
	if (send(life->channel_fd, packet, sizeof packet, MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof packet)
		life->screen.asked = false;
}

void vm_life_pause(struct vm_life *life)
{
	if (life->state != VM_RUNNING)
		return;
	if (!life->dozing && (command(life, VM_COMMAND_PAUSE, VM_PAUSED, PAUSE_MAX_US) || life->state != VM_RUNNING))
		return;
	/* QEMU does not answer, or gets no turn to. The seller's owner comes first. */
	if (!life->vcpus) {
		vm_life_end(life, "boot_failed", "the machine cannot be paused");
		return;
	}
	life->dozing = false;
	hold(life);
	log_info("QEMU did not pause at once and is held by a signal", "name=%s", life->spec.name);
}

void vm_life_resume(struct vm_life *life)
{
	if (life->state != VM_PAUSED)
		return;
	if (life->held) {
		/* It runs from here on, whatever the inside did meanwhile and reports next. */
		life->held = false;
		vm_life_count(life, clock_mono());
		life->state = VM_RUNNING;
		vcpus_continue(life->vcpus);
	}
	if (!command(life, VM_COMMAND_RESUME, VM_RUNNING, COMMAND_MAX_US) && life->state == VM_PAUSED)
		log_warn("the machine did not resume in time", "name=%s", life->spec.name);
}

static void on_throttle(void *context, mono_time now)
{
	struct vm_life *life = context;
	(void)now;
	if (life->state != VM_RUNNING || !life->vcpus)
		return;
	int64_t runs_us = THROTTLE_PERIOD_US * life->throttle_percent / 100;
	life->dozing = !life->dozing;
	if (life->dozing)
		vcpus_stop(life->vcpus);
	else
		vcpus_continue(life->vcpus);
	loop_timer_change(life->loop, life->throttle_timer, life->dozing ? THROTTLE_PERIOD_US - runs_us : runs_us);
}

void vm_life_throttle(struct vm_life *life, uint32_t percent)
{
	if (percent == life->throttle_percent)
		return;
	life->throttle_percent = percent;
	if (life->throttle_timer)
		loop_timer_remove(life->loop, life->throttle_timer);
	life->throttle_timer = 0;
	if (life->dozing)
		vcpus_continue(life->vcpus);
	life->dozing = false;
	if (percent < 100)
		life->throttle_timer = loop_timer_add(life->loop, THROTTLE_PERIOD_US * percent / 100, on_throttle, life);
}

/* However many it lacks, one makes up for them: each would only have undone the one before. */
void vm_life_reset(struct vm_life *life, uint32_t resets)
{
	const char packet = VM_COMMAND_RESET;
	if (life->state != VM_RUNNING || life->resets >= resets || life->channel_fd < 0)
		return;
	/* A QEMU that is stopped would hear of it late, and the next pause wait behind it. */
	if (life->dozing)
		on_throttle(life, clock_mono());
	if (send(life->channel_fd, &packet, sizeof packet, MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof packet)
		return;
	life->resets = resets;
	log_info("the machine starts anew", "name=%s resets=%u", life->spec.name, resets);
}

/* While the machine is stopped. */
static err_t copy_template(struct vm_life *life, int to_fd)
{
	uint64_t memory = vm_memory_bytes(&life->spec);
	uint8_t head[8], none[sizeof head] = { 0 };
	if (pread(life->place.memory_fd, head, sizeof head, (off_t)memory) != sizeof head || !memcmp(head, none, sizeof head))
		return E_UNAVAILABLE;
	const struct sparse_digest digest = { .hash = sha256_stream_new() };
	err_t e = sparse_copy(life->place.memory_fd, to_fd, memory + VM_WARM_STATE_BYTES, life->spec.template_bytes, &digest);
	life->template_hash = sha256_stream_end(digest.hash);
	/* What was written of one that is too large would lie there until the lease ends. */
	return e && ftruncate(to_fd, 0) ? err_from_errno(errno) : e;
}

/* Only the first time, and only where nobody can have told the guest anything: what is typed is the buyer's. */
static void become_template(struct vm_life *life)
{
	AUTO_FD template_fd = life->place.template_fd;
	life->place.template_fd = -1;
	take_packets(life);
	if (template_fd < 0 || console_typed(life->console) || life->state != VM_RUNNING || life->throttle_percent < 100)
		return;
	mono_time since = clock_mono();
	bool saved = command(life, VM_COMMAND_TEMPLATE, VM_PAUSED, SAVE_MAX_US);
	life->template_at = clock_mono();
	err_t e = saved ? copy_template(life, template_fd) : E_TIMEOUT;
	life->has_template = e == OK;
	log_info("the machine was made a template", "name=%s result=%s after_ms=%d", life->spec.name, err_name(e),
		 (int)((clock_mono().us - since.us) / 1000));
	if (life->state != VM_ENDED && !command(life, VM_COMMAND_RESUME, VM_RUNNING, COMMAND_MAX_US))
		log_warn("the machine did not go on at once", "name=%s", life->spec.name);
	fd_close(&life->place.memory_fd);
}

static void on_mark(void *context)
{
	struct vm_life *life = context;
	become_template(life);
	if (!console_push(life->console, WARM_WORD, sizeof WARM_WORD - 1))
		log_warn("the machine was not told to go on", "name=%s", life->spec.name);
}

/* vm.json, as it was read, is the first packet. */
static err_t send_spec(struct vm_life *life)
{
	AUTO_JSON json = vm_spec_to_json(&life->spec);
	json_object_del(json, "cgroups"); /* the jail is in them, and has no business with where they are */
	AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
	if (!text)
		return E_NOMEM;
	ssize_t len = (ssize_t)strlen(text);
	return send(life->channel_fd, text, (size_t)len, MSG_NOSIGNAL) == len ? OK : err_from_errno(errno);
}

static err_t start_jail(struct vm_life *life)
{
	int pair[2], pipe_fds[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return err_from_errno(errno);
	life->channel_fd = pair[0];
	AUTO_FD inner_channel = pair[1];
	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK))
		return err_from_errno(errno);
	life->output_fd = pipe_fds[0];
	AUTO_FD inner_output = pipe_fds[1];
	TRY(send_spec(life));
	TRY(jail_start(&life->place, &life->spec, inner_channel, inner_output, &life->jail_pid));
	fd_close(&life->place.capabilities_fd); /* the inside has it */
	TRY(jail_confine_outer(&life->place));
	TRY(loop_fd_add(life->loop, life->output_fd, EPOLLIN, on_output, life));
	return loop_fd_add(life->loop, life->channel_fd, EPOLLIN, on_channel, life);
}

err_t vm_life_start(struct vm_life *life, struct loop *loop, const char *lease_dir, const struct vm_spec *spec, int log_fd)
{
	char detail[JAIL_DETAIL_SIZE] = "";
	*life = (struct vm_life){ .loop = loop,
				  .spec = *spec,
				  .throttle_percent = 100,
				  .channel_fd = -1,
				  .output_fd = -1,
				  .place = JAIL_PLACE_NONE,
				  .started = clock_mono() };
	life->counted = life->started;
	TRY(loop_signal_add(loop, SIGCHLD, on_child, life));
	if (!loop_timer_add(loop, TICK_US, on_tick, life))
		return E_NOMEM;
	err_t e = jail_prepare(lease_dir, spec, &life->place, detail);
	if (e == OK)
		e = console_new(loop, life->place.console_fd, log_fd, on_peer, life, &life->console);
	if (e == OK)
		e = start_jail(life);
	if (e == OK && spec->warm != VM_WARM_NONE)
		console_watch(life->console, WARM_MARK, on_mark);
	if (e != OK)
		vm_life_end(life, "boot_failed", *detail ? detail : err_name(e));
	return OK;
}

void vm_life_clear(struct vm_life *life)
{
	vm_life_end(life, "vmrun_quit", "");
	if (life->jail_pid > 0)
		waitpid(life->jail_pid, NULL, 0);
	if (life->output_fd >= 0)
		loop_fd_remove(life->loop, life->output_fd);
	fd_close(&life->output_fd);
	console_free(life->console);
	vcpus_free(life->vcpus);
	jail_place_clear(&life->place);
}
