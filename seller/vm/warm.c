/* SPDX-License-Identifier: Apache-2.0
 * warm.c - saves a machine where its image may be cloned, and starts others from there
 *
 * How it works: QEMU migrates to and from a socket of ours, without the memory (x-ignore-shared), which is in a file that we have open.
 * libvirt knows nothing of it: it is told of a machine whose memory is a file, and finds a link to ours where it would make one.
 */
#include "warm.h"
#include <errno.h>
#include <libvirt/libvirt-qemu.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "bytes.h"
#include "clock.h"
#include "crypto.h"
#include "file.h"
#include "json.h"

#define SOCKET JAIL_STATE "/warm.sock"
#define SEED_BYTES 32
#define WAIT_MAX_MS 10000
#define WAIT_STEP_MS 2
#define HEAD_BYTES 8

err_t vm_warm_prepare(const struct vm_spec *spec, const char *libvirt_root)
{
	/* And the card's address: a clone's card has its driver, and its template's address. */
	uint8_t seed[SEED_BYTES + sizeof spec->mac];
	char dir[256], link_path[sizeof dir + 16], memory[64];
	random_fill(seed, SEED_BYTES);
	memcpy(seed + SEED_BYTES, spec->mac, sizeof spec->mac);
	err_t e = file_write(VM_WARM_SEED, seed, sizeof seed, 0600);
	explicit_bzero(seed, sizeof seed);
	TRY(e);
	/* The first machine of this libvirt has the id 1; its memory's name is QEMU's, too. */
	snprintf(dir, sizeof dir, "%s/lib/qemu/ram/1-%s", libvirt_root, spec->name);
	snprintf(link_path, sizeof link_path, "%s/pc.ram", dir);
	snprintf(memory, sizeof memory, "/proc/%d/fd/%d", (int)getpid(), JAIL_MEMORY_FD);
	TRY(dir_make(dir, 0700));
	return symlink(memory, link_path) ? err_from_errno(errno) : OK;
}

void vm_warm_forget_seed(void)
{
	if (unlink(VM_WARM_SEED) && errno != ENOENT)
		perror("the machine's seed stays until the jail ends");
}

/* ret_answer may be NULL. */
static err_t ask_qemu(virDomainPtr domain, const char *command, json_t **ret_answer)
{
	char *text = NULL;
	struct json_error error;
	AUTO_JSON answer = NULL;
	if (virDomainQemuMonitorCommand(domain, command, &text, 0) < 0)
		return E_IO;
	err_t e = json_parse(text, strlen(text), &answer, &error);
	free(text);
	TRY(e);
	json_t *value = json_object_get(answer, "return");
	if (!value) {
		fprintf(stderr, "QEMU refuses %s\n", command);
		return E_CONFLICT;
	}
	if (ret_answer)
		*ret_answer = json_incref(value);
	return OK;
}

static err_t ignore_memory(virDomainPtr domain)
{
	return ask_qemu(domain,
			"{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":"
			"[{\"capability\":\"x-ignore-shared\",\"state\":true}]}}",
			NULL);
}

static err_t wait_migrated(virDomainPtr domain, mono_time deadline)
{
	while (clock_mono().us < deadline.us) {
		AUTO_JSON answer = NULL;
		TRY(ask_qemu(domain, "{\"execute\":\"query-migrate\"}", &answer));
		const char *status = json_string_value(json_object_get(answer, "status"));
		if (status && !strcmp(status, "completed"))
			return OK;
		if (status && (!strcmp(status, "failed") || !strcmp(status, "cancelled")))
			return E_IO;
		usleep(WAIT_STEP_MS * 1000);
	}
	return E_TIMEOUT;
}

static mono_time deadline_now(void)
{
	mono_time t = clock_mono();
	t.us += WAIT_MAX_MS * MILLISECOND_US;
	return t;
}

static err_t wait_readable(int fd, mono_time deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left_us = deadline.us - clock_mono().us;
	return left_us > 0 && poll(&p, 1, (int)(left_us / 1000) + 1) == 1 ? OK : E_TIMEOUT;
}

static const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET };

/* All that QEMU sends until it closes. */
static err_t receive_state(int listener, mono_time deadline, uint8_t *data, size_t max, size_t *ret_len)
{
	TRY(wait_readable(listener, deadline));
	AUTO_FD fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return err_from_errno(errno);
	for (size_t len = 0;;) {
		TRY(wait_readable(fd, deadline));
		ssize_t n = read(fd, data + len, max - len);
		if (n < 0)
			return err_from_errno(errno);
		if (n == 0) {
			*ret_len = len;
			return len == max ? E_LIMIT : OK;
		}
		len += (size_t)n;
	}
}

/* The length goes last: without it nothing was saved. */
static err_t put_state(const struct vm_spec *spec, const uint8_t *data, size_t len)
{
	uint8_t head[HEAD_BYTES];
	off_t at = (off_t)vm_memory_bytes(spec);
	struct writer w = writer_of(head, sizeof head);
	write_u64(&w, len);
	if (lseek(JAIL_MEMORY_FD, at + HEAD_BYTES, SEEK_SET) < 0)
		return err_from_errno(errno);
	TRY(fd_write_all(JAIL_MEMORY_FD, data, len));
	return pwrite(JAIL_MEMORY_FD, head, sizeof head, at) == sizeof head ? OK : E_IO;
}

err_t vm_warm_save(virDomainPtr domain, const struct vm_spec *spec)
{
	AUTO_FREE uint8_t *data = malloc(VM_WARM_STATE_BYTES - HEAD_BYTES);
	AUTO_FD listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	mono_time deadline = deadline_now();
	size_t len = 0;
	if (!data)
		return E_NOMEM;
	if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof address) || listen(listener, 1))
		return err_from_errno(errno);
	TRY(ignore_memory(domain));
	TRY(ask_qemu(domain, "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"unix:" SOCKET "\"}}", NULL));
	TRY(receive_state(listener, deadline, data, VM_WARM_STATE_BYTES - HEAD_BYTES, &len));
	TRY(wait_migrated(domain, deadline));
	unlink(SOCKET);
	return put_state(spec, data, len);
}

static err_t get_state(const struct vm_spec *spec, uint8_t **ret_data, size_t *ret_len)
{
	uint8_t head[HEAD_BYTES];
	off_t at = (off_t)vm_memory_bytes(spec);
	if (pread(JAIL_MEMORY_FD, head, sizeof head, at) != sizeof head)
		return E_CORRUPT;
	struct reader r = reader_of(head, sizeof head);
	uint64_t len = read_u64(&r);
	if (!len || len > VM_WARM_STATE_BYTES - HEAD_BYTES)
		return E_CORRUPT;
	AUTO_FREE uint8_t *data = malloc(len);
	if (!data)
		return E_NOMEM;
	if (pread(JAIL_MEMORY_FD, data, len, at + HEAD_BYTES) != (ssize_t)len)
		return E_CORRUPT;
	*ret_data = data;
	*ret_len = len;
	data = NULL;
	return OK;
}

err_t vm_warm_load(virDomainPtr domain, const struct vm_spec *spec)
{
	AUTO_FREE uint8_t *data = NULL;
	size_t len;
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	TRY(get_state(spec, &data, &len));
	TRY(ignore_memory(domain));
	TRY(ask_qemu(domain, "{\"execute\":\"migrate-incoming\",\"arguments\":{\"uri\":\"unix:" SOCKET "\"}}", NULL));
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address))
		return err_from_errno(errno);
	TRY(fd_write_all(fd, data, len));
	if (shutdown(fd, SHUT_WR))
		return err_from_errno(errno);
	TRY(wait_migrated(domain, deadline_now()));
	unlink(SOCKET);
	return OK;
}
