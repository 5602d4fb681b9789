/* SPDX-License-Identifier: Apache-2.0
 * aegis.c - AEGIS-128L: the draft's test vectors, a second implementation made of the draft's text alone, and what does not open
 *
 * The second implementation is slow and plain: its S-box is computed from the field's inverse (FIPS 197, section 5.1.1), a state is a
 * matrix of bytes, and each of the draft's functions is a function.
 */
#include <assert.h>
#include "aegis.h"
#include "bytes.h"
#include "crypto.h"
#include "tap.h"

#define MESSAGES 10000
#define MESSAGE_MAX 3000
#define AD_MAX 100
#define GUARD_BYTES 48

/* ---- by the text ---- */
typedef struct {
	uint8_t b[16];
} block;
static uint8_t s_box[256];

static uint8_t times(uint8_t a, uint8_t b)
{
	uint8_t product = 0;
	for (; b; b >>= 1) {
		product ^= b & 1 ? a : 0;
		a = (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1b : 0));
	}
	return product;
}

static void make_s_box(void)
{
	for (int x = 0; x < 256; x++) {
		uint8_t inverse = 0, out = 0x63;
		for (int y = 1; y < 256 && x; y++)
			if (times((uint8_t)x, (uint8_t)y) == 1)
				inverse = (uint8_t)y;
		for (int i = 0; i < 5; i++)
			out ^= (uint8_t)(inverse << i | inverse >> (8 - i));
		s_box[x] = out;
	}
}

static block xor
		(block a, block b) {
			for (int i = 0; i < 16; i++)
				a.b[i] ^= b.b[i];
			return a;
		}

		static block
	and (block a, block b)
{
	for (int i = 0; i < 16; i++)
		a.b[i] &= b.b[i];
	return a;
}

/* SubBytes, ShiftRows, MixColumns, AddRoundKey. */
static block aes_round(block in, block key)
{
	block out;
	for (int column = 0; column < 4; column++) {
		uint8_t c[4];
		for (int row = 0; row < 4; row++)
			c[row] = s_box[in.b[(column + row) % 4 * 4 + row]];
		for (int row = 0; row < 4; row++)
			out.b[column * 4 + row] =
				(uint8_t)(times(c[row], 2) ^ times(c[(row + 1) % 4], 3) ^ c[(row + 2) % 4] ^ c[(row + 3) % 4]);
	}
	return xor(out, key);
}

struct state {
	block s[8];
};

static void update(struct state *a, block m0, block m1)
{
	struct state next;
	for (int i = 0; i < 8; i++)
		next.s[i] = aes_round(a->s[(i + 7) % 8], i == 0 ? xor(a->s[0], m0) : i == 4 ? xor(a->s[4], m1) : a->s[i]);
	*a = next;
}

static const block c0 = { { 0x00, 0x01, 0x01, 0x02, 0x03, 0x05, 0x08, 0x0d, 0x15, 0x22, 0x37, 0x59, 0x90, 0xe9, 0x79, 0x62 } };
static const block c1 = { { 0xdb, 0x3d, 0x18, 0x55, 0x6d, 0xc2, 0x2f, 0xf1, 0x20, 0x11, 0x31, 0x42, 0x73, 0xb5, 0x28, 0xdd } };

static struct state init(block key, block nonce)
{
	block kn = xor(key, nonce);
	struct state a = { { kn, c1, c0, c1, kn, xor(key, c0), xor(key, c1), xor(key, c0) } };
	for (int i = 0; i < 10; i++)
		update(&a, nonce, key);
	return a;
}

/* The next 32 bytes at most, and zeros. */
static size_t take(const uint8_t *at, size_t left, block t[2])
{
	size_t n = left < 32 ? left : 32;
	uint8_t padded[32] = { 0 };
	memcpy(padded, at, n);
	memcpy(t, padded, 32);
	return n;
}

static void by_the_text(block key, block nonce, const uint8_t *ad, size_t ad_len, const uint8_t *msg, size_t len, uint8_t *ct,
			block *tag)
{
	struct state a = init(key, nonce);
	block t[2], lengths;
	for (size_t at = 0, n; at < ad_len; at += n) {
		n = take(ad + at, ad_len - at, t);
		update(&a, t[0], t[1]);
	}
	for (size_t at = 0, n; at < len; at += n) {
		block out[2];
		n = take(msg + at, len - at, t);
		out[0] = xor(t[0], xor(xor(a.s[6], a.s[1]), and(a.s[2], a.s[3])));
		out[1] = xor(t[1], xor(xor(a.s[2], a.s[5]), and(a.s[6], a.s[7])));
		memcpy(ct + at, out, n);
		update(&a, t[0], t[1]);
	}
	for (int i = 0; i < 8; i++) {
		lengths.b[i] = (uint8_t)((uint64_t)ad_len * 8 >> 8 * i);
		lengths.b[8 + i] = (uint8_t)((uint64_t)len * 8 >> 8 * i);
	}
	lengths = xor(lengths, a.s[2]);
	for (int i = 0; i < 7; i++)
		update(&a, lengths, lengths);
	*tag = a.s[0];
	for (int i = 1; i < 7; i++)
		*tag = xor(*tag, a.s[i]);
}

/* ---- the draft's vectors, Appendix A ---- */
static size_t hex(const char *text, uint8_t *bytes)
{
	assert(hex_decode(text, bytes, strlen(text) / 2) == OK);
	return strlen(text) / 2;
}

static block block_of(const char *text)
{
	block b;
	assert(hex(text, b.b) == 16);
	return b;
}

static void test_rounds(void)
{
	block out = aes_round(block_of("000102030405060708090a0b0c0d0e0f"), block_of("101112131415161718191a1b1c1d1e1f"));
	ok(!memcmp(out.b, block_of("7a7b4e5638782546a8c0477a3b813f43").b, 16), "the second implementation: AESRound");
	static const char *const before[] = { "9b7e60b24cc873ea894ecc07911049a3", "330be08f35300faa2ebf9a7b0d274658",
					      "7bbd5bd2b049f7b9b515cf26fbe7756c", "c35a00f55ea86c3886ec5e928f87db18",
					      "9ebccafce87cab446396c4334592c91f", "58d83e31f256371e60fc6bb257114601",
					      "1639b56ea322c88568a176585bc915de", "640818ffb57dc0fbc2e72ae93457e39a" };
	static const char *const after[] = { "596ab773e4433ca0127c73f60536769d", "790394041a3d26ab697bde865014652d",
					     "38cf49e4b65248acd533041b64dd0611", "16d8e58748f437bfff1797f780337cee",
					     "69761320f7dd738b281cc9f335ac2f5a", "a21746bb193a569e331e1aa985d0d729",
					     "09d714e6fcf9177a8ed1cde7e3d259a6", "61279ba73167f0ab76f0a11bf203bdff" };
	struct state a;
	size_t right = 0;
	for (int i = 0; i < 8; i++)
		a.s[i] = block_of(before[i]);
	block m = block_of("033e6975b94816879e42917650955aa0");
	update(&a, m, m);
	for (int i = 0; i < 8; i++)
		right += !memcmp(a.s[i].b, block_of(after[i]).b, 16);
	is_int(right, 8, "and Update");
}

#define KEY "10010000000000000000000000000000"
#define NONCE "10000200000000000000000000000000"
static const struct {
	const char *key, *nonce, *ad, *msg, *ct, *tag; /* msg NULL: it must not open */
} vectors[] = {
	{ KEY, NONCE, "", "00000000000000000000000000000000", "c1c0e58bd913006feba00f4b3cc3594e",
	  "abe0ece80c24868a226a35d16bdae37a" },
	{ KEY, NONCE, "", "", "", "c2b879a67def9d74e6c14f708bbcc9b4" },
	{ KEY, NONCE, "0001020304050607", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
	  "79d94593d8c2119d7e8fd9b8fc77845c5c077a05b2528b6ac54b563aed8efe84", "cc6f3372f6aa1bb82388d695c3962d9a" },
	{ KEY, NONCE, "0001020304050607", "000102030405060708090a0b0c0d", "79d94593d8c2119d7e8fd9b8fc77",
	  "5c04b3dba849b2701effbe32c7f0fab7" },
	{ KEY, NONCE, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223242526272829",
	  "101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637",
	  "b31052ad1cca4e291abcf2df3502e6bdb1bfd6db36798be3607b1f94d34478aa7ede7f7a990fec10",
	  "7542a745733014f9474417b337399507" },
	{ NONCE, KEY, "0001020304050607", NULL, "79d94593d8c2119d7e8fd9b8fc77", "5c04b3dba849b2701effbe32c7f0fab7" },
	{ KEY, NONCE, "0001020304050607", NULL, "79d94593d8c2119d7e8fd9b8fc78", "5c04b3dba849b2701effbe32c7f0fab7" },
	{ KEY, NONCE, "0001020304050608", NULL, "79d94593d8c2119d7e8fd9b8fc77", "5c04b3dba849b2701effbe32c7f0fab7" },
	{ KEY, NONCE, "0001020304050607", NULL, "79d94593d8c2119d7e8fd9b8fc77", "6c04b3dba849b2701effbe32c7f0fab8" },
};

static void test_vectors(void)
{
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		uint8_t ad[64], msg[64], ct[64], text[64], tag[AEGIS_TAG_BYTES];
		static const uint8_t zeros[64];
		block key = block_of(vectors[i].key), nonce = block_of(vectors[i].nonce), right = block_of(vectors[i].tag), slow;
		size_t ad_len = hex(vectors[i].ad, ad), len = hex(vectors[i].ct, ct);
		memcpy(text, ct, len);
		bool opens = aegis_open(key.b, nonce.b, ad, ad_len, text, len, right.b);
		if (!vectors[i].msg) {
			ok(!opens && !memcmp(text, zeros, len), "vector %zu does not open, and nothing of it is left", i + 1);
			continue;
		}
		hex(vectors[i].msg, msg);
		ok(opens && !memcmp(text, msg, len), "vector %zu opens", i + 1);
		aegis_seal(key.b, nonce.b, ad, ad_len, text, len, tag);
		ok(!memcmp(text, ct, len) && !memcmp(tag, right.b, sizeof tag), "and is sealed");
		by_the_text(key, nonce, ad, ad_len, msg, len, text, &slow);
		ok(!memcmp(text, ct, len) && !memcmp(slow.b, right.b, sizeof tag), "by the second implementation too");
	}
}

/* ---- any message ---- */
struct message {
	block key, nonce;
	uint8_t ad[AD_MAX];
	uint8_t before[GUARD_BYTES], text[MESSAGE_MAX + AEGIS_TAG_BYTES + GUARD_BYTES];
	size_t ad_len, len;
};

static size_t random_below(size_t n)
{
	uint32_t r;
	random_fill(&r, sizeof r);
	return r % n;
}

/* Full ones are rare, as the second implementation takes a millisecond for them. */
static void fill(struct message *m, size_t round)
{
	random_fill(m, sizeof *m);
	m->ad_len = round % 3 ? 16 : random_below(AD_MAX + 1);
	m->len = round < 200 ? round : random_below(round % 50 ? 100 : MESSAGE_MAX + 1);
}

static bool opens(struct message *m)
{
	return aegis_open(m->key.b, m->nonce.b, m->ad, m->ad_len, m->text, m->len, m->text + m->len);
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	uint8_t any = 0;
	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return !any;
}

/* Something of a sealed message is another. */
static void spoil(struct message *m, size_t how)
{
	uint8_t bit = (uint8_t)(1u << random_below(8));
	switch (how) {
	case 0:
		m->text[m->len + random_below(AEGIS_TAG_BYTES)] ^= bit;
		break;
	case 1:
		m->text[random_below(m->len + AEGIS_TAG_BYTES)] ^= bit;
		break;
	case 2:
		m->nonce.b[random_below(16)] ^= bit;
		break;
	case 3:
		m->key.b[random_below(16)] ^= bit;
		break;
	case 4:
		m->ad_len = m->ad_len ? m->ad_len - 1 : 1;
		break;
	case 5:
		m->ad[0] ^= bit;
		m->ad_len += !m->ad_len;
		break;
	case 6:
		m->len++; /* the tag's first byte is then the message's last */
		break;
	default:
		if (m->len)
			m->len--;
		else
			m->text[0] ^= bit;
	}
}

static void test_messages(void)
{
	static struct message m, plain, sealed, bad;
	static uint8_t slow[MESSAGE_MAX];
	size_t alike = 0, opened = 0, untouched = 0, spoilt = 0, left = 0;
	for (size_t i = 0; i < MESSAGES; i++) {
		block tag;
		fill(&plain, i);
		m = plain;
		aegis_seal(m.key.b, m.nonce.b, m.ad, m.ad_len, m.text, m.len, m.text + m.len);
		by_the_text(m.key, m.nonce, m.ad, m.ad_len, plain.text, m.len, slow, &tag);
		alike += !memcmp(m.text, slow, m.len) && !memcmp(m.text + m.len, tag.b, sizeof tag);
		sealed = bad = m;
		memcpy(plain.text + m.len, tag.b, sizeof tag);
		opened += opens(&m) && !memcmp(&m, &plain, sizeof m);
		untouched += !memcmp(sealed.before, plain.before, GUARD_BYTES) &&
			     !memcmp(sealed.text + m.len + AEGIS_TAG_BYTES, plain.text + m.len + AEGIS_TAG_BYTES, GUARD_BYTES);
		spoil(&bad, i % 8);
		spoilt += opens(&bad);
		left += !is_zero(bad.text, bad.len);
	}
	is_int(alike, MESSAGES, "messages of any length are sealed as the text has it");
	is_int(opened, MESSAGES, "and opened, nothing else changed");
	is_int(untouched, MESSAGES, "nothing around them is touched");
	is_int(spoilt, 0, "another tag, text, nonce, key, associated data or length does not open");
	is_int(left, 0, "and leaves zeros");
}

int main(void)
{
	make_s_box();
	test_rounds();
	if (!aegis_works()) {
		printf("# this processor has no AES-NI: AES-256-GCM is all there is\n");
		return done_testing();
	}
	test_vectors();
	test_messages();
	return done_testing();
}
