/* SPDX-License-Identifier: Apache-2.0
 * buyer_emulator.c - fuzz: what a QEMU says that its guest has taken over
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "emulator.h"
#include "file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct emulator_state state = { .restarts = 0 };
	int ends[2];
	if (size > 64 * 1024 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return 0;
	AUTO_FD ours = ends[0];
	AUTO_FD its = ends[1];
	const struct emulator e = { .pid = -1, .console_fd = -1, .control_fd = ours };
	if (send(its, data, size, MSG_DONTWAIT) != (ssize_t)size || shutdown(its, SHUT_WR))
		return 0;
	err_t looked = emulator_look(&e, &state);
	assert(looked == OK || (state.restarts >= 0 && looked != E_TIMEOUT));
	return 0;
}
