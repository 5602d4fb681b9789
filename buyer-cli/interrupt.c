/* SPDX-License-Identifier: Apache-2.0
 * interrupt.c - Ctrl-C ends what goes on, and the command still says what came of it
 */
#include "interrupt.h"
#include <signal.h>
#include <time.h>

static volatile sig_atomic_t noted;

static void note(int number)
{
	(void)number;
	noted = 1;
}

void interrupt_catch(void)
{
	struct sigaction action = { .sa_handler = note, .sa_flags = SA_RESETHAND }; /* a second one ends us at once */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool interrupted(void)
{
	return noted;
}

void interrupt_sleep(int64_t us)
{
	struct timespec left = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
	if (us > 0 && !noted)
		(void)nanosleep(&left, NULL);
}
