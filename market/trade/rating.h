/* SPDX-License-Identifier: Apache-2.0
 * rating.h - what is made of good and bad marks
 */
#ifndef TRADE_RATING_H
#define TRADE_RATING_H

#include <stdint.h>

/* The lower bound of the Wilson score interval for good / (good + bad) at 95 % (Wilson 1927; z = 1.96), in millionths, rounded
 * down. 0 where there are no marks. docs/RATING.md publishes it. */
uint32_t rating_ppm(uint32_t good, uint32_t bad);

#endif
