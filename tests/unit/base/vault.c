/* SPDX-License-Identifier: Apache-2.0
 * vault.c - tests of sealed secrets: what opens, and what does not
 */
#include "vault.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"
#include "tap.h"

#define KEY1 "0a1b 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
#define KEY2 "2c3d ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100\n"

static void opens(void)
{
	struct vault *old = NULL, *both = NULL;
	uint8_t sealed[6 + VAULT_OVERHEAD], again[6 + VAULT_OVERHEAD];
	char text[7] = "";
	is_int(vault_parse(KEY1, &old), OK, "a key");
	is_int(vault_parse(KEY1 KEY2, &both), OK, "two keys");
	is_text(vault_id(old), "0a1b", "the only one seals");
	is_text(vault_id(both), "2c3d", "the last one seals");
	is_int(vault_seal(old, "me", 2, "secret", 6, sealed), OK, "seal");
	ok(!memmem(sealed, sizeof sealed, "secret", 6), "the secret is not to be seen");
	is_int(vault_seal(old, "me", 2, "secret", 6, again), OK, "seal again");
	ok(memcmp(sealed, again, sizeof sealed) != 0, "it looks different each time");
	is_int(vault_open(both, "0a1b", "me", 2, sealed, sizeof sealed, text), OK, "an older key still opens");
	is_text(text, "secret", "what was sealed");
	is_int(vault_open(both, "2c3d", "me", 2, sealed, sizeof sealed, text), E_AUTH, "another key does not");
	is_int(vault_open(both, "9999", "me", 2, sealed, sizeof sealed, text), E_NOT_FOUND, "nor one that is not there");
	is_int(vault_open(both, "0a1b", "you", 3, sealed, sizeof sealed, text), E_AUTH, "nor does it open for another");
	is_int(vault_open(both, "0a1b", "me", 2, sealed, VAULT_OVERHEAD, text), E_AUTH, "nor with nothing in it");
	for (size_t i = 0; i < sizeof sealed; i++) {
		sealed[i] ^= 1;
		if (vault_open(both, "0a1b", "me", 2, sealed, sizeof sealed, text) != E_AUTH)
			ok(false, "byte %zu changed", i);
		sealed[i] ^= 1;
	}
	ok(!memmem(text, sizeof text, "secret", 6), "nothing is left of what did not open");
	vault_free(old);
	vault_free(both);
}

static void refuses(void)
{
	static const char *const bad[] = { "",
					   "\n",
					   "0a1b\n",
					   "0a1b 0011\n",
					   " 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
					   "XYZ 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
					   "0a1b 00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg\n",
					   "0123456789abcdef0 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
					   KEY1 "\n" KEY2 };
	struct vault *vault = NULL;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(vault_parse(bad[i], &vault) == E_CORRUPT && !vault, "refuse %zu: %.20s", i, bad[i]);
}

static void file(void)
{
	char dir[] = "/tmp/vault.XXXXXX", path[64];
	struct vault *made = NULL, *read = NULL;
	struct stat st;
	ok(mkdtemp(dir) != NULL, "a folder");
	snprintf(path, sizeof path, "%s/secrets.key", dir);
	is_int(vault_load(path, &made), OK, "a key is made");
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "for its owner alone");
	is_int(vault_load(path, &read), OK, "and read");
	is_text(vault_id(read), vault_id(made), "the same");
	vault_free(made);
	vault_free(read);
	is_int(dir_remove(dir), OK, "gone");
}

int main(void)
{
	opens();
	refuses();
	file();
	return done_testing();
}
