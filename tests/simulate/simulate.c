/* SPDX-License-Identifier: Apache-2.0
 * simulate.c - thousands of peers and years of time: the mesh in a network where everything goes wrong
 *
 * Without arguments: a choice of seeds, each in a process of its own, as a test. With SEED HOURS PEERS AWAKE: one long run.
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "attack.h"
#include "check.h"
#include "dice.h"
#include "events.h"
#include "tap.h"
#include "world.h"

#define BYTES_PER_PEER (128 << 10)
#define BYTES_OF_OURS (4 << 20)
#define NIGHT_US (10 * DAY_US) /* at most, between those who were up and others */

static void check_memory(size_t before)
{
	size_t now = mallinfo2().uordblks, peers = peers_now + node_count;
	if (now > before + BYTES_OF_OURS + peers * BYTES_PER_PEER)
		broken("%zu bytes of memory for %zu peers", now - before, peers);
}

/* awake: so many of them are up at one time, others after each night; 0: all, all the time. */
static void simulate(uint64_t seed, double hours, size_t peers, size_t awake)
{
	int64_t end = (int64_t)(hours * (double)HOUR_US), longest = 0, most_idle = awake ? HOUR_US : end / 3 + 2 * HOUR_US;
	static char repeat[128];
	snprintf(repeat, sizeof repeat, "make simulate SEED=%" PRIu64 " HOURS=%g PEERS=%zu AWAKE=%zu", seed, hours, peers, awake);
	check_repeat = repeat;
	/* Large blocks apart: those of the simulation itself are not counted. */
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
	dice_seed(seed);
	world_make(peers, awake);
	size_t before = mallinfo2().uordblks;
	while (world_us < end) {
		world_storm(dice_between(PLAN, MINUTE_US, 20 * MINUTE_US));
		world_calm();
		int64_t took = world_settle();
		longest = took > longest ? took : longest;
		int64_t idle = dice_between(PLAN, MINUTE_US, most_idle);
		world_idle(idle < end - world_us || end < world_us ? idle : end - world_us);
		world_settle();
		check_memory(before);
		if (awake)
			world_gather(NIGHT_US);
	}
	printf("# seed %" PRIu64 ": %zu peers, %zu links, %lld h, %s, %" PRIu64 " packets, %" PRIu64 " keys, %" PRIu64
	       " frames (%" PRIu64 " came), %" PRIu64 " forgeries; all together again after %lld s at most\n",
	       seed, node_count, link_count, world_us / HOUR_US, with_relay ? "with relays" : "without relays", net_packets,
	       keys_made, frames_sent, frames_came, attacks_sent, longest / SECOND_US);
	world_clear();
}

static bool simulate_apart(uint64_t seed, double hours, size_t peers, size_t awake)
{
	int status = 1;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		simulate(seed, hours, peers, awake);
		exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/* handshake_cheap.c says otherwise. */
__attribute__((weak)) bool handshakes_are_cheap(void)
{
	return false;
}

int main(int argc, char **argv)
{
	static const struct {
		uint64_t seed;
		double hours;
		size_t peers, awake;
		bool dear; /* only with cheap handshakes */
		const char *name;
	} runs[] = {
		{ 1, 2, 3, 0, false, "3 peers, 2 hours" },
		{ 2, 2, 8, 0, false, "8 peers, 2 hours" },
		{ 3, 6, 2, 0, false, "2 peers, 6 hours" },
		{ 4, 2, 40, 0, false, "40 peers, 2 hours" },
		{ 12, 0.2, 1000, 0, true, "1000 peers, 12 minutes" },
		{ 5, 365 * 24, 3000, 8, true, "3000 peers, of which 8 are awake, a year" },
	};
	if (argc == 5) {
		simulate(strtoull(argv[1], NULL, 10), strtod(argv[2], NULL), strtoull(argv[3], NULL, 10),
			 strtoull(argv[4], NULL, 10));
		return 0;
	}
	for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
		if (!runs[i].dear || handshakes_are_cheap())
			ok(simulate_apart(runs[i].seed, runs[i].hours, runs[i].peers, runs[i].awake), "%s, seed %" PRIu64,
			   runs[i].name, runs[i].seed);
	return done_testing();
}
