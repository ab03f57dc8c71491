/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dane/match.h"

#include <openssl/evp.h>
#include <string.h>

static bool
is_same(struct gp_slice data, const uint8_t *octets, size_t len)
{
	return data.len == len && memcmp(data.ptr, octets, len) == 0;
}

/* Of what the record has in full there is a digest to compare with. */
static bool
matches_one(const struct gp_dns_record *r, const struct gp_dane_link *l)
{
	const struct gp_dane_digests *d = r->selector == GP_DANE_SPKI ? &l->spki : &l->certificate;
	uint8_t whole[sizeof(d->sha256)];
	switch (r->matching) {
	case GP_DANE_SHA256:
		return is_same(r->data, d->sha256, sizeof(d->sha256));
	case GP_DANE_SHA512:
		return is_same(r->data, d->sha512, sizeof(d->sha512));
	default:
		return EVP_Digest(r->data.ptr, r->data.len, whole, NULL, EVP_sha256(), NULL) == 1 &&
		       memcmp(whole, d->sha256, sizeof(whole)) == 0;
	}
}

bool
gp_dane_matches(const struct gp_dns_record *record, const struct gp_dane_link *links, size_t len)
{
	if (record->usage == GP_DANE_EE)
		return len > 0 && matches_one(record, &links[0]);
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && matches_one(record, &links[i]))
			return true;
		if (!links[i].signed_by_next)
			return false;
	}
	return false;
}

struct gp_slice
gp_dane_record_text(const struct gp_dns_record *record, struct gp_arena *arena)
{
	char hex[2 * GP_DANE_TEXT_MAX];
	static const char digits[] = "0123456789abcdef";
	struct gp_slice data = gp_slice_take(record->data, GP_DANE_TEXT_MAX);
	for (size_t i = 0; i < data.len; i++) {
		hex[2 * i] = digits[(uint8_t)data.ptr[i] >> 4];
		hex[2 * i + 1] = digits[data.ptr[i] & 15];
	}
	return gp_arena_printf(arena, "%u %u %u %.*s", record->usage, record->selector,
			       record->matching, (int)(2 * data.len), hex);
}

static bool
read_number(struct gp_slice *text, uint8_t *ret)
{
	uint64_t n;
	if (!gp_slice_u64(gp_slice_cut(text, ' '), UINT8_MAX, &n))
		return false;
	*ret = (uint8_t)n;
	return true;
}

bool
gp_dane_record_read(struct gp_slice text, struct gp_arena *arena, struct gp_dns_record *ret)
{
	struct gp_dns_record r = {.type = GP_DNS_TLSA};
	if (!read_number(&text, &r.usage) || !read_number(&text, &r.selector) ||
	    !read_number(&text, &r.matching) || text.len % 2 != 0)
		return false;
	char *data = gp_arena_alloc(arena, text.len / 2 + 1);
	for (size_t i = 0; data && i < text.len / 2; i++) {
		int high = gp_ascii_hex(text.ptr[2 * i]), low = gp_ascii_hex(text.ptr[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		data[i] = (char)(high << 4 | low);
	}
	r.data = gp_slice(data, text.len / 2);
	*ret = r;
	return data && r.data.len > 0;
}
