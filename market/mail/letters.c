/* SPDX-License-Identifier: Apache-2.0
 * letters.c - what is written in the market's mail
 *
 * Names, comments and reasons in it are other people's words: none of them can be more than text in a line of its own.
 */
#include "letters.h"

#include <stdio.h>
#include <string.h>
#include "money.h"

/* ---- what happened ---- */

static const char *text_of(json_t *data, const char *name)
{
	const char *text = json_string_value(json_object_get(data, name));
	return text ? text : "";
}

struct amount {
	char text[MONEY_TEXT_SIZE];
};
static struct amount amount_of(json_t *data, const char *name)
{
	struct amount a;
	money_format((money){ json_integer_value(json_object_get(data, name)) }, a.text);
	return a;
}

/* "2026-11-21T10:00:00.000000Z" as people read it. */
static void put_time(struct buf *out, const char *time)
{
	if (strlen(time) >= 16)
		buf_printf(out, "%.10s %.5s UTC", time, time + 11);
}

/* ---- letters ---- */

typedef void letter_fn(const struct letter_about *a, char *subject, struct buf *out);

static void write_password(const struct letter_about *a, char *subject, struct buf *out)
{
	snprintf(subject, SUBJECT_SIZE, "A new password");
	buf_printf(out,
		   "Somebody, probably you, asked for a new password at %s. It is set here, once, within half an hour:\n\n"
		   "%s/reset#%s\n\nIf it was not you, do nothing: your password stays as it is.\n",
		   a->market, a->url, a->token);
}

static void write_signup(const struct letter_about *a, char *subject, struct buf *out)
{
	snprintf(subject, SUBJECT_SIZE, "Confirm your address");
	buf_printf(
		out,
		"Somebody, probably you, wants an account with this address at %s. It comes into being when this link is opened, "
		"within two days; then log in:\n\n%s/confirm#%s\n\nIf it was not you, do nothing: no account comes into being. "
		"Open it only if you have signed up yourself, for it lets in whoever did.\n",
		a->market, a->url, a->token);
}

static void write_taken(const struct letter_about *a, char *subject, struct buf *out)
{
	snprintf(subject, SUBJECT_SIZE, "You have an account");
	buf_printf(out,
		   "Somebody, probably you, wanted an account with this address at %s. You have one. Log in:\n\n%s/login\n\n"
		   "or set a new password:\n\n%s/reset\n\nIf it was not you, do nothing: nothing has changed.\n",
		   a->market, a->url, a->url);
}

static void write_address(const struct letter_about *a, char *subject, struct buf *out)
{
	snprintf(subject, SUBJECT_SIZE, "Confirm your address");
	buf_printf(out,
		   "Somebody, probably you, has an account with this address at %s. It is confirmed here, within two days:\n\n"
		   "%s/confirm#%s\n\nIf it was not you, do nothing: no more is sent to you than such links.\n",
		   a->market, a->url, a->token);
}

static void write_new_address(const struct letter_about *a, char *subject, struct buf *out)
{
	snprintf(subject, SUBJECT_SIZE, "Confirm your new address");
	buf_printf(out,
		   "Somebody, probably you, wants this to be the address of an account at %s from now on. It is confirmed here, "
		   "within two days:\n\n%s/confirm#%s\n\nIf it was not you, do nothing.\n",
		   a->market, a->url, a->token);
}

static void write_moved(const struct letter_about *a, char *subject, struct buf *out)
{
	snprintf(subject, SUBJECT_SIZE, "Your account has another address");
	buf_printf(out,
		   "The address of your account at %s is %s from now on: it logs in with that one, and mail goes there.\n\n"
		   "If it was not you, tell the market's operator at once. Nothing more is mailed to this address.\n",
		   a->market, text_of(a->data, "email"));
}

static void write_login(const struct letter_about *a, char *subject, struct buf *out)
{
	snprintf(subject, SUBJECT_SIZE, "A new log-in");
	buf_puts(out, "A program that you were not logged in with before has logged in to your account.\n\n  when     ");
	put_time(out, text_of(a->data, "at"));
	buf_printf(out,
		   "\n  program  %s\n  address  %s\n\nIf it was not you, change your password: that ends all other sessions.\n\n"
		   "%s/account\n",
		   text_of(a->data, "client"), text_of(a->data, "address"), a->url);
}

/* Of a balance, or of an order's budget, which has a name. */
static void write_low(const struct letter_about *a, char *subject, struct buf *out)
{
	const char *until = text_of(a->data, "runs_out_at"), *order = text_of(a->data, "order");
	snprintf(subject, SUBJECT_SIZE, "%s runs out at %.5s UTC", *order ? "An order's budget" : "Your balance",
		 strlen(until) >= 16 ? until + 11 : "?");
	buf_printf(out, *order ? "What you let the order \"%s\" cost ends at about " : "Your money%s ends at about ",
		   *order ? text_of(a->data, "name") : "");
	put_time(out, until);
	buf_printf(
		out,
		", as your virtual machines run now: %s %s are left, and an hour costs %s. Without it they are paused, and then "
		"ended.\n\n",
		amount_of(a->data, "left_micro").text, a->currency, amount_of(a->data, "per_hour_micro").text);
	if (*order)
		buf_printf(out, "%s/orders/%s\n", a->url, order);
	else
		buf_printf(out, "%s/money\n", a->url);
}

static void write_order_ended(const struct letter_about *a, char *subject, struct buf *out)
{
	const char *reason;
	json_t *n;
	snprintf(subject, SUBJECT_SIZE, "The order \"%.150s\" is over", text_of(a->data, "name"));
	buf_printf(out, "Your order \"%s\" is over. It was charged %s %s.\n\n", text_of(a->data, "name"),
		   amount_of(a->data, "charged_micro").text, a->currency);
	json_object_foreach (json_object_get(a->data, "reasons"), reason, n)
		buf_printf(out, "  %lld ended: %s\n", (long long)json_integer_value(n), reason);
	buf_printf(out, "\n%s/orders/%s\n", a->url, text_of(a->data, "order"));
}

static void write_payout(const struct letter_about *a, char *subject, struct buf *out)
{
	bool back = !strcmp(a->kind, "payout.failed");
	const char *note = text_of(a->data, "note");
	snprintf(subject, SUBJECT_SIZE, back ? "A payout was returned to your balance" : "A payout is on its way");
	buf_printf(out, "The payout of %s %s that you asked for, to %s, ", amount_of(a->data, "amount_micro").text, a->currency,
		   text_of(a->data, "receiver"));
	if (back)
		buf_printf(out, "was not possible%s%s. The money is on your balance again.\n\n", *note ? ": " : "", note);
	else
		buf_printf(out, "is on its way: %s are sent, after the market's part.\n\n",
			   amount_of(a->data, "send_micro").text);
	buf_printf(out, "%s/money\n", a->url);
}

static void write_dispute(const struct letter_about *a, char *subject, struct buf *out)
{
	bool bought = json_is_true(json_object_get(a->data, "bought"));
	long long percent = json_integer_value(json_object_get(a->data, "percent"));
	snprintf(subject, SUBJECT_SIZE, "A dispute is decided");
	buf_printf(out, "The dispute about the virtual machine \"%s\" that %s is decided: ", text_of(a->data, "name"),
		   bought ? "you rented" : "ran on a machine of yours");
	if (percent)
		buf_printf(out, "%lld %% of what it cost goes back to the buyer (%s %s now).\n\n", percent,
			   amount_of(a->data, "refund_micro").text, a->currency);
	else
		buf_puts(out, "nothing is given back.\n\n");
	buf_printf(out, "The operator's reason: %s\n\n%s/%s\n", text_of(a->data, "decision"), a->url,
		   bought ? "orders" : "selling");
}

static const struct {
	const char *kind;
	letter_fn *write;
	bool chosen; /* the reader wants such letters, and may choose otherwise */
} letters[] = {
	{ "signup", write_signup, false },
	{ "taken", write_taken, false },
	{ "password", write_password, false },
	{ "address", write_address, false },
	{ "new_address", write_new_address, false },
	{ "moved", write_moved, false },
	{ "login", write_login, true },
	{ "funds.low", write_low, true },
	{ "order.budget_low", write_low, true },
	{ "order.ended", write_order_ended, true },
	{ "payout.sent", write_payout, true },
	{ "payout.paid", write_payout, true },
	{ "payout.failed", write_payout, true },
	{ "dispute.decided", write_dispute, true },
};

err_t letter_write(const struct letter_about *about, char *ret_subject, struct buf *ret_text)
{
	for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
		if (strcmp(letters[i].kind, about->kind))
			continue;
		letters[i].write(about, ret_subject, ret_text);
		if (letters[i].chosen)
			buf_printf(ret_text, "\nWhat is mailed to you is chosen at %s/account\n", about->url);
		return ret_text->error;
	}
	return E_NOT_FOUND;
}
