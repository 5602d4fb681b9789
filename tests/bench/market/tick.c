/* SPDX-License-Identifier: Apache-2.0
 * tick.c - metering ticks, as the market makes them, for some seconds; prints leases kept, and our own CPU in milliseconds
 *
 * URI EPOCH LEASES SECONDS: the database, the epoch of its book, how many leases run. Each tick is of all of them, with new counters; the next
 * one begins when it is complete, and deletes the one before it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include "bytes.h"
#include "clock.h"
#include "lane.h"

static struct {
	struct loop *loop;
	struct lane *lane;
	size_t leases, sent, under_way, kept;
	int64_t generation;
	mono_time until;
	err_t error;
} bench;

static void go_on(void);

static void on_kept(struct item *item, err_t e)
{
	struct tick_part *part = (struct tick_part *)(void *)item;
	bench.kept += e ? 0 : part->count;
	bench.error = bench.error ? bench.error : e;
	free(part);
	bench.under_way--;
	go_on();
}

static void fill(struct tick_part *part)
{
	size_t left = bench.leases - bench.sent;
	part->item = (struct item){ .done = on_kept };
	part->generation = bench.generation;
	part->complete = bench.generation - 1;
	part->now = clock_wall();
	part->count = left < TICK_MAX ? left : TICK_MAX;
	for (size_t i = 0; i < part->count; i++) {
		uint64_t n = bench.sent + i;
		part->leases[i] = (uuid){ { 1 } };
		memcpy(part->leases[i].bytes + 8, &n, sizeof n);
		part->seqs[i] = 7;
		part->vcpu_ns[i] = bench.generation * 60000000000;
		part->running_us[i] = bench.generation * 60000000;
		part->tx_bytes[i] = part->rx_bytes[i] = bench.generation * 1000 + (int64_t)n;
		part->totals_micro[i] = bench.generation * 17 + (int64_t)n;
		part->cuts[i] = false;
		memset(part->signatures[i].bytes, (int)n, sizeof part->signatures[i].bytes);
	}
}

static void go_on(void)
{
	if (bench.sent == bench.leases && !bench.under_way) {
		bench.sent = 0;
		bench.generation++;
		if (clock_mono().us >= bench.until.us)
			bench.error = bench.error ? bench.error : E_LIMIT; /* over */
	}
	while (!bench.error && bench.sent < bench.leases && bench.under_way < 2) {
		struct tick_part *part = malloc(sizeof *part);
		if (!part)
			abort();
		fill(part);
		bench.sent += part->count;
		bench.under_way++;
		lane_tick(bench.lane, part);
	}
	if (bench.error)
		loop_stop(bench.loop);
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int64_t epoch, leases, seconds;
	if (argc != 5 || int_parse(argv[2], &epoch) || int_parse(argv[3], &leases) || int_parse(argv[4], &seconds))
		return 2;
	bench.leases = (size_t)leases;
	bench.generation = 2;
	bench.until.us = clock_mono().us + seconds * SECOND_US;
	if (loop_new(&bench.loop) || lane_open(bench.loop, argv[1], NULL, &bench.lane))
		return 1;
	lane_set_epoch(bench.lane, epoch);
	go_on();
	err_t e = loop_run(bench.loop);
	getrusage(RUSAGE_SELF, &usage);
	printf("%zu %lld\n", bench.kept,
	       (long long)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
		       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000);
	lane_close(bench.lane);
	loop_free(bench.loop);
	return e || bench.error != E_LIMIT;
}
