/* SPDX-License-Identifier: Apache-2.0
 * crypto.c - tests of hashes, passwords, tokens, signatures and certificates
 */
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bytes.h"
#include "crypto.h"
#include "file.h"
#include "tap.h"

static char folder[] = "/tmp/cpushare-crypto-XXXXXX";

static void test_hashes(void)
{
	char text[SHA256_TEXT_SIZE];
	/* FIPS 180-4's example, RFC 4231 test case 2 */
	const char *abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	is_text(sha256_format(sha256_of("abc", 3), text), abc, "SHA-256 of abc");
	is_text(sha256_format(sha256_of(NULL, 0), text), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"SHA-256 of nothing");
	is_text(sha256_format(hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28), text),
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", "HMAC");
	is_text(sha256_format(hmac_sha256(NULL, 0, NULL, 0), text),
		"b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", "HMAC of nothing with no key");
	struct sha256_stream *s = sha256_stream_new();
	sha256_stream_add(s, "a", 1);
	sha256_stream_add(s, "", 0);
	sha256_stream_add(s, "bc", 2);
	sha256 hash = sha256_stream_end(s);
	is_text(sha256_format(hash, text), abc, "in pieces");
	sha256_stream_free(sha256_stream_new());
	sha256_stream_free(NULL);
	/* Of nothing: test case 13 of the paper that proposed GCM. */
	static const uint8_t zeros[GMAC_KEY_BYTES],
		none[] = { 0x53, 0x0f, 0x8a, 0xfb, 0xc7, 0x45, 0x36, 0xb9, 0xa9, 0x63, 0xb4, 0xf1, 0xc4, 0xcb, 0x73, 0x8b };
	gmac_tag tag = gmac_end(gmac_new(zeros));
	ok(!memcmp(tag.bytes, none, sizeof none), "GMAC of nothing");
	gmac_free(NULL);

	sha256 back;
	ok(sha256_parse(abc, &back) == OK && sha256_equal(hash, back), "parse");
	back.bytes[31] ^= 1;
	ok(!sha256_equal(hash, back), "one bit differs");
	is_int(sha256_parse("ba78", &back), E_INVALID, "refuse a short one");
	ok(constant_time_equal("abc", "abd", 2) && !constant_time_equal("abc", "abd", 3), "constant-time comparison");
	uint8_t a[32] = { 0 }, b[32] = { 0 };
	random_fill(a, sizeof a);
	random_fill(b, sizeof b);
	ok(memcmp(a, b, sizeof a), "random bytes differ");
}

static void test_passwords(void)
{
	char text[PASSWORD_HASH_SIZE], other[PASSWORD_HASH_SIZE];
	is_int(password_hash("correct horse", text), OK, "hash");
	ok(!strncmp(text, "$scrypt$15$8$1$", 15), "its parameters: %.15s", text);
	is_int(password_check("correct horse", text), OK, "the right password");
	is_int(password_check("correct horsf", text), E_AUTH, "a wrong one");
	is_int(password_check("", text), E_AUTH, "none");
	is_int(password_hash("correct horse", other), OK, "hash again");
	ok(strcmp(text, other), "with another salt");
	/* "pleaseletmein", N = 2^14, r = 8, p = 1 with a salt of 16 bytes; made with Python's hashlib.scrypt */
	is_int(password_check("pleaseletmein",
			      "$scrypt$14$8$1$U29kaXVtQ2hsb3JpZGUhIQ==$UmYyNDO/YRuFmsgA6JK5baM1qTJw1bFvX2are1D2OBc="),
	       OK, "other parameters");
	static const char *const bad[] = {
		"",
		"$scrypt$",
		"$bcrypt$15$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"$scrypt$17$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", /* 128 MiB */
		"$scrypt$99$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"$scrypt$0$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"$scrypt$15$0$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"$scrypt$15$8$99$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"$scrypt$15$8$1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"$scrypt$15$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAA",
		"$scrypt$15$8$1$AAAAAAAAAAAAAAAAAAAAAA==",
		"$scrypt$15$8$1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=$x",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		is_int(password_check("x", bad[i]), E_CORRUPT, "refuse \"%s\"", bad[i]);
}

static void test_tokens(void)
{
	char text[TOKEN_TEXT_SIZE], other[TOKEN_TEXT_SIZE];
	token_make("cpu_", text);
	token_make("cpu_", other);
	is_int(strlen(text), 40, "length");
	ok(!strncmp(text, "cpu_", 4) && strcmp(text, other), "prefix, and random");
	ok(token_well_formed("cpu_", text), "well formed");
	ok(!token_well_formed("cps_", text), "another prefix");
	for (size_t i = 0; i < strlen(text); i++) {
		char broken[TOKEN_TEXT_SIZE];
		memcpy(broken, text, sizeof broken);
		broken[i] = broken[i] == 'a' ? 'b' : 'a';
		if (token_well_formed("cpu_", broken))
			ok(false, "character %zu mistyped goes unnoticed", i);
	}
	text[39] = '\0';
	ok(!token_well_formed("cpu_", text), "too short");
	ok(!token_well_formed("cpu_", "cpu_0123456789012345678901234567890123456"), "too long");
	ok(!token_well_formed("cpu_", ""), "empty");
	ok(sha256_equal(token_hash("abc"), sha256_of("abc", 3)), "its hash");
	/* CRC-32 of "x" and thirty "0" is 0x8f3da6bc; in base 62 with six digits */
	ok(token_well_formed("x", "x0000000000000000000000000000002cdVUK"), "a token made elsewhere");
}

static void test_signatures(void)
{
	struct ed25519_key *key, *again;
	char path[64];
	snprintf(path, sizeof path, "%s/key.pem", folder);
	is_int(ed25519_load(path, &key), E_NOT_FOUND, "no file");
	is_int(ed25519_new(&key), OK, "new key");
	is_int(ed25519_save(key, path), OK, "save");
	struct stat st;
	ok(!stat(path, &st) && (st.st_mode & 0777) == 0600, "for its owner only");
	is_int(ed25519_load(path, &again), OK, "load");
	ed25519_public public = ed25519_public_of(key), public_again = ed25519_public_of(again);
	ok(!memcmp(public.bytes, public_again.bytes, 32), "the same key");
	ed25519_signature signature = ed25519_sign(again, "usage", 5);
	ok(ed25519_verify(public, "usage", 5, signature), "a good signature");
	ok(!ed25519_verify(public, "usagf", 5, signature), "of another text");
	signature.bytes[0] ^= 1;
	ok(!ed25519_verify(public, "usage", 5, signature), "a changed one");
	ok(!ed25519_verify((ed25519_public){ 0 }, "usage", 5, signature), "of no key");
	ed25519_free(key);
	ed25519_free(again);
	ed25519_free(NULL);

	/* RFC 8032 section 7.1, test 2 */
	ed25519_public rfc_key;
	ed25519_signature rfc_signature;
	ok(hex_decode("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", rfc_key.bytes, 32) == OK &&
		   hex_decode("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
			      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
			      rfc_signature.bytes, 64) == OK &&
		   ed25519_verify(rfc_key, "\x72", 1, rfc_signature),
	   "the RFC's signature");

	static const char *const bad[] = { "", "not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		err_t e = file_write(path, bad[i], strlen(bad[i]), 0600);
		is_int(e ? e : ed25519_load(path, &key), E_CORRUPT, "refuse file %zu", i);
	}
	char *key_pem, *cert_pem;
	if (ok(certificate_make("localhost", &key_pem, &cert_pem) == OK, "a key of another kind")) {
		err_t e = file_write(path, key_pem, strlen(key_pem), 0600);
		is_int(e ? e : ed25519_load(path, &key), E_CORRUPT, "is refused");
		free(key_pem);
		free(cert_pem);
	}
	unlink(path);
}

/* Does the certificate hold for the name by the rules of TLS clients, and does it verify as its own root? */
static bool holds_for(const char *cert_pem, const char *name, bool ip)
{
	BIO *bio = BIO_new_mem_buf(cert_pem, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	X509_STORE_add_cert(store, certificate);
	X509_STORE_CTX_init(context, store, certificate, NULL);
	X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
	bool named = (ip ? X509_check_ip_asc(certificate, name, 0) : X509_check_host(certificate, name, 0, 0, NULL)) == 1;
	bool valid = named && X509_verify_cert(context) == 1;
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	X509_free(certificate);
	BIO_free(bio);
	return valid;
}

static void test_certificates(void)
{
	static const struct {
		const char *name, *other;
		bool ip;
	} names[] = {
		{ "market.example.org", "example.org", false },
		{ "localhost", "localhost.org", false },
		{ "127.0.0.1", "127.0.0.2", true },
		{ "fd00::1", "::1", true },
	};
	sha256 pin, other_pin;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char *key_pem = NULL, *cert_pem = NULL;
		is_int(certificate_make(names[i].name, &key_pem, &cert_pem), OK, "certificate of %s", names[i].name);
		ok(holds_for(cert_pem, names[i].name, names[i].ip), "holds for it");
		ok(!holds_for(cert_pem, names[i].other, names[i].ip), "not for %s", names[i].other);
		is_int(certificate_pin(cert_pem, &pin), OK, "its pin");
		BIO *bio = BIO_new_mem_buf(key_pem, -1);
		EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
		unsigned char *der = NULL;
		int len = i2d_PUBKEY(key, &der);
		ok(len > 0 && sha256_equal(pin, sha256_of(der, (size_t)len)), "is its key's");
		ok(i == 0 || !sha256_equal(pin, other_pin), "and no other's");
		other_pin = pin;
		OPENSSL_free(der);
		EVP_PKEY_free(key);
		BIO_free(bio);
		free(key_pem);
		free(cert_pem);
	}
	static const char *const bad[] = {
		"", "a,DNS:b", "a b", "a\nb", "a/b", "0123456789012345678901234567890123456789012345678901234567890123x"
	};
	char *key_pem = NULL, *cert_pem = NULL;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		is_int(certificate_make(bad[i], &key_pem, &cert_pem), E_INVALID, "refuse \"%s\"", bad[i]);
	ok(!key_pem && !cert_pem, "a refusal leaves the results alone");
	is_int(certificate_pin("", &pin), E_INVALID, "no pin of nothing");
	is_int(certificate_pin("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &pin), E_INVALID,
	       "nor of rubbish");
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	test_hashes();
	test_passwords();
	test_tokens();
	test_signatures();
	test_certificates();
	ok(dir_remove(folder) == OK, "clean up");
	return done_testing();
}
