/* SPDX-License-Identifier: Apache-2.0 */
/* What is news to one who was told before: looks one after the other, as audit_world.h has them. */
#include "audit_world.h"

#include <errno.h>

#include "base/buf.h"
#include "cli/audit/news.h"

enum { DAY_S = 24 * 3600, LOOKS_MAX = 4 };

static void
write_news(struct gp_buf *out, const struct audit_news *news)
{
	for (size_t i = 0; i < news->changes_len; i++) {
		const struct audit_change *c = &news->changes[i];
		const struct audit_kept *k = c->now ? c->now : c->before;
		gp_buf_printf(out, "%s%s %.*s", out->len > 0 ? "; " : "",
			      audit_change_name(c->kind),
			      GP_SLICE_FMT(c->kind == AUDIT_FACT ? c->fact.name : k->id));
	}
	for (size_t i = 0; i < news->expiries_len; i++) {
		const struct audit_expiry *e = &news->expiries[i];
		gp_buf_printf(out, "%s%.*s in %lld", out->len > 0 ? "; " : "",
			      GP_SLICE_FMT(e->what), (long long)e->days);
	}
}

/* Each look is told as news to whoever knows those before it. */
static void
looks_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *looks[LOOKS_MAX], *told[LOOKS_MAX];
	} cases[] = {
		/* a fault is told once, and when it went */
		{{"fail high a.b x", "fail high a.b x", "", ""}, {"came a.b", "", "went a.b", ""}},
		/* its evidence alone is no news, and not what it is compared with the next time */
		{{"fail high a x", "fail high a y", "fail low a y", "fail high a x"},
		 {"came a", "", "changed a", "changed a"}},
		/* what nobody could measure is neither gone nor new when it is back */
		{{"fail high a.b x", "not_measured high a.c why", "fail high a.b x", ""},
		 {"came a.b", "", "", "went a.b"}},
		{{"fail high a.b x; =class parked", "not_measured low q why; =class unknown",
		  "fail high a.b y; =class parked", "=class sending"},
		 {"came a.b", "", "", "went a.b; fact class"}},
		/* what is not grave is not told, but known: it is news when it becomes grave */
		{{"fail info a x", "fail info a x", "fail high a x", "fail info a x"},
		 {"", "", "changed a", "changed a"}},
		/* facts are no news to whoever hears of the domain for the first time */
		{{"=mx null", "=mx 10 a", "=spf valid", "=mx 10 b; =spf valid"},
		 {"", "fact mx", "fact spf", "fact mx"}},
		/* those that others change are not told */
		{{"=dkim.keys 1; =spf.lookups 3", "=dkim.keys 2; =spf.lookups 4", "", ""},
		 {"", "", "", ""}},
		/* one list's text changed, while another has the address no more */
		{{"fail high l b1", "pass high l -; fail high l b2", "", ""},
		 {"came l", "", "went l", ""}},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct world worlds[LOOKS_MAX];
		struct audit_news news[LOOKS_MAX];
		for (size_t k = 0; k < LOOKS_MAX; k++) {
			struct gp_buf told = GP_BUF_INIT(1 << 12);
			read_world(cases[i].looks[k], &worlds[k]);
			assert_int_equal(audit_news_find(k > 0 ? &news[k - 1].known : NULL,
							 &worlds[k].look, GP_SEVERITY_LOW, &arena,
							 &news[k]),
					 0);
			write_news(&told, &news[k]);
			if (!gp_slice_eq(gp_buf_slice(&told), gp_slice_str(cases[i].told[k])))
				fail_msg("case %zu, look %zu: %.*s", i, k,
					 GP_SLICE_FMT(gp_buf_slice(&told)));
			gp_buf_free(&told);
		}
		gp_arena_free(&arena);
	}
}

/* Looks on such days before the end of the eleventh of October. */
static void
what_ends_is_told_ahead(void **state)
{
	(void)state;
	static const uint64_t end_s = 1'791'676'800;
	static const struct {
		int days_left;
		const char *told;
	} looks[] = {
		{40, ""},         {31, ""},           {30, "cert in 30"}, {29, ""},
		{15, ""},         {13, "cert in 13"}, {12, ""},           {2, "cert in 2"},
		{1, "cert in 1"}, {0, "cert in 0"},   {-1, ""},
	};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct world w;
	struct audit_news news[2] = {};
	read_world("=expires.cert 2026-10-11T00:00:00Z", &w);
	for (size_t i = 0; i < GP_ARRAY_LEN(looks); i++) {
		struct gp_buf told = GP_BUF_INIT(1 << 12);
		w.look.time_s = end_s - (uint64_t)(looks[i].days_left * DAY_S);
		assert_int_equal(audit_news_find(i > 0 ? &news[0].known : NULL, &w.look, 0, &arena,
						 &news[1]),
				 0);
		write_news(&told, &news[1]);
		if (!gp_slice_eq(gp_buf_slice(&told), gp_slice_str(looks[i].told)))
			fail_msg("%d days: %.*s", looks[i].days_left,
				 GP_SLICE_FMT(gp_buf_slice(&told)));
		news[0] = news[1];
		gp_buf_free(&told);
	}
	/* Another end is another matter; what is no time is none. */
	read_world("=expires.cert 2026-10-12T00:00:00Z; =expires.x soon", &w);
	w.look.time_s = end_s;
	assert_int_equal(audit_news_find(&news[0].known, &w.look, 0, &arena, &news[1]), 0);
	assert_int_equal(news[1].expiries_len, 1);
	assert_int_equal(news[1].expiries[0].days, 1);
	assert_true(news[1].worse);
	gp_arena_free(&arena);
}

static void
memory_runs_out(void **state)
{
	(void)state;
	struct world before, now;
	struct audit_news news;
	read_world("fail high a x; =mx null", &before);
	read_world("fail low a x; fail high b y; =mx 10 a; =expires.c 2026-10-12T00:00:00Z", &now);
	for (size_t max = 0;; max += 512) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		int r = audit_news_find(&before.look, &now.look, 0, &arena, &news);
		gp_arena_free(&arena);
		if (r == 0)
			break;
		assert_int_equal(r, -ENOMEM);
	}
	assert_int_equal(news.changes_len, 3);
	assert_int_equal(news.known.facts_len, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_are_told),
		cmocka_unit_test(what_ends_is_told_ahead),
		cmocka_unit_test(memory_runs_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
