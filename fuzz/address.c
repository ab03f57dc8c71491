/* SPDX-License-Identifier: Apache-2.0 */
/* Paths and bare addresses: what is accepted is clean, and is read again to the same value. */
#include "core/smtp/address.h"
#include "base/utf8.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct gp_address *a)
{
	struct gp_arena arena = GP_ARENA_INIT(65536);
	struct gp_address again;
	const char *why;
	gp_assert(gp_utf8_printable(a->text));
	gp_assert(a->text.len <= 254 && a->domain.len <= GP_DOMAIN_MAX);
	gp_assert(a->domain_kind != GP_DOMAIN_NAME || gp_domain_valid(a->domain));
	gp_assert(gp_address_parse(a->text, &arena, &again, &why) == 0);
	gp_assert(gp_slice_eq(a->text, again.text) && gp_slice_eq(a->local, again.local));
	gp_assert(a->domain_kind == again.domain_kind && a->utf8 == again.utf8);
	gp_arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice all = gp_slice((const char *)data, size), s = all;
	struct gp_arena arena = GP_ARENA_INIT(65536);
	struct gp_address a;
	const char *why = NULL;
	int r = gp_address_parse_path(&s, &arena, &a, &why);
	gp_assert(r >= 0 && (r == 0 || why));
	if (r == 0 && a.text.len > 0)
		check(&a);
	gp_assert(gp_slice_ends_nocase(all, s));
	r = gp_address_parse(all, &arena, &a, &why);
	gp_assert(r >= 0 && (r == 0 || why));
	if (r == 0)
		check(&a);
	gp_arena_free(&arena);
	return 0;
}
