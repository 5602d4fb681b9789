/* SPDX-License-Identifier: Apache-2.0
 * channel.c - the packets between the outer process and the inside of the jail
 *
 * A report is: u8 state, u8 cause, u16 length of the text, the text.
 */
#include <assert.h>
#include <string.h>
#include "bytes.h"
#include "channel.h"

const char *const vm_state_names[] = { "starting", "running", "paused", "ended" };
static_assert(sizeof vm_state_names / sizeof *vm_state_names == VM_STATE_COUNT, "one name each");

void vm_detail_set(char *detail, size_t size, const char *text, size_t len)
{
	assert(size > 0);
	if (len > size - 1) {
		text += len - (size - 1);
		len = size - 1;
	}
	for (size_t i = 0; i < len; i++)
		detail[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : text[i] == '\n' || text[i] == '\t' ? ' ' : '?';
	detail[len] = 0;
}

size_t vm_report_encode(const struct vm_report *report, uint8_t *data)
{
	struct writer w = writer_of(data, VM_REPORT_MAX_BYTES);
	size_t len = strnlen(report->detail, VM_DETAIL_SIZE - 1);

	write_u8(&w, (uint8_t)report->state);
	write_u8(&w, (uint8_t)report->cause);
	write_u16(&w, (uint16_t)len);
	write_bytes(&w, report->detail, len);
	assert(!w.bad);
	return writer_len(&w);
}

err_t vm_report_decode(const uint8_t *data, size_t len, struct vm_report *ret_report)
{
	struct reader r = reader_of(data, len);
	struct vm_report report = { 0 };
	uint8_t state = read_u8(&r), cause = read_u8(&r);
	uint16_t text_len = read_u16(&r);
	const uint8_t *text = read_bytes(&r, text_len);

	if (r.bad || reader_left(&r) || state >= VM_STATE_COUNT || cause >= VM_CAUSE_COUNT || text_len >= VM_DETAIL_SIZE)
		return E_INVALID;
	if ((state == VM_ENDED) != (cause != VM_CAUSE_NONE))
		return E_INVALID;
	report.state = (enum vm_state)state;
	report.cause = (enum vm_cause)cause;
	vm_detail_set(report.detail, sizeof report.detail, (const char *)text, text_len);
	*ret_report = report;
	return OK;
}
