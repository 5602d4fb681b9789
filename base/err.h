/* SPDX-License-Identifier: Apache-2.0
 * err.h - the kinds of failure that a caller acts on differently
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* 0 is success. A function that can fail returns err_t and leaves its ret_ parameters untouched on failure. */
typedef enum err {
	OK = 0,
	E_INVALID,     /* the input breaks a rule; trying again does not help */
	E_NOT_FOUND,   /* what was named does not exist */
	E_EXISTS,      /* it is there already */
	E_CONFLICT,    /* the state does not allow it now */
	E_DENIED,      /* known, but not allowed */
	E_AUTH,	       /* not known: no or bad credentials */
	E_FUNDS,       /* not enough money or budget */
	E_LIMIT,       /* a bound of ours is reached: too large, too many, too often */
	E_OVERFLOW,    /* a number does not fit its type */
	E_CORRUPT,     /* a checksum, signature or seal does not hold */
	E_AGAIN,       /* not now: would block, or still going on */
	E_TIMEOUT,     /* a bound in time passed */
	E_UNAVAILABLE, /* the other side is gone; trying again later may help */
	E_UNSUPPORTED, /* this machine or version cannot */
	E_IO,	       /* the operating system said no: errno tells */
	E_NOMEM,       /* out of memory */
	E_INTERNAL,    /* our own mistake */
	ERR_COUNT
} err_t;

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Passes a failure up. */
#define TRY(call)                        \
	do {                             \
		err_t try_err_ = (call); \
		if (try_err_ != OK)      \
			return try_err_; \
	} while (0)

/* The enum's name in lower case without "E_", for logs: "not_found". Never NULL. */
const char *err_name(err_t e);

/* The kind that errno's value stands for: ENOENT is E_NOT_FOUND, ENOMEM is E_NOMEM, EAGAIN is E_AGAIN, else E_IO. */
err_t err_from_errno(int errno_value);

/* Prints "program: message" to stderr and exits with 1. Only while main() starts up. */
_Noreturn void die(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
