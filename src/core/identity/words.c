/* SPDX-License-Identifier: Apache-2.0 */
#include "core/identity/words.h"

#include "base/buf.h"
#include "base/scan.h"
#include "base/utf8.h"

enum { WORD_MAX = 1024 }; /* octets of one; section 2 allows 75, and some write more */

enum charset { UNKNOWN, UTF_8, LATIN_1, LATIN_9, WINDOWS_1252 };

struct word {
	enum charset charset;
	char encoding;        /* 'b' or 'q' */
	struct gp_slice text; /* between the last two question marks */
	size_t len;           /* of the whole */
};

static enum charset
find_charset(struct gp_slice name)
{
	static const struct {
		struct gp_slice name;
		enum charset charset;
	} known[] = {
		{GP_SLICE("utf-8"), UTF_8},         {GP_SLICE("utf8"), UTF_8},
		{GP_SLICE("us-ascii"), UTF_8},      {GP_SLICE("ascii"), UTF_8},
		{GP_SLICE("iso-8859-1"), LATIN_1},  {GP_SLICE("latin1"), LATIN_1},
		{GP_SLICE("iso-8859-15"), LATIN_9}, {GP_SLICE("windows-1252"), WINDOWS_1252},
		{GP_SLICE("cp1252"), WINDOWS_1252},
	};
	struct gp_slice bare = gp_slice_cut(&name, '*'); /* RFC 2231 section 5: a language */
	for (size_t i = 0; i < GP_ARRAY_LEN(known); i++) {
		if (gp_slice_eq_nocase(known[i].name, bare))
			return known[i].charset;
	}
	return UNKNOWN;
}

static bool
is_word_char(char c)
{
	return c != '?' && c > ' ' && c < 127;
}

/* Some leave the spaces within a Q word as they are. */
static bool
is_text_char(char c)
{
	return c != '?' && (c == ' ' || c > 32);
}

/* "=?charset?encoding?text?=" at the front of s (section 2). */
static bool
read_word(struct gp_slice s, struct word *ret)
{
	struct gp_scan c = gp_scan(gp_slice_take(s, WORD_MAX));
	if (!gp_scan_char(&c, '=') || !gp_scan_char(&c, '?'))
		return false;
	ret->charset = find_charset(gp_scan_while(&c, is_word_char));
	if (!gp_scan_char(&c, '?') || gp_scan_end(&c))
		return false;
	ret->encoding = gp_ascii_lower((char)gp_scan_peek(&c));
	c.at++;
	if (!gp_scan_char(&c, '?'))
		return false;
	ret->text = gp_scan_while(&c, is_text_char);
	if (!gp_scan_char(&c, '?') || !gp_scan_char(&c, '='))
		return false;
	ret->len = c.at;
	return ret->charset != UNKNOWN && (ret->encoding == 'b' || ret->encoding == 'q');
}

/* --- charsets --- */

/* What windows-1252 has from 0x80 to 0x9F; 0: nothing. */
static const uint16_t windows[32] = {
	0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
	0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
	0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178,
};

static uint32_t
latin_9(uint8_t octet)
{
	static const struct {
		uint8_t octet;
		uint16_t character;
	} others[] = {{0xA4, 0x20AC}, {0xA6, 0x0160}, {0xA8, 0x0161}, {0xB4, 0x017D},
		      {0xB8, 0x017E}, {0xBC, 0x0152}, {0xBD, 0x0153}, {0xBE, 0x0178}};
	for (size_t i = 0; i < GP_ARRAY_LEN(others); i++) {
		if (others[i].octet == octet)
			return others[i].character;
	}
	return octet;
}

static void
put_octet(struct gp_buf *out, enum charset charset, uint8_t octet)
{
	char text[4];
	uint32_t c = octet;
	if (charset == LATIN_9)
		c = latin_9(octet);
	else if (charset == WINDOWS_1252 && octet >= 0x80 && octet < 0xA0)
		c = windows[octet - 0x80];
	if (charset == UTF_8)
		gp_buf_put_char(out, (char)octet);
	else
		gp_buf_put(out, gp_slice(text, gp_utf8_write(c, text)));
}

/* --- encodings --- */

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (gp_ascii_is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Tolerant of missing padding, and of words cut anywhere, unlike base/base64.h. */
static void
put_base64(struct gp_buf *out, const struct word *word)
{
	uint32_t bits = 0;
	unsigned len = 0;
	for (size_t i = 0; i < word->text.len; i++) {
		int value = base64_value(word->text.ptr[i]);
		if (value < 0)
			continue;
		bits = bits << 6 | (uint32_t)value;
		len += 6;
		if (len >= 8) {
			len -= 8;
			put_octet(out, word->charset, (uint8_t)(bits >> len));
		}
	}
}

/* Section 4.2 */
static void
put_q(struct gp_buf *out, const struct word *word)
{
	struct gp_slice s = word->text;
	for (size_t i = 0; i < s.len; i++) {
		int high = s.ptr[i] == '=' && i + 2 < s.len ? gp_ascii_hex(s.ptr[i + 1]) : -1;
		int low = high >= 0 ? gp_ascii_hex(s.ptr[i + 2]) : -1;
		if (low >= 0) {
			put_octet(out, word->charset, (uint8_t)(high << 4 | low));
			i += 2;
		} else {
			put_octet(out, word->charset, s.ptr[i] == '_' ? ' ' : (uint8_t)s.ptr[i]);
		}
	}
}

static bool
is_blank(struct gp_slice s)
{
	return gp_slice_trim(s).len == 0;
}

static size_t
decode_all(struct gp_slice value, struct gp_buf *out)
{
	struct word word;
	size_t from = 0, words = 0; /* from: what is behind the last word */
	for (size_t i = 0; i < value.len;) {
		if (value.ptr[i] != '=' || !read_word(gp_slice_drop(value, i), &word)) {
			i++;
			continue;
		}
		struct gp_slice between = gp_slice_take(gp_slice_drop(value, from), i - from);
		if (words == 0 || !is_blank(between))
			gp_buf_put(out, between);
		if (word.encoding == 'b')
			put_base64(out, &word);
		else
			put_q(out, &word);
		words++;
		from = i += word.len;
	}
	gp_buf_put(out, gp_slice_drop(value, from));
	return words;
}

bool
gp_words_decode(struct gp_slice value, struct gp_arena *arena, struct gp_slice *ret)
{
	/* An octet becomes at most three. */
	struct gp_buf out = GP_BUF_INIT(3 * value.len + 1);
	size_t words = decode_all(value, &out);
	*ret = value;
	if (words > 0 && !out.failed) {
		struct gp_slice copy = gp_arena_dup(arena, gp_buf_slice(&out));
		if (copy.ptr)
			*ret = copy;
	}
	gp_buf_free(&out);
	return words > 0;
}
