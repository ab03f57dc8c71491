/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/recode.h"

#include "base/utf8.h"

enum form {
	FORM_UNKNOWN = 0,
	FORM_UTF8,
	FORM_UTF16LE,
	FORM_UTF16BE,
};

enum { REPLACEMENT = 0xFFFD };

static void
put(struct gp_buf *out, uint32_t c)
{
	char octets[4];
	size_t len = gp_utf8_write(c, octets);
	gp_buf_put(out, gp_slice(octets, len));
}

/* windows-1252 differs from ISO 8859-1, and so from Unicode, here alone; 0: it has none. */
static uint32_t
windows_1252(uint8_t octet)
{
	static const uint16_t differing[32] = {
		0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
		0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
		0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
		0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178,
	};
	if (octet < 0x80 || octet >= 0xA0)
		return octet;
	return differing[octet - 0x80] ? differing[octet - 0x80] : REPLACEMENT;
}

/* --- UTF-8 --- */

static size_t
ascii_run(struct gp_slice s)
{
	uint64_t eight = 0;
	size_t n = 0;
	for (; s.len - n >= sizeof(eight) && !(eight & 0x8080808080808080); n += sizeof(eight))
		memcpy(&eight, s.ptr + n, sizeof(eight));
	n -= eight & 0x8080808080808080 ? sizeof(eight) : 0;
	while (n < s.len && (unsigned char)s.ptr[n] < 0x80)
		n++;
	return n;
}

/* Could more octets make a character of this? */
static bool
may_go_on(struct gp_slice s)
{
	static const char tails[] = "\x80\x90\xA0\xBF";
	char whole[4];
	for (size_t i = 0; s.len < 4 && i < sizeof(tails) - 1; i++) {
		memset(whole, 0x80, sizeof(whole));
		memcpy(whole, s.ptr, s.len);
		whole[s.len] = tails[i];
		if (gp_utf8_len(gp_slice(whole, sizeof(whole))) > s.len)
			return true;
	}
	return false;
}

/* Returns what is left over: the beginning of a character, if more follows. */
static struct gp_slice
put_utf8(struct gp_recode *o, struct gp_slice in, bool more, struct gp_buf *out)
{
	while (in.len > 0) {
		size_t n = ascii_run(in);
		gp_buf_put(out, gp_slice_take(in, n));
		in = gp_slice_drop(in, n);
		n = gp_utf8_len(in);
		if (n == 0 && more && in.len > 0 && may_go_on(in))
			return in;
		if (n > 0) {
			gp_buf_put(out, gp_slice_take(in, n));
		} else if (in.len > 0) {
			put(out, windows_1252((uint8_t)in.ptr[0]));
			o->mended = true;
			n = 1;
		}
		in = gp_slice_drop(in, n);
	}
	return in;
}

/* --- UTF-16 --- */

static uint32_t
unit(const struct gp_recode *o, struct gp_slice in, size_t at)
{
	uint8_t first = (uint8_t)in.ptr[at], second = (uint8_t)in.ptr[at + 1];
	return o->form == FORM_UTF16LE ? (uint32_t)second << 8 | first
				       : (uint32_t)first << 8 | second;
}

static bool
is_surrogate(uint32_t c, uint32_t half)
{
	return (c & 0xFC00) == half;
}

static struct gp_slice
put_utf16(struct gp_recode *o, struct gp_slice in, bool more, struct gp_buf *out)
{
	enum { HIGH = 0xD800, LOW = 0xDC00 };
	while (in.len >= 2) {
		size_t taken = 2;
		uint32_t c = unit(o, in, 0);
		if (is_surrogate(c, HIGH) && in.len < 4 && more)
			break;
		if (is_surrogate(c, HIGH) && in.len >= 4 && is_surrogate(unit(o, in, 2), LOW)) {
			c = 0x10000 + ((c - HIGH) << 10) + (unit(o, in, 2) - LOW);
			taken = 4;
		} else if (is_surrogate(c, HIGH) || is_surrogate(c, LOW)) {
			c = REPLACEMENT;
			o->mended = true;
		}
		put(out, c);
		in = gp_slice_drop(in, taken);
	}
	return in;
}

/* --- both --- */

static uint8_t
find_form(struct gp_slice in)
{
	uint8_t first = (uint8_t)in.ptr[0], second = (uint8_t)in.ptr[1];
	if ((first == 0xFF && second == 0xFE) || (first != 0 && second == 0))
		return FORM_UTF16LE;
	if ((first == 0xFE && second == 0xFF) || (first == 0 && second != 0))
		return FORM_UTF16BE;
	return FORM_UTF8;
}

/* The form shows in the first two octets; so that the mark can be left out, three are waited
 * for. */
static struct gp_slice
begin(struct gp_recode *o, struct gp_slice in)
{
	if (in.len >= 2)
		o->form = find_form(in);
	if (o->form == FORM_UTF8 && gp_slice_starts(in, GP_SLICE("\xEF\xBB\xBF")))
		return gp_slice_drop(in, 3);
	bool marked =
		(o->form == FORM_UTF16LE || o->form == FORM_UTF16BE) && unit(o, in, 0) == 0xFEFF;
	return gp_slice_drop(in, marked ? 2 : 0);
}

/* Returns what is left over, up to 3 octets. */
static struct gp_slice
put_all(struct gp_recode *o, struct gp_slice in, bool more, struct gp_buf *out)
{
	if (o->form == FORM_UNKNOWN && in.len < 3 && more)
		return in;
	if (o->form == FORM_UNKNOWN)
		in = begin(o, in);
	if (o->form == FORM_UTF16LE || o->form == FORM_UTF16BE)
		return put_utf16(o, in, more, out);
	return put_utf8(o, in, more, out);
}

/* What was held goes first, with as many octets as make a character of it. */
static struct gp_slice
put_held(struct gp_recode *o, struct gp_slice in, struct gp_buf *out)
{
	while (o->held_len > 0 && in.len > 0) {
		o->held[o->held_len++] = (uint8_t)in.ptr[0];
		in = gp_slice_drop(in, 1);
		struct gp_slice left =
			put_all(o, gp_slice((const char *)o->held, o->held_len), true, out);
		gp_assert(left.len < sizeof(o->held));
		if (left.len > 0)
			memmove(o->held, left.ptr, left.len);
		o->held_len = (uint8_t)left.len;
	}
	return in;
}

bool
gp_recode_feed(struct gp_recode *o, struct gp_slice in, struct gp_buf *out)
{
	struct gp_slice left = put_all(o, put_held(o, in, out), true, out);
	if (o->held_len == 0 && left.len > 0) {
		gp_assert(left.len < sizeof(o->held));
		memcpy(o->held, left.ptr, left.len);
		o->held_len = (uint8_t)left.len;
	}
	return !out->failed;
}

bool
gp_recode_end(struct gp_recode *o, struct gp_buf *out)
{
	put_all(o, gp_slice((const char *)o->held, o->held_len), false, out);
	o->held_len = 0;
	return !out->failed;
}
