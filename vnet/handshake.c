/* SPDX-License-Identifier: Apache-2.0
 * handshake.c - DTLS 1.2 between two pinned keys, as datagrams in and datagrams out
 *
 * How it works: OpenSSL talks through a BIO of ours that keeps the bounds of datagrams (memory BIOs join them). What it
 * writes in answer to one input is a flight. OpenSSL's own retransmission timer reads the wall clock, so it is set to an hour
 * and never fires: whoever carries the flights sends the same datagrams again until the other side answers. Records that
 * arrive twice are dropped by DTLS itself (RFC 6347 section 4.1.2.6).
 *
 * Ed25519 certificates find no cipher in DTLS 1.2 with OpenSSL 3.0, hence P-256. No tickets, no renegotiation, the extended
 * master secret is required (RFC 7627; RFC 5705's exporter is not safe without it).
 *
 * The data's cipher is agreed on by ALPN (RFC 7301): the client's hello names AEGIS-128L, the server's says it again, and both hellos are in
 * what the two Finished messages prove, so nobody on the way can take it out. Where either says nothing it is AES-256-GCM.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include "aegis.h"
#include "bytes.h"
#include "handshake.h"
#include "pin.h"
#include "wire.h"

#define CIPHER "ECDHE-ECDSA-AES256-GCM-SHA384"
#define GROUPS "X25519:P-256"
#define SIGNATURES "ECDSA+SHA256"
#define EXPORTER_LABEL "EXPORTER-cpushare-vnet-data-v1"
#define NO_TIMER_US 3600000000u
#define ALPN_AEGIS "cpushare/aegis-128l"

struct identity {
	SSL_CTX *context;
	BIO_METHOD *method;
	sha256 pin;
	bool aegis;
};

struct handshake {
	SSL *ssl;
	bool client, spoke, aegis;
	sha256 peer_pin;
	const uint8_t *in; /* the datagram being taken, NULL once read */
	size_t in_len;
	struct flight flight;
	uint8_t next_part;
	bool overflow; /* spoke more than a flight holds: cannot happen with our certificates */
};

/* ---- the BIO ---- */
static int bio_write(BIO *bio, const char *data, int len)
{
	struct handshake *h = BIO_get_data(bio);
	struct flight *f = &h->flight;
	if (!h->spoke) {
		h->spoke = true;
		f->first_part = h->next_part;
		f->count = 0;
	}
	if (len <= 0 || len > CARRIER_DTLS_MAX || f->count == FLIGHT_DATAGRAMS || h->next_part == UINT8_MAX) {
		h->overflow = true;
		return -1;
	}
	memcpy(f->data[f->count], data, (size_t)len);
	f->len[f->count++] = (uint16_t)len;
	h->next_part++;
	return len;
}

static int bio_read(BIO *bio, char *data, int len)
{
	struct handshake *h = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (!h->in) {
		BIO_set_retry_read(bio);
		return -1;
	}
	int n = h->in_len < (size_t)len ? (int)h->in_len : len; /* a datagram's rest is lost, as with a socket */
	memcpy(data, h->in, (size_t)n);
	h->in = NULL;
	return n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return CARRIER_DTLS_MAX;
	}
	return 0;
}

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static BIO_METHOD *bio_method_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
	if (m && BIO_meth_set_write(m, bio_write) == 1 && BIO_meth_set_read(m, bio_read) == 1 &&
	    BIO_meth_set_ctrl(m, bio_ctrl) == 1 && BIO_meth_set_create(m, bio_create) == 1)
		return m;
	BIO_meth_free(m);
	return NULL;
}

/* ---- the cipher of the data ---- */
static bool is_aegis(const uint8_t *name, unsigned len)
{
	return len == strlen(ALPN_AEGIS) && !memcmp(name, ALPN_AEGIS, len);
}

static bool offer_aegis(SSL *ssl)
{
	uint8_t list[sizeof ALPN_AEGIS] = { sizeof ALPN_AEGIS - 1 }; /* one name after its length */
	memcpy(list + 1, ALPN_AEGIS, sizeof list - 1);
	return SSL_set_alpn_protos(ssl, list, sizeof list) == 0; /* 0 is success here */
}

/* The server's choice. list: names, each after its length; OpenSSL has checked that they fill it. */
static int choose_cipher(SSL *ssl, const uint8_t **ret_name, uint8_t *ret_len, const uint8_t *list, unsigned len, void *context)
{
	const struct identity *id = context;
	(void)ssl;
	for (unsigned at = 0; id->aegis && at < len && list[at] < len - at; at += 1u + list[at])
		if (is_aegis(list + at + 1, list[at])) {
			*ret_name = list + at + 1;
			*ret_len = list[at];
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_NOACK;
}

/* False: the server chose what it was not offered. */
static bool agreed_cipher(const struct handshake *h, enum vnet_cipher *ret_cipher)
{
	const uint8_t *name;
	unsigned len;
	SSL_get0_alpn_selected(h->ssl, &name, &len);
	*ret_cipher = len ? VNET_AEGIS_128L : VNET_AES_256_GCM;
	return !len || (h->aegis && is_aegis(name, len));
}

/* ---- who we are, who they must be ---- */
static bool set_rules(SSL_CTX *c)
{
	SSL_CTX_set_options(c, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS); /* 32 KiB each while nothing is read or written */
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	pin_require(c);
	return SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) == 1 && SSL_CTX_set_max_proto_version(c, DTLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(c, CIPHER) == 1 && SSL_CTX_set1_groups_list(c, GROUPS) == 1 &&
	       SSL_CTX_set1_sigalgs_list(c, SIGNATURES) == 1 && SSL_CTX_set1_client_sigalgs_list(c, SIGNATURES) == 1;
}

err_t identity_new(const char *key_pem, const char *cert_pem, bool aegis, struct identity **ret_identity)
{
	struct identity *id = calloc(1, sizeof *id);
	if (!id)
		return E_NOMEM;
	err_t e = E_NOMEM;
	id->method = bio_method_new();
	id->context = SSL_CTX_new(DTLS_method());
	id->aegis = aegis && aegis_works();
	if (id->context)
		SSL_CTX_set_alpn_select_cb(id->context, choose_cipher, id);
	if (id->method && id->context)
		e = set_rules(id->context) ? pin_load(id->context, key_pem, cert_pem, &id->pin) : E_INTERNAL;
	if (e != OK) {
		identity_free(id);
		return e;
	}
	*ret_identity = id;
	return OK;
}

void identity_free(struct identity *id)
{
	if (!id)
		return;
	SSL_CTX_free(id->context);
	BIO_meth_free(id->method);
	free(id);
}

sha256 identity_pin(const struct identity *id)
{
	return id->pin;
}

/* ---- the handshake ---- */
static unsigned int no_timer(SSL *ssl, unsigned int previous_us)
{
	(void)ssl, (void)previous_us;
	return NO_TIMER_US;
}

err_t handshake_new(struct identity *id, bool client, sha256 peer_pin, struct handshake **ret_handshake)
{
	struct handshake *h = calloc(1, sizeof *h);
	if (!h)
		return E_NOMEM;
	h->client = client;
	h->aegis = id->aegis;
	h->peer_pin = peer_pin;
	h->ssl = SSL_new(id->context);
	BIO *bio = BIO_new(id->method);
	if (!h->ssl || !bio) {
		BIO_free(bio);
		handshake_free(h);
		return E_NOMEM;
	}
	BIO_set_data(bio, h);
	SSL_set_bio(h->ssl, bio, bio);
	SSL_set_app_data(h->ssl, &h->peer_pin);
	DTLS_set_timer_cb(h->ssl, no_timer);
	DTLS_set_link_mtu(h->ssl, CARRIER_DTLS_MAX);
	if (client && h->aegis && !offer_aegis(h->ssl)) {
		handshake_free(h);
		return E_NOMEM;
	}
	if (client)
		SSL_set_connect_state(h->ssl);
	else
		SSL_set_accept_state(h->ssl);
	*ret_handshake = h;
	return OK;
}

void handshake_free(struct handshake *h)
{
	if (!h)
		return;
	SSL_free(h->ssl);
	free(h);
}

enum handshake_state handshake_step(struct handshake *h, const uint8_t *datagram, size_t len, bool *ret_spoke)
{
	h->spoke = false;
	h->in = datagram;
	h->in_len = len;
	ERR_clear_error();
	int done = SSL_do_handshake(h->ssl);
	int why = SSL_get_error(h->ssl, done);
	h->in = NULL;
	ERR_clear_error();
	*ret_spoke = h->spoke;
	enum vnet_cipher cipher;
	if (done == 1 && !h->overflow)
		return SSL_get_extms_support(h->ssl) == 1 && agreed_cipher(h, &cipher) ? HANDSHAKE_DONE : HANDSHAKE_FAILED;
	return why == SSL_ERROR_WANT_READ && !h->overflow ? HANDSHAKE_GOING : HANDSHAKE_FAILED;
}

const struct flight *handshake_flight(const struct handshake *h)
{
	return &h->flight;
}

static void read_key(struct reader *r, enum vnet_cipher cipher, struct seal_key *ret_key)
{
	*ret_key = (struct seal_key){ .cipher = cipher };
	read_copy(r, ret_key->key, cipher == VNET_AEGIS_128L ? AEGIS_KEY_BYTES : SEAL_KEY_BYTES);
	read_copy(r, ret_key->salt, cipher == VNET_AEGIS_128L ? SEAL_SALT_BYTES : SEAL_GCM_SALT_BYTES);
}

err_t handshake_keys(const struct handshake *h, uuid network, uint32_t client_index, uint32_t server_index,
		     struct seal_key *ret_client_to_server, struct seal_key *ret_server_to_client)
{
	uint8_t context[32], out[2 * (SEAL_KEY_BYTES + SEAL_GCM_SALT_BYTES)];
	size_t len = sizeof out;
	enum vnet_cipher cipher;
	struct writer w = writer_of(context, sizeof context);
	if (!agreed_cipher(h, &cipher))
		return E_INTERNAL;
	write_u8(&w, WIRE_VERSION);
	write_bytes(&w, network.bytes, sizeof network.bytes);
	write_u32(&w, client_index);
	write_u32(&w, server_index);
	if (cipher == VNET_AEGIS_128L) { /* as it was before there were two, where it is not */
		write_u8(&w, VNET_AEGIS_128L);
		len = 2 * (AEGIS_KEY_BYTES + SEAL_SALT_BYTES);
	}
	if (SSL_export_keying_material(h->ssl, out, len, EXPORTER_LABEL, strlen(EXPORTER_LABEL), context, writer_len(&w), 1) != 1)
		return E_INTERNAL;
	struct reader r = reader_of(out, len);
	read_key(&r, cipher, ret_client_to_server);
	read_key(&r, cipher, ret_server_to_client);
	OPENSSL_cleanse(out, sizeof out);
	return OK;
}
