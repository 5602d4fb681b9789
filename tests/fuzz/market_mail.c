/* SPDX-License-Identifier: Apache-2.0
 * market_mail.c - fuzz: names and texts of strangers in a mail; whatever they are, its header has the market's lines and no other
 *
 * The lines of an input: the address, the market's name, the kind of letter, and what happened as JSON. Where nothing is written about the
 * kind, the kind is the subject and the JSON the text.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "account.h"
#include "conf.h"
#include "letters.h"
#include "smtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The names of the header's lines, in their order; what begins with a blank goes on with the line before (RFC 5322 section 2.2.3). */
static void check(const struct buf *m, const char *to)
{
	static const char *const names[] = { "Date: ",	       "From: ",	 "To: ",
					     "Subject: ",      "Message-ID: ",	 "Auto-Submitted: ",
					     "MIME-Version: ", "Content-Type: ", "Content-Transfer-Encoding: " };
	size_t next = 0;
	bool body = false;
	assert(strlen(m->data) == m->len);
	for (const char *line = m->data; *line;) {
		const char *end = strstr(line, "\r\n");
		assert(end && !memchr(line, '\n', (size_t)(end - line)) && !memchr(line, '\r', (size_t)(end - line)));
		assert(end - line <= 78 || !strncmp(line, "To: ", 4) || !strncmp(line, " <", 2) ||
		       !strncmp(line, "Message-ID: ", 12));
		if (end == line && !body) {
			assert(next == sizeof names / sizeof *names);
			body = true;
		} else if (!body && *line != ' ') {
			assert(next < sizeof names / sizeof *names && !strncmp(line, names[next], strlen(names[next])));
			if (!strcmp(names[next++], "To: "))
				assert(!strncmp(line + 4, to, strlen(to)) && line[4 + strlen(to)] == '\r');
		} else if (body) {
			assert(*line != '.' && *line != ' ');
		}
		for (; line < end; line++)
			assert(*line >= ' ' && *line <= '~');
		line = end + 2;
	}
	assert(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *rest = text, error[CONF_ERROR_SIZE], subject[SUBJECT_SIZE] = "";
	struct json_error json_error;
	struct smtp *smtp = NULL;
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	const char *to = strsep(&rest, "\n"), *name = strsep(&rest, "\n"), *kind = strsep(&rest, "\n");
	if (kind) {
		struct smtp_config config = { "smtp://127.0.0.1", "market@example.org", name, "", "" };
		AUTO_JSON json = NULL;
		AUTO_BUF letter = { 0 };
		AUTO_BUF message = { 0 };
		bool read = rest && json_parse(rest, strlen(rest), &json, &json_error) == OK;
		struct letter_about about = { kind, json, name, "https://market.example.org", "EUR", NULL };
		bool written = read && json_is_object(json) && letter_write(&about, subject, &letter) == OK;
		if (smtp_new(&config, &smtp, error) != OK)
			abort();
		if (smtp_message(smtp, (uuid){ 0 }, to, written ? subject : kind,
				 written ? letter.data
				 : rest	 ? rest
					 : "",
				 (wall_time){ 1700000000 * SECOND_US }, &message) == OK)
			check(&message, to);
		else
			assert(!email_valid(to) || strlen(to) >= EMAIL_SIZE || message.error);
		smtp_free(smtp);
	}
	free(text);
	return 0;
}
