/* SPDX-License-Identifier: Apache-2.0
 * store_accounts.c - accounts, tokens, idempotency keys, deposits, images, machines in a real database
 */
#include "database.h"
#include "people.h"

static const uuid NOBODY = { { 0 } };

static void test_accounts(struct store *s)
{
	struct account a;
	char hash[PASSWORD_HASH_SIZE];
	uuid id = new_account(s, "ada");
	ok(store_account_get(s, id, &a) == OK, "an account");
	is_text(a.email, "ada@example.org", "has its address");
	ok(!a.operator_ && a.created_at.us > 0, "is no operator");
	refused(store_account_create(s, uuid_make(now), "ada@example.org", "Ada", "x"), E_EXISTS, "an address once");
	ok(store_account_by_email(s, "ada@example.org", &a, hash) == OK && uuid_equal(a.id, id), "found by address");
	is_text(hash, "$scrypt$", "with its hash");
	refused(store_account_by_email(s, "bob@example.org", &a, hash), E_NOT_FOUND, "others are not");
	refused(store_account_get(s, uuid_make(now), &a), E_NOT_FOUND, "nor by id");
	ok(store_account_set_operator(s, "ada@example.org", true) == OK && store_account_get(s, id, &a) == OK && a.operator_,
	   "made an operator");
	refused(store_account_set_operator(s, "bob@example.org", true), E_NOT_FOUND, "nobody is not");
	struct balance b = { 0 };
	ok(store_balance(s, id, &b) == OK && b.available.micro == 0 && b.held.micro == 0, "a balance of nothing");
	refused(store_balance(s, uuid_make(now), &b), E_NOT_FOUND, "nobody has none");
	refused(store_account_create(s, uuid_make(now), "o'brien\"; --@example.org", "'; DROP TABLE account; --", "x"), OK,
		"quotes are just characters");
}

static void test_tokens(struct store *s)
{
	uuid account = new_account(s, "token"), machine = new_machine(s, account, "box");
	struct token_row found;
	struct token_view *list;
	size_t count;
	sha256 hash = token_hash("one"), other = token_hash("two"), old = token_hash("old");
	uuid id = uuid_make(now);
	wall_time real = clock_wall();
	good(store_token_create(s, id, account, NOBODY, "laptop", 5, hash, (wall_time){ 0 }));
	good(store_token_create(s, uuid_make(now), account, machine, "box", 64, other, (wall_time){ real.us + HOUR_US }));
	good(store_token_create(s, uuid_make(now), account, NOBODY, "old", 1, old, (wall_time){ real.us - SECOND_US }));
	ok(store_token_find(s, hash, &found) == OK, "a token is found by its hash");
	ok(uuid_equal(found.id, id) && uuid_equal(found.account, account) && uuid_is_zero(found.machine) && found.scopes == 5,
	   "and tells for whom, and for what");
	ok(store_token_find(s, other, &found) == OK && uuid_equal(found.machine, machine), "a machine's tells of which");
	refused(store_token_find(s, old, &found), E_NOT_FOUND, "an expired one is unknown");
	refused(store_token_find(s, token_hash("guess"), &found), E_NOT_FOUND, "so is a guess");
	refused(store_token_create(s, uuid_make(now), account, NOBODY, "again", 1, hash, (wall_time){ 0 }), E_EXISTS,
		"a hash once");
	refused(store_token_create(s, uuid_make(now), uuid_make(now), NOBODY, "x", 1, token_hash("x"), (wall_time){ 0 }),
		E_NOT_FOUND, "for nobody: refused");
	ok(store_token_list(s, account, &list, &count) == OK && count == 2, "the list leaves expired ones out");
	size_t laptop = strcmp(list[0].name, "laptop") ? 1 : 0;
	ok(list[laptop].last_used_at.us > 0 && !strcmp(list[laptop].name, "laptop"), "and tells when it was used");
	free(list);
	refused(store_token_delete(s, uuid_make(now), id), E_NOT_FOUND, "only its owner can delete it");
	ok(store_token_delete(s, account, id) == OK && store_token_find(s, hash, &found) == E_NOT_FOUND, "deleted is gone");
}

static void test_keys(struct store *s)
{
	uuid account = new_account(s, "key"), other = new_account(s, "key2");
	sha256 request = sha256_of("a", 1), another = sha256_of("b", 1);
	struct stored_answer answer = { .status = -1 };
	good(store_begin(s));
	ok(store_key_claim(s, account, "k-1", request, &answer) == OK && answer.status == 0, "a new key");
	free(answer.body);
	good(store_key_save(s, account, "k-1", 201, "{\"id\":1}"));
	good(store_commit(s));
	ok(store_key_claim(s, account, "k-1", request, &answer) == OK && answer.status == 201, "the same again");
	is_text(answer.body, "{\"id\":1}", "gets the first answer");
	free(answer.body);
	refused(store_key_claim(s, account, "k-1", another, &answer), E_CONFLICT, "with another request: refused");
	ok(store_key_claim(s, other, "k-1", another, &answer) == OK && answer.status == 0, "another account's key is another");
	free(answer.body);
	good(store_begin(s));
	good(store_key_claim(s, account, "k-2", request, &answer));
	free(answer.body);
	store_rollback(s);
	ok(store_key_claim(s, account, "k-2", another, &answer) == OK && answer.status == 0, "what was rolled back is free");
	free(answer.body);
	good(store_sweep(s, (wall_time){ clock_wall().us + 2 * DAY_US }));
	ok(store_key_claim(s, account, "k-1", another, &answer) == OK && answer.status == 0, "after a day it is forgotten");
	free(answer.body);
}

static void test_deposits(struct store *s)
{
	uuid account = new_account(s, "payer");
	struct deposit d = { .id = uuid_make(now), .account = account, .provider = "manual", .state = DEPOSIT_CREATED }, got;
	d.amount.micro = 5000000;
	d.commission.micro = 100000;
	d.credit.micro = 4900000;
	d.created_at = now;
	good(text_copy(d.instructions, sizeof d.instructions, "wait"));
	good(store_deposit_create(s, &d));
	refused(store_deposit_create(s, &d), E_EXISTS, "once");
	ok(store_deposit_get(s, d.id, &got) == OK && got.state == DEPOSIT_CREATED && got.amount.micro == 5000000 &&
		   got.created_at.us == now.us && got.credited_at.us == 0 && !strcmp(got.instructions, "wait"),
	   "comes back as it was");
	refused(store_deposit_credit(s, d.id, "r", &got), E_CONFLICT, "not before it is pending");
	d.id = uuid_make(now);
	d.state = DEPOSIT_PENDING;
	good(store_deposit_create(s, &d));
	ok(store_deposit_credit(s, d.id, "wire-1", &got) == OK && got.state == DEPOSIT_CREDITED && got.credited_at.us > 0,
	   "credited");
	struct balance b;
	ok(store_balance(s, account, &b) == OK && b.available.micro == 4900000, "less the commission");
	refused(store_deposit_credit(s, d.id, "wire-2", &got), E_CONFLICT, "once only");
	refused(store_deposit_fail(s, d.id, &got), E_CONFLICT, "and cannot fail then");
	uuid first = d.id;
	d.id = uuid_make(now);
	good(store_deposit_create(s, &d));
	refused(store_deposit_credit(s, d.id, "wire-1", &got), E_EXISTS, "a reference is credited once");
	ok(store_deposit_fail(s, d.id, &got) == OK && got.state == DEPOSIT_FAILED, "failed");
	refused(store_deposit_credit(s, d.id, "wire-3", &got), E_CONFLICT, "for good");
	refused(store_deposit_credit(s, uuid_make(now), "x", &got), E_NOT_FOUND, "nothing to credit");
	d.id = uuid_make(now);
	d.credit.micro = 5000000;
	refused(store_deposit_create(s, &d), E_INTERNAL, "parts that are not the whole are refused");
	ok(store_balance(s, account, &b) == OK && b.available.micro == 4900000, "refusals changed nothing");
	struct deposit *list;
	size_t count;
	ok(store_deposit_list(s, account, DEPOSIT_STATE_COUNT, (struct page){ .limit = 10 }, &list, &count) == OK && count == 3,
	   "three of the account");
	free(list);
	ok(store_deposit_list(s, NOBODY, DEPOSIT_CREDITED, (struct page){ .limit = 1 }, &list, &count) == OK && count == 1 &&
		   uuid_equal(list[0].id, first),
	   "the newest credited one of all");
	free(list);
	struct posting *postings;
	ok(store_postings(s, account, (struct page){ .limit = 10 }, (wall_time){ 0 }, &postings, &count) == OK && count == 1,
	   "one posting");
	ok(!strcmp(postings[0].kind, "deposit") && postings[0].amount_micro == 4900000 && postings[0].balance_micro == 4900000 &&
		   uuid_equal(postings[0].deposit, first),
	   "shows what the balance got");
	free(postings);
	is_sound(s, "after deposits");
}

static void test_debt(struct store *s)
{
	uuid account = new_account(s, "debtor");
	struct deposit d = { .id = uuid_make(now), .account = account, .provider = "paypal", .state = DEPOSIT_CREATED };
	struct payout p = { .id = uuid_make(now), .account = account, .provider = "manual", .created_at = now };
	struct posting *lines;
	struct balance b;
	size_t count = 0;
	char outcome[32];
	d.created_at = now;
	d.amount.micro = d.credit.micro = 5000;
	p.amount.micro = p.send.micro = 2000;
	good(text_copy(p.receiver, sizeof p.receiver, "DE1"));
	good(store_deposit_create(s, &d));
	good(store_deposit_paid(s, d.id, "paypal", "pay-1", 5000, "", outcome));
	good(store_payout_create(s, &p, false));
	good(store_deposit_reverse(s, "paypal", "pay-1", "ref-1", d.amount));
	fund(s, account, 700, 0);
	ok(store_balance(s, account, &b) == OK && b.available.micro == 0 && b.owed.micro == 1300,
	   "a payment is taken back after it was spent");
	good(store_postings(s, account, (struct page){ .limit = 10 }, (wall_time){ 0 }, &lines, &count));
	bool follows = count == 5;
	for (size_t i = 0; i + 1 < count; i++)
		follows &= lines[i].balance_micro == lines[i + 1].balance_micro + lines[i].amount_micro;
	ok(follows, "each line of its history follows from the one before");
	is_int(count ? lines[0].balance_micro : 0, -1300, "down to what is owed");
	free(lines);
	is_sound(s, "with a debt");
}

/* What orders held lay in a second ledger account once (db/migrations/0061_holds.sql): a charge of then filled the hold again, too. */
static void test_held_once(struct store *s)
{
	static const char OWNER[] =
		"psql -XAtq -v ON_ERROR_STOP=1 -d \"$OWNER\" -c \"WITH held AS (INSERT INTO cpushare.ledger_account (owner, "
		"kind) "
		"SELECT id, 'held' FROM cpushare.account WHERE email = 'renter@example.org' RETURNING id) "
		"SELECT cpushare.post('charge', NULL, NULL, NULL, '', now(), ARRAY[f.id, held.id, held.id], "
		"ARRAY[held.id, cpushare.ledger_account_of(a.id, 'funds'), cpushare.market_account_of('commission')], ARRAY[100, "
		"90, 10]) "
		"FROM held, cpushare.account a, cpushare.ledger_account f JOIN cpushare.account r ON r.id = f.owner "
		"WHERE r.email = 'renter@example.org' AND f.kind = 'funds' AND a.email = 'lessor@example.org'\" >/dev/null";
	uuid renter = new_account(s, "renter"), lessor = new_account(s, "lessor");
	struct day_sums *days = NULL;
	struct posting *lines = NULL;
	size_t count = 0;
	fund(s, renter, 1000, 0);
	ok(!setenv("OWNER", cluster_owner_uri(database_cluster), true) && system(OWNER) == 0, "a charge of before");
	good(store_day_sums(s, renter, 2, clock_wall(), &days, &count));
	ok(count == 2 && days[1].spent.micro == 100 && days[1].earned.micro == 0, "is what its buyer spent that day, once");
	free(days);
	good(store_day_sums(s, lessor, 2, clock_wall(), &days, &count));
	ok(count == 2 && days[1].spent.micro == 0 && days[1].earned.micro == 90, "and what its seller earned");
	free(days);
	good(store_postings(s, renter, (struct page){ .limit = 10 }, (wall_time){ 0 }, &lines, &count));
	ok(count == 2 && lines[0].amount_micro == -100 && lines[0].balance_micro == 900, "and a line of the history");
	free(lines);
	is_sound(s, "with what was held once");
}

static void test_images(struct store *s)
{
	uuid account = new_account(s, "image"), other = new_account(s, "image2");
	sha256 pieces[4], hash;
	struct image image;
	struct image_pieces got;
	size_t len, count;
	for (size_t i = 0; i < 4; i++)
		pieces[i] = sha256_of(&(uint8_t){ i == 3 ? 1 : (uint8_t)i }, 1); /* the last is the second again */
	struct image_request r = { .name = "disc", .size_bytes = 3 * PIECE_BYTES + 5, .pieces = pieces, .piece_count = 4 };
	sha256 id = image_id(r.size_bytes, pieces, 4);
	good(store_image_create(s, account, &r, id));
	good(store_image_create(s, account, &r, id));
	ok(store_image_get(s, account, id, &image) == OK && image.state == IMAGE_UPLOADING && image.missing_count == 4 &&
		   image.piece_count == 4 && image.size_bytes == r.size_bytes,
	   "announced twice is announced once");
	refused(store_image_get(s, other, id, &image), E_NOT_FOUND, "it is not another's");
	good(store_image_piece_add(s, account, id, 1));
	good(store_image_piece_add(s, account, id, 1));
	ok(store_image_pieces(s, account, id, &got) == OK && got.piece_count == 4 && got.missing_count == 2 &&
		   got.missing[0] == 0 && got.missing[1] == 2,
	   "a piece that is there twice is shown once");
	ok(!memcmp(got.pieces, pieces, sizeof pieces), "the list comes back in its order");
	image_pieces_clear(&got);
	ok(store_image_pieces(s, NOBODY, id, &got) == OK && got.missing_count == 0 && got.piece_count == 4, "for a machine");
	image_pieces_clear(&got);
	ok(store_image_piece(s, id, 3, &hash, &len) == OK && sha256_equal(hash, pieces[1]) && len == 5, "one entry");
	refused(store_image_piece(s, id, 4, &hash, &len), E_NOT_FOUND, "none behind the last");
	refused(store_image_piece_add(s, account, id, 4), E_NOT_FOUND, "nor can it be shown");
	refused(store_image_piece_add(s, other, id, 0), E_NOT_FOUND, "nor by another");
	good(store_image_piece_add(s, account, id, 0));
	good(store_image_piece_add(s, account, id, 2));
	ok(store_image_get(s, account, id, &image) == OK && image.state == IMAGE_READY, "ready with the last one");
	struct image_request part = { .name = "part", .size_bytes = 2 * PIECE_BYTES, .pieces = pieces, .piece_count = 2 };
	sha256 part_id = image_id(part.size_bytes, pieces, 2);
	good(store_image_create(s, account, &part, part_id));
	ok(store_image_get(s, account, part_id, &image) == OK && image.state == IMAGE_READY, "what was shown needs no upload");
	good(store_image_create(s, other, &r, id));
	ok(store_image_get(s, other, id, &image) == OK && image.missing_count == 4, "another has to show it again");
	good(store_image_delete(s, account, id));
	refused(store_image_delete(s, account, id), E_NOT_FOUND, "deleted once");
	good(store_image_create(s, account, &r, id));
	ok(store_image_get(s, account, id, &image) == OK && image.missing_count == 1, "pieces of the kept image are kept");
	struct image *list;
	ok(store_image_list(s, account, &list, &count) == OK && count == 2, "two images");
	free(list);
	bool allowed = true;
	ok(store_image_for_machine(s, uuid_make(now), id, &allowed) == OK && !allowed, "no machine may read it");
}

static void test_machines(struct store *s)
{
	uuid account = new_account(s, "seller");
	struct machine_row row, *list;
	struct enrolment e = { .name = "pc" };
	size_t count;
	uuid id = new_machine(s, account, "tower");
	ok(store_machine_get(s, id, &row) == OK && row.m.state == MACHINE_ONLINE && row.m.cores == 4 && row.accepting &&
		   row.m.prices.per_core_hour.micro == 10000 && row.m.seen_at.us == now.us && !strcmp(row.seller_name, "seller"),
	   "comes back as it was");
	e.key = row.key;
	refused(store_machine_create(s, uuid_make(now), account, &e), E_EXISTS, "a key once");
	wall_time later = { now.us + MINUTE_US };
	ok(store_machine_seen(s, &id, 1, later) == OK && store_machine_get(s, id, &row) == OK && row.m.seen_at.us == later.us,
	   "seen");
	ok(store_machine_seen(s, &id, 1, now) == OK && store_machine_get(s, id, &row) == OK && row.m.seen_at.us == later.us,
	   "an older beat does not turn it back");
	refused(store_machine_retire(s, uuid_make(now), id), E_NOT_FOUND, "only its owner retires it");
	good(store_machine_retire(s, account, id));
	row.m.state = MACHINE_ONLINE;
	refused(store_machine_update(s, &row), E_NOT_FOUND, "retired is for good");
	ok(store_machine_create(s, uuid_make(now), account, &e) == OK, "its key may be enrolled anew");
	ok(store_machine_list(s, account, &list, &count) == OK && count == 2, "two of the account");
	free(list);
	ok(store_machine_list(s, NOBODY, &list, &count) == OK, "all");
	for (size_t i = 0; i < count; i++)
		if (list[i].m.state == MACHINE_RETIRED)
			ok(false, "a retired machine is among them");
	free(list);
	struct seller seller;
	ok(store_seller_get(s, account, &seller) == OK && seller.machines == 1 && seller.rating_ppm == 0, "a seller");
	refused(store_seller_get(s, new_account(s, "buyer"), &seller), E_NOT_FOUND, "who has no machine is none");
}

int main(void)
{
	struct store *s = database_open();
	test_accounts(s);
	test_tokens(s);
	test_keys(s);
	test_deposits(s);
	test_debt(s);
	test_held_once(s);
	test_images(s);
	test_machines(s);
	database_close(s);
	return done_testing();
}
