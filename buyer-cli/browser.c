/* SPDX-License-Identifier: Apache-2.0
 * browser.c - login --browser: the user lets this program in by a code that it shows (RFC 8628)
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "codes.h"
#include "interrupt.h"
#include "output.h"
#include "session.h"
#include "signin.h"

#define SLOWER_US (5 * SECOND_US) /* RFC 8628 section 3.5: slow_down */

/* The host's name tells the user which of their machines asks. */
static json_t *request(void)
{
	char host[65] = "", client[CLIENT_SIZE];
	if (gethostname(host, sizeof host - 1))
		host[0] = 0;
	snprintf(client, sizeof client, "cpushare%s%s", host[0] ? " on " : "", host);
	json_t *body = json_object();
	json_put_text(body, "client", client);
	return body;
}

/* Asks until somebody has answered. */
static int wait_for_answer(session_t *s, const struct device_login *login, json_t **ret_answer)
{
	AUTO_JSON body = json_object();
	json_put_text(body, "device_code", login->device_code);
	int64_t interval_us = login->interval * SECOND_US;
	mono_time end = { clock_mono().us + login->expires_in * SECOND_US };
	struct problem problem;
	interrupt_catch();
	for (;;) {
		interrupt_sleep(interval_us);
		if (interrupted())
			return cli_error(s->cli, EXIT_PENDING, "nobody has answered");
		if (session_try(s, "POST", "/v1/device/token", body, false, ret_answer, &problem) == OK)
			return EXIT_OK;
		enum refusal code = refusal_parse(problem.code);
		if (code == REFUSE_SLOW_DOWN)
			interval_us += SLOWER_US;
		else if (code != REFUSE_DEVICE_PENDING && problem.status && problem.status < 500)
			return session_refused(s, &problem);
		if (clock_mono().us > end.us)
			return session_refused(s, &problem);
	}
}

int login_by_browser(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON begun = NULL;
	AUTO_JSON answer = NULL;
	struct device_login login;
	struct json_error error = { .what = "" };
	int code = session_open(cli, false, &s);
	if (code)
		return code;
	AUTO_JSON body = request();
	if ((code = session_call(&s, "POST", "/v1/device", body, false, &begun)))
		return code;
	if (device_login_from_json(begun, &login, &error))
		return cli_error(cli, EXIT_ERROR, "the market's answer is not understood: %s %s", error.field, error.what);
	/* Also with -o json: without it nobody could answer. */
	fprintf(stderr, "In a browser, open %s\nand type the code  %s\n", login.verification_uri, login.user_code);
	if ((code = wait_for_answer(&s, &login, &answer)))
		return code;
	return session_keep(&s, answer, "Logged in as");
}
