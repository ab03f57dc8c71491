/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever sender is rewritten is found again; and no address that we did not make leads anywhere.
 */
#include "core/srs/srs.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gp_srs srs = {
	.keys = {{"0123456789abcdef", 16}},
	.keys_len = 1,
	.now_ms = UINT64_C(20000) * 24 * 60 * 60 * 1000,
};

static void
check_way_back(const struct gp_address *sender, struct gp_slice path, struct gp_arena *arena)
{
	struct gp_address made, found;
	const char *why;
	int rc = gp_address_parse(path, arena, &made, &why);
	gp_assert(rc == 0 && gp_slice_eq(made.text, path) && made.local.len <= GP_LOCAL_MAX);
	gp_assert(gp_slice_eq(made.domain, GP_SLICE("ours.example")) && gp_srs_is(made.local));
	rc = gp_srs_back(&srs, made.local, arena, &found);
	bool foreign = gp_srs_is(sender->local);
	/* One that another host says to have from us is given back as it is, made by us or not. */
	gp_assert(rc == 0 || (foreign && rc > 0));
	gp_assert(rc > 0 || gp_slice_eq(found.text, sender->text) ||
		  (foreign && gp_srs_is(found.local)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_address a, found;
	struct gp_slice path;
	const char *why;
	if (gp_address_parse(gp_slice((const char *)data, size), &arena, &a, &why) == 0) {
		if (gp_srs_forward(&srs, &a, GP_SLICE("ours.example"), &arena, &path) == 0)
			check_way_back(&a, path, &arena);
		/* A guess of 40 bits. */
		gp_assert(!gp_srs_is(a.local) || gp_srs_back(&srs, a.local, &arena, &found) > 0);
	}
	gp_arena_free(&arena);
	return 0;
}
