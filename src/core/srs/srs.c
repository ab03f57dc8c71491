/* SPDX-License-Identifier: Apache-2.0 */
#include "core/srs/srs.h"

#include <errno.h>

#include "base/buf.h"
#include "core/sasl/crypto.h"

enum {
	TAG_LEN = 4,
	CODE_LEN = 8,
	CODE_OCTETS = 5,
	DAY_LEN = 2,
	DAY_MS = 24 * 60 * 60 * 1000,
	DAYS = 1024,
	/* A clock that another one of ours is ahead of. */
	AHEAD_DAYS = 1,
	/* More than what addresses hold can come to, with each octet quoted. */
	TEXT_MAX = 4096,
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* --- codes and days --- */

/* "SRS0=DAY=..." without its code, in lower case, is what the code is made of. Returns 0 or
 * -ENOMEM. */
static int
make_code(struct gp_slice key, char kind, struct gp_slice rest, struct gp_arena *arena,
	  char ret[CODE_LEN])
{
	struct gp_sha256 mac;
	struct gp_slice text = gp_arena_printf(arena, "srs%c=%.*s", kind, GP_SLICE_FMT(rest));
	char *lower = text.ptr ? gp_arena_str(arena, text) : NULL;
	if (!lower)
		return -ENOMEM;
	for (size_t i = 0; i < text.len; i++)
		lower[i] = gp_ascii_lower(lower[i]);
	int r = gp_hmac_sha256(key, gp_slice(lower, text.len), &mac);
	if (r < 0)
		return r;
	uint64_t bits = 0;
	for (size_t i = 0; i < CODE_OCTETS; i++)
		bits = bits << 8 | mac.octets[i];
	for (size_t i = CODE_LEN; i-- > 0; bits >>= 5)
		ret[i] = alphabet[bits & 31];
	return 0;
}

/* Returns 0, GP_SRS_FORGED or -ENOMEM. */
static int
prove(const struct gp_srs *srs, char kind, struct gp_slice code, struct gp_slice rest,
      struct gp_arena *arena)
{
	char upper[CODE_LEN], made[CODE_LEN];
	bool proven = false;
	if (code.len != CODE_LEN)
		return GP_SRS_FORGED;
	for (size_t i = 0; i < CODE_LEN; i++)
		upper[i] = gp_ascii_upper(code.ptr[i]);
	for (size_t i = 0; i < srs->keys_len; i++) {
		int r = make_code(srs->keys[i], kind, rest, arena, made);
		if (r < 0)
			return r;
		if (gp_equal_secretly(gp_slice(upper, CODE_LEN), gp_slice(made, CODE_LEN)))
			proven = true;
	}
	return proven ? 0 : GP_SRS_FORGED;
}

static uint32_t
today(const struct gp_srs *srs)
{
	return (uint32_t)(srs->now_ms / DAY_MS % DAYS);
}

/* The number of a day, or -1. */
static int
read_day(struct gp_slice text)
{
	int day = 0;
	if (text.len != DAY_LEN)
		return -1;
	for (size_t i = 0; i < DAY_LEN; i++) {
		ptrdiff_t digit = gp_slice_find(gp_slice(alphabet, sizeof(alphabet) - 1),
						gp_ascii_upper(text.ptr[i]));
		if (digit < 0)
			return -1;
		day = day << 5 | (int)digit;
	}
	return day;
}

static bool
is_valid_day(const struct gp_srs *srs, int day)
{
	uint32_t age = (today(srs) + AHEAD_DAYS + DAYS - (uint32_t)day) % DAYS;
	return age <= GP_SRS_VALID_DAYS + AHEAD_DAYS;
}

/* --- addresses of the scheme, taken apart --- */

/* "SRS0=" or "SRS1=" and what follows; other hosts write "+" or "-" behind the tag, too. */
struct scheme {
	char kind;            /* '0' or '1'; 0: an address like others */
	struct gp_slice code; /* SRS1 */
	struct gp_slice host; /* SRS1: whose SRS0 it is */
	struct gp_slice rest; /* of that SRS0, with the separator behind its tag */
};

static bool
is_separator(char c)
{
	return c == '=' || c == '+' || c == '-';
}

/* The tag's last octet, or 0. */
static char
read_tag(struct gp_slice text)
{
	const struct gp_slice tag = GP_SLICE("SRS");
	if (text.len <= TAG_LEN || !gp_slice_starts_nocase(text, tag) ||
	    !is_separator(text.ptr[TAG_LEN]))
		return 0;
	char kind = text.ptr[tag.len];
	return kind == '0' || kind == '1' ? kind : 0;
}

/* local: unquoted. */
static struct scheme
take_apart(struct gp_slice local, struct gp_slice domain)
{
	struct scheme s = {.kind = read_tag(local)};
	if (s.kind == '0') {
		s.host = domain;
		s.rest = gp_slice_drop(local, TAG_LEN);
	} else if (s.kind == '1') {
		s.rest = gp_slice_drop(local, TAG_LEN + 1);
		s.code = gp_slice_cut(&s.rest, '=');
		s.host = gp_slice_cut(&s.rest, '=');
		if (!gp_domain_valid(s.host) || s.rest.len == 0 || !is_separator(s.rest.ptr[0]))
			s = (struct scheme){};
	}
	return s;
}

/* --- addresses put together --- */

static void
put_quoted(struct gp_buf *out, struct gp_slice content)
{
	gp_buf_put_char(out, '"');
	for (size_t i = 0; i < content.len; i++) {
		if (content.ptr[i] == '"' || content.ptr[i] == '\\')
			gp_buf_put_char(out, '\\');
		gp_buf_put_char(out, content.ptr[i]);
	}
	gp_buf_put_char(out, '"');
}

/* The address whose local-part has this content, quoted only where it must be. Returns 0; 1: there
 * is none, as a part of it is too long; -ENOMEM. */
static int
join(struct gp_slice content, struct gp_slice domain, struct gp_arena *arena,
     struct gp_address *ret)
{
	const char *why;
	struct gp_slice plain =
		gp_arena_printf(arena, "%.*s@%.*s", GP_SLICE_FMT(content), GP_SLICE_FMT(domain));
	if (!plain.ptr)
		return -ENOMEM;
	int r = gp_address_parse(plain, arena, ret, &why);
	/* Quotes that are content would be taken for those around it. */
	bool same = r == 0 && gp_slice_eq(ret->local, content) && content.ptr[0] != '"';
	if (r < 0 || same)
		return r;
	struct gp_buf quoted = GP_BUF_INIT(TEXT_MAX);
	put_quoted(&quoted, content);
	gp_buf_put_char(&quoted, '@');
	gp_buf_put(&quoted, domain);
	struct gp_slice text = gp_arena_dup(arena, gp_buf_slice(&quoted));
	bool failed = quoted.failed || !text.ptr;
	gp_buf_free(&quoted);
	return failed ? -ENOMEM : gp_address_parse(text, arena, ret, &why);
}

static int
forward_first(const struct gp_srs *srs, struct gp_slice local, const struct gp_address *sender,
	      struct gp_arena *arena, struct gp_slice *ret)
{
	char code[CODE_LEN];
	uint32_t day = today(srs);
	struct gp_slice rest =
		gp_arena_printf(arena, "%c%c=%.*s=%.*s", alphabet[day >> 5], alphabet[day & 31],
				GP_SLICE_FMT(sender->domain), GP_SLICE_FMT(local));
	int r = rest.ptr ? make_code(srs->keys[0], '0', rest, arena, code) : -ENOMEM;
	if (r < 0)
		return r;
	*ret = gp_arena_printf(arena, "SRS0=%.*s=%.*s", CODE_LEN, code, GP_SLICE_FMT(rest));
	return ret->ptr ? 0 : -ENOMEM;
}

static int
forward_again(const struct gp_srs *srs, const struct scheme *s, struct gp_slice domain,
	      struct gp_arena *arena, struct gp_slice *ret)
{
	char code[CODE_LEN];
	if (gp_slice_eq_nocase(s->host, domain)) {
		/* We were the first: the address that we made then. */
		*ret = gp_arena_printf(arena, "SRS0%.*s", GP_SLICE_FMT(s->rest));
		return ret->ptr ? 0 : -ENOMEM;
	}
	struct gp_slice rest =
		gp_arena_printf(arena, "%.*s=%.*s", GP_SLICE_FMT(s->host), GP_SLICE_FMT(s->rest));
	int r = rest.ptr ? make_code(srs->keys[0], '1', rest, arena, code) : -ENOMEM;
	if (r < 0)
		return r;
	*ret = gp_arena_printf(arena, "SRS1=%.*s=%.*s", CODE_LEN, code, GP_SLICE_FMT(rest));
	return ret->ptr ? 0 : -ENOMEM;
}

int
gp_srs_forward(const struct gp_srs *srs, const struct gp_address *sender, struct gp_slice domain,
	       struct gp_arena *arena, struct gp_slice *ret)
{
	struct gp_address path;
	struct gp_slice made;
	gp_assert(srs->keys_len > 0 && srs->keys_len <= GP_SRS_KEYS_MAX);
	if (sender->domain_kind != GP_DOMAIN_NAME)
		return 1;
	struct gp_slice local = gp_address_unquote(sender->local, arena);
	if (!local.ptr)
		return -ENOMEM;
	struct scheme s = take_apart(local, sender->domain);
	int r = s.kind == 0 ? forward_first(srs, local, sender, arena, &made)
			    : forward_again(srs, &s, domain, arena, &made);
	if (r == 0)
		r = join(made, domain, arena, &path);
	if (r == 0)
		*ret = path.text;
	return r;
}

bool
gp_srs_is(struct gp_slice local)
{
	if (gp_slice_starts(local, GP_SLICE("\"")))
		local = gp_slice_drop(local, 1);
	return read_tag(local) != 0;
}

static int
back_to_sender(const struct gp_srs *srs, struct gp_slice local, struct gp_arena *arena,
	       struct gp_address *ret)
{
	struct gp_slice rest = gp_slice_drop(local, TAG_LEN + 1);
	struct gp_slice code = gp_slice_cut(&rest, '=');
	int r = prove(srs, '0', code, rest, arena);
	if (r != 0)
		return r;
	int day = read_day(gp_slice_cut(&rest, '='));
	struct gp_slice domain = gp_slice_cut(&rest, '=');
	if (day < 0 || !rest.ptr || !gp_domain_valid(domain))
		return GP_SRS_FORGED;
	if (!is_valid_day(srs, day))
		return GP_SRS_EXPIRED;
	r = join(rest, domain, arena, ret);
	return r > 0 ? GP_SRS_FORGED : r;
}

static int
back_to_first(const struct gp_srs *srs, struct gp_slice local, struct gp_arena *arena,
	      struct gp_address *ret)
{
	struct scheme s = take_apart(local, gp_slice(NULL, 0));
	if (s.kind != '1')
		return GP_SRS_FORGED;
	struct gp_slice proven = gp_slice_drop(local, TAG_LEN + 1 + s.code.len + 1);
	int r = prove(srs, '1', s.code, proven, arena);
	if (r != 0)
		return r;
	struct gp_slice first = gp_arena_printf(arena, "SRS0%.*s", GP_SLICE_FMT(s.rest));
	r = first.ptr ? join(first, s.host, arena, ret) : -ENOMEM;
	return r > 0 ? GP_SRS_FORGED : r;
}

int
gp_srs_back(const struct gp_srs *srs, struct gp_slice local, struct gp_arena *arena,
	    struct gp_address *ret)
{
	gp_assert(gp_srs_is(local));
	struct gp_slice content = gp_address_unquote(local, arena);
	if (!content.ptr)
		return -ENOMEM;
	if (content.ptr[TAG_LEN] != '=')
		return GP_SRS_FORGED; /* those are of other hosts */
	return read_tag(content) == '0' ? back_to_sender(srs, content, arena, ret)
					: back_to_first(srs, content, arena, ret);
}
