/* SPDX-License-Identifier: Apache-2.0
 * terminal.c - asking at a terminal, and showing there what strangers wrote
 */
#include "terminal.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* ---- asking ---- */

static struct termios before_asking;

static void on_interrupt(int number)
{
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_asking);
	signal(number, SIG_DFL);
	raise(number);
}

bool terminal_ask(const char *prompt, bool secret, char *text, size_t size)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before_asking))
		return false;
	fputs(prompt, stderr);
	if (secret) {
		struct termios quiet = before_asking;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
			signal(ends[i], on_interrupt);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	bool got = fgets(text, (int)size, stdin) != NULL;
	if (secret) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_asking);
		for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
			signal(ends[i], SIG_DFL);
		fputc('\n', stderr);
	}
	text[got ? strcspn(text, "\r\n") : 0] = 0;
	return got;
}

bool terminal_raw(bool on)
{
	static const int ends[] = { SIGTERM, SIGHUP, SIGQUIT };
	if (on && (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before_asking)))
		return false;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		signal(ends[i], on ? on_interrupt : SIG_DFL);
	struct termios keys = before_asking;
	if (on) {
		keys.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG | IEXTEN);
		keys.c_iflag &= ~(tcflag_t)(ICRNL | IXON | ISTRIP);
		keys.c_cc[VMIN] = 1;
		keys.c_cc[VTIME] = 0;
	}
	return tcsetattr(STDIN_FILENO, TCSAFLUSH, &keys) == 0;
}

/* ---- showing ---- */

static void newline(struct terminal_filter *f, struct buf *out)
{
	if (f->in_line)
		buf_puts(out, "\n");
	f->in_line = false;
}

/* A whole UTF-8 sequence: neither longer than it need be, nor one of the C1 controls, nor half of a UTF-16 pair. */
static bool is_printable_rune(const uint8_t *rune, unsigned len)
{
	static const uint32_t least[] = { 0, 0, 0xa0, 0x800, 0x10000 };
	uint32_t c = rune[0] & (0x7fU >> len);
	for (unsigned i = 1; i < len; i++)
		c = c << 6 | (rune[i] & 0x3f);
	return c >= least[len] && c <= 0x10ffff && !(c >= 0xd800 && c < 0xe000);
}

static void text_byte(struct terminal_filter *f, uint8_t c, struct buf *out)
{
	if (f->rune_need && (c & 0xc0) == 0x80) {
		f->rune[f->rune_len++] = c;
		if (f->rune_len < f->rune_need)
			return;
		if (is_printable_rune(f->rune, f->rune_len)) {
			buf_append(out, f->rune, f->rune_len);
			f->in_line = true;
		}
		f->rune_need = 0;
		return;
	}
	f->rune_need = 0;
	if (c >= 0xc2 && c < 0xf5) {
		f->rune[0] = c;
		f->rune_len = 1;
		f->rune_need = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	} else if (c == 0x1b) {
		f->state = FILTER_ESCAPE;
	} else if (c == '\n') {
		buf_puts(out, "\n");
		f->in_line = false;
	} else if (c == '\t' || (c >= 32 && c < 127)) {
		buf_append(out, &c, 1);
		f->in_line = true;
	}
}

static void escape_byte(struct terminal_filter *f, uint8_t c)
{
	f->number = 0;
	f->numbers_over = false;
	if (c == '[')
		f->state = FILTER_CSI;
	else if (c && strchr("]PX^_", c))
		f->state = FILTER_STRING;
	else if (c < 0x20 || c > 0x2f) /* those announce that one more comes */
		f->state = FILTER_TEXT;
}

static void csi_byte(struct terminal_filter *f, uint8_t c, struct buf *out)
{
	if (c >= '0' && c <= '9' && !f->numbers_over) {
		f->number = f->number < 10000 ? f->number * 10 + (c - '0') : f->number;
		return;
	}
	f->numbers_over = true;
	if (c == 0x1b)
		f->state = FILTER_ESCAPE;
	if (c < 0x40 || c > 0x7e)
		return;
	if ((c == 'H' || c == 'f') && f->number != f->row) {
		newline(f, out);
		f->row = f->number;
	}
	if (c == 'J')
		newline(f, out);
	f->state = FILTER_TEXT;
}

void terminal_filter(struct terminal_filter *f, const uint8_t *data, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t c = data[i];
		switch (f->state) {
		case FILTER_TEXT:
			text_byte(f, c, out);
			break;
		case FILTER_ESCAPE:
			escape_byte(f, c);
			break;
		case FILTER_CSI:
			csi_byte(f, c, out);
			break;
		case FILTER_STRING: /* ends with a bell, with ESC \, and, lest noise hide all that follows, with the line */
			f->state = c == 7 || c == '\n' ? FILTER_TEXT : c == 0x1b ? FILTER_STRING_ESCAPE : FILTER_STRING;
			break;
		case FILTER_STRING_ESCAPE:
			f->state = FILTER_TEXT;
			if (c != '\\') {
				f->state = FILTER_ESCAPE;
				escape_byte(f, c);
			}
			break;
		}
	}
}

void terminal_clean(char *text)
{
	for (uint8_t *at = (uint8_t *)text; *at; at++) {
		bool eight_bits = *at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
		if (*at < 32 || *at == 127 || eight_bits)
			*at = '?';
		if (eight_bits)
			*++at = '?';
	}
}
