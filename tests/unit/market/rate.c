/* SPDX-License-Identifier: Apache-2.0
 * rate.c - tests of token buckets, and of the threads that passwords are checked on
 */
#include "rate.h"
#include "tap.h"
#include "workers.h"

static mono_time at(int64_t ms)
{
	return (mono_time){ (1000000 + ms) * 1000 };
}

struct job {
	struct loop *loop;
	int ran, done;
};
static void run(void *context)
{
	struct job *job = context;
	job->ran++;
}
static void done(void *context)
{
	struct job *job = context;
	job->done++;
	loop_stop(job->loop);
}

static void test_rate(void)
{
	struct rate *r;
	int wait_s = 0;
	if (rate_new(3, 2 * SECOND_US, &r) != OK) {
		ok(false, "a limiter");
		return;
	}
	for (int i = 0; i < 3; i++)
		ok(rate_take(r, "192.0.2.1", at(0), &wait_s), "%d at once", i + 1);
	ok(!rate_take(r, "192.0.2.1", at(0), &wait_s), "not a fourth");
	is_int(wait_s, 2, "it says how long");
	ok(rate_take(r, "192.0.2.2", at(0), &wait_s), "another address is another bucket");
	ok(!rate_take(r, "192.0.2.1", at(1900), &wait_s), "not a moment before");
	ok(rate_take(r, "192.0.2.1", at(2000), &wait_s), "one more in time");
	ok(!rate_take(r, "192.0.2.1", at(2000), &wait_s), "but not two");
	ok(rate_take(r, "192.0.2.1", at(100000), &wait_s) && rate_take(r, "192.0.2.1", at(100000), &wait_s) &&
		   rate_take(r, "192.0.2.1", at(100000), &wait_s),
	   "full again after a while");
	ok(!rate_take(r, "192.0.2.1", at(100000), &wait_s), "and no fuller");
	for (int i = 0; i < 3; i++)
		ok(rate_take(r, "2001:db8:1:2::1", at(0), &wait_s), "IPv6");
	ok(!rate_take(r, "2001:db8:1:2:ffff::2", at(0), &wait_s), "counts by /64");
	ok(rate_take(r, "2001:db8:1:3::1", at(0), &wait_s), "the next /64 does not");
	uuid id = uuid_make(clock_wall()), other = id;
	other.bytes[15] ^= 1;
	for (int i = 0; i < 3; i++)
		ok(rate_take_id(r, id, at(0), &wait_s), "an id");
	ok(!rate_take_id(r, id, at(0), &wait_s) && rate_take_id(r, other, at(0), &wait_s), "each id has its own");
	rate_free(r);
}

static void test_workers(void)
{
	struct workers *w;
	struct job job = { 0 };
	if (loop_new(&job.loop) != OK || workers_new(job.loop, 2, 4, &w) != OK) {
		ok(false, "workers");
		return;
	}
	is_int(workers_submit(w, run, done, &job), OK, "submit");
	is_int(loop_run(job.loop), OK, "the loop hears of its end");
	is_int(job.ran * 10 + job.done, 11, "run on a thread, done on the loop");
	for (int i = 0; i < 4; i++)
		if (workers_submit(w, run, done, &job) != OK)
			ok(false, "submit %d", i);
	workers_free(w);
	is_int(job.ran * 10 + job.done, 55, "freeing finishes what is queued");

	is_int(workers_new(job.loop, 0, 2, &w), OK, "without threads");
	ok(workers_submit(w, run, done, &job) == OK && workers_submit(w, run, done, &job) == OK, "jobs wait");
	is_int(workers_submit(w, run, done, &job), E_LIMIT, "up to a bound");
	workers_free(w);
	loop_free(job.loop);
}

/* The 17th of the reference implementation's vectors; "openssl mac SIPHASH" says the same. */
static void test_hash(void)
{
	uint8_t bytes[16];
	for (int i = 0; i < 16; i++)
		bytes[i] = (uint8_t)i;
	ok(rate_hash(bytes, bytes) == 0x3f2acc7f57c29bdb, "SipHash-2-4");
}

int main(void)
{
	test_hash();
	test_rate();
	test_workers();
	return done_testing();
}
