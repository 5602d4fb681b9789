/* SPDX-License-Identifier: Apache-2.0
 * simulate.c - thousands of peers and years of time: the mesh in a network where everything goes wrong
 *
 * Without arguments: a choice of seeds, each in a process of its own, as a test. With SEED HOURS PEERS: one long run.
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

static void check_memory(size_t before)
{
	size_t now = mallinfo2().uordblks, peers = peers_now + node_count;
	if (now > before + BYTES_OF_OURS + peers * BYTES_PER_PEER)
		broken("%zu bytes of memory for %zu peers", now - before, peers);
}

static void simulate(uint64_t seed, int64_t hours, size_t peers)
{
	int64_t end = hours * HOUR_US, longest = 0;
	static char repeat[128];
	snprintf(repeat, sizeof repeat, "make simulate SEED=%" PRIu64 " HOURS=%" PRId64 " PEERS=%zu", seed, hours, peers);
	check_repeat = repeat;
	/* Large blocks apart: those of the simulation itself are not counted. */
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
	dice_seed(seed);
	world_make(peers);
	size_t before = mallinfo2().uordblks;
	while (world_us < end) {
		world_storm(dice_between(PLAN, MINUTE_US, 20 * MINUTE_US));
		world_calm();
		int64_t took = world_settle();
		longest = took > longest ? took : longest;
		int64_t idle = dice_between(PLAN, MINUTE_US, end / 3 + 2 * HOUR_US);
		world_idle(idle < end - world_us || end < world_us ? idle : end - world_us);
		world_settle();
		check_memory(before);
	}
	printf("# seed %" PRIu64 ": %zu peers, %zu links, %lld h, %s, %" PRIu64 " packets, %" PRIu64 " keys, %" PRIu64
	       " frames (%" PRIu64 " came), %" PRIu64 " forgeries; all together again after %lld s at most\n",
	       seed, node_count, link_count, world_us / HOUR_US, with_relay ? "with relays" : "without relays", net_packets,
	       keys_made, frames_sent, frames_came, attacks_sent, longest / SECOND_US);
	world_clear();
}

static bool simulate_apart(uint64_t seed, int64_t hours, size_t peers)
{
	int status = 1;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		simulate(seed, hours, peers);
		exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int main(int argc, char **argv)
{
	static const struct {
		uint64_t seed;
		int64_t hours;
		size_t peers;
	} runs[] = { { 1, 2, 3 }, { 2, 2, 8 }, { 3, 6, 2 }, { 4, 2, 40 } };
	if (argc == 4) {
		simulate(strtoull(argv[1], NULL, 10), strtoll(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
		return 0;
	}
	for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
		ok(simulate_apart(runs[i].seed, runs[i].hours, runs[i].peers), "%zu peers, %" PRId64 " hours, seed %" PRIu64,
		   runs[i].peers, runs[i].hours, runs[i].seed);
	return done_testing();
}
