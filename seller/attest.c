/* SPDX-License-Identifier: Apache-2.0
 * attest.c - answers the market's questions about this machine's TPM
 *
 * How it works: a thread writes the question to STATE/tpm.question, runs `cpushare-seller tpm answer` on it and wakes the agent, which
 * sends what then stands in STATE/tpm.answer. A TPM may take seconds, and its driver may hang: the daemon goes on meanwhile.
 */
#include "attest.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "file.h"
#include "log.h"
#include "process.h"

#define ANSWER_TIMEOUT_MS 45000
#define ANSWER_MAX (1 << 20)

struct attester {
	const struct settings *settings;
	int wake_fd;
	pthread_t thread;
	bool running;
	atomic_bool done;
	struct binding asked;
	char question[PATH_SIZE], answer[PATH_SIZE];
	err_t outcome;
	char problem[DETAIL_SIZE];
};

err_t attester_new(const struct settings *settings, int wake_fd, struct attester **ret)
{
	AUTO_FREE struct attester *a = calloc(1, sizeof *a);
	if (!a)
		return E_NOMEM;
	a->settings = settings;
	a->wake_fd = wake_fd;
	TRY(settings_path(settings, "tpm.question", a->question));
	TRY(settings_path(settings, "tpm.answer", a->answer));
	*ret = a;
	a = NULL;
	return OK;
}

static void collect(struct attester *a)
{
	pthread_join(a->thread, NULL);
	a->running = false;
}

void attester_free(struct attester *a)
{
	if (!a)
		return;
	if (a->running)
		collect(a);
	free(a);
}

static err_t answer_in_process(const struct attester *a)
{
	char program[PATH_SIZE];
	int status = 0;
	TRY(process_sibling("cpushare-seller", program, sizeof program));
	char *argv[] = { program, "tpm", "answer", (char *)a->question, (char *)a->answer, "--state", (char *)a->settings->state,
			 NULL };
	TRY(process_run(argv, ANSWER_TIMEOUT_MS, &status));
	return status == 0 ? OK : E_UNAVAILABLE;
}

static void *answer_thread(void *context)
{
	struct attester *a = context;
	const uint64_t one = 1;
	a->outcome = answer_in_process(a);
	atomic_store(&a->done, true);
	if (write(a->wake_fd, &one, sizeof one) < 0)
		return NULL; /* it is awake already */
	return NULL;
}

void attester_again(struct attester *a)
{
	a->asked = (struct binding){ .accel = ACCEL_ANY };
}

void attester_ask(struct attester *a, const struct binding *binding)
{
	AUTO_JSON json = NULL;
	if (a->running || sha256_equal(binding_hash(&a->asked), binding_hash(binding)))
		return;
	json = json_object();
	json_put(json, "binding", binding_to_json(binding));
	AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
	unlink(a->answer);
	if (!text || file_write(a->question, text, strlen(text), 0600) != OK)
		return;
	a->asked = *binding;
	atomic_store(&a->done, false);
	a->running = pthread_create(&a->thread, NULL, answer_thread, a) == 0;
	if (!a->running)
		attester_again(a);
}

json_t *attester_take(struct attester *a)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	json_t *json = NULL;
	struct json_error error;
	if (!a->running || !atomic_load(&a->done))
		return NULL;
	collect(a);
	err_t e = a->outcome;
	if (!e)
		e = file_read(a->answer, ANSWER_MAX, &text, &len);
	if (!e)
		e = json_parse(text, len, &json, &error);
	if (!e) {
		a->problem[0] = 0;
		return json;
	}
	/* The process left its reason in the answer's place. */
	attester_again(a);
	if (!text && file_read(a->answer, sizeof a->problem - 1, &text, &len) != OK)
		len = 0;
	snprintf(a->problem, sizeof a->problem, "the TPM gives no answer: %s", len ? text : err_name(e));
	log_warn("the TPM gives no answer", "reason=\"%s\"", len ? text : err_name(e));
	return NULL;
}

const char *attester_problem(const struct attester *a)
{
	return a->problem;
}
