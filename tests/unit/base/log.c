/* SPDX-License-Identifier: Apache-2.0
 * log.c - tests of the log's lines: their form, what a stranger may put into them, how many
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "log.h"
#include "tap.h"

static int log_fd;
static char text[8192];

/* Points stderr at a fresh file. */
static void begin(void)
{
	ftruncate(log_fd, 0) ? abort() : (void)0;
	lseek(log_fd, 0, SEEK_SET);
}

static const char *logged(void)
{
	ssize_t len = pread(log_fd, text, sizeof text - 1, 0);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

static void test_form(void)
{
	log_init("market", LOG_INFO);
	begin();
	log_info("order opened", "order=%d price=%s", 7, "1.00");
	const char *line = logged();
	is_int(strlen(line), strlen("2026-11-21T03:29:00.000000Z market info: order opened order=7 price=1.00\n"), "one line");
	is_text(line + 27, " market info: order opened order=7 price=1.00\n", "program, level, sentence, values");
	ok(line[4] == '-' && line[10] == 'T' && line[26] == 'Z', "a time in front");
	begin();
	log_error("stopping", "");
	log_debug("not shown", "");
	log_debug("not shown", "x=%d", 1);
	is_text(logged() + 27, " market error: stopping\n", "levels above the limit are left out");
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_init("market", LOG_DEBUG);
	begin();
	log_debug("beat", "n=%d", 1);
	log_error("gone", "n=%d", 2);
	is_text(logged(), "<7>market: beat n=1\n<3>market: gone n=2\n", "the journal adds time and level by itself");
}

static void test_stranger(void)
{
	begin();
	log_warn("hello", "name=%s", "x\n<0>market: forged\r\x1b[31m\x7f\xc2\x9b!\xc3\xa9");
	is_text(logged(), "<4>market: hello name=x?<0>market: forged\?\?[31m\?\?\?!\xc3\xa9\n",
		"controls are replaced, letters are not");
	char longer[4096];
	memset(longer, 'a', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	begin();
	log_warn("hello", "name=%s", longer);
	size_t len = strlen(logged());
	ok(len < 2100 && !strcmp(text + len - 5, "a...\n"), "a long line is cut, says so, and ends");
	begin();
	log_at(LOG_WARN, longer, "x=%d", 1);
	len = strlen(logged());
	ok(len < 2100 && !strcmp(text + len - 5, "a...\n"), "so is a long sentence");
}

static void test_levels(void)
{
	enum log_level level = LOG_ERROR;
	is_int(log_level_parse("debug", &level), OK, "debug");
	is_int(level, LOG_DEBUG, "is the level");
	is_int(log_level_parse("Debug", &level), E_INVALID, "no other case");
	is_int(log_level_parse("", &level), E_INVALID, "not nothing");
}

static void test_bucket(void)
{
	struct log_bucket bucket = { 0 };
	int allowed = 0;
	for (int i = 0; i < 20; i++)
		allowed += log_allowed(&bucket);
	is_int(allowed, 5, "five at once");
	is_int(bucket.dropped, 15, "the others are counted");
	bucket.last_us -= 2000000;
	allowed = 0;
	for (int i = 0; i < 20; i++)
		allowed += log_allowed(&bucket);
	is_int(allowed, 2, "one more for each second");
}

int main(void)
{
	char path[] = "/tmp/cpushare-log-XXXXXX";
	log_fd = mkostemp(path, O_CLOEXEC | O_APPEND);
	unlink(path);
	int real_stderr = dup(STDERR_FILENO);
	dup2(log_fd, STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	test_form();
	test_stranger();
	test_levels();
	test_bucket();
	dup2(real_stderr, STDERR_FILENO);
	return done_testing();
}
