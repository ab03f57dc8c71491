/* SPDX-License-Identifier: Apache-2.0 */
/* The value of a signature field: what is read holds to what the header promises, for each kind. */
#include <errno.h>

#include "core/dkim/body.h"
#include "core/dkim/hash.h"
#include "core/smtp/address.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ARC's may have empty names, and none that is From. */
static void
check_names(const struct gp_dkim_signature *s, enum gp_dkim_kind kind)
{
	bool from = kind != GP_DKIM_FIELD;
	gp_assert(s->names_len > 0 && s->names_len <= GP_DKIM_NAMES_MAX);
	for (size_t i = 0; i < s->names_len; i++) {
		gp_assert(s->names[i].len > 0 || kind != GP_DKIM_FIELD);
		from = from || gp_slice_eq_nocase(s->names[i], GP_SLICE("from"));
	}
	gp_assert(from);
}

static void
check_good(const struct gp_dkim_signature *s, enum gp_dkim_kind kind)
{
	gp_assert(!s->reason && s->algorithm != GP_DKIM_UNKNOWN);
	gp_assert(gp_domain_valid(s->domain) && !gp_slice_has_8bit(s->domain));
	gp_assert(gp_domain_valid(s->selector) && !gp_slice_has_8bit(s->selector));
	gp_assert(s->signature.len > 0 && s->signature.len <= GP_DKIM_SIGNATURE_MAX);
	gp_assert(s->raw.len > 0);
	if (kind == GP_DKIM_FIELD)
		gp_assert(gp_dkim_is_below(s->identity_domain, s->domain));
	if (kind == GP_DKIM_ARC_SEAL)
		return;
	gp_assert(s->body_hash.len == GP_DKIM_DIGEST_SIZE);
	gp_assert(!s->timed || !s->expires || s->expiry_s > s->time_s);
	check_names(s, kind);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice text = gp_slice((const char *)data, size);
	for (enum gp_dkim_kind kind = GP_DKIM_FIELD; kind <= GP_DKIM_ARC_SEAL; kind++) {
		struct gp_arena arena = GP_ARENA_INIT(4 << 20);
		struct gp_buf own = GP_BUF_INIT(4 << 20);
		struct gp_dkim_signature s;
		if (gp_dkim_signature_read(text, kind, &arena, &s) == 0) {
			if (s.result)
				gp_assert(s.reason);
			else
				check_good(&s, kind);
			int r = gp_dkim_put_own(text, s.raw, s.header_canon, &arena, &own);
			gp_assert(r == 0 && own.len <= size + 2 - s.raw.len);
		}
		gp_buf_free(&own);
		gp_arena_free(&arena);
	}
	return 0;
}
