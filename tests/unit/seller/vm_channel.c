/* SPDX-License-Identifier: Apache-2.0
 * vm_channel.c - reports out of a jail that may be captured
 */
#include <string.h>
#include "channel.h"
#include "tap.h"

static err_t decode(const char *bytes, size_t len, struct vm_report *report)
{
	return vm_report_decode((const uint8_t *)bytes, len, report);
}

int main(void)
{
	struct vm_report report = { .state = VM_ENDED, .cause = VM_CAUSE_FAILED, .detail = "no \"kvm\" here" }, got;
	uint8_t data[VM_REPORT_MAX_BYTES + 64];
	char detail[8];

	size_t len = vm_report_encode(&report, data);
	is_int(vm_report_decode(data, len, &got), OK, "a report is read");
	is_int(got.state, VM_ENDED, "state");
	is_int(got.cause, VM_CAUSE_FAILED, "cause");
	is_text(got.detail, report.detail, "detail");

	memset(report.detail, 'x', sizeof report.detail);
	len = vm_report_encode(&report, data);
	ok(len <= VM_REPORT_MAX_BYTES, "a text without an end is cut");
	is_int(vm_report_decode(data, len, &got), OK, "and still read");
	is_int(strlen(got.detail), VM_DETAIL_SIZE - 1, "at its longest");

	is_int(decode("\1\0\0\0", 4, &got), OK, "running");
	is_int(decode("\3\2\0\5a\nb\033\377", 9, &got), OK, "controls in the text");
	is_text(got.detail, "a b??", "do not survive");

	is_int(decode("", 0, &got), E_INVALID, "refused: nothing");
	is_int(decode("\1\0\0", 3, &got), E_INVALID, "refused: cut in the head");
	is_int(decode("\4\0\0\0", 4, &got), E_INVALID, "refused: unknown state");
	is_int(decode("\377\0\0\0", 4, &got), E_INVALID, "refused: far state");
	is_int(decode("\3\3\0\0", 4, &got), E_INVALID, "refused: unknown cause");
	is_int(decode("\3\0\0\0", 4, &got), E_INVALID, "refused: an end without a cause");
	is_int(decode("\1\1\0\0", 4, &got), E_INVALID, "refused: a cause without an end");
	is_int(decode("\1\0\0\2a", 5, &got), E_INVALID, "refused: cut in the text");
	is_int(decode("\1\0\0\1ab", 6, &got), E_INVALID, "refused: more than the text");
	memset(data, 'a', sizeof data);
	memcpy(data, "\1\0\2\0", 4);
	is_int(vm_report_decode(data, 4 + VM_DETAIL_SIZE, &got), E_INVALID, "refused: a text too long");

	vm_detail_set(detail, sizeof detail, "0123456789", 10);
	is_text(detail, "3456789", "of a long text the end is kept");
	return done_testing();
}
