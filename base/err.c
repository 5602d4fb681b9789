/* SPDX-License-Identifier: Apache-2.0
 * err.c - names of errors, and dying while main() starts
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "err.h"

static const char *const err_names[] = {
	[OK] = "ok",
	[E_INVALID] = "invalid",
	[E_NOT_FOUND] = "not_found",
	[E_EXISTS] = "exists",
	[E_CONFLICT] = "conflict",
	[E_DENIED] = "denied",
	[E_AUTH] = "auth",
	[E_FUNDS] = "funds",
	[E_LIMIT] = "limit",
	[E_OVERFLOW] = "overflow",
	[E_CORRUPT] = "corrupt",
	[E_AGAIN] = "again",
	[E_TIMEOUT] = "timeout",
	[E_UNAVAILABLE] = "unavailable",
	[E_UNSUPPORTED] = "unsupported",
	[E_IO] = "io",
	[E_NOMEM] = "nomem",
	[E_INTERNAL] = "internal",
};
static_assert(sizeof err_names / sizeof err_names[0] == ERR_COUNT, "a name for each error");

const char *err_name(err_t e)
{
	return (unsigned)e < ERR_COUNT ? err_names[e] : "unknown";
}

err_t err_from_errno(int errno_value)
{
	switch (errno_value) {
	case 0:
		return OK;
	case ENOENT:
		return E_NOT_FOUND;
	case ENOMEM:
		return E_NOMEM;
	case EAGAIN:
		return E_AGAIN;
	default:
		return E_IO;
	}
}

void die(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(EXIT_FAILURE);
}
