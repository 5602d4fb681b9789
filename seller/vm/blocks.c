/* SPDX-License-Identifier: Apache-2.0
 * blocks.c - serves a lease's image to its QEMU while it is still being fetched
 *
 * How it works: the daemon fetches pieces, verifies each against the image's list and then marks it in image.map; here it is only waited for
 * the mark. The first read of each piece is noted in image.reads, where the daemon sees what is wanted next, and what a boot of this image
 * reads in which order. This process has neither a network nor the market's token; what it has open when it gives up everything else is the
 * image (to read), the map (to read), the notes (to append to) and QEMU's connection. A read waits PATIENCE_MS for its pieces, then it fails.
 */
#include "blocks.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "bytes.h"
#include "confine.h"
#include "file.h"
#include "log.h"
#include "nbd.h"
#include "pid_file.h"

#define SOCKET_PATH "net/image.sock"
enum { CONNECT_MS = 120000, PATIENCE_MS = 120000, LOOK_MS = 5 };

struct blocks {
	int image_fd, map_fd, reads_fd;
	int client_fd;
	size_t piece_count;
	bool *read; /* by piece: it is in image.reads */
	struct nbd nbd;
};

static err_t listen_at(const char *path, uint32_t uid, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	TRY(text_copy(address.sun_path, sizeof address.sun_path, path));
	AUTO_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (unlink(path) && errno != ENOENT)
		return err_from_errno(errno);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || (uid && lchown(path, uid, uid)) || listen(fd, 1))
		return err_from_errno(errno);
	*ret_fd = fd;
	fd = -1;
	return OK;
}

static err_t open_files(struct blocks *b)
{
	struct stat image, map;
	b->image_fd = open("image.iso", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	b->map_fd = open("image.map", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	b->reads_fd = open("image.reads", O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (b->image_fd < 0 || b->map_fd < 0 || b->reads_fd < 0 || fstat(b->image_fd, &image) || fstat(b->map_fd, &map))
		return err_from_errno(errno);
	b->piece_count = (size_t)((image.st_size + BLOCKS_PIECE_BYTES - 1) / BLOCKS_PIECE_BYTES);
	if (image.st_size <= 0 || map.st_size != (off_t)b->piece_count)
		return E_INVALID;
	b->read = calloc(b->piece_count, sizeof *b->read);
	nbd_init(&b->nbd, (uint64_t)image.st_size);
	return b->read ? OK : E_NOMEM;
}

/* All that is needed is open. */
static err_t confine(uint32_t uid)
{
	const struct confine_paths nothing = { .programs = NULL };
	bool root = geteuid() == 0;
	if (root && (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) || setgroups(0, NULL) || setresgid(uid, uid, uid) ||
		     setresuid(uid, uid, uid)))
		return err_from_errno(errno);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_from_errno(errno);
	err_t e = confine_landlock(&nothing);
	if (e != E_UNSUPPORTED)
		TRY(e);
	TRY(confine_seccomp(false));
	return confine_seccomp_no_exec();
}

/* False where the client hung up meanwhile, or the time is over. */
static bool wait_for_piece(const struct blocks *b, size_t i)
{
	struct pollfd client = { .fd = b->client_fd, .events = POLLRDHUP };
	uint8_t mark = BLOCKS_MISSING;
	for (int waited = 0; waited < PATIENCE_MS; waited += LOOK_MS) {
		if (pread(b->map_fd, &mark, 1, (off_t)i) != 1)
			return false;
		if (mark == BLOCKS_THERE)
			return true;
		if (poll(&client, 1, LOOK_MS) != 0)
			return false;
	}
	return false;
}

static err_t note_read(struct blocks *b, size_t i)
{
	uint32_t index = htobe32((uint32_t)i);
	if (b->read[i])
		return OK;
	b->read[i] = true;
	return fd_write_all(b->reads_fd, &index, sizeof index);
}

static err_t send_out(struct blocks *b)
{
	TRY(fd_write_all(b->client_fd, b->nbd.out.data, b->nbd.out.len));
	buf_reset(&b->nbd.out);
	return OK;
}

static err_t answer(struct blocks *b, const struct nbd_read *read)
{
	size_t first = read->offset / BLOCKS_PIECE_BYTES, last = (read->offset + read->len - 1) / BLOCKS_PIECE_BYTES;
	bool failed = false;
	for (size_t i = first; i <= last; i++)
		TRY(note_read(b, i));
	for (size_t i = first; i <= last && !failed; i++)
		failed = !wait_for_piece(b, i);
	nbd_answer(&b->nbd, read, failed);
	TRY(send_out(b));
	off_t at = (off_t)read->offset;
	for (size_t left = failed ? 0 : read->len; left;) {
		ssize_t sent = sendfile(b->client_fd, b->image_fd, &at, left);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return E_IO;
		left -= (size_t)sent;
	}
	return OK;
}

static err_t serve(struct blocks *b)
{
	struct nbd_read read;
	for (;;) {
		size_t room;
		enum nbd_step step = nbd_next(&b->nbd, &read);
		if (b->nbd.out.len)
			TRY(send_out(b));
		if (step == NBD_ENDS)
			return OK;
		if (step == NBD_WANTS_READ) {
			TRY(answer(b, &read));
			continue;
		}
		uint8_t *at = nbd_room(&b->nbd, &room);
		ssize_t got = recv(b->client_fd, at, room, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return OK;
		nbd_added(&b->nbd, (size_t)got);
	}
}

static err_t run(struct blocks *b, uint32_t uid)
{
	int pid_fd, listen_fd = -1;
	TRY(pid_file_take("blocks.pid", &pid_fd)); /* held until we end: by it the daemon knows that we live */
	TRY(open_files(b));
	TRY(listen_at(SOCKET_PATH, uid, &listen_fd));
	TRY(confine(uid));
	struct pollfd p = { .fd = listen_fd, .events = POLLIN };
	if (poll(&p, 1, CONNECT_MS) != 1)
		return E_TIMEOUT;
	b->client_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	close(listen_fd); /* one client, and no other one ever */
	return b->client_fd < 0 ? err_from_errno(errno) : serve(b);
}

int blocks_run(const char *lease_dir, uint32_t uid)
{
	struct blocks b = { .image_fd = -1, .map_fd = -1, .reads_fd = -1, .client_fd = -1 };
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	err_t e = chdir(lease_dir) ? err_from_errno(errno) : run(&b, uid);
	if (e)
		log_error("the image is not served", "error=%s", err_name(e));
	nbd_clear(&b.nbd);
	free(b.read);
	return e ? EXIT_FAILURE : EXIT_SUCCESS;
}
