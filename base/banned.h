/* SPDX-License-Identifier: Apache-2.0
 * banned.h - functions that have hurt everybody do not compile; every .c of ours gets it by -include
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* Under _FORTIFY_SOURCE clang has some of them as macros. */
#undef sprintf
#undef vsprintf
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok atoi atol atoll gets gmtime localtime ctime asctime

#endif
