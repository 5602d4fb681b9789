/* SPDX-License-Identifier: Apache-2.0
 * scratch.c - makes the guest's scratch disk: LUKS, whose key is in the jail's memory and nowhere else
 */
#include "scratch.h"
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bytes.h"
#include "crypto.h"
#include "file.h"

enum { KEY_BYTES = 32 };
/* The key is as long as the cipher's: deriving another of it slowly, as of a password, adds nothing. */
#define OPTIONS "key-secret=scratch,cipher-alg=aes-256,cipher-mode=xts,ivgen-alg=plain64,hash-alg=sha256,iter-time=10"

static err_t write_key(void)
{
	uint8_t key[KEY_BYTES];
	char text[2 * KEY_BYTES + 1];
	random_fill(key, sizeof key);
	hex_encode(key, sizeof key, text);
	err_t e = file_write(SCRATCH_KEY, text, sizeof text - 1, 0600);
	explicit_bzero(key, sizeof key);
	explicit_bzero(text, sizeof text);
	return e;
}

err_t scratch_format(const struct vm_spec *spec)
{
	char size[24];
	char *arguments[] = {
		SCRATCH_MAKER, "create", "-q",	       "-f", "luks", "--object", "secret,id=scratch,file=" SCRATCH_KEY,
		"-o",	       OPTIONS,	 JAIL_SCRATCH, size, NULL
	};
	char *environment[] = { NULL };
	pid_t pid;
	int status = 0;
	TRY(write_key());
	snprintf(size, sizeof size, "%uM", spec->scratch_mib);
	int error = posix_spawn(&pid, SCRATCH_MAKER, NULL, NULL, arguments, environment);
	if (error)
		return err_from_errno(error);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_from_errno(errno);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? OK : E_IO;
}

void scratch_forget_key(void)
{
	if (unlink(SCRATCH_KEY) && errno != ENOENT)
		perror("the scratch disk's key stays until the jail ends");
}
