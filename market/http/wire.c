/* SPDX-License-Identifier: Apache-2.0
 * wire.c - a connection's bytes, plain or in TLS
 */
#include "wire.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "file.h"

#define RECORD_BYTES 16384 /* of TLS, at most */
#define UNSPOKEN_MAX 64	   /* a handshake has a few; one record may have a byte of it, but from no client that we know */
/* With forward secrecy, and authenticated. TLS 1.3 has no others. */
#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

/* ---- what all connections share ---- */

static err_t load_chain(SSL_CTX *context, BIO *pem)
{
	X509 *certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL);
	bool fine = certificate && SSL_CTX_use_certificate(context, certificate) == 1;
	X509_free(certificate);
	while (fine && (certificate = PEM_read_bio_X509(pem, NULL, NULL, NULL)))
		if (SSL_CTX_add0_chain_cert(context, certificate) != 1) {
			X509_free(certificate);
			fine = false;
		}
	ERR_clear_error(); /* the end of the file is one */
	return fine ? OK : E_INVALID;
}

static err_t load(SSL_CTX *context, const char *key_pem, const char *certificate_pem)
{
	BIO *key_bio = BIO_new_mem_buf(key_pem, -1), *chain = BIO_new_mem_buf(certificate_pem, -1);
	EVP_PKEY *key = key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL) : NULL;
	err_t e = key && chain ? load_chain(context, chain) : E_INVALID;
	if (e == OK && (SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1))
		e = E_INVALID;
	EVP_PKEY_free(key);
	BIO_free(key_bio);
	BIO_free(chain);
	return e;
}

err_t wire_context_new(const char *key_pem, const char *certificate_pem, SSL_CTX **ret_context)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());
	if (!c)
		return E_NOMEM;
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF); /* tickets are enough */
	SSL_CTX_set_num_tickets(c, 1);
	SSL_CTX_set_read_ahead(c, 1);
	err_t e = load(c, key_pem, certificate_pem);
	if (e == OK && (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 || SSL_CTX_set_cipher_list(c, CIPHERS_1_2) != 1))
		e = E_INTERNAL;
	if (e)
		SSL_CTX_free(c);
	else
		*ret_context = c;
	return e;
}

void wire_context_free(SSL_CTX *context)
{
	SSL_CTX_free(context);
}

/* ---- one connection ---- */

/* OpenSSL reads on until there is something for us: keys that change without end (RFC 8446 section 4.6.3), or wishes to renegotiate, would hold
 * up the loop for as long as they come. What is behind the last one that counts is as if the client had ended it. */
static void on_record(int sent, int version, int type, const void *data, size_t len, SSL *tls, void *context)
{
	struct wire *w = context;
	(void)version, (void)data, (void)len;
	if (!sent && type == SSL3_RT_HEADER && ++w->unspoken > UNSPOKEN_MAX)
		SSL_set_shutdown(tls, SSL_RECEIVED_SHUTDOWN);
}

err_t wire_open(struct wire *w, int fd, SSL_CTX *context)
{
	*w = (struct wire){ .fd = fd };
	if (!context)
		return OK;
	w->tls = SSL_new(context);
	if (!w->tls || SSL_set_fd(w->tls, fd) != 1)
		return E_NOMEM;
	SSL_set_msg_callback(w->tls, on_record);
	SSL_set_msg_callback_arg(w->tls, w);
	SSL_set_accept_state(w->tls);
	return OK;
}

void wire_finish(struct wire *w)
{
	if (w->tls && SSL_is_init_finished(w->tls)) {
		ERR_clear_error();
		SSL_shutdown(w->tls);
	}
	shutdown(w->fd, SHUT_WR);
}

void wire_close(struct wire *w)
{
	SSL_free(w->tls);
	w->tls = NULL;
	fd_close(&w->fd);
}

static enum wire_result tls_result(struct wire *w, int returned)
{
	switch (SSL_get_error(w->tls, returned)) {
	case SSL_ERROR_WANT_READ:
		return WIRE_WANTS_IN;
	case SSL_ERROR_WANT_WRITE:
		return WIRE_WANTS_OUT;
	default:
		return WIRE_GONE;
	}
}

enum wire_result wire_read(struct wire *w, void *to, size_t max, size_t *ret_len, bool *ret_more)
{
	if (w->tls) {
		ERR_clear_error(); /* SSL_get_error() looks at what is there */
		int n = SSL_read_ex(w->tls, to, max, ret_len);
		*ret_more = SSL_has_pending(w->tls);
		if (n == 1)
			w->unspoken = 0;
		return n == 1 ? WIRE_DONE : tls_result(w, n);
	}
	ssize_t n = recv(w->fd, to, max, 0);
	*ret_more = n == (ssize_t)max;
	if (n > 0) {
		*ret_len = (size_t)n;
		return WIRE_DONE;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? WIRE_WANTS_IN : WIRE_GONE;
}

static enum wire_result plain_result(ssize_t n, size_t *ret_len)
{
	if (n > 0) {
		*ret_len = (size_t)n;
		return WIRE_DONE;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? WIRE_WANTS_OUT : WIRE_GONE;
}

static enum wire_result tls_write(struct wire *w, const void *data, size_t len, size_t *ret_len)
{
	ERR_clear_error();
	int n = SSL_write_ex(w->tls, data, len, ret_len);
	return n == 1 ? WIRE_DONE : tls_result(w, n);
}

enum wire_result wire_write(struct wire *w, const struct iovec *parts, int count, size_t *ret_len)
{
	if (!w->tls) {
		struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)count };
		return plain_result(sendmsg(w->fd, &message, MSG_NOSIGNAL), ret_len);
	}
	char record[RECORD_BYTES];
	size_t len = 0;
	for (int i = 0; i < count; i++) {
		size_t n = parts[i].iov_len < sizeof record - len ? parts[i].iov_len : sizeof record - len;
		memcpy(record + len, parts[i].iov_base, n);
		len += n;
	}
	return tls_write(w, record, len, ret_len);
}

enum wire_result wire_write_file(struct wire *w, int file, size_t offset, size_t len, size_t *ret_len)
{
	if (!w->tls) {
		off_t at = (off_t)offset;
		return plain_result(sendfile(w->fd, file, &at, len), ret_len);
	}
	char record[RECORD_BYTES];
	ssize_t n = pread(file, record, len < sizeof record ? len : sizeof record, (off_t)offset);
	return n > 0 ? tls_write(w, record, (size_t)n, ret_len) : WIRE_GONE;
}
