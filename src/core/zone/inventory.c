/* SPDX-License-Identifier: Apache-2.0 */
/* What records say: character-strings, and which domains a zone has. */
#include <errno.h>

#include "core/dmarc/walk.h"
#include "core/zone/zone.h"

enum {
	STRING_MAX = 255, /* RFC 1035 section 3.3 */
	TEXT_MAX = UINT16_MAX,
};

/* RFC 1035 section 5.1: \DDD is an octet, \X is X. */
static bool
put_escape(struct gp_scan *c, struct gp_buf *out)
{
	uint64_t value;
	int octet = gp_scan_peek(c);
	if (octet < 0)
		return false;
	if (!gp_ascii_is_digit((char)octet)) {
		c->at++;
		return gp_buf_put_char(out, (char)octet);
	}
	struct gp_slice digits = gp_slice_take(gp_scan_rest(c), 3);
	if (digits.len < 3 || !gp_slice_u64(digits, UINT8_MAX, &value))
		return false;
	c->at += digits.len;
	return gp_buf_put_char(out, (char)value);
}

static bool
put_string(struct gp_slice text, struct gp_buf *out)
{
	struct gp_scan c = gp_scan(text);
	size_t before = out->len;
	while (!gp_scan_end(&c)) {
		bool good = gp_scan_char(&c, '\\') ? put_escape(&c, out)
						   : gp_buf_put_char(out, text.ptr[c.at++]);
		if (!good)
			return false;
	}
	return out->len - before <= STRING_MAX;
}

bool
gp_zone_text(const struct gp_zone_record *record, struct gp_buf *out)
{
	for (size_t i = 0; i < record->words_len; i++) {
		if (!put_string(record->words[i].text, out))
			return false;
	}
	return true;
}

/* --- domains --- */

enum shown { NOTHING, OWNER, PARENT };

/* RFC 7208 section 4.5, RFC 9989 section 4.7: the version, and what ends it. */
static bool
begins_with(struct gp_slice text, struct gp_slice version)
{
	struct gp_slice rest = gp_slice_drop(text, version.len);
	return gp_slice_starts_nocase(text, version) &&
	       (rest.len == 0 || rest.ptr[0] == ' ' || rest.ptr[0] == ';' || rest.ptr[0] == '\t');
}

static enum shown
shown_by(uint16_t type, struct gp_slice text)
{
	switch (type) {
	case GP_DNS_MX:
	case GP_DNS_A:
	case GP_DNS_AAAA:
		return OWNER;
	case GP_DNS_TXT:
		return begins_with(text, GP_SLICE("v=spf1"))     ? OWNER
		       : begins_with(text, GP_SLICE("v=DMARC1")) ? PARENT
								 : NOTHING;
	default:
		return NOTHING;
	}
}

/* What is below such a name is about another one: the parts of a record, keys, policies. */
static bool
has_underscore(struct gp_slice name)
{
	while (name.len > 0) {
		if (gp_slice_starts(gp_slice_cut(&name, '.'), GP_SLICE("_")))
			return true;
	}
	return false;
}

int
gp_zone_shown(const struct gp_name *owner, uint16_t type, struct gp_slice text,
	      struct gp_arena *arena, struct gp_slice *ret)
{
	static const struct gp_slice below = GP_SLICE("_dmarc.");
	struct gp_slice name;
	enum shown shown = shown_by(type, text);
	if (shown == NOTHING)
		return 1;
	if (gp_name_to_text(owner, arena, &name) < 0)
		return -ENOMEM;
	if (shown == PARENT && !gp_slice_starts(name, below))
		return 1;
	if (shown == PARENT)
		name = gp_slice_drop(name, below.len);
	return has_underscore(name) ? 1 : gp_dmarc_domain(name, arena, ret);
}

/* 0: none that shows anything. */
static uint16_t
type_of(struct gp_slice word)
{
	static const struct {
		const char *word;
		uint16_t type;
	} types[] = {
		{"MX", GP_DNS_MX}, {"A", GP_DNS_A}, {"AAAA", GP_DNS_AAAA}, {"TXT", GP_DNS_TXT}};
	for (size_t i = 0; i < GP_ARRAY_LEN(types); i++) {
		if (gp_slice_eq_nocase(word, gp_slice_str(types[i].word)))
			return types[i].type;
	}
	return 0;
}

int
gp_zone_domain(const struct gp_zone_record *record, struct gp_arena *arena, struct gp_slice *ret)
{
	struct gp_buf text = GP_BUF_INIT(TEXT_MAX);
	uint16_t type = type_of(record->type);
	int r = 1;
	if (type != GP_DNS_TXT || gp_zone_text(record, &text))
		r = gp_zone_shown(&record->owner, type, gp_buf_slice(&text), arena, ret);
	gp_buf_free(&text);
	return r;
}
