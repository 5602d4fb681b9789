/* SPDX-License-Identifier: Apache-2.0
 * store_orders.c - orders, matches, leases, usage and its charge, the end, marks, events in a real database
 */
#include "database.h"

static const uuid NOBODY = { { 0 } };
static uuid buyer, seller, machine;
static sha256 image;

static struct balance balance_of(struct store *s, uuid account)
{
	struct balance b = { .available = { -1 } };
	good(store_balance(s, account, &b));
	return b;
}

static uuid new_order(struct store *s, const struct order_request *r, int64_t place_hold)
{
	uuid id = uuid_make(now);
	good(store_order_create(s, id, buyer, r, (money){ place_hold }, now));
	return id;
}

/* Record seq with simple counters; total is what they cost, target what the hold should be. */
static err_t use(struct store *s, uuid lease, uint64_t seq, int64_t total, int64_t target, struct lease_row *ret)
{
	struct usage u = { .seq = seq, .vcpu_ns = seq * 1000, .running_us = seq * 10, .tx_bytes = seq, .rx_bytes = 2 * seq };
	random_fill(u.signature.bytes, sizeof u.signature.bytes);
	return store_lease_usage(s, lease, &u, sha256_of(&seq, sizeof seq), false, (money){ total }, 1000, (money){ target }, now,
				 ret);
}

static void test_create(struct store *s)
{
	struct order_request r = order_of(image, 3, 1);
	struct order o;
	uuid id = uuid_make(now);
	fund(s, buyer, 1000, 0);
	memcpy(r.constraints.countries, "DE\0FR", 6);
	r.constraints.country_count = 2;
	r.constraints.min_score = 7;
	r.user_data = "#cloud-config\n";
	r.budget.micro = 500;
	refused(store_order_create(s, id, buyer, &r, (money){ 334 }, now), E_INVALID, "a budget below the first holds");
	r.budget.micro = 0;
	refused(store_order_create(s, id, buyer, &r, (money){ 334 }, now), E_FUNDS, "holds above the balance");
	r.image = sha256_of("x", 1);
	refused(store_order_create(s, id, buyer, &r, (money){ 1 }, now), E_NOT_FOUND, "an image that is not there");
	sha256 piece = sha256_of("half", 4);
	struct image_request half = { .name = "half", .size_bytes = 9, .pieces = &piece, .piece_count = 1 };
	r.image = image_id(9, &piece, 1);
	good(store_image_create(s, buyer, &half, r.image));
	refused(store_order_create(s, id, buyer, &r, (money){ 1 }, now), E_CONFLICT, "an image that is not ready");
	r.image = image;
	refused(store_order_create(s, id, seller, &r, (money){ 1 }, now), E_NOT_FOUND, "another's image");
	is_int(balance_of(s, buyer).available.micro, 1000, "refusals held nothing");
	ok(store_order_create(s, id, buyer, &r, (money){ 333 }, now) == OK, "an order");
	refused(store_order_create(s, id, buyer, &r, (money){ 0 }, now), E_EXISTS, "once");
	struct balance b = balance_of(s, buyer);
	ok(b.available.micro == 1 && b.held.micro == 999, "holds for each place");
	ok(store_order_get(s, id, &o) == OK && o.state == ORDER_OPEN && o.count == 3 && o.held.micro == 999 && o.filled == 0 &&
		   o.constraints.country_count == 2 && !strcmp(o.constraints.countries[1], "FR") &&
		   o.constraints.min_score == 7 && o.open_until.us == now.us + 3600 * SECOND_US && o.ended_at.us == 0 &&
		   o.max_prices.per_core_hour.micro == 20000,
	   "comes back as it was");
	char *text = NULL;
	ok(store_order_user_data(s, id, &text) == OK && !strcmp(text, "#cloud-config\n"), "with its user-data");
	free(text);
	struct book_order *list;
	size_t count;
	ok(store_order_list_open(s, &list, &count) == OK && count == 1 && uuid_equal(list[0].o.id, id), "waits for places");
	free(list);
	refused(store_image_delete(s, buyer, image), E_CONFLICT, "its image cannot go");
	refused(store_order_close(s, id, ORDER_ENDED, now), E_INVALID, "closed as cancelled or expired only");
	ok(store_order_close(s, id, ORDER_CANCELLED, now) == OK, "cancelled");
	refused(store_order_close(s, id, ORDER_EXPIRED, now), E_CONFLICT, "once");
	b = balance_of(s, buyer);
	ok(b.available.micro == 1000 && b.held.micro == 0, "gives everything back");
	ok(store_order_get(s, id, &o) == OK && o.state == ORDER_CANCELLED && o.ended_at.us == now.us && o.held.micro == 0,
	   "is over");
	uint32_t number = 0, again = 0;
	uuid peer = uuid_make(now);
	ok(store_peer_number(s, id, peer, &number) == OK && number == 1, "its first peer");
	ok(store_peer_number(s, id, uuid_make(now), &number) == OK && number == 2, "its second");
	ok(store_peer_number(s, id, peer, &again) == OK && again == 1, "a peer keeps its number");
	for (int i = 3; i <= 64; i++)
		good(store_peer_number(s, id, uuid_make((wall_time){ now.us + i * 1000 }), &number));
	refused(store_peer_number(s, id, uuid_make(now), &number), E_LIMIT, "64 at most");
	refused(store_peer_number(s, uuid_make(now), peer, &number), E_NOT_FOUND, "none of no order");
}

static void test_match(struct store *s)
{
	struct order_request r = order_of(image, 4, 2);
	uuid id = new_order(s, &r, 100);
	struct match m[4];
	struct made made[4];
	for (int i = 0; i < 4; i++)
		m[i] = (struct match){ id, machine, { { 10000 }, { 2000 }, { 1000 } }, 2, 512, false, 0 };
	m[0].prices.per_core_hour.micro = 9999;
	ok(store_match(s, m, 4, now, made) == OK, "a batch of matches");
	ok(uuid_is_zero(made[0].lease) && made[0].outcome == MATCH_MACHINE, "below the seller's price: refused");
	ok(!uuid_is_zero(made[1].lease) && !uuid_is_zero(made[2].lease), "two fit");
	ok(uuid_is_zero(made[3].lease) && made[3].outcome == MATCH_CAPACITY, "the machine has no more cores");
	struct lease_row l;
	ok(store_lease_get(s, made[2].lease, NOBODY, &l) == OK && l.l.number == 2 && !strcmp(l.l.name, "vm2") &&
		   !strcmp(l.l.ip, "10.77.1.3") && !strncmp(l.l.mac, "52:54:00:", 9) && l.l.state == LEASE_MATCHED &&
		   l.desired == LEASE_RUNNING && l.l.held.micro == 100 && l.duration_s == 3600 &&
		   l.budget_left.micro == MONEY_MAX_MICRO && l.l.accel == ACCEL_KVM && !strcmp(l.l.machine_name, "tower"),
	   "a lease");
	struct order o;
	ok(store_order_get(s, id, &o) == OK && o.filled == 2 && o.state == ORDER_OPEN && o.held.micro == 400,
	   "holds stay as they were");
	struct machine_row row;
	good(store_machine_get(s, machine, &row));
	ok(row.cores_used == 4 && row.memory_used_mib == 1024 && row.m.leases == 2, "the machine is full");
	bool allowed = false;
	ok(store_image_for_machine(s, machine, image, &allowed) == OK && allowed, "and may read the image");
	struct lease_row *list;
	size_t count;
	ok(store_lease_list_of_order(s, id, NOBODY, &list, &count) == OK && count == 2 && list[0].l.number == 1, "of the order");
	free(list);
	ok(store_lease_list_of_machine(s, machine, &list, &count) == OK && count == 2, "of the machine");
	free(list);
	good(store_lease_end(s, made[1].lease, END_IMAGE_FAILED, "no disc", now));
	uuid third = match_one(s, id, machine, 2);
	ok(!uuid_is_zero(third), "an end makes room");
	good(store_lease_end(s, third, END_COMPLETED, "", now));
	row.accepting = false;
	good(store_machine_update(s, &row));
	ok(uuid_is_zero(match_one(s, id, machine, 2)), "a machine that takes nothing gets nothing");
	row.accepting = true;
	good(store_machine_update(s, &row));
	ok(uuid_is_zero(match_one(s, id, machine, 3)), "another shape than the order's: refused");
	wall_time before = now;
	now.us += 3601 * SECOND_US;
	ok(uuid_is_zero(match_one(s, id, machine, 2)), "an order whose time is over gets nothing");
	now = before;
	uuid fourth = match_one(s, id, machine, 2);
	ok(store_order_get(s, id, &o) == OK && o.state == ORDER_FILLED && o.ended == 2, "filled");
	ok(uuid_is_zero(match_one(s, id, machine, 2)), "is filled");
	refused(store_order_close(s, id, ORDER_EXPIRED, now), E_CONFLICT, "cannot expire");
	good(store_lease_end(s, made[2].lease, END_COMPLETED, "", now));
	good(store_lease_end(s, fourth, END_COMPLETED, "", now));
	ok(store_order_get(s, id, &o) == OK && o.state == ORDER_ENDED && o.ended_at.us == now.us && o.held.micro == 0,
	   "ended with its last");
	is_int(balance_of(s, buyer).available.micro, 1000, "nothing was used, nothing was paid");
	is_sound(s, "after matches");
}

static void test_states(struct store *s)
{
	struct order_request r = order_of(image, 1, 1);
	uuid order = new_order(s, &r, 10), id = match_one(s, order, machine, 1);
	struct lease_row l;
	ok(use(s, id, 1, 5, 10, &l) == OK && l.l.charged.micro == 0 && l.usage.seq == 1, "nothing is charged before it runs");
	good(store_lease_state(s, id, LEASE_PREPARING, ACCEL_TCG, "fetching", now));
	good(store_lease_state(s, id, LEASE_PREPARING, ACCEL_ANY, "fetching more", now));
	ok(store_lease_get(s, id, NOBODY, &l) == OK && l.l.state == LEASE_PREPARING && l.l.started_at.us == 0 &&
		   l.l.accel == ACCEL_TCG && !strcmp(l.l.detail, "fetching more"),
	   "preparing");
	good(store_lease_state(s, id, LEASE_RUNNING, ACCEL_ANY, "", now));
	wall_time started = now;
	now.us += MINUTE_US;
	good(store_lease_state(s, id, LEASE_PAUSED, ACCEL_ANY, "", now));
	good(store_lease_state(s, id, LEASE_RUNNING, ACCEL_ANY, "", now));
	ok(store_lease_get(s, id, NOBODY, &l) == OK && l.l.started_at.us == started.us, "started once");
	refused(store_lease_state(s, id, LEASE_PREPARING, ACCEL_ANY, "", now), E_CONFLICT, "never back");
	refused(store_lease_state(s, id, LEASE_ENDED, ACCEL_ANY, "", now), E_CONFLICT, "the end is another call");
	refused(store_lease_state(s, uuid_make(now), LEASE_RUNNING, ACCEL_ANY, "", now), E_NOT_FOUND, "no such lease");
	good(store_lease_path(s, id, "direct"));
	good(store_lease_desire(s, id, LEASE_PAUSED, END_NONE, now));
	good(store_lease_desire(s, id, LEASE_ENDED, END_CANCELLED_BY_BUYER, now));
	wall_time wanted = now;
	now.us += SECOND_US;
	good(store_lease_desire(s, id, LEASE_ENDED, END_EXPIRED, now));
	refused(store_lease_desire(s, id, LEASE_RUNNING, END_NONE, now), E_CONFLICT, "wanting the end is final");
	ok(store_lease_get(s, id, NOBODY, &l) == OK && l.desired == LEASE_ENDED && l.desired_reason == END_CANCELLED_BY_BUYER &&
		   l.desired_at.us == wanted.us && !strcmp(l.l.path, "direct"),
	   "its first reason and time stay");
	refused(store_lease_end(s, id, END_NONE, "", now), E_INVALID, "a lease ends for a reason");
	good(store_lease_end(s, id, END_CANCELLED_BY_BUYER, "bye", now));
	refused(store_lease_end(s, id, END_COMPLETED, "", now), E_CONFLICT, "once");
	refused(store_lease_state(s, id, LEASE_RUNNING, ACCEL_ANY, "", now), E_CONFLICT, "no way back");
	refused(store_lease_desire(s, id, LEASE_RUNNING, END_NONE, now), E_CONFLICT, "nor a wish");
	refused(use(s, id, 2, 5, 10, &l), E_CONFLICT, "nor a charge");
	ok(use(s, id, 1, 5, 10, &l) == OK && l.l.charged.micro == 0, "an old record again is fine, and changes nothing");
	ok(store_lease_get(s, id, NOBODY, &l) == OK && l.l.state == LEASE_ENDED && l.l.reason == END_CANCELLED_BY_BUYER &&
		   l.l.held.micro == 0 && l.l.ended_at.us == now.us && !strcmp(l.l.detail, "bye"),
	   "ended, with its reason");
}

static void test_usage(struct store *s)
{
	struct order_request r = order_of(image, 1, 1);
	r.budget.micro = 500;
	uuid order = new_order(s, &r, 100), id = match_one(s, order, machine, 1);
	struct balance before = balance_of(s, seller), b;
	struct lease_row l, again;
	good(store_lease_state(s, id, LEASE_RUNNING, ACCEL_KVM, "", now));
	ok(use(s, id, 1, 33, 100, &l) == OK && l.l.charged.micro == 33 && l.l.commission.micro == 3 && l.l.held.micro == 100,
	   "charged, and filled up");
	is_int(balance_of(s, seller).available.micro, before.available.micro + 30, "the seller has earned");
	ok(l.usage.seq == 1 && l.usage.vcpu_ns == 1000 && l.usage_at.us == now.us, "the record is kept");
	ok(use(s, id, 1, 999, 100, &again) == OK && again.l.charged.micro == 33, "the same record again charges nothing");
	ok(use(s, id, 2, 45, 100, &l) == OK && l.l.charged.micro == 45 && l.l.commission.micro == 5,
	   "the commission is rounded on the total");
	refused(store_lease_usage(s, id, &(struct usage){ .seq = 3 }, image, false, (money){ 50 }, 1000, (money){ 100 }, now, &l),
		E_INVALID, "counters never go back");
	ok(use(s, id, 5, 20, 100, &l) == OK && l.l.charged.micro == 45, "a smaller total charges nothing");
	ok(use(s, id, 6, 345, 100, &l) == OK && l.l.charged.micro == 145 && l.l.held.micro == 100, "no more than the hold");
	ok(use(s, id, 7, 345, 100, &l) == OK && l.l.charged.micro == 245, "the next record asks for the rest");
	ok(use(s, id, 8, 345, 300, &l) == OK && l.l.charged.micro == 345 && l.l.held.micro == 155 && l.budget_left.micro == 0,
	   "holds and charges stay within the budget");
	ok(use(s, id, 9, 9999, 300, &l) == OK && l.l.charged.micro == 500 && l.l.held.micro == 0, "up to the last micro");
	ok(use(s, id, 10, 99999, 300, &l) == OK && l.l.charged.micro == 500 && l.l.commission.micro == 50, "and no further");
	b = balance_of(s, buyer);
	ok(b.available.micro == 500 && b.held.micro == 0, "the buyer has paid");
	is_int(balance_of(s, seller).available.micro, before.available.micro + 450, "the seller has it, less the commission");
	struct order o;
	ok(store_order_get(s, order, &o) == OK && o.charged.micro == 500 && o.held.micro == 0, "so says the order");
	refused(store_feedback(s, id, uuid_make(now), true, "", now), E_NOT_FOUND, "a stranger's mark");
	ok(store_feedback(s, id, buyer, true, "fine", now) == OK, "the buyer's mark");
	refused(store_feedback(s, id, buyer, false, "", now), E_EXISTS, "once");
	ok(store_feedback(s, id, seller, false, "", now) == OK, "the seller's mark");
	ok(store_lease_get(s, id, buyer, &l) == OK && l.l.feedback == 1, "each sees its own");
	ok(store_lease_get(s, id, seller, &l) == OK && l.l.feedback == -1, "mark");
	struct seller v;
	ok(store_seller_get(s, seller, &v) == OK && v.good == 1 && v.bad == 0 && v.rating_ppm == 0, "the mark is there");
	good(store_order_close(s, order, ORDER_CANCELLED, now));
	ok(store_order_get(s, order, &o) == OK && o.state == ORDER_CANCELLED && o.ended_at.us == 0, "cancelled, but not over");
	good(store_lease_end(s, id, END_FUNDS_EXHAUSTED, "", now));
	ok(store_order_get(s, order, &o) == OK && o.state == ORDER_CANCELLED && o.ended_at.us == now.us, "until the lease is");
	ok(store_seller_get(s, seller, &v) == OK && v.rating_ppm > 0, "then the seller is rated");
	uint32_t ppm = 1;
	struct machine_row row;
	ok(store_buyer_rating(s, buyer, &ppm) == OK && ppm == 0, "the buyer, too: badly");
	good(store_machine_get(s, machine, &row));
	ok(row.rating_ppm == v.rating_ppm && row.good == 1 && !row.failures, "and the machine is its seller's");
	is_sound(s, "after charges");
}

static void test_available_is_the_bound(struct store *s)
{
	struct order_request r = order_of(image, 1, 1);
	uuid order = new_order(s, &r, 400), id = match_one(s, order, machine, 1);
	struct lease_row l;
	good(store_lease_state(s, id, LEASE_RUNNING, ACCEL_KVM, "", now));
	ok(use(s, id, 1, 200, 400, &l) == OK && l.l.held.micro == 300 && balance_of(s, buyer).available.micro == 0,
	   "filled up with what there is");
	ok(use(s, id, 2, 450, 400, &l) == OK && l.l.held.micro == 50, "then the hold shrinks");
	refused(store_feedback(s, match_one(s, NOBODY, machine, 1), buyer, true, "", now), E_NOT_FOUND, "no lease, no mark");
	good(store_lease_end(s, id, END_COMPLETED, "", now));
	struct balance b = balance_of(s, buyer);
	ok(b.available.micro == 50 && b.held.micro == 0, "what is left of the hold comes back");
	is_sound(s, "with an empty balance");
}

static void test_own_machine(struct store *s)
{
	uuid both = new_account(s, "both"), own = new_machine(s, both, "mine");
	sha256 disc = new_image(s, both, "disc");
	struct order_request r = order_of(disc, 1, 1);
	uuid order = uuid_make(now);
	struct lease_row l;
	fund(s, both, 1000, 0);
	good(store_order_create(s, order, both, &r, (money){ 100 }, now));
	uuid id = match_one(s, order, own, 1);
	good(store_lease_state(s, id, LEASE_RUNNING, ACCEL_KVM, "", now));
	ok(use(s, id, 1, 100, 100, &l) == OK && l.l.charged.micro == 100, "one's own machine is charged too");
	struct balance b = balance_of(s, both);
	is_int(b.available.micro + b.held.micro, 990, "only the commission is gone");
	refused(store_feedback(s, id, both, true, "I am great", now), E_CONFLICT, "but gives no marks");
	good(store_lease_end(s, id, END_COMPLETED, "", now));
	is_sound(s, "with one on both sides");
}

static void test_postings(struct store *s)
{
	struct posting *all, *page;
	size_t count = 0, n, seen = 0;
	struct page at = { .limit = 200 };
	ok(store_postings(s, buyer, at, (wall_time){ 0 }, &all, &count) == OK && count > 7, "a history");
	struct balance b = balance_of(s, buyer);
	ok(all[0].balance_micro == b.available.micro + b.held.micro, "its last line is the balance");
	bool consistent = true;
	for (size_t i = 0; i + 1 < count; i++)
		if (all[i].balance_micro - all[i + 1].balance_micro != all[i].amount_micro)
			consistent = false;
	ok(consistent, "each line follows from the one before");
	for (at.limit = 7;; at.after = page[n - 1].id, free(page)) {
		good(store_postings(s, buyer, at, (wall_time){ 0 }, &page, &n));
		for (size_t i = 0; i < n && seen + i < count; i++)
			if (!uuid_equal(page[i].id, all[seen + i].id))
				consistent = false;
		seen += n;
		if (n < at.limit)
			break;
	}
	free(page);
	ok(seen == count && consistent, "pages of it are the same in parts");
	free(all);
	ok(store_postings(s, seller, (struct page){ .limit = 1 }, (wall_time){ 0 }, &all, &count) == OK && count == 1 &&
		   !strcmp(all[0].kind, "earning") && all[0].amount_micro > 0,
	   "what is a charge to one is an earning to the other");
	free(all);
	refused(store_postings(s, buyer, (struct page){ .limit = 201 }, (wall_time){ 0 }, &all, &count), E_INVALID,
		"a page has a bound");
}

static void test_events(struct store *s)
{
	struct event_row *rows;
	size_t count;
	int64_t last;
	good(store_event_last(s, &last));
	struct order_request r = order_of(image, 1, 1);
	uuid order = new_order(s, &r, 1), id = match_one(s, order, machine, 1);
	good(store_lease_state(s, id, LEASE_RUNNING, ACCEL_KVM, "", now));
	good(store_lease_end(s, id, END_COMPLETED, "", now));
	static const char *const kinds[] = { "order.created", "lease.matched", "order.filled",
					     "lease.running", "lease.ended",   "order.ended" };
	ok(store_events(s, buyer, order, last, 100, &rows, &count) == OK && count == 6, "six events for the buyer");
	for (size_t i = 0; i < count && i < 6; i++)
		is_text(rows[i].kind, kinds[i], "number %zu", i);
	ok(count > 4 && uuid_equal(rows[4].lease, id) && strstr(rows[4].data, "\"completed\""), "the end says why");
	int64_t third = count > 2 ? rows[2].id : 0;
	event_rows_free(rows, count);
	ok(store_events(s, buyer, NOBODY, third, 2, &rows, &count) == OK && count == 2 && !strcmp(rows[0].kind, "lease.running"),
	   "goes on behind the third");
	event_rows_free(rows, count);
	ok(store_events(s, seller, NOBODY, last, 100, &rows, &count) == OK && count == 3, "the seller hears of the lease only");
	event_rows_free(rows, count);
	/* A transaction that takes its numbers first and commits last must not be passed by. */
	struct store *other = NULL;
	good(store_open(cluster_market_uri(database_cluster), &other));
	good(store_event_last(s, &last));
	good(store_begin(other));
	uuid slow = uuid_make(now);
	good(store_order_create(other, slow, buyer, &r, (money){ 0 }, now));
	uuid quick = uuid_make(now);
	uuid friend = new_account(s, "friend");
	sha256 disc = new_image(s, friend, "disc2");
	r.image = disc;
	good(store_order_create(s, quick, friend, &r, (money){ 0 }, now));
	int64_t horizon;
	ok(store_event_last(s, &horizon) == OK && horizon == last, "what is under way holds later ones back");
	ok(store_events(s, friend, NOBODY, last, 9, &rows, &count) == OK && count == 0, "for a moment");
	event_rows_free(rows, count);
	good(store_commit(other));
	ok(store_events(s, friend, NOBODY, last, 9, &rows, &count) == OK && count == 1, "then they are there");
	event_rows_free(rows, count);
	ok(store_events(s, buyer, NOBODY, last, 9, &rows, &count) == OK && count == 1, "both");
	event_rows_free(rows, count);
	good(store_order_close(s, slow, ORDER_EXPIRED, now));
	store_close(other);
	good(store_sweep(s, (wall_time){ now.us + 31 * DAY_US }));
	ok(store_events(s, buyer, NOBODY, 0, 9, &rows, &count) == OK && count == 0, "after a month they are forgotten");
	event_rows_free(rows, count);
}

int main(void)
{
	struct store *s = database_open();
	buyer = new_account(s, "buyer");
	seller = new_account(s, "seller");
	machine = new_machine(s, seller, "tower");
	image = new_image(s, buyer, "disc");
	test_create(s);
	test_match(s);
	test_states(s);
	test_usage(s);
	test_available_is_the_bound(s);
	test_own_machine(s);
	test_postings(s);
	test_events(s);
	is_sound(s, "at the end");
	database_close(s);
	return done_testing();
}
