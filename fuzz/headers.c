/* SPDX-License-Identifier: Apache-2.0 */
/* A whole message: there is always a verdict with a reason, and what is quoted keeps its limits. */
#include "core/headers/headers.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gp_slice hosts[] = {GP_SLICE("mx.our.test"), GP_SLICE(".in.our.test")};
static const struct gp_slice domains[] = {GP_SLICE("gatepost.test")};

/* Whose claims there are in the seeds. */
static const struct gp_claimed_result results[] = {
	{GP_SLICE("dkim"), GP_SLICE("fail"), GP_SLICE("far.test"),
	 GP_SLICE("the body has changed")},
	{GP_SLICE("dmarc"), GP_SLICE("fail"), GP_SLICE("far.test"), GP_SLICE("")},
};
static const struct gp_verified verified = {
	.dkim = GP_VERIFIED_FAIL, .dmarc = GP_VERIFIED_FAIL, .items = results, .items_len = 2};

static void
check(const struct gp_headers *h)
{
	gp_assert(h->reasons_len >= 1 && h->reasons_len <= GP_HEADERS_REASONS);
	gp_assert(gp_verdict_name(h->verdict)[0] != '\0');
	gp_assert(h->path.boundary < (int)h->path.len && h->path.submission < (int)h->path.len);
	/* Trust ends once, on the way down. */
	for (size_t i = 0; i + 1 < h->path.len; i++)
		gp_assert(!h->path.hops[i].trusted || h->path.hops[i + 1].trusted);
	for (size_t i = 0; i < h->claims.len; i++)
		gp_assert(h->claims.items[i].text.ptr);
	for (size_t i = 0; i < h->findings.len; i++)
		gp_assert(h->findings.items[i].evidence.len <= GP_FINDING_EVIDENCE_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_HEADERS_ARENA_MAX);
	struct gp_headers h;
	struct gp_headers_query query = {
		.own = domains, .own_len = 1, .trust = {hosts, 2, NULL, 0}, .now_s = 1795315607};
	if (size > 0 && data[0] % 2 == 0) /* nobody said who is ours */
		query.trust = (struct gp_trust){};
	gp_assert(gp_headers_read(gp_slice((const char *)data, size), &query, &arena, &h) == 0);
	struct gp_verify_query whom = {};
	gp_assert((gp_headers_client(&h, &whom) == NULL) == (whom.address_len > 0));
	gp_assert(gp_headers_judge(&h, size % 2 ? &verified : NULL, &arena) == 0);
	check(&h);
	gp_arena_free(&arena);
	return 0;
}
