/* SPDX-License-Identifier: Apache-2.0
 * audit.c - the whole ledger audited once; prints entries, microseconds, and our own CPU in milliseconds
 *
 * URI WORKERS: the database; at most so many connections, 0: as many as there are cores.
 */
#include "audit.h"
#include <stdio.h>
#include <sys/resource.h>
#include "bytes.h"
#include "clock.h"

int main(int argc, char **argv)
{
	struct ledger_report report;
	struct store *store;
	struct rusage usage;
	int64_t workers;
	if (argc != 3 || int_parse(argv[2], &workers))
		return 2;
	if (store_open(argv[1], &store))
		return 1;
	mono_time began = clock_mono();
	err_t e = store_ledger_audit(store, (int)workers, NULL, NULL, &report);
	int64_t took_us = clock_mono().us - began.us;
	getrusage(RUSAGE_SELF, &usage);
	if (e || report.unbalanced || report.sum_micro)
		return 1;
	printf("%lld %lld %lld\n", (long long)report.entries, (long long)took_us,
	       (long long)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
		       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000);
	store_close(store);
	return 0;
}
