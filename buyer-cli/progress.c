/* SPDX-License-Identifier: Apache-2.0
 * progress.c - how far long work is
 */
#include <stdio.h>
#include <unistd.h>
#include "clock.h"
#include "output.h"

enum { BAR = 30, BAR_EVERY_US = 100000, LINE_EVERY_US = 10 * 1000000 };

void progress_start(struct progress *p, const struct cli *cli, const char *what, uint64_t total_bytes)
{
	int64_t now_us = clock_mono().us;
	*p = (struct progress){ .cli = cli,
				.what = what,
				.total = total_bytes,
				.started_us = now_us,
				.shown_us = now_us,
				.first = -1,
				.terminal = isatty(STDERR_FILENO),
				.silent = cli_flag(cli, "quiet") || output_form(cli) != FORM_TABLE };
}

void progress_at(struct progress *p, uint64_t done)
{
	int64_t now_us = clock_mono().us;
	if (p->first < 0)
		p->first = (int64_t)done; /* what was there before we began says nothing of the rate */
	if (p->silent || now_us - p->shown_us < (p->terminal ? BAR_EVERY_US : LINE_EVERY_US))
		return;
	p->shown_us = now_us;
	double share = p->total ? (double)done / (double)p->total : 1;
	double rate = (double)(done - (uint64_t)p->first) / ((double)(now_us - p->started_us) / 1e6 + 1e-9);
	double left_s = rate > 0 ? (double)(p->total - done) / rate : 0;
	if (!p->terminal) {
		fprintf(stderr, "%s: %.0f %%, %.1f MiB/s, %.0f s left\n", p->what, share * 100, rate / 1048576, left_s);
		return;
	}
	char bar[BAR + 1];
	for (int i = 0; i < BAR; i++)
		bar[i] = i < (int)(share * BAR) ? '#' : '.';
	bar[BAR] = 0;
	fprintf(stderr, "\r%s [%s] %3.0f %%  %.1f MiB/s  %.0f s left \033[K", p->what, bar, share * 100, rate / 1048576, left_s);
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (!p->silent && p->terminal)
		fprintf(stderr, "\r\033[K");
}
