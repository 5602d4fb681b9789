/* SPDX-License-Identifier: Apache-2.0
 * mail.c - tests of the market's letters, and of the mail that carries them
 */
#include "conf.h"
#include "json.h"
#include "letters.h"
#include "smtp.h"
#include "tap.h"

static const wall_time now = { 1763734805 * SECOND_US }; /* 2025-11-21, a Friday */

/* The letter about data holds each of the texts. */
static void letter(const char *kind, const char *data, const char *want_subject, const char *const *wanted)
{
	struct json_error error;
	AUTO_JSON json = NULL;
	AUTO_BUF text = { 0 };
	char subject[SUBJECT_SIZE];
	ok(json_parse(data, strlen(data), &json, &error) == OK, "%s: its data", kind);
	struct letter_about about = { kind,	  json,
				      "CPUShare", "https://m.example",
				      "EUR",	  strcmp(kind, "password") && strcmp(kind, "signup") ? NULL : "cpu_rst_x" };
	if (!ok(letter_write(&about, subject, &text) == OK, "%s: is written", kind))
		return;
	is_text(subject, want_subject, "%s: subject", kind);
	for (; *wanted; wanted++)
		if (!ok(strstr(text.data, *wanted), "%s: says \"%s\"", kind, *wanted))
			printf("# %s\n", text.data);
}
#define LETTER(kind, data, subject, ...) letter(kind, data, subject, (const char *const[]){ __VA_ARGS__, NULL })

static void test_letters(void)
{
	LETTER("password", "{}", "A new password", "https://m.example/reset#cpu_rst_x\n");
	LETTER("signup", "{}", "Confirm your address", "at CPUShare", "https://m.example/confirm#cpu_rst_x\n",
	       "do nothing: no account comes into being");
	LETTER("taken", "{}", "You have an account", "https://m.example/login\n", "https://m.example/reset\n",
	       "nothing has changed");
	LETTER("funds.low",
	       "{\"order\":null,\"left_micro\":1500000,\"per_hour_micro\":3000000,\"runs_out_at\":\"2026-11-21T14:30:00."
	       "000000Z\"}",
	       "Your balance runs out at 14:30 UTC", "2026-11-21 14:30 UTC", "1.50 EUR are left", "an hour costs 3.00",
	       "https://m.example/money\n", "https://m.example/account\n");
	LETTER("moved", "{\"email\":\"me@example.net\"}", "Your account has another address", "is me@example.net from now on",
	       "Nothing more is mailed");
	LETTER("order.budget_low",
	       "{\"order\":\"o1\",\"name\":\"job\",\"left_micro\":1,\"per_hour_micro\":3,\"runs_out_at\":\"x\"}",
	       "An order's budget runs out at ? UTC", "the order \"job\" cost", "https://m.example/orders/o1\n");
	LETTER("order.ended",
	       "{\"order\":\"o1\",\"name\":\"job\",\"charged_micro\":2000000,\"reasons\":{\"completed\":2,\"boot_failed\":1}}",
	       "The order \"job\" is over", "charged 2.00 EUR", "2 ended: completed", "1 ended: boot_failed");
	LETTER("payout.failed", "{\"amount_micro\":20000000,\"receiver\":\"DE00\",\"note\":\"no such account\"}",
	       "A payout was returned to your balance", "20.00 EUR", "to DE00", "not possible: no such account");
	LETTER("payout.sent", "{\"amount_micro\":20000000,\"send_micro\":19000000,\"receiver\":\"DE00\",\"note\":\"\"}",
	       "A payout is on its way", "19.00 are sent");
	LETTER("dispute.decided",
	       "{\"name\":\"vm1\",\"bought\":true,\"percent\":50,\"refund_micro\":5000000,\"decision\":\"it was down\"}",
	       "A dispute is decided", "that you rented", "50 % of what it cost", "5.00 EUR", "reason: it was down");
	LETTER("dispute.decided", "{\"name\":\"vm1\",\"bought\":false,\"percent\":0,\"decision\":\"it was up\"}",
	       "A dispute is decided", "ran on a machine of yours", "nothing is given back");
	LETTER("order.ended", "{}", "The order \"\" is over", "Your order \"\" is over");
	struct letter_about none = { "order.opened", NULL, "", "", "", NULL };
	AUTO_BUF text = { 0 };
	char subject[SUBJECT_SIZE];
	is_int(letter_write(&none, subject, &text), E_NOT_FOUND, "nothing is written about what nobody is told of");
}

static bool has(const struct buf *m, const char *line)
{
	return strstr(m->data, line);
}

static void test_message(void)
{
	static const char *const none[] = { "",	    "a",    "a@",      "@b",	     "a@b@c",  "a b@c", "a@b\r\nBcc: c@d",
					    "a@b>", "<a@b", "a@b,c@d", "\xc3\xa4@b", "\"a\"@b" };
	struct smtp_config config = { "smtps://127.0.0.1:465", "market@example.org", "M\xc3\xa4rket", "", "" };
	char error[CONF_ERROR_SIZE];
	struct smtp *smtp = NULL;
	if (!ok(smtp_new(&config, &smtp, error) == OK, "a server"))
		return;
	AUTO_BUF plain = { 0 };
	ok(smtp_message(smtp, (uuid){ 0 }, "ann@example.org", "The order \"job\" is over", "Hello", now, &plain) == OK, "a mail");
	ok(has(&plain, "Date: Fri, 21 Nov 2025 14:20:05 +0000\r\n"), "its date");
	ok(has(&plain, "From: =?UTF-8?B?TcOkcmtldA==?=\r\n <market@example.org>\r\nTo: ann@example.org\r\n"),
	   "from whom, to whom");
	ok(has(&plain, "\r\nSubject: The order \"job\" is over\r\n"), "a plain subject stays as it is");
	ok(has(&plain, "@example.org>\r\nAuto-Submitted: auto-generated\r\n"), "no machine answers it");
	ok(has(&plain, "\r\n\r\nSGVsbG8=\r\n"), "its text");
	AUTO_BUF odd = { 0 };
	ok(smtp_message(smtp, (uuid){ 0 }, "ann@example.org", "a\r\nBcc: eve@example.org", "", now, &odd) == OK &&
		   !has(&odd, "Bcc"),
	   "a subject's line end ends no line");
	AUTO_BUF lengthy = { 0 };
	/* 20 times three bytes: a word ends between characters, so that each can be read by itself. */
	ok(smtp_message(smtp, (uuid){ 0 }, "ann@example.org",
			"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82"
			"\xac\xe2\x82\xac"
			"x\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac",
			"", now, &lengthy) == OK &&
		   has(&lengthy, "=?UTF-8?B?4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKseOKCrOKCrA==?=\r\n =?UTF-8?B?4oKs4oKs?=\r\n"),
	   "long subjects are words of whole characters");
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		AUTO_BUF m = { 0 };
		is_int(smtp_message(smtp, (uuid){ 0 }, none[i], "x", "x", now, &m), E_INVALID, "\"%s\" is no address", none[i]);
	}
	smtp_free(smtp);
}

static void refused(const char *server, const char *from, const char *setting)
{
	struct smtp_config config = { server, from, "x", "", "" };
	char error[CONF_ERROR_SIZE] = "";
	struct smtp *smtp = NULL;
	ok(smtp_new(&config, &smtp, error) == E_INVALID && !smtp && !strncmp(error, setting, strlen(setting)), "%s from %s: %s",
	   server, from, error);
}

static void test_settings(void)
{
	refused("127.0.0.1:25", "a@b", "mail.server");
	refused("http://h", "a@b", "mail.server");
	refused("smtp://u:p@h", "a@b", "mail.server");
	refused("smtp://u@h", "a@b", "mail.server");
	refused("smtp://h/?x", "a@b", "mail.server");
	refused("smtp://h:99999", "a@b", "mail.server");
	refused("smtp://h", "", "mail.from");
	refused("smtp://h", "a", "mail.from");
}

int main(void)
{
	test_letters();
	test_message();
	test_settings();
	return done_testing();
}
