/* SPDX-License-Identifier: Apache-2.0
 * certificate.c - the market's TLS key and certificate: the operator's own, or a self-signed pair made once
 *
 * Clients of a self-signed market pin its key, so the pair is kept for as long as the data folder is.
 */
#include "certificate.h"

#include "bytes.h"
#include "crypto.h"
#include "file.h"

#define PEM_MAX (256 * 1024)
#define PATH_SIZE 1280

static err_t load_pair(const char *key, const char *cert, struct certificate *ret, char *error)
{
	size_t len;
	err_t e = file_read(key, PEM_MAX, &ret->key_pem, &len);
	if (e) {
		snprintf(error, 256, "%.180s: %s", key, err_name(e));
		return e;
	}
	e = file_read(cert, PEM_MAX, &ret->certificate_pem, &len);
	if (e)
		snprintf(error, 256, "%.180s: %s", cert, err_name(e));
	return e;
}

/* "127.0.0.1:8443" without its port. */
static void host_of(const char *address, char *host, size_t size)
{
	const char *from = address[0] == '[' ? address + 1 : address;
	const char *end = address[0] == '[' ? strchr(address, ']') : strrchr(address, ':');
	snprintf(host, size, "%.*s", end ? (int)(end - from) : 0, from);
	if (!host[0] || !strcmp(host, "0.0.0.0") || !strcmp(host, "::"))
		snprintf(host, size, "localhost");
}

static err_t make_pair(const char *address, const char *key, const char *cert)
{
	AUTO_FREE char *key_pem = NULL;
	AUTO_FREE char *cert_pem = NULL;
	char host[128];
	host_of(address, host, sizeof host);
	TRY(certificate_make(host, &key_pem, &cert_pem));
	TRY(file_write(key, key_pem, strlen(key_pem), 0600));
	return file_write(cert, cert_pem, strlen(cert_pem), 0644);
}

static err_t load_own(const struct settings *s, const char *data_dir, struct certificate *ret, char *error)
{
	char folder[PATH_SIZE], key[PATH_SIZE], cert[PATH_SIZE];
	size_t len;
	snprintf(folder, sizeof folder, "%s/tls", data_dir);
	snprintf(key, sizeof key, "%s/tls/key.pem", data_dir);
	snprintf(cert, sizeof cert, "%s/tls/certificate.pem", data_dir);
	/* The certificate is written last: where it is, the pair is whole. */
	AUTO_FREE char *there = NULL;
	err_t e = file_read(cert, PEM_MAX, &there, &len);
	if (e == E_NOT_FOUND) {
		e = dir_make(folder, 0700);
		if (e == OK)
			e = make_pair(s->address, key, cert);
	}
	if (e) {
		snprintf(error, 256, "cannot make a certificate in %.180s: %s", folder, err_name(e));
		return e;
	}
	return load_pair(key, cert, ret, error);
}

err_t certificate_load(const struct settings *settings, const char *data_dir, struct certificate *ret, char *error)
{
	sha256 pin;
	char text[48];
	if (!settings->certificate[0] != !settings->key[0]) {
		snprintf(error, 256, "a certificate needs its key, and a key its certificate");
		return E_INVALID;
	}
	if (settings->certificate[0])
		TRY(load_pair(settings->key, settings->certificate, ret, error));
	else
		TRY(load_own(settings, data_dir, ret, error));
	err_t e = certificate_pin(ret->certificate_pem, &pin);
	if (e) {
		snprintf(error, 256, "the certificate cannot be read: %s", err_name(e));
		return e;
	}
	snprintf(ret->pin, sizeof ret->pin, "sha256//%s", base64_encode(pin.bytes, sizeof pin.bytes, text));
	return OK;
}

void certificate_clear(struct certificate *c)
{
	if (c->key_pem)
		explicit_bzero(c->key_pem, strlen(c->key_pem));
	free(c->key_pem);
	free(c->certificate_pem);
	*c = (struct certificate){ 0 };
}
