/* SPDX-License-Identifier: Apache-2.0
 * err.c - tests of error names and errno's kinds
 */
#include <errno.h>
#include "err.h"
#include "tap.h"

static err_t fails_second(int *steps)
{
	++*steps;
	TRY(OK);
	++*steps;
	TRY(E_LIMIT);
	++*steps;
	return OK;
}

int main(void)
{
	for (int e = 0; e < ERR_COUNT; e++)
		for (int other = 0; other < e; other++)
			if (!strcmp(err_name((err_t)e), err_name((err_t)other)))
				ok(false, "%s twice", err_name((err_t)e));
	is_text(err_name(OK), "ok", "the first name");
	is_text(err_name(E_NOT_FOUND), "not_found", "a name in between");
	is_text(err_name(E_INTERNAL), "internal", "the last name");
	is_text(err_name(ERR_COUNT), "unknown", "past the end");
	is_text(err_name((err_t)-1), "unknown", "before the start");
	is_int(err_from_errno(0), OK, "no errno");
	is_int(err_from_errno(ENOENT), E_NOT_FOUND, "ENOENT");
	is_int(err_from_errno(ENOMEM), E_NOMEM, "ENOMEM");
	is_int(err_from_errno(EAGAIN), E_AGAIN, "EAGAIN");
	is_int(err_from_errno(EISDIR), E_IO, "any other");
	int steps = 0;
	is_int(fails_second(&steps), E_LIMIT, "TRY passes the error up");
	is_int(steps, 2, "and stops there");
	return done_testing();
}
