/* SPDX-License-Identifier: Apache-2.0
 * attest.h - answers the market's questions about this machine's TPM, each in a process of its own beside the daemon
 */
#ifndef SELLER_ATTEST_H
#define SELLER_ATTEST_H

#include "attestation.h"
#include "cli.h"
#include "settings.h"

struct attester;
/* wake_fd: an eventfd, written when an answer is there. */
MUST_CHECK err_t attester_new(const struct settings *settings, int wake_fd, struct attester **ret);
void attester_free(struct attester *a); /* waits for a process that runs */
/* Starts to answer, unless this question is being answered, or was. */
void attester_ask(struct attester *a, const struct binding *binding);
/* The answer, once, or NULL. */
json_t *attester_take(struct attester *a);
/* The answer did not reach the market: the same question is answered again. */
void attester_again(struct attester *a);
/* What the last question ended with, for the owner: "" where nothing is wrong. */
const char *attester_problem(const struct attester *a);

/* `tpm enrol`, `tpm status`, and the process that answers: `tpm answer QUESTION ANSWER`. */
int command_tpm_enrol(struct cli *cli);
int command_tpm_status(struct cli *cli);
int command_tpm_answer(struct cli *cli);

#endif
