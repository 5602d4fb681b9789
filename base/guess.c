/* SPDX-License-Identifier: Apache-2.0
 * guess.c - the distance between words: insertions, deletions, replacements and swaps of neighbours
 */
#include <stdbool.h>
#include <string.h>
#include "bytes.h"
#include "guess.h"

static int distance(const char *a, const char *b)
{
	int rows[3][GUESS_MAX + 1];
	int a_len = (int)strlen(a), b_len = (int)strlen(b);
	if (a_len > GUESS_MAX || b_len > GUESS_MAX)
		return GUESS_MAX;
	for (int j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (int i = 1; i <= a_len; i++) {
		int *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
		row[0] = i;
		for (int j = 1; j <= b_len; j++) {
			int best = above[j - 1] + (a[i - 1] != b[j - 1]);
			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && above2[j - 2] + 1 < best)
				best = above2[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[a_len % 3][b_len];
}

void guess_consider(struct guess *guess, const char *typed, const char *candidate)
{
	int d = distance(typed, candidate), near = 1 + (int)strlen(typed) / 3;
	bool beginning = strlen(typed) >= 2 && !strncmp(typed, candidate, strlen(typed));
	if (beginning && d > 1)
		d = 1;
	if (d <= near && (!guess->text[0] || d < guess->distance) && text_copy(guess->text, sizeof guess->text, candidate) == OK)
		guess->distance = d;
}
