/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slice: bytes that somebody else owns. It may hold any octet, NUL included, and does not end in
 * one. Slices are passed by value; functions that cut one return a new slice and copy nothing.
 *
 * Invariant: ptr is valid for len bytes; len == 0 allows any ptr, NULL included.
 */
#pragma once

#include <string.h>

struct gp_slice {
	const char *ptr;
	size_t len;
};

/* A string literal as a slice, without its NUL. */
#define GP_SLICE(lit) ((struct gp_slice){"" lit, sizeof(lit) - 1})
/* For printf's "%.*s". Lengths over INT_MAX are cut, which only ever shortens what is shown. */
#define GP_SLICE_FMT(s) (int)GP_MIN((s).len, (size_t)INT32_MAX), (s).ptr ? (s).ptr : ""

static inline struct gp_slice
gp_slice(const char *ptr, size_t len)
{
	return (struct gp_slice){ptr, len};
}

/* A C string as a slice; NULL gives the empty slice. */
struct gp_slice
gp_slice_str(const char *s);

static inline uint64_t
gp_octets_8(const char *ptr)
{
	uint64_t n;
	memcpy(&n, ptr, sizeof(n));
	return n;
}

static inline uint32_t
gp_octets_4(const char *ptr)
{
	uint32_t n;
	memcpy(&n, ptr, sizeof(n));
	return n;
}

/* Inline, with take and drop, as parsers do little else. The first octet tells most apart, and
 * words of up to 16 are two pieces of 8 or 4, which may overlap. */
static inline bool
gp_slice_eq(struct gp_slice a, struct gp_slice b)
{
	if (a.len != b.len || (a.len > 0 && a.ptr[0] != b.ptr[0]))
		return false;
	if (a.len >= 8 && a.len <= 16)
		return gp_octets_8(a.ptr) == gp_octets_8(b.ptr) &&
		       gp_octets_8(a.ptr + a.len - 8) == gp_octets_8(b.ptr + b.len - 8);
	if (a.len >= 4 && a.len < 8)
		return gp_octets_4(a.ptr) == gp_octets_4(b.ptr) &&
		       gp_octets_4(a.ptr + a.len - 4) == gp_octets_4(b.ptr + b.len - 4);
	return a.len < 2 || memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* Equal when the letters A to Z are folded; all other octets compare as they are. */
bool
gp_slice_eq_nocase(struct gp_slice a, struct gp_slice b);

/* <0, 0, >0 in the order of octets; a prefix sorts first. */
int
gp_slice_cmp(struct gp_slice a, struct gp_slice b);

bool
gp_slice_starts(struct gp_slice s, struct gp_slice prefix);
bool
gp_slice_starts_nocase(struct gp_slice s, struct gp_slice prefix);
bool
gp_slice_ends_nocase(struct gp_slice s, struct gp_slice suffix);

/* The first n octets, or all when there are fewer. */
static inline struct gp_slice
gp_slice_take(struct gp_slice s, size_t n)
{
	return gp_slice(s.ptr, GP_MIN(s.len, n));
}

/* What remains without the first n octets; empty when there are fewer. */
static inline struct gp_slice
gp_slice_drop(struct gp_slice s, size_t n)
{
	n = GP_MIN(s.len, n);
	return n == 0 ? s : gp_slice(s.ptr + n, s.len - n);
}

/* The offset of the first (last) octet c, or -1. */
ptrdiff_t
gp_slice_find(struct gp_slice s, char c);
ptrdiff_t
gp_slice_rfind(struct gp_slice s, char c);

/* Is there an octet over 127? */
bool
gp_slice_has_8bit(struct gp_slice s);

/* Without the spaces and tabs at both ends (WSP of RFC 5234). */
struct gp_slice
gp_slice_trim(struct gp_slice s);

/*
 * Cuts *s at the first sep: returns what stands before it and leaves in *s what follows. Without a
 * sep it returns all of *s and leaves *s empty, with a NULL ptr, so that a loop can tell the end.
 */
struct gp_slice
gp_slice_cut(struct gp_slice *s, char sep);

/*
 * Reads decimal digits, all of s and nothing else. Returns false, and leaves *ret alone, when s is
 * empty, holds another octet, or is over max.
 */
[[nodiscard]] bool
gp_slice_u64(struct gp_slice s, uint64_t max, uint64_t *ret);

/* ASCII only: other octets come back as they are, so UTF-8 passes untouched. */
static inline char
gp_ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline char
gp_ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

static inline bool
gp_ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
gp_ascii_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
gp_ascii_is_alnum(char c)
{
	return gp_ascii_is_alpha(c) || gp_ascii_is_digit(c);
}

/* The value of a hexadecimal digit, or -1. */
int
gp_ascii_hex(char c);
