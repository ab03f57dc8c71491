/* SPDX-License-Identifier: Apache-2.0 */
#include "core/tsig/key.h"

#include <openssl/evp.h>

#include "base/scan.h"

const char *
gp_tsig_algorithm_name(uint8_t algorithm)
{
	static const char *const names[GP_TSIG_ALGORITHMS] = {
		[GP_TSIG_SHA256] = "hmac-sha256",
		[GP_TSIG_SHA384] = "hmac-sha384",
		[GP_TSIG_SHA512] = "hmac-sha512",
	};
	gp_assert(algorithm < GP_TSIG_ALGORITHMS);
	return names[algorithm];
}

/* --- words --- */

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_no_newline(char c)
{
	return c != '\n';
}

static bool
is_no_quote(char c)
{
	return c != '"';
}

static bool
is_word(char c)
{
	return !is_space(c) && gp_slice_find(GP_SLICE("{};\""), c) < 0;
}

/* False: there is none. */
static bool
skip_comment(struct gp_scan *c)
{
	if (gp_scan_char(c, '#') || gp_scan_word(c, GP_SLICE("//"))) {
		(void)gp_scan_while(c, is_no_newline);
		return true;
	}
	if (!gp_scan_word(c, GP_SLICE("/*")))
		return false;
	while (!gp_scan_end(c) && !gp_scan_word(c, GP_SLICE("*/")))
		c->at++;
	return true;
}

static void
skip_blank(struct gp_scan *c)
{
	do
		(void)gp_scan_while(c, is_space);
	while (skip_comment(c));
}

/* A word, in quotes or not. Empty: there is none. */
static struct gp_slice
take_word(struct gp_scan *c)
{
	skip_blank(c);
	if (!gp_scan_char(c, '"'))
		return gp_scan_while(c, is_word);
	struct gp_slice word = gp_scan_while(c, is_no_quote);
	return gp_scan_char(c, '"') ? word : GP_SLICE("");
}

static bool
take_char(struct gp_scan *c, char want)
{
	skip_blank(c);
	return gp_scan_char(c, want);
}

/* --- the clause --- */

static const char *
read_algorithm(struct gp_slice word, struct gp_tsig_key *ret)
{
	for (uint8_t i = 0; i < GP_TSIG_ALGORITHMS; i++) {
		ret->algorithm = i;
		if (gp_slice_eq_nocase(word, gp_slice_str(gp_tsig_algorithm_name(i))))
			return NULL;
	}
	return "its algorithm is none of hmac-sha256, hmac-sha384 and hmac-sha512";
}

/* Base64 in fours, so that no copy of it stays behind. */
static const char *
read_secret(struct gp_slice word, struct gp_tsig_key *ret)
{
	static const char wrong[] = "its secret is no base64";
	unsigned char block[3];
	ptrdiff_t equals = gp_slice_find(word, '=');
	size_t pad = equals < 0 ? 0 : word.len - (size_t)equals;
	size_t len = word.len / 4 * 3;
	if (word.len == 0 || word.len % 4 != 0 || pad > 2)
		return wrong;
	if (len - pad > GP_TSIG_SECRET_MAX)
		return "its secret is longer than 512 octets";
	ret->secret_len = (uint16_t)(len - pad);
	for (size_t i = 0; i < word.len; i += 4) {
		size_t at = i / 4 * 3, room = GP_MIN(sizeof(block), ret->secret_len - at);
		if (EVP_DecodeBlock(block, (const unsigned char *)word.ptr + i, 4) != 3)
			return wrong;
		for (size_t k = 0; k < room; k++)
			ret->secret[at + k] = block[k];
	}
	OPENSSL_cleanse(block, sizeof(block));
	return NULL;
}

static const char *
read_statements(struct gp_scan *c, struct gp_tsig_key *ret)
{
	bool algorithm = false, secret = false;
	const char *why = NULL;
	while (!why && !take_char(c, '}')) {
		struct gp_slice name = take_word(c), value = take_word(c);
		if (gp_slice_eq(name, GP_SLICE("algorithm")) && !algorithm) {
			why = read_algorithm(value, ret);
			algorithm = true;
		} else if (gp_slice_eq(name, GP_SLICE("secret")) && !secret) {
			why = read_secret(value, ret);
			secret = true;
		} else {
			return "it has something but one algorithm and one secret";
		}
		if (!why && !take_char(c, ';'))
			return "a semicolon is missing";
	}
	return why || (algorithm && secret) ? why : "its algorithm or its secret is missing";
}

const char *
gp_tsig_key_read(struct gp_slice text, struct gp_tsig_key *ret)
{
	struct gp_scan c = gp_scan(text);
	*ret = (struct gp_tsig_key){};
	if (text.len > GP_TSIG_FILE_MAX)
		return "it is too long for a key";
	if (!gp_slice_eq(take_word(&c), GP_SLICE("key")))
		return "it has no clause that begins with key";
	if (!gp_name_from_text(take_word(&c), &ret->name) || gp_name_is_root(&ret->name))
		return "the key has no name that is one";
	if (!take_char(&c, '{'))
		return "a brace is missing behind the key's name";
	const char *why = read_statements(&c, ret);
	if (why)
		return why;
	if (!take_char(&c, ';'))
		return "a semicolon is missing behind the key";
	skip_blank(&c);
	return gp_scan_end(&c) ? NULL : "there is something behind the key";
}
