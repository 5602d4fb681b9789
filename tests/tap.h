/* SPDX-License-Identifier: Apache-2.0
 * tap.h - a unit test is a small program that prints TAP for prove
 *
 * int main(void) { ok(1 + 1 == 2, "sums"); return done_testing(); }
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

#define ok(condition, ...) tap_ok((condition), #condition, __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...) tap_is_int((int64_t)(got), (int64_t)(want), __FILE__, __LINE__, __VA_ARGS__)
#define is_text(got, want, ...) tap_is_text((got), (want), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((format(printf, 5, 6), unused)) static bool tap_ok(bool condition, const char *text, const char *file, int line,
								 const char *fmt, ...)
{
	__builtin_va_list args;
	__builtin_va_start(args, fmt);
	printf("%sok %d - ", condition ? "" : "not ", ++tap_count);
	vprintf(fmt, args);
	printf("\n");
	__builtin_va_end(args);
	if (!condition) {
		tap_failed++;
		printf("# %s:%d: %s\n", file, line, text);
	}
	fflush(stdout);
	return condition;
}

__attribute__((format(printf, 5, 6), unused)) static bool tap_is_int(int64_t got, int64_t want, const char *file, int line,
								     const char *fmt, ...)
{
	char name[256];
	__builtin_va_list args;
	__builtin_va_start(args, fmt);
	vsnprintf(name, sizeof name, fmt, args);
	__builtin_va_end(args);
	bool same = tap_ok(got == want, "same number", file, line, "%s", name);
	if (!same)
		printf("# got %lld, want %lld\n", (long long)got, (long long)want);
	return same;
}

__attribute__((format(printf, 5, 6), unused)) static bool tap_is_text(const char *got, const char *want, const char *file,
								      int line, const char *fmt, ...)
{
	char name[256];
	__builtin_va_list args;
	__builtin_va_start(args, fmt);
	vsnprintf(name, sizeof name, fmt, args);
	__builtin_va_end(args);
	bool same = tap_ok(got && want && !strcmp(got, want), "same text", file, line, "%s", name);
	if (!same)
		printf("# got  \"%s\"\n# want \"%s\"\n", got ? got : "(null)", want ? want : "(null)");
	return same;
}

/* Prints the plan; main returns it. */
__attribute__((unused)) static int done_testing(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif
