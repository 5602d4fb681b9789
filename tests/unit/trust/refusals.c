/* SPDX-License-Identifier: Apache-2.0
 * refusals.c - each thing that can be wrong with a proof is refused, for its own reason
 */
#include "vectors.h"
#include "tap.h"

typedef void change(struct proof *p);

/* ---- the endorsement key ---- */
static void reissue(struct proof *p, EVP_PKEY *key, const struct certificate *issuer, const char *usage, int days)
{
	struct certificate c = certify("tpm", key, issuer, usage, days);
	blob_clear(&p->identity.ek_certificate);
	p->identity.ek_certificate = certificate_blob(c.x509);
	X509_free(c.x509);
}
static void ek_garbage(struct proof *p)
{
	p->identity.ek_certificate.data[0] ^= 1;
}
static void ek_trailing(struct proof *p)
{
	struct blob *b = &p->identity.ek_certificate;
	b->data = realloc(b->data, b->len + 1);
	b->data[b->len++] = 0xff; /* as an NV index is filled up */
}
static void ek_huge(struct proof *p)
{
	struct blob *b = &p->identity.ek_certificate;
	b->data = realloc(b->data, EK_CERTIFICATE_MAX + 1);
	b->len = EK_CERTIFICATE_MAX + 1;
	memset(b->data, 0, b->len);
}
static void ek_without_chain(struct proof *p)
{
	blob_clear(&p->identity.chain[0]);
	p->identity.chain_count = 0;
}
static void ek_chain_garbage(struct proof *p)
{
	p->identity.chain[0].len--;
}
static void ek_no_authorities(struct proof *p)
{
	authorities_free(p->authorities);
	p->authorities = NULL;
}
static void ek_other_root(struct proof *p)
{
	struct certificate root = certify("root", EVP_EC_gen("P-256"), NULL, NULL, 100);
	authorities_free(p->authorities);
	p->authorities = trusting(root.x509);
	X509_free(root.x509);
	EVP_PKEY_free(root.key);
}
static void ek_by_itself(struct proof *p)
{
	reissue(p, p->ek.key, NULL, EK_USAGE_OID, 100);
}
static void ek_by_a_leaf(struct proof *p)
{
	/* a TPM's own key is no authority */
	EVP_PKEY *key = EVP_RSA_gen(2048);
	reissue(p, key, &p->ek, EK_USAGE_OID, 100);
	EVP_PKEY_free(key);
	blob_clear(&p->identity.chain[1]);
	p->identity.chain[1] = certificate_blob(p->ek.x509);
	p->identity.chain_count = 2;
}
static void ek_expired(struct proof *p)
{
	reissue(p, p->ek.key, &p->between, EK_USAGE_OID, -1);
}
static void ek_server(struct proof *p)
{
	reissue(p, p->ek.key, &p->between, "serverAuth", 100);
}
static void ek_any_usage(struct proof *p)
{
	reissue(p, p->ek.key, &p->between, "", 100);
}
static void ek_authority(struct proof *p)
{
	/* an authority's own certificate is no TPM's */
	blob_clear(&p->identity.ek_certificate);
	p->identity.ek_certificate = certificate_blob(p->between.x509);
}
static void ek_small(struct proof *p)
{
	EVP_PKEY *key = EVP_RSA_gen(1024);
	reissue(p, key, &p->between, EK_USAGE_OID, 100);
	EVP_PKEY_free(key);
}
static void ek_ed25519(struct proof *p)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	reissue(p, key, &p->between, EK_USAGE_OID, 100);
	EVP_PKEY_free(key);
}
static void ek_none(struct proof *p)
{
	blob_clear(&p->identity.ek_certificate);
}
static void ek_bare(struct proof *p)
{
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(p->ek.key, &der);
	blob_clear(&p->identity.ek_certificate);
	if (blob_set(&p->identity.ek_public, der, (size_t)len))
		abort();
	OPENSSL_free(der);
}
static void ek_bare_garbage(struct proof *p)
{
	ek_bare(p);
	p->policy.first_use = true;
	p->identity.ek_public.len--;
}

/* ---- the attestation key ---- */
#define AREA(name, what)                  \
	static void name(struct proof *p) \
	{                                 \
		p->area.what;             \
		proof_identify(p);        \
	}
AREA(ak_rsa, type = 1)
AREA(ak_sha1_name, name_alg = TPM_SHA1)
AREA(ak_symmetric, symmetric = 6)
AREA(ak_schnorr, scheme = 0x1c)
AREA(ak_sha1, hash = TPM_SHA1)
AREA(ak_curve, curve = 4)
AREA(ak_kdf, kdf = 7)
AREA(ak_unrestricted, attributes = AK_ATTRIBUTES & ~0x10000u)
AREA(ak_decrypts, attributes = AK_ATTRIBUTES | 0x20000u)
AREA(ak_movable, attributes = AK_ATTRIBUTES & ~2u)
AREA(ak_under_movable, attributes = AK_ATTRIBUTES & ~0x10u)
AREA(ak_imported, attributes = AK_ATTRIBUTES & ~0x20u)
AREA(ak_point, point.bytes[40] ^= 1)
static void ak_short(struct proof *p)
{
	p->identity.ak_public.len--;
}
static void ak_trailing(struct proof *p)
{
	struct blob *b = &p->identity.ak_public;
	b->data = realloc(b->data, b->len + 1);
	b->data[b->len++] = 0;
}
static void ak_empty(struct proof *p)
{
	p->identity.ak_public.len = 0;
}
static void ak_other(struct proof *p)
{
	/* another machine's key: the quote is fine, and not this one's */
	p256_free(p->ak);
	p->ak = p256_fresh();
	proof_sign(p);
}

/* ---- signature ---- */
static void signature_flipped(struct proof *p)
{
	p->answer.signature.data[10] ^= 1;
}
static void signature_rsa(struct proof *p)
{
	p->answer.signature.data[1] = 0x14;
}
static void signature_sha1(struct proof *p)
{
	p->answer.signature.data[3] = TPM_SHA1;
}
static void signature_short(struct proof *p)
{
	p->answer.signature.len -= 3;
}
static void signature_long_number(struct proof *p)
{
	p->answer.signature.data[4] = 0xff;
}
static void signature_zero(struct proof *p)
{
	memset(p->answer.signature.data + 6, 0, 32);
}
static void signature_empty(struct proof *p)
{
	p->answer.signature.len = 0;
}

/* ---- the quote ---- */
#define ATTEST(name, what)                \
	static void name(struct proof *p) \
	{                                 \
		p->attest.what;           \
		proof_sign(p);            \
	}
static void quote_flipped(struct proof *p)
{
	p->answer.quote.data[50] ^= 1;
}
static void quote_huge(struct proof *p)
{
	struct blob *b = &p->answer.quote;
	b->data = realloc(b->data, QUOTE_MAX + 1);
	memset(b->data + b->len, 0, QUOTE_MAX + 1 - b->len);
	b->len = QUOTE_MAX + 1;
}
ATTEST(quote_magic, magic = 0x11223344)
ATTEST(quote_certify, type = 0x8017)
ATTEST(quote_trailing, extra = 4)
ATTEST(quote_safe, safe = 2)
ATTEST(quote_nonce, binding.bytes[0] ^= 1)
ATTEST(quote_sha1_bank, bank = TPM_SHA1)
ATTEST(quote_two_banks, banks = 2)
ATTEST(quote_no_bank, banks = 0)
ATTEST(quote_fewer, select[0] = 0x90)
ATTEST(quote_more, select[0] = 0x93)
ATTEST(quote_resettable, select[2] = 1)
ATTEST(quote_digest, digest.bytes[31] ^= 1)
ATTEST(clock_back, clock_ms = 3999)
ATTEST(restarts_back, restarts = 0)
ATTEST(resets_back, resets = 2)
ATTEST(rebooted, resets = 4)
#define BOUND(name, what)                 \
	static void name(struct proof *p) \
	{                                 \
		p->binding.what;          \
	}
BOUND(bound_nonce, question.nonce.bytes[3] ^= 1)
BOUND(bound_lease, question.lease.bytes[3] ^= 1)
BOUND(bound_image, image.bytes[3] ^= 1)
BOUND(bound_pin, pin.bytes[3] ^= 1)
BOUND(bound_machine, machine.bytes[3] ^= 1)
BOUND(bound_accel, accel = ACCEL_KVM)
BOUND(bound_policy, question.policy = 9)
BOUND(bound_seq, question.seq = 9)

/* ---- registers, firmware, log, references ---- */
static void value_changed(struct proof *p)
{
	p->answer.values[1].bytes[0] ^= 1;
}
static void value_missing(struct proof *p)
{
	p->answer.value_count = 2;
}
static void policy_moved(struct proof *p)
{
	p->policy.quoted = 0x9b;
}
static void firmware_denied(struct proof *p)
{
	p->policy.denied_firmware[p->policy.denied_count++] = 0x42;
}
static void log_none(struct proof *p)
{
	blob_clear(&p->answer.log);
}
static void log_cut(struct proof *p)
{
	p->answer.log.len--;
}
static void log_digest(struct proof *p)
{
	p->answer.log.data[p->answer.log.len - 20] ^= 1; /* in the last event's digest */
}
static void write_log(struct proof *p, void (*write)(struct buf *b))
{
	AUTO_BUF log = { .data = NULL };
	write(&log);
	if (blob_set(&p->answer.log, log.data, log.len))
		abort();
}
static void sha1_log(struct buf *b)
{
	log_begin(b, 0x000c, 48);
}
static void log_sha1(struct proof *p)
{
	write_log(p, sha1_log);
}
static void short_log(struct buf *b)
{
	log_begin(b, TPM_SHA256, 32);
	log_event(b, 0, 8, "firmware 1");
}
static void log_shortened(struct proof *p)
{
	write_log(p, short_log);
}
static void empty_bank_log(struct buf *b)
{
	log_begin(b, TPM_SHA256, 0);
}
static void log_bank(struct proof *p)
{
	write_log(p, empty_bank_log);
}
static void far_log(struct buf *b)
{
	log_begin(b, TPM_SHA256, 32);
	log_event(b, 24, 8, "no register");
}
static void log_register(struct proof *p)
{
	write_log(p, far_log);
}
static void many_log(struct buf *b)
{
	log_begin(b, TPM_SHA256, 32);
	for (int i = 0; i <= EVENT_MAX; i++)
		log_event(b, 3, 3, "");
}
static void log_many(struct proof *p)
{
	write_log(p, many_log);
}
static void log_huge(struct proof *p)
{
	struct blob *b = &p->answer.log;
	b->data = realloc(b->data, EVENT_LOG_MAX + 1);
	memset(b->data + b->len, 0, EVENT_LOG_MAX + 1 - b->len);
	b->len = EVENT_LOG_MAX + 1;
}
/* Another boot, honestly told: log, registers and quote agree. */
static void boot_other(struct proof *p, const char *loader, const char *secure_boot)
{
	AUTO_BUF log = { .data = NULL };
	struct replay replay;
	log_begin(&log, TPM_SHA256, 32);
	log_event(&log, 0, 8, "firmware 1");
	log_event(&log, 7, 0x80000001, secure_boot);
	log_event(&log, 4, 4, "separator");
	log_event(&log, 4, 0x80000003, loader);
	if (event_log_replay(log.data, log.len, &replay) || blob_set(&p->answer.log, log.data, log.len))
		abort();
	p->answer.values[1] = replay.values[4];
	p->answer.values[2] = replay.values[7];
	p->attest.digest = sha256_of(p->answer.values, 96);
	proof_sign(p);
}
static void loader_other(struct proof *p)
{
	boot_other(p, "evil loader", "SecureBoot");
}
static void secure_boot_off(struct proof *p)
{
	boot_other(p, "boot loader", "SecureBoot off");
}
static void references_none(struct proof *p)
{
	policy_clear(&p->policy);
	p->policy.quoted = p->policy.replayed = 0x91;
}
static void log_unproven(struct proof *p)
{
	p->policy.replayed = 0; /* then its events say nothing */
}

static const struct {
	change *change;
	enum fault fault;
	const char *what;
} vectors[] = {
	{ ek_garbage, FAULT_EK_CERTIFICATE, "a certificate that is none" },
	{ ek_trailing, FAULT_EK_CERTIFICATE, "bytes behind the certificate" },
	{ ek_huge, FAULT_EK_CERTIFICATE, "a certificate that is too large" },
	{ ek_without_chain, FAULT_EK_CHAIN, "an intermediate that is missing" },
	{ ek_chain_garbage, FAULT_EK_CERTIFICATE, "an intermediate that is none" },
	{ ek_no_authorities, FAULT_EK_CHAIN, "a market that trusts nobody" },
	{ ek_other_root, FAULT_EK_CHAIN, "an authority of the same name with another key" },
	{ ek_by_itself, FAULT_EK_CHAIN, "a certificate signed by itself" },
	{ ek_by_a_leaf, FAULT_EK_CHAIN, "a certificate signed by another TPM's key" },
	{ ek_expired, FAULT_EK_EXPIRED, "a certificate that is over" },
	{ ek_server, FAULT_EK_USAGE, "a web server's certificate" },
	{ ek_any_usage, FAULT_EK_USAGE, "a certificate that does not say what for" },
	{ ek_authority, FAULT_EK_USAGE, "an authority's certificate in place of a TPM's" },
	{ ek_small, FAULT_EK_KEY, "RSA of 1024 bits" },
	{ ek_ed25519, FAULT_EK_KEY, "an algorithm that no EK has" },
	{ ek_none, FAULT_EK_MISSING, "nothing at all" },
	{ ek_bare, FAULT_EK_MISSING, "a key without certificate, where first use is not trusted" },
	{ ek_bare_garbage, FAULT_EK_KEY, "a key that is none, where first use is trusted" },
	{ ak_rsa, FAULT_AK_ALGORITHM, "an AK of another type" },
	{ ak_sha1_name, FAULT_AK_ALGORITHM, "an AK named by SHA-1" },
	{ ak_symmetric, FAULT_AK_ALGORITHM, "an AK with a symmetric algorithm" },
	{ ak_schnorr, FAULT_AK_ALGORITHM, "an AK of another scheme" },
	{ ak_sha1, FAULT_AK_ALGORITHM, "an AK that signs SHA-1" },
	{ ak_curve, FAULT_AK_ALGORITHM, "an AK on P-384" },
	{ ak_kdf, FAULT_AK_ALGORITHM, "an AK with a KDF" },
	{ ak_unrestricted, FAULT_AK_ATTRIBUTES, "an AK that signs anything" },
	{ ak_decrypts, FAULT_AK_ATTRIBUTES, "an AK that decrypts, too" },
	{ ak_movable, FAULT_AK_ATTRIBUTES, "an AK that can leave its TPM" },
	{ ak_under_movable, FAULT_AK_ATTRIBUTES, "an AK that can leave its parent" },
	{ ak_imported, FAULT_AK_ATTRIBUTES, "an AK that was made outside" },
	{ ak_point, FAULT_AK_POINT, "an AK that is no point" },
	{ ak_short, FAULT_AK_FORMAT, "an AK that is cut" },
	{ ak_trailing, FAULT_AK_FORMAT, "bytes behind the AK" },
	{ ak_empty, FAULT_AK_FORMAT, "an empty AK" },
	{ ak_other, FAULT_SIGNATURE, "another machine's quote" },
	{ signature_flipped, FAULT_SIGNATURE, "a bit of the signature" },
	{ signature_zero, FAULT_SIGNATURE, "a number of the signature that is zero" },
	{ signature_rsa, FAULT_SIGNATURE_ALGORITHM, "a signature by RSA" },
	{ signature_sha1, FAULT_SIGNATURE_ALGORITHM, "a signature of a SHA-1" },
	{ signature_short, FAULT_SIGNATURE_FORMAT, "a signature that is cut" },
	{ signature_long_number, FAULT_SIGNATURE_FORMAT, "a signature with an oversized number" },
	{ signature_empty, FAULT_SIGNATURE_FORMAT, "no signature" },
	{ quote_flipped, FAULT_SIGNATURE, "a bit of the quote" },
	{ quote_huge, FAULT_QUOTE_FORMAT, "a quote that is too large" },
	{ quote_magic, FAULT_QUOTE_MAGIC, "a structure that no TPM made" },
	{ quote_certify, FAULT_QUOTE_TYPE, "an attestation of something else" },
	{ quote_trailing, FAULT_QUOTE_FORMAT, "bytes behind the quote" },
	{ quote_safe, FAULT_QUOTE_FORMAT, "a flag that is neither yes nor no" },
	{ quote_nonce, FAULT_QUOTE_BINDING, "a quote to another question" },
	{ bound_nonce, FAULT_QUOTE_BINDING, "an old quote to a new nonce" },
	{ bound_lease, FAULT_QUOTE_BINDING, "another lease's quote" },
	{ bound_image, FAULT_QUOTE_BINDING, "a quote for another image" },
	{ bound_pin, FAULT_QUOTE_BINDING, "a quote for another network key" },
	{ bound_machine, FAULT_QUOTE_BINDING, "a quote for another machine" },
	{ bound_accel, FAULT_QUOTE_BINDING, "a quote for another accelerator" },
	{ bound_policy, FAULT_QUOTE_BINDING, "a quote under another policy" },
	{ bound_seq, FAULT_QUOTE_BINDING, "a quote out of sequence" },
	{ quote_sha1_bank, FAULT_PCR_BANK, "registers of another bank" },
	{ quote_two_banks, FAULT_PCR_BANK, "registers of two banks" },
	{ quote_no_bank, FAULT_PCR_BANK, "registers of no bank" },
	{ quote_fewer, FAULT_PCR_SELECTION, "a register less" },
	{ quote_more, FAULT_PCR_SELECTION, "a register more" },
	{ quote_resettable, FAULT_PCR_SELECTION, "a register that can be reset" },
	{ value_missing, FAULT_PCR_SELECTION, "a value less than registers" },
	{ policy_moved, FAULT_PCR_SELECTION, "a question older than the policy's registers" },
	{ quote_digest, FAULT_PCR_DIGEST, "a digest of other values" },
	{ value_changed, FAULT_PCR_DIGEST, "a value that was not signed" },
	{ clock_back, FAULT_CLOCK_BACK, "a clock that went back" },
	{ restarts_back, FAULT_CLOCK_BACK, "fewer restarts than before" },
	{ resets_back, FAULT_CLOCK_BACK, "fewer resets than before" },
	{ rebooted, FAULT_REBOOTED, "a reboot while the lease ran" },
	{ firmware_denied, FAULT_FIRMWARE, "a firmware that is denied" },
	{ log_none, FAULT_LOG_MISSING, "no log where one is required" },
	{ log_cut, FAULT_LOG_FORMAT, "a log that is cut" },
	{ log_huge, FAULT_LOG_FORMAT, "a log that is too large" },
	{ log_bank, FAULT_LOG_FORMAT, "a log whose digests are empty" },
	{ log_register, FAULT_LOG_FORMAT, "a log of a register that does not exist" },
	{ log_many, FAULT_LOG_FORMAT, "a log of too many events" },
	{ log_sha1, FAULT_LOG_ALGORITHM, "a log without SHA-256" },
	{ log_digest, FAULT_LOG_REPLAY, "a digest in the log" },
	{ log_shortened, FAULT_LOG_REPLAY, "a log that leaves something out" },
	{ loader_other, FAULT_REFERENCE, "another boot loader" },
	{ secure_boot_off, FAULT_REFERENCE, "an event that no reference knows" },
	{ references_none, FAULT_REFERENCE, "a market that knows no boot" },
	{ log_unproven, FAULT_REFERENCE, "events of a log that is not replayed" },
};

static void test_vectors(void)
{
	bool seen[FAULT_COUNT] = { false };
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		struct proof p = proof_make();
		vectors[i].change(&p);
		struct verdict v = proof_judge(&p);
		is_text(fault_names[v.fault], fault_names[vectors[i].fault], "%s", vectors[i].what);
		bool rest = v.tier == (v.fault == FAULT_REFERENCE || (v.fault >= FAULT_LOG_MISSING && v.fault <= FAULT_LOG_REPLAY)
					       ? TIER_IDENTITY
					       : TIER_NONE);
		ok(rest && !v.reference[0], "and no more is believed than what was proven");
		seen[v.fault] = true;
		proof_clear(&p);
	}
	for (int i = FAULT_NONE + 1; i < FAULT_COUNT; i++) {
		bool market = i == FAULT_EK_TAKEN || i == FAULT_EK_REVOKED || i == FAULT_AK_UNKNOWN || i == FAULT_AK_REVOKED ||
			      i == FAULT_CREDENTIAL || i == FAULT_CREDENTIAL_LATE || i == FAULT_QUOTE_LATE || i == FAULT_SILENT;
		ok(seen[i] != market, "%s is here, or is the market's to find", fault_names[i]);
	}
}

static void test_good(void)
{
	struct proof p = proof_make();
	struct verdict v = proof_judge(&p);
	is_text(fault_names[v.fault], "", "a proof without a fault");
	is_int(v.tier, TIER_MEASURED_BOOT, "shows what was booted");
	is_text(v.reference, "desk", "and which of the references it is");
	is_int(v.clock.clock_ms, 5000, "the clock is kept for the next");
	p.resets = NULL;
	p.attest.resets = 9;
	p.attest.clock_ms = 1;
	proof_sign(&p);
	is_int(proof_judge(&p).fault, FAULT_NONE, "between leases a reboot is nobody's fault");
	p.before.known = false;
	p.attest.resets = 0;
	proof_sign(&p);
	is_int(proof_judge(&p).fault, FAULT_NONE, "nothing was known before the first quote");
	p.before = (struct tpm_clock){ true, 5000, 0, 0 };
	p.attest.safe = 0;
	proof_sign(&p);
	is_int(proof_judge(&p).fault, FAULT_NONE, "an unsafe clock may be behind after a power failure");
	ek_bare(&p);
	p.policy.first_use = true;
	is_int(proof_judge(&p).fault, FAULT_NONE, "a key without certificate, where first use is trusted");
	proof_clear(&p);
}

int main(void)
{
	test_good();
	test_vectors();
	return done_testing();
}
