/* SPDX-License-Identifier: Apache-2.0
 * store_random.c - a long random sequence of operations, each compared with a model that keeps its own books
 *
 * How it works: the model below knows what each operation should answer and move, by the rules of docs/MONEY.md, written a second
 * time and without SQL. Every operation's result is compared, every fourth one is asked once more (as after a lost answer), every
 * fiftieth step compares all balances, orders and leases, and audits the ledger. The seed is printed; SEED and STEPS choose others.
 */
#include "audit.h"
#include "books.h"
#include "database.h"

enum { USERS = 4, ORDERS = 400, LEASES = 1200, PER_ORDER = 3, COMMISSION_BP = 730 };

struct model_order {
	uuid id;
	int buyer, count, filled, ended;
	int64_t budget, place_hold, held, leases_held, charged;
	enum order_state state;
};
struct model_lease {
	uuid id;
	int order, seller;
	int64_t held, charged, commission, due;
	uint64_t seq;
	bool started, over, marked[2];
	int64_t refunded, commission_refunded;
};
static struct {
	uuid user[USERS], machine[USERS];
	sha256 image[USERS];
	int64_t available[USERS], held[USERS], used[USERS], commission, paid_in;
	struct model_order order[ORDERS];
	struct model_lease lease[LEASES];
	int orders, leases;
} m;
static uint64_t state;
static int wrong;

/* SplitMix64 */
static uint64_t draw(uint64_t below)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % below;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void expect(struct store *s, err_t got, err_t want, const char *what, int step)
{
	if (got == want || wrong > 20)
		return;
	wrong++;
	ok(false, "step %d, %s: got %s, want %s", step, what, err_name(got), err_name(want));
	printf("# %s\n", store_error(s));
}

static void do_deposit(struct store *s, int step)
{
	int user = (int)draw(USERS);
	struct deposit d = { .id = uuid_make(now), .account = m.user[user], .provider = "manual", .state = DEPOSIT_PENDING }, ret;
	char reference[UUID_TEXT_SIZE];
	d.amount.micro = 1 + (int64_t)draw(3000);
	d.commission.micro = (int64_t)draw(2) * d.amount.micro / 50;
	d.credit.micro = d.amount.micro - d.commission.micro;
	d.created_at = now;
	expect(s, store_deposit_create(s, &d), OK, "deposit", step);
	if (draw(5) == 0) {
		expect(s, store_deposit_fail(s, d.id, &ret), OK, "failing", step);
		expect(s, store_deposit_credit(s, d.id, "x", &ret), E_CONFLICT, "crediting a failed one", step);
		return;
	}
	expect(s, store_deposit_credit(s, d.id, uuid_format(d.id, reference), &ret), OK, "crediting", step);
	expect(s, store_deposit_credit(s, d.id, reference, &ret), E_CONFLICT, "crediting again", step);
	m.available[user] += d.credit.micro;
	m.commission += d.commission.micro;
	m.paid_in += d.amount.micro;
}

static void do_order(struct store *s, int step)
{
	if (m.orders == ORDERS)
		return;
	struct model_order *o = &m.order[m.orders];
	*o = (struct model_order){ .id = uuid_make(now), .buyer = (int)draw(USERS), .count = 1 + (int)draw(PER_ORDER) };
	o->place_hold = (int64_t)draw(300);
	o->budget = draw(2) ? 0 : 1 + (int64_t)draw(1500);
	struct order_request r = order_of(m.image[o->buyer], (uint32_t)o->count, 1);
	r.budget.micro = o->budget;
	int64_t hold = o->place_hold * o->count;
	err_t want = o->budget && hold > o->budget ? E_INVALID : hold > m.available[o->buyer] ? E_FUNDS : OK;
	expect(s, store_order_create(s, o->id, m.user[o->buyer], &r, (money){ o->place_hold }, now), want, "order", step);
	if (want != OK)
		return;
	o->held = hold;
	m.available[o->buyer] -= hold;
	m.held[o->buyer] += hold;
	m.orders++;
}

static void do_match(struct store *s, int step)
{
	struct match batch[4];
	struct made made[4];
	int order[4], seller[4];
	if (m.orders == 0 || m.leases + 4 > LEASES)
		return;
	for (int i = 0; i < 4; i++) {
		/* the latest ones mostly: the others are closed */
		order[i] = m.orders - 1 - (int)draw(m.orders > 6 && draw(10) ? 6 : (uint64_t)m.orders);
		seller[i] = (int)draw(USERS);
		batch[i] = (struct match){
			m.order[order[i]].id, m.machine[seller[i]], { { 10000 }, { 2000 }, { 1000 } }, 1, 512, false, 0
		};
	}
	expect(s, store_match(s, batch, 4, now, made), OK, "match", step);
	for (int i = 0; i < 4; i++) {
		struct model_order *o = &m.order[order[i]];
		bool fits = o->state == ORDER_OPEN && m.used[seller[i]] < 4;
		expect(s, uuid_is_zero(made[i].lease) ? E_CONFLICT : OK, fits ? OK : E_CONFLICT, "a match of the batch", step);
		if (!fits)
			continue;
		m.lease[m.leases++] = (struct model_lease){
			.id = made[i].lease, .order = order[i], .seller = seller[i], .held = o->place_hold
		};
		m.used[seller[i]]++;
		o->held -= o->place_hold;
		o->leases_held += o->place_hold;
		if (++o->filled == o->count)
			o->state = ORDER_FILLED;
	}
}

/* One that lives, mostly. */
static struct model_lease *some_lease(void)
{
	if (m.leases == 0)
		return NULL;
	int at = (int)draw((uint64_t)m.leases);
	for (int i = 0; i < m.leases && m.lease[at].over && draw(50); i++)
		at = (at + 1) % m.leases;
	return &m.lease[at];
}

static void do_run(struct store *s, int step)
{
	struct model_lease *l = some_lease();
	if (!l)
		return;
	enum lease_state to = draw(3) ? LEASE_RUNNING : LEASE_PAUSED;
	expect(s, store_lease_state(s, l->id, to, ACCEL_ANY, "", now), l->over ? E_CONFLICT : OK, "running", step);
	l->started |= !l->over;
}

static void model_use(struct model_lease *l, int64_t total, int64_t target)
{
	struct model_order *o = &m.order[l->order];
	int64_t charge = l->started && total > l->charged ? least(total - l->charged, l->held) : 0;
	/* Half up on the total; the amounts here are small enough for plain arithmetic. */
	int64_t commission = ((l->charged + charge) * COMMISSION_BP + 5000) / 10000 - l->commission;
	commission = commission < 0 ? 0 : least(commission, charge);
	int64_t fill = target > l->held - charge ? target - (l->held - charge) : 0;
	fill = least(fill, m.available[o->buyer]);
	if (o->budget)
		fill = least(fill, o->budget - o->charged - o->held - o->leases_held);
	l->charged += charge;
	l->commission += commission;
	l->held += fill - charge;
	o->charged += charge;
	o->leases_held += fill - charge;
	m.held[o->buyer] += fill - charge;
	m.available[o->buyer] -= fill;
	m.available[l->seller] += charge - commission;
	m.commission += commission;
}

static void do_use(struct store *s, int step)
{
	struct model_lease *l = some_lease();
	if (!l)
		return;
	/* Mostly the next record; also late and repeated ones, and totals that shrink. */
	uint64_t seq = draw(6) ? l->seq + 1 + draw(2) : draw(l->seq + 1);
	int64_t total = l->due + (int64_t)draw(200) - (draw(8) == 0 ? 300 : 0), target = (int64_t)draw(400);
	total = total < 0 ? 0 : total;
	struct usage u = { .seq = seq, .vcpu_ns = seq, .running_us = seq, .tx_bytes = seq, .rx_bytes = seq };
	struct lease_row row;
	err_t want = seq > l->seq && l->over ? E_CONFLICT : OK;
	for (int again = draw(4) == 0; again >= 0; again--) {
		expect(s,
		       store_lease_usage(s, l->id, &u, sha256_of(&seq, 8), false, (money){ total }, COMMISSION_BP,
					 (money){ target }, now, &row),
		       want, "usage", step);
		if (want == OK && seq > l->seq) {
			model_use(l, total, target);
			l->seq = seq;
			l->due = total > l->due ? total : l->due;
		}
		if (want == OK &&
		    (row.l.charged.micro != l->charged || row.l.held.micro != l->held || row.l.commission.micro != l->commission))
			expect(s, E_CORRUPT, OK, "a charge as the model has it", step);
	}
}

static void do_correct(struct store *s, int step)
{
	struct model_lease *l = m.leases ? &m.lease[(int)draw((uint64_t)m.leases)] : NULL;
	if (!l)
		return;
	int buyer = m.order[l->order].buyer;
	int64_t amount = 1 + (int64_t)draw((uint64_t)(l->charged - l->refunded) + 2);
	int64_t total = l->refunded + amount, market = 0, seller = 0;
	err_t want = buyer == l->seller ? E_CONFLICT : total > l->charged ? E_INVALID : OK;
	if (want == OK) {
		int64_t commission = (total * l->commission * 2 + l->charged) / (2 * l->charged) - l->commission_refunded;
		commission = commission < 0 ? 0 : least(commission, amount);
		seller = least(amount - commission, m.available[l->seller]);
		market = amount - seller;
		want = m.commission < market ? E_FUNDS : OK;
		l->commission_refunded += want == OK ? commission : 0;
	}
	expect(s, store_correct(s, l->id, (money){ amount }, "drawn", "dice", now), want, "correct", step);
	if (want != OK)
		return;
	l->refunded = total;
	m.available[buyer] += amount;
	m.available[l->seller] -= seller;
	m.commission -= market;
}

static void do_mark(struct store *s, int step)
{
	struct model_lease *l = m.leases ? &m.lease[(int)draw((uint64_t)m.leases)] : NULL;
	if (!l)
		return;
	int buyer = m.order[l->order].buyer, by_buyer = (int)draw(2);
	err_t want = buyer == l->seller || !l->charged ? E_CONFLICT : l->marked[by_buyer] ? E_EXISTS : OK;
	expect(s, store_feedback(s, l->id, m.user[by_buyer ? buyer : l->seller], draw(2), "", now), want, "mark", step);
	l->marked[by_buyer] |= want == OK;
}

static void do_end(struct store *s, int step)
{
	struct model_lease *l = some_lease();
	if (!l || (!l->over && draw(3)))
		return;
	struct model_order *o = &m.order[l->order];
	expect(s, store_lease_end(s, l->id, draw(3) ? END_COMPLETED : END_WITHDRAWN_BY_SELLER, "", now),
	       l->over ? E_CONFLICT : OK, "end", step);
	if (l->over)
		return;
	l->over = true;
	m.used[l->seller]--;
	o->leases_held -= l->held;
	m.held[o->buyer] -= l->held;
	m.available[o->buyer] += l->held;
	l->held = 0;
	if (++o->ended == o->filled && o->state == ORDER_FILLED)
		o->state = ORDER_ENDED;
}

static void do_close(struct store *s, int step)
{
	if (m.orders == 0)
		return;
	struct model_order *o = &m.order[(int)draw((uint64_t)m.orders)];
	enum order_state to = draw(2) ? ORDER_CANCELLED : ORDER_EXPIRED;
	bool may = o->state == ORDER_OPEN || (o->state == ORDER_FILLED && to == ORDER_CANCELLED);
	expect(s, store_order_close(s, o->id, to, now), may ? OK : E_CONFLICT, "close", step);
	if (!may)
		return;
	o->state = to;
	m.held[o->buyer] -= o->held;
	m.available[o->buyer] += o->held;
	o->held = 0;
}

static void compare(struct store *s, int step)
{
	struct ledger_report r = { 0 }, audited = { 0 };
	int64_t users = 0;
	for (int i = 0; i < USERS; i++) {
		struct balance b = { 0 };
		good(store_balance(s, m.user[i], &b));
		if (b.available.micro != m.available[i] || b.held.micro != m.held[i])
			expect(s, E_CORRUPT, OK, "a balance as the model has it", step);
		users += m.available[i] + m.held[i];
	}
	for (int i = 0; i < m.orders; i++) {
		struct order o = { 0 };
		const struct model_order *want = &m.order[i];
		good(store_order_get(s, want->id, &o));
		bool over = want->state > ORDER_FILLED && want->ended == want->filled;
		if (o.state != want->state || o.held.micro != want->held + want->leases_held ||
		    o.charged.micro != want->charged || (int)o.filled != want->filled || (int)o.ended != want->ended ||
		    (o.ended_at.us != 0) != over)
			expect(s, E_CORRUPT, OK, "an order as the model has it", step);
	}
	good(store_ledger_verify(s, &r));
	good(store_ledger_audit(s, 1 + step % 3, NULL, NULL, &audited));
	if (memcmp(&r, &audited, sizeof r) != 0)
		expect(s, E_CORRUPT, OK, "an audit that finds what PostgreSQL does", step);
	if (r.sum_micro || r.unbalanced || r.negative || r.holds_difference_micro || r.orders_difference ||
	    r.machines_difference || r.users_micro != users || r.commission_micro != m.commission ||
	    r.external_micro != -m.paid_in)
		expect(s, E_CORRUPT, OK, "a sound ledger", step);
	int64_t mended = -1;
	good(store_reputation_recompute(s, &mended));
	if (mended)
		expect(s, E_CORRUPT, OK, "the reputation that the history gives", step);
}

static int64_t number_of(const char *name, int64_t fallback)
{
	const char *text = getenv(name);
	int64_t value = fallback;
	if (text && int_parse(text, &value) != OK)
		die("%s must be a number", name);
	return value;
}

int main(void)
{
	static void (*const operations[])(struct store *, int) = { do_deposit, do_order, do_match,   do_match, do_run,
								   do_use,     do_use,	 do_use,     do_use,   do_end,
								   do_end,     do_close, do_correct, do_mark };
	struct store *s = database_open();
	int64_t seed = number_of("SEED", 20261121), steps = number_of("STEPS", 3000);
	printf("# SEED=%lld STEPS=%lld\n", (long long)seed, (long long)steps);
	state = (uint64_t)seed;
	for (int i = 0; i < USERS; i++) {
		char name[16];
		snprintf(name, sizeof name, "user%d", i);
		m.user[i] = new_account(s, name);
		m.machine[i] = new_machine(s, m.user[i], name);
		m.image[i] = new_image(s, m.user[i], name);
	}
	for (int step = 1; step <= (int)steps; step++) {
		now.us += 1000;
		operations[draw(sizeof operations / sizeof *operations)](s, step);
		if (step % 50 == 0)
			compare(s, step);
	}
	compare(s, (int)steps);
	ok(wrong == 0, "%d orders, %d leases, %lld paid in: all as the model has it", m.orders, m.leases, (long long)m.paid_in);
	ok(m.orders > 50 && m.leases > 50, "and there was something to compare");
	/* Everything ends: then nothing is held, and nothing is lost. */
	for (int i = 0; i < m.leases; i++)
		if (!m.lease[i].over)
			good(store_lease_end(s, m.lease[i].id, END_MARKET_FAULT, "", now));
	for (int i = 0; i < m.orders; i++)
		if (m.order[i].state == ORDER_OPEN)
			good(store_order_close(s, m.order[i].id, ORDER_CANCELLED, now));
	struct ledger_report r = { 0 };
	int64_t held = 0;
	for (int i = 0; i < USERS; i++) {
		struct balance b = { 0 };
		good(store_balance(s, m.user[i], &b));
		held += b.held.micro;
	}
	good(store_ledger_verify(s, &r));
	ok(held == 0 && r.users_micro + r.commission_micro == m.paid_in, "in the end nothing is held and nothing is missing");
	is_sound(s, "at the end");
	database_close(s);
	return done_testing();
}
