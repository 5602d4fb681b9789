/* SPDX-License-Identifier: Apache-2.0
 * pid_file.h - a file that names the process which holds it, for as long as that lives
 *
 * The kernel keeps the lock (fcntl, F_SETLK) and says whose it is, so that neither a file left over nor a number given anew is mistaken
 * for a process that lives. The holder must not open and close the file a second time: that ends the lock.
 */
#ifndef BASE_PID_FILE_H
#define BASE_PID_FILE_H

#include <sys/types.h>
#include "err.h"

/* Makes the file ours and writes our number into it; its descriptor is kept until we end. E_EXISTS: another process holds it. */
MUST_CHECK err_t pid_file_take(const char *path, int *ret_fd);
pid_t pid_file_holder(const char *path); /* 0: nobody */
/* Kills the holder and waits until it is gone, a second at most. Nobody: nothing is done. */
void pid_file_kill(const char *path);

#endif
