/* SPDX-License-Identifier: Apache-2.0
 * store_lane.c - rows of machines that go to the database in batches: each in its order, a retired one no one else's trouble
 */
#include "database.h"
#include "lane.h"
#include "loop.h"

enum { FIRST, SECOND, GONE, OTHER, THIRD, COUNT };
static struct updating updates[COUNT];
static err_t outcomes[COUNT];
static int order[COUNT];
static int done_count;

static void on_done(struct item *item, err_t e)
{
	int i = (int)((struct updating *)(void *)item - updates);
	outcomes[i] = e;
	order[done_count++] = i;
}

static void ask(struct lane *lane, struct store *s, int i, uuid machine, uint32_t cores)
{
	good(store_machine_get(s, machine, &updates[i].row));
	updates[i].item.done = on_done;
	updates[i].row.m.state = MACHINE_PAUSED;
	updates[i].row.m.cores = cores;
	lane_update(lane, &updates[i]);
}

int main(void)
{
	struct store *s = database_open();
	struct machine_row row;
	struct loop *loop = NULL;
	struct lane *lane = NULL;
	uuid seller = new_account(s, "seller");
	uuid one = new_machine(s, seller, "one"), gone = new_machine(s, seller, "gone"), other = new_machine(s, seller, "other");
	good(loop_new(&loop));
	good(lane_open(loop, cluster_market_uri(database_cluster), NULL, &lane));
	ask(lane, s, FIRST, one, 1); /* goes at once; the others are the next batch, but for the last */
	ask(lane, s, SECOND, one, 2);
	ask(lane, s, GONE, gone, 3);
	ask(lane, s, OTHER, other, 5);
	ask(lane, s, THIRD, one, 3);
	good(store_machine_retire(s, seller, gone));
	for (int turns = 0; done_count < COUNT && turns < 600; turns++)
		good(loop_once(loop, 100000));
	is_int(done_count, COUNT, "each is told once");
	ok(outcomes[FIRST] == OK && outcomes[SECOND] == OK && outcomes[OTHER] == OK && outcomes[THIRD] == OK, "they are written");
	ok(outcomes[GONE] == E_NOT_FOUND, "but the one that was retired meanwhile");
	ok(order[0] == FIRST && order[COUNT - 1] == THIRD, "one machine's in their order");
	ok(store_machine_get(s, one, &row) == OK && row.m.cores == 3 && row.m.state == MACHINE_PAUSED, "so that the last counts");
	ok(store_machine_get(s, other, &row) == OK && row.m.cores == 5 && !strcmp(row.m.name, "other"), "each its own");
	ok(store_machine_get(s, gone, &row) == OK && row.m.state == MACHINE_RETIRED && row.m.cores == 4, "retired is for good");
	lane_close(lane);
	loop_free(loop);
	database_close(s);
	return done_testing();
}
