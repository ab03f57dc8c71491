/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dkim/hash.h"

#include <errno.h>
#include <string.h>

/* The lowest field of that name that is not taken yet; fields_len when there is none. */
static size_t
take_lowest(const struct gp_header *h, struct gp_slice name, bool *taken)
{
	for (size_t i = h->fields_len; i-- > 0;) {
		if (!taken[i] && h->fields[i].name_len == name.len &&
		    gp_slice_eq_nocase(gp_header_name(h, i), name)) {
			taken[i] = true;
			return i;
		}
	}
	return h->fields_len;
}

void
gp_dkim_put_fields(const struct gp_header *h, const struct gp_slice *names, size_t names_len,
		   uint8_t canon, size_t own, struct gp_buf *out)
{
	bool taken[GP_HEADER_FIELDS_MAX] = {};
	if (own < h->fields_len)
		taken[own] = true;
	for (size_t i = 0; i < names_len; i++) {
		size_t at = names[i].len > 0 ? take_lowest(h, names[i], taken) : h->fields_len;
		if (at < h->fields_len)
			gp_dkim_canon_field(gp_header_raw(h, at), canon, out);
	}
}

int
gp_dkim_put_own(struct gp_slice field, struct gp_slice raw, uint8_t canon, struct gp_arena *arena,
		struct gp_buf *out)
{
	size_t before = raw.len > 0 ? (size_t)(raw.ptr - field.ptr) : field.len;
	gp_assert(before + raw.len <= field.len);
	char *copy = gp_arena_alloc(arena, field.len);
	if (!copy)
		return -ENOMEM;
	struct gp_slice behind = gp_slice_drop(field, before + raw.len);
	memcpy(copy, field.ptr, before);
	if (behind.len > 0)
		memcpy(copy + before, behind.ptr, behind.len);
	gp_dkim_canon_field(gp_slice(copy, before + behind.len), canon, out);
	if (gp_slice_ends_nocase(gp_buf_slice(out), GP_SLICE("\r\n")))
		gp_buf_truncate(out, out->len - 2);
	return out->failed ? -ENOMEM : 0;
}

int
gp_dkim_header_digest(const struct gp_header *h, size_t own, const struct gp_dkim_signature *sig,
		      struct gp_arena *arena, struct gp_dkim_digest *ret)
{
	enum { MOST = 2048 }; /* octets that are enough for most */
	struct gp_buf text = GP_BUF_INIT(GP_DKIM_INPUT_MAX);
	(void)gp_buf_reserve(&text, MOST);
	gp_dkim_put_fields(h, sig->names, sig->names_len, sig->header_canon, own, &text);
	int r = gp_dkim_put_own(gp_header_raw(h, own), sig->raw, sig->header_canon, arena, &text);
	if (r == 0)
		r = gp_dkim_digest(gp_buf_slice(&text), ret);
	gp_buf_free(&text);
	return r;
}
