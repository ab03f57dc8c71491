/* SPDX-License-Identifier: Apache-2.0 */
/* A world of answers: which TLSA records hold for "mx.test" in it. */
#include <errno.h>

#include "core/dane/dane.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct gp_answers *world, struct gp_arena *arena)
{
	struct gp_dns_answer a;
	bool known = gp_answers_find(world, GP_SLICE("mx.test"), GP_DNS_A, &a);
	gp_assert(known);
	struct gp_dane_host host = {GP_SLICE("mx.test"), a.canonical, a.secure, 25};
	struct gp_dane_result r;
	int rc = gp_dane_eval(&host, world, arena, &r);
	gp_assert(rc != GP_DANE_NEED);
	gp_assert((rc == GP_DANE_USABLE) == (r.records_len > 0));
	gp_assert(rc <= GP_DANE_ABSENT || r.base.len > 0);
	for (size_t i = 0; i < r.records_len; i++)
		gp_assert(gp_dane_record_usable(&r.records[i]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t seed[2] = {1, 2};
	struct gp_arena arena = GP_ARENA_INIT(1 << 22);
	struct gp_answers *world = NULL;
	struct gp_slice text = gp_slice((const char *)data, size), why;
	struct gp_dns_record record = {
		.usage = GP_DANE_EE, .selector = (uint8_t)(size & 1), .data = text};
	gp_assert(size > 0 || !gp_dane_record_usable(&record));
	if (gp_answers_from_json(text, &arena, seed, &world, &why) == 0)
		check(world, &arena);
	gp_answers_free(world);
	gp_arena_free(&arena);
	return 0;
}
