/* SPDX-License-Identifier: Apache-2.0
 * codes.c - the table of refusals, and the exit code that each ends a command with
 */
#include <assert.h>
#include "cli.h"
#include "codes.h"

static const struct {
	const char *code;
	int status;
	const char *title;
} refusals[] = {
#define X(name, code, status, title) { code, status, title },
	REFUSALS(X)
#undef X
};
static_assert(sizeof(refusals) / sizeof(refusals)[0] == REFUSAL_COUNT, "each refusal has a row");

const char *refusal_code(enum refusal r)
{
	assert((unsigned)r < REFUSAL_COUNT);
	return refusals[r].code;
}

int refusal_status(enum refusal r)
{
	assert((unsigned)r < REFUSAL_COUNT);
	return refusals[r].status;
}

const char *refusal_title(enum refusal r)
{
	assert((unsigned)r < REFUSAL_COUNT);
	return refusals[r].title;
}

enum refusal refusal_parse(const char *code)
{
	for (int i = 0; i < REFUSAL_COUNT; i++) {
		if (!strcmp(refusals[i].code, code))
			return (enum refusal)i;
	}
	return REFUSAL_COUNT;
}

/* The code decides where it says more than the status: 422 is a wrong argument, a limit, or bytes that do not hash. */
int refusal_exit(int status, const char *code)
{
	switch (refusal_parse(code)) {
	case REFUSE_BAD_FIELD:
		return EXIT_USAGE;
	case REFUSE_ATTESTATION:
		return EXIT_ATTEST;
	case REFUSE_LIMIT:
		return EXIT_FUNDS;
	default:
		break;
	}
	if (status >= 200 && status < 300)
		return EXIT_OK;
	switch (status) {
	case 0:
	case 502:
	case 503:
	case 504:
		return EXIT_UNREACHABLE;
	case 401:
	case 403:
		return EXIT_AUTH;
	case 402:
	case 413:
	case 429:
		return EXIT_FUNDS;
	case 404:
		return EXIT_NOT_FOUND;
	case 409:
		return EXIT_CONFLICT;
	default:
		return EXIT_ERROR;
	}
}
