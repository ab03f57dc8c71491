/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/text.h"

#include <arpa/inet.h>

#include "base/utf8.h"
#include "core/identity/visible.h"
#include "core/trace/when.h"

static const int64_t last_second = 253402300799; /* 9999-12-31 23:59:59 */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct gp_slice
gp_ingest_trim(struct gp_slice s)
{
	while (s.len > 0 && is_blank(s.ptr[0]))
		s = gp_slice_drop(s, 1);
	while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

bool
gp_ingest_is_reference(struct gp_slice s)
{
	if (s.len == 0 || (s.ptr[0] != 'H' && s.ptr[0] != 'A' && s.ptr[0] != 'S'))
		return false;
	return gp_slice_starts(s, GP_SLICE("HASH(0x")) ||
	       gp_slice_starts(s, GP_SLICE("ARRAY(0x")) ||
	       gp_slice_starts(s, GP_SLICE("SCALAR(0x"));
}

static bool
is_printable_ascii(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7E)
			return false;
	}
	return true;
}

struct gp_slice
gp_ingest_cut(struct gp_slice s, size_t n)
{
	if (s.len <= n)
		return s;
	while (n > 0 && ((unsigned char)s.ptr[n] & 0xC0) == 0x80)
		n--;
	return gp_slice_take(s, n);
}

struct gp_slice
gp_ingest_text(struct gp_slice s, size_t max, struct gp_arena *arena)
{
	s = gp_ingest_cut(gp_ingest_trim(s), max);
	struct gp_slice copy = gp_arena_dup(arena, s);
	if (!copy.ptr || is_printable_ascii(s))
		return copy;
	char *to = (char *)copy.ptr;
	while (s.len > 0) {
		struct gp_slice from = s;
		bool bad = !gp_visible_shows(gp_utf8_take(&s));
		size_t len = bad ? 1 : from.len - s.len;
		memcpy(to, !bad ? from.ptr : is_blank(from.ptr[0]) ? " " : "?", len);
		to += len;
	}
	return gp_slice(copy.ptr, (size_t)(to - copy.ptr));
}

static bool
is_name_octet(char c)
{
	return gp_ascii_is_alnum(c) || c == '-' || c == '_' || c == '.' || (unsigned char)c >= 0x80;
}

/* A name as most are: without anything around it, in ASCII. */
static bool
copy_plain_name(struct gp_slice s, struct gp_arena *arena, struct gp_slice *ret)
{
	if (s.len == 0 || s.len > GP_INGEST_NAME_MAX || s.ptr[s.len - 1] == '.')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!is_name_octet(s.ptr[i]) || (unsigned char)s.ptr[i] >= 0x80)
			return false;
	}
	*ret = gp_arena_dup(arena, s);
	for (size_t i = 0; i < ret->len; i++)
		((char *)ret->ptr)[i] = gp_ascii_lower(ret->ptr[i]);
	return true;
}

bool
gp_ingest_name(struct gp_slice s, struct gp_arena *arena, struct gp_slice *ret)
{
	*ret = GP_SLICE("");
	if (copy_plain_name(gp_ingest_trim(s), arena, ret))
		return true;
	s = gp_ingest_text(s, GP_INGEST_TEXT_MAX, arena);
	if (!s.ptr)
		return true; /* the arena has failed */
	s = gp_slice_drop(s, (size_t)(gp_slice_rfind(s, '@') + 1));
	if (s.len > 0 && s.ptr[s.len - 1] == '>')
		s.len--;
	if (s.len > 0 && s.ptr[s.len - 1] == '.')
		s.len--;
	if (s.len > GP_INGEST_NAME_MAX)
		return false;
	char *own = (char *)s.ptr; /* a copy */
	for (size_t i = 0; i < s.len; i++) {
		if (!is_name_octet(s.ptr[i]))
			return false;
		own[i] = gp_ascii_lower(own[i]);
	}
	*ret = s;
	return true;
}

bool
gp_ingest_address(struct gp_slice s, uint8_t ret[16])
{
	static const uint8_t mapped[12] = {[10] = 0xFF, 0xFF};
	char text[INET6_ADDRSTRLEN];
	s = gp_ingest_trim(s);
	if (s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']')
		s = gp_slice(s.ptr + 1, s.len - 2);
	if (gp_slice_starts_nocase(s, GP_SLICE("IPv6:")))
		s = gp_slice_drop(s, 5);
	if (s.len == 0 || s.len >= sizeof(text) || gp_slice_find(s, '\0') >= 0)
		return false;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	if (gp_slice_find(s, ':') >= 0)
		return inet_pton(AF_INET6, text, ret) == 1;
	memcpy(ret, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, ret + sizeof(mapped)) == 1;
}

bool
gp_ingest_count(struct gp_slice s, uint64_t *ret)
{
	return gp_slice_u64(gp_ingest_trim(s), GP_INGEST_COUNT_MAX, ret);
}

/* --- times --- */

enum gp_ingest_time_result
gp_ingest_stamp(struct gp_slice s, int64_t *ret_s)
{
	s = gp_ingest_trim(s);
	struct gp_when when = gp_when_parse(s);
	if (!when.known || when.len != s.len || when.epoch_s < 0 || when.epoch_s > last_second)
		return GP_INGEST_TIME_BAD;
	*ret_s = when.epoch_s;
	return (when.odd & ~GP_WHEN_OTHER_FORM) != 0 ? GP_INGEST_TIME_ODD : GP_INGEST_TIME_OK;
}

enum gp_ingest_time_result
gp_ingest_seconds(struct gp_slice s, int64_t *ret_s)
{
	uint64_t whole, fraction;
	struct gp_slice rest = gp_ingest_trim(s), digits = gp_slice_cut(&rest, '.');
	bool good = gp_slice_u64(digits, (uint64_t)last_second, &whole) &&
		    (rest.len == 0 || gp_slice_u64(gp_slice_take(rest, 18), UINT64_MAX, &fraction));
	if (good) {
		*ret_s = (int64_t)whole;
		return GP_INGEST_TIME_OK;
	}
	return gp_ingest_stamp(s, ret_s) == GP_INGEST_TIME_BAD ? GP_INGEST_TIME_BAD
							       : GP_INGEST_TIME_ODD;
}

const char *
gp_ingest_mend_range(struct gp_ingest_head *head)
{
	const char *why = NULL;
	if (head->end < head->begin) {
		int64_t end = head->begin;
		head->begin = head->end;
		head->end = end;
		why = "its range ends before it begins: it is read the other way round";
	}
	if (head->end - head->begin > GP_INGEST_RANGE_MAX) {
		head->begin = head->end - GP_INGEST_RANGE_MAX;
		why = "its range is over 31 days: only the last 31 are believed";
	}
	return why;
}
