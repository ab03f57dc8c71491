/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world of answers, and the posture of d.test in it: it ends, its findings and records are texts
 * that can be shown, and what it proposes for SPF, DMARC and TLSA is of their grammars.
 *
 * Behind a NUL stands what hosts at four addresses call themselves and have certificates for, and
 * behind another one the MTA-STS policy.
 */
#include <errno.h>
#include <string.h>

#include "core/dmarc/record.h"
#include "core/posture/posture.h"
#include "core/spf/record.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_record(const struct gp_finding_record *r, struct gp_arena *arena)
{
	struct gp_dmarc_record dmarc;
	struct gp_spf_term t;
	struct gp_slice rest = r->value;
	gp_assert(r->name.len > 0 && r->value.len > 0);
	struct gp_dns_record tlsa;
	if (strcmp(r->type, "TLSA") == 0)
		gp_assert(gp_dane_record_read(rest, arena, &tlsa) || arena->failed);
	if (strcmp(r->type, "CAA") == 0)
		gp_assert(gp_slice_ends_nocase(rest, GP_SLICE("\"")) || arena->failed);
	if (strcmp(r->type, "TXT") != 0)
		return;
	if (gp_slice_starts(rest, GP_SLICE("v=spf1"))) {
		rest = gp_slice_drop(rest, sizeof("v=spf1") - 1);
		for (int rc; (rc = gp_spf_next(&rest, &t)) != 1;)
			gp_assert(rc == 0);
	} else if (gp_slice_starts(rest, GP_SLICE("v=DMARC1"))) {
		int rc = gp_dmarc_record_parse(rest, arena, &dmarc);
		gp_assert(rc == 0 || arena->failed);
		gp_assert(rc != 0 || dmarc.flaws_len == 0);
	}
}

enum { HOSTS = 4 };

/* A bit each of the text's length decides what a host was seen to do. */
static void
make_hosts(struct gp_slice text, struct gp_posture_host ret[HOSTS])
{
	for (size_t i = 0; i < HOSTS; i++) {
		size_t bits = text.len >> i;
		ret[i] = (struct gp_posture_host){
			.address = {20, 0, 0, (uint8_t)(i + 1)},
			.address_len = 4,
			.reach = GP_POSTURE_MET,
			.says = text,
			.asked = bits & 1 ? GP_SLICE("mx1.d.test") : text,
			.tls = bits & 2 ? GP_POSTURE_TLS_NONE : GP_POSTURE_TLS_SPOKEN,
			.weak = text,
			.chains = {{.names = text,
				    .trust = bits & 4 ? GP_POSTURE_SELF_SIGNED : GP_POSTURE_TRUSTED,
				    .links = {{.signed_by_next = true}},
				    .links_len = 1 + (bits & 1)}},
			.chains_len = 1,
		};
	}
}

static void
check(const struct gp_answers *world, bool met, struct gp_slice text, struct gp_slice body,
      struct gp_arena *arena)
{
	struct gp_posture_host list[HOSTS];
	const struct gp_posture_hosts hosts = {list, HOSTS};
	const struct gp_posture_file policy = {.outcome = GP_POSTURE_FETCHED, .text = body};
	const struct gp_posture_mark mark = {.names = text, .logo = text};
	const struct gp_posture_bimi bimi = {
		.logo = policy, .certificate = policy, .mark = body.len > 100 ? &mark : NULL};
	static const struct gp_slice selectors[] = {{"s1", 2}, {"s2", 2}};
	const struct gp_posture_query q = {
		.domain = GP_SLICE("d.test"),
		.now_s = 1'700'000'000,
		.selectors = selectors,
		.selectors_len = 2,
		.validated = true,
		.hosts = met ? &hosts : NULL,
		.policy = met ? &policy : NULL,
		.bimi = met ? &bimi : NULL,
	};
	struct gp_posture_result r;
	make_hosts(text, list);
	int rc = gp_posture_eval(&q, world, arena, &r);
	gp_assert(rc == GP_POSTURE_DONE);
	for (size_t i = 0; i < r.findings.len; i++) {
		const struct gp_finding *f = &r.findings.items[i];
		gp_assert(f->kind && f->evidence.len <= GP_FINDING_EVIDENCE_MAX);
		for (size_t k = 0; k < f->records_len; k++)
			check_record(&f->records[k], arena);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t seed[2] = {1, 2};
	struct gp_arena set = GP_ARENA_INIT(1 << 24), arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
	struct gp_answers *world = NULL;
	struct gp_slice why, body = gp_slice((const char *)data, size);
	struct gp_slice json = gp_slice_cut(&body, '\0');
	bool met = body.ptr;
	struct gp_slice text = gp_slice_cut(&body, '\0');
	if (gp_answers_from_json(json, &set, seed, &world, &why) == 0)
		check(world, met, text, body, &arena);
	gp_answers_free(world);
	gp_arena_free(&arena);
	gp_arena_free(&set);
	return 0;
}
