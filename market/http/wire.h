/* SPDX-License-Identifier: Apache-2.0
 * wire.h - a connection's bytes, plain or in TLS
 */
#ifndef HTTP_WIRE_H
#define HTTP_WIRE_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>
#include "err.h"

/* A server's side, from PEM: TLS 1.2 and 1.3. E_INVALID where key and certificate are none or do not belong together. */
MUST_CHECK err_t wire_context_new(const char *key_pem, const char *certificate_pem, SSL_CTX **ret_context);
void wire_context_free(SSL_CTX *context);

struct wire {
	int fd;
	SSL *tls;     /* NULL: plain */
	int unspoken; /* records in a row that brought nothing to read */
};
/* fd is taken by what wire_close() does, also where this fails. context: NULL for plain. */
MUST_CHECK err_t wire_open(struct wire *w, int fd, SSL_CTX *context);
void wire_close(struct wire *w);
/* Says that nothing more will be sent. */
void wire_finish(struct wire *w);

enum wire_result {
	WIRE_DONE,
	WIRE_WANTS_IN,	/* nothing was done: again when the descriptor can be read */
	WIRE_WANTS_OUT, /* or written */
	WIRE_GONE,	/* closed by the other end, or broken */
};
/* Up to max bytes. ret_more: there may be some that epoll does not tell of. The first ones of TLS make the handshake. */
enum wire_result wire_read(struct wire *w, void *to, size_t max, size_t *ret_len, bool *ret_more);
/* As much of the parts as is taken at once. What was not is to be offered again, as it was, with whatever follows. */
enum wire_result wire_write(struct wire *w, const struct iovec *parts, int count, size_t *ret_len);
/* The same for a file's bytes. */
enum wire_result wire_write_file(struct wire *w, int file, size_t offset, size_t len, size_t *ret_len);

#endif
