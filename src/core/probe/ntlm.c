/* SPDX-License-Identifier: Apache-2.0 */
#include "core/probe/ntlm.h"

#include <errno.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "base/wire.h"

enum {
	TYPE_CHALLENGE = 2,
	NEGOTIATE_UNICODE = 0x00000001,
	NEGOTIATE_VERSION = 0x02000000,
	PAIRS_MAX = 32,
};

/* MsvAv of section 2.2.2.1 */
enum pair {
	PAIR_END,
	PAIR_NETBIOS_COMPUTER,
	PAIR_NETBIOS_DOMAIN,
	PAIR_DNS_COMPUTER,
	PAIR_DNS_DOMAIN,
	PAIR_DNS_TREE,
};

static void
put_character(struct gp_buf *out, uint32_t c)
{
	char octets[4];
	bool control = c < ' ' || (c >= 0x7f && c < 0xa0);
	bool surrogate = c >= 0xd800 && c < 0xe000;
	size_t n = gp_utf8_write(control || surrogate ? '?' : c, octets);
	gp_buf_put(out, gp_slice(octets, n));
}

/* UTF-16, little-endian; names outside the first plane are nobody's. */
static struct gp_slice
read_text(struct gp_slice octets, bool wide, struct gp_arena *arena)
{
	struct gp_buf text = GP_BUF_INIT(2 * GP_NTLM_CHALLENGE_MAX);
	struct gp_reader r = gp_reader(octets);
	while (r.rest.len >= (wide ? 2 : 1))
		put_character(&text, wide ? gp_read_u16(&r) : gp_read_u8(&r));
	struct gp_slice copy = gp_arena_dup(arena, gp_buf_slice(&text));
	arena->failed |= text.failed;
	gp_buf_free(&text);
	return copy;
}

/* A field of length, length again, and offset; empty when it points outside. */
static struct gp_slice
read_field(struct gp_reader *r, struct gp_slice all)
{
	size_t len = gp_read_u16(r);
	(void)gp_read_u16(r);
	size_t at = gp_read_u32(r);
	if (at > all.len || len > all.len - at)
		return gp_slice("", 0);
	return gp_slice_take(gp_slice_drop(all, at), len);
}

static void
read_pairs(struct gp_slice info, struct gp_arena *arena, struct gp_ntlm_challenge *ret)
{
	struct gp_slice *const places[] = {
		[PAIR_NETBIOS_COMPUTER] = &ret->netbios_computer,
		[PAIR_NETBIOS_DOMAIN] = &ret->netbios_domain,
		[PAIR_DNS_COMPUTER] = &ret->dns_computer,
		[PAIR_DNS_DOMAIN] = &ret->dns_domain,
		[PAIR_DNS_TREE] = &ret->dns_tree,
	};
	struct gp_reader r = gp_reader(info);
	for (int i = 0; i < PAIRS_MAX && r.rest.len > 0; i++) {
		unsigned id = gp_read_u16(&r);
		struct gp_slice value = gp_read_raw(&r, gp_read_u16(&r));
		if (r.failed || id == PAIR_END)
			return;
		if (id < GP_ARRAY_LEN(places))
			*places[id] = read_text(value, true, arena);
	}
}

int
gp_ntlm_challenge_read(struct gp_slice base64, struct gp_arena *arena,
		       struct gp_ntlm_challenge *ret)
{
	struct gp_slice all;
	*ret = (struct gp_ntlm_challenge){};
	int r = base64.len > GP_NTLM_CHALLENGE_MAX
			? 1
			: gp_base64_decode(base64, GP_BASE64, arena, &all);
	if (r != 0)
		return r;
	struct gp_reader reader = gp_reader(all);
	struct gp_slice signature = gp_read_raw(&reader, 8);
	if (!gp_slice_eq(signature, gp_slice("NTLMSSP", 8)) ||
	    gp_read_u32(&reader) != TYPE_CHALLENGE)
		return 1;
	struct gp_slice target = read_field(&reader, all);
	uint32_t flags = gp_read_u32(&reader);
	(void)gp_read_raw(&reader, 16); /* the challenge itself, and what is reserved */
	if (reader.failed)
		return 1;
	struct gp_slice info = read_field(&reader, all);
	ret->target = read_text(target, flags & NEGOTIATE_UNICODE, arena);
	if (!reader.failed)
		read_pairs(info, arena, ret);
	ret->major = gp_read_u8(&reader);
	ret->minor = gp_read_u8(&reader);
	ret->build = gp_read_u16(&reader);
	ret->has_version = !reader.failed && (flags & NEGOTIATE_VERSION);
	return arena->failed ? -ENOMEM : 0;
}
