/* SPDX-License-Identifier: Apache-2.0 */
/* A record, read; and its text at the names of a walk, and at a host that reports are to go to. */
#include "core/dmarc/destination.h"
#include "core/dmarc/dmarc.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_uris(const struct gp_dmarc_uris *uris)
{
	gp_assert(uris->len <= GP_DMARC_URIS_MAX);
	for (size_t i = 0; i < uris->len; i++) {
		const struct gp_dmarc_uri *u = &uris->list[i];
		gp_assert(u->uri.len > 0 && gp_slice_find(u->uri, '!') < 0);
		gp_assert((u->address.len > 0) == (u->host.len > 0));
		gp_assert(gp_slice_ends_nocase(u->address, u->host));
	}
}

static void
check_record(struct gp_slice text, struct gp_arena *arena)
{
	struct gp_dmarc_record r;
	int rc = gp_dmarc_record_parse(text, arena, &r);
	gp_assert(rc == 0 || rc == 1);
	gp_assert((rc == 0) == gp_dmarc_is_record(text));
	if (rc != 0)
		return;
	gp_assert(!r.applies || r.p != GP_DMARC_P_ABSENT);
	gp_assert(!r.monitors || (r.applies && r.p == GP_DMARC_P_NONE && r.rua.len > 0));
	gp_assert(r.fo != 0 && r.psd <= GP_DMARC_PSD_NO && r.flaws_len <= GP_DMARC_FLAWS_MAX);
	check_uris(&r.rua);
	check_uris(&r.ruf);
}

static void
add(struct gp_answers *set, const char *name, uint16_t type, struct gp_dns_record *record)
{
	struct gp_slice owner = gp_slice_str(name);
	struct gp_dns_answer answer = {.name = owner,
				       .canonical = owner,
				       .type = type,
				       .status = record ? GP_DNS_OK : GP_DNS_NXDOMAIN,
				       .records = record,
				       .records_len = record ? 1 : 0};
	int rc = gp_answers_add(set, &answer);
	gp_assert(rc == 0);
}

/* The text, cut in four, at a.d.test, d.test, test and the host. */
static void
check_evaluators(struct gp_slice text, struct gp_answers *set, struct gp_arena *arena)
{
	static const char *const names[] = {"_dmarc.a.d.test", "_dmarc.d.test", "_dmarc.test",
					    "d.test._report._dmarc.r.test"};
	struct gp_dns_record records[GP_ARRAY_LEN(names)] = {};
	struct gp_dmarc_query q = {.trail = true,
				   .author.domain = GP_SLICE("a.d.test"),
				   .spf = {GP_SLICE("d.test"), GP_DMARC_PROVEN}};
	struct gp_dmarc_result r;
	struct gp_dmarc_record record;
	struct gp_dmarc_destinations to;
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		records[i] = (struct gp_dns_record){.type = GP_DNS_TXT,
						    .data = gp_slice_cut(&text, '\n')};
		add(set, names[i], GP_DNS_TXT, &records[i]);
	}
	add(set, "a.d.test", GP_DNS_A, NULL);
	add(set, "_dmarc.r.test", GP_DNS_TXT, NULL);
	int rc = gp_dmarc_eval(&q, set, arena, &r);
	gp_assert(rc == GP_DMARC_DONE && r.verdict <= GP_DMARC_FAIL);
	gp_assert((r.verdict == GP_DMARC_NONE) == (r.record == NULL));
	gp_assert((r.verdict == GP_DMARC_PASS) == r.spf_aligned && !r.dkim_aligned);
	gp_assert(r.disposition == (r.verdict == GP_DMARC_FAIL ? r.policy : GP_DMARC_P_NONE));
	rc = gp_dmarc_record_parse(GP_SLICE("v=DMARC1; rua=mailto:a@r.test"), arena, &record);
	gp_assert(rc == 0);
	rc = gp_dmarc_destinations_eval(GP_SLICE("d.test"), &record.rua, GP_DMARC_RUA, set, arena,
					&to);
	gp_assert(rc == GP_DMARC_DESTINATION_DONE && to.len == 1);
	for (size_t i = 0; i < to.list[0].to_len; i++)
		gp_assert(gp_slice_eq(to.list[0].to[i].host, GP_SLICE("r.test")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t seed[2] = {1, 2};
	struct gp_arena arena = GP_ARENA_INIT(1 << 24);
	struct gp_answers *set = gp_answers_new(&arena, 16, seed);
	struct gp_slice text = gp_slice((const char *)data, GP_MIN(size, (size_t)1 << 16));
	gp_assert(set);
	check_record(text, &arena);
	check_evaluators(text, set, &arena);
	gp_answers_free(set);
	gp_arena_free(&arena);
	return 0;
}
