/* SPDX-License-Identifier: Apache-2.0 */
/* TLS in comments of Received: every program has words of its own for a version and a suite. */
#include "base/scan.h"
#include "core/trace/parts.h"

static bool
is_version_char(char c)
{
	return gp_ascii_is_alnum(c) || c == '.' || c == '_' || c == '-';
}

static bool
is_cipher_char(char c)
{
	return gp_ascii_is_alnum(c) || c == '_' || c == '-';
}

static bool
is_gap(char c)
{
	return c == ' ' || c == ',' || c == ':' || c == '=' || c == '\t';
}

/* "TLSv1.3", "TLS1_3", "TLS1.3", "TLS-1.0", "TLSv1", "SSLv3"; not the suite "TLS_AES_256...". */
static bool
take_version(struct gp_scan *c, struct gp_slice *ret_family, struct gp_slice *ret_number)
{
	size_t from = c->at;
	if (!gp_scan_word(c, GP_SLICE("TLS")) && !gp_scan_word(c, GP_SLICE("SSL")))
		return false;
	*ret_family = gp_scan_since(c, from);
	if (!gp_scan_char(c, 'v') && !gp_scan_char(c, 'V'))
		(void)gp_scan_char(c, '-');
	struct gp_slice number = gp_scan_while(c, is_version_char);
	*ret_number = number;
	return number.len > 0 && number.len <= 3 && gp_ascii_is_digit(number.ptr[0]);
}

/* As "TLSv1.3", whatever its spelling was. */
static struct gp_slice
write_version(struct gp_arena *arena, struct gp_slice family, struct gp_slice number)
{
	char *text = gp_arena_str(arena, gp_arena_printf(arena, "%.*sv%.*s", GP_SLICE_FMT(family),
							 GP_SLICE_FMT(number)));
	size_t len = text ? family.len + 1 + number.len : 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '_' || text[i] == '-')
			text[i] = '.';
	}
	return gp_slice(text, len);
}

/* Behind the version: "with cipher X", " cipher=X", ":X:256", ",128bits,X", " X". */
static struct gp_slice
take_cipher(struct gp_scan *c)
{
	enum { WORDS_MAX = 6 };
	for (size_t words = 0; words < WORDS_MAX && !gp_scan_end(c); words++) {
		gp_scan_while(c, is_gap);
		struct gp_slice word = gp_scan_while(c, is_cipher_char);
		bool joined = gp_slice_find(word, '_') > 0 || gp_slice_find(word, '-') > 0;
		if (joined && word.len >= 5)
			return word;
		if (word.len == 0)
			c->at++;
	}
	return gp_slice("", 0);
}

bool
gp_hop_read_tls(struct gp_hop_reading *r, struct gp_slice comment)
{
	struct gp_slice family, number;
	struct gp_scan c = gp_scan(comment);
	while (!gp_scan_end(&c)) {
		size_t from = c.at;
		bool start = from == 0 || !is_version_char(comment.ptr[from - 1]);
		if (start && take_version(&c, &family, &number)) {
			if (r->hop->tls_version.len == 0) {
				r->hop->tls_version = write_version(r->arena, family, number);
				r->hop->tls_cipher = take_cipher(&c);
			}
			return true;
		}
		c.at = from + 1;
	}
	return false;
}
