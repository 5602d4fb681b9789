/* SPDX-License-Identifier: Apache-2.0
 * guess.h - which known word a mistyped one was meant to be
 */
#ifndef BASE_GUESS_H
#define BASE_GUESS_H

#define GUESS_MAX 48 /* bytes of the longest word that is looked at */

/* The nearest candidate so far. Zero-initialised is none; text is empty where none is near. */
struct guess {
	int distance;
	char text[GUESS_MAX + 1];
};

/* Takes the candidate where it is nearer than the one before, or begins as typed. */
void guess_consider(struct guess *guess, const char *typed, const char *candidate);

#endif
