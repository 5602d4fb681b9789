/* SPDX-License-Identifier: Apache-2.0
 * rating.h - what is made of good and bad marks
 */
#ifndef TRADE_RATING_H
#define TRADE_RATING_H

#include <stdint.h>

/* The formula that docs/RATING.md publishes; what money, time and counterparts do is computed by reputation_marks() of db/procedures. */
#define RATING_VERSION 2
#define RATING_PERIOD_S 2592000
#define RATING_HALF_LIFE_PERIODS 3
#define RATING_PERIODS 24	   /* older ones count nothing */
#define RATING_MARK_MICRO 1000000  /* this much money from one counterpart makes one mark, four times as much two */
#define RATING_COUNTERPART_MARKS 3 /* and no more */

/* What a rating is made of, in thousandths of a mark (reputation_marks() of db/procedures). */
struct rating_marks {
	uint64_t good_milli, bad_milli;
};
/* The lower bound of the Wilson score interval for good / (good + bad) at 95 % (Wilson 1927; z = 1.96), in millionths, rounded
 * down. 0 where there are no marks. More than 2^32 - 1 of either count as that many. */
uint32_t rating_ppm(struct rating_marks marks);

#endif
