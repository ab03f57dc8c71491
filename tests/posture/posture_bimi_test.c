/* SPDX-License-Identifier: Apache-2.0 */
/* What a BIMI record leads to, with a fault in each row: found, and nothing else. */
#include "plants.h"
#include "published.h"

enum { NOW_S = 1'700'000'000, DAY_S = 24 * 60 * 60 };

#define RECORD "v=BIMI1; l=https://d.test/a.svg?b=1; a=https://d.test:443/a.pem"
#define LOGO(inside)                                                                              \
	"<svg xmlns='http://www.w3.org/2000/svg' version='1.2' baseProfile='tiny-ps' viewBox='0 " \
	"0 1 1'><title>D</title>" inside "</svg>"

struct served {
	struct gp_posture_bimi bimi;
	struct gp_posture_mark mark;
};

static void
make_served(struct served *ret)
{
	*ret = (struct served){
		.bimi = {.logo = {.outcome = GP_POSTURE_FETCHED, .text = GP_SLICE(LOGO(""))},
			 .certificate = {.outcome = GP_POSTURE_FETCHED}},
		.mark = {.names = GP_SLICE("other.test d.test"),
			 .from_s = NOW_S - DAY_S,
			 .until_s = NOW_S + DAY_S,
			 .is_mark = true,
			 .has_logotype = true,
			 .chained = true,
			 .logo = GP_SLICE(LOGO(""))},
	};
	ret->bimi.mark = &ret->mark;
}

typedef void
change(struct served *s);

#define CHANGE(name, ...)                  \
	static void name(struct served *s) \
	{                                  \
		__VA_ARGS__;               \
	}

CHANGE(as_it_is, (void)s)
CHANGE(by_record, s->mark.names = GP_SLICE("default._bimi.D.test"))
CHANGE(logo_unread, s->mark.logo = GP_SLICE(""))
CHANGE(no_logo_file, s->bimi.logo = (struct gp_posture_file){.outcome = GP_POSTURE_FETCH_STATUS,
							     .why = GP_SLICE("status 404")})
CHANGE(logo_runs, s->bimi.logo.text = s->mark.logo = GP_SLICE(LOGO("<script/>")))
CHANGE(logo_is_html, s->bimi.logo.outcome = GP_POSTURE_FETCH_TYPE;
       s->bimi.logo.why = GP_SLICE("the content is not image/svg+xml"))
CHANGE(redirected, s->bimi.logo.outcome = GP_POSTURE_FETCH_REDIRECT;
       s->bimi.logo.why = GP_SLICE("redirects are not followed"))
CHANGE(slow, s->bimi.certificate.outcome = GP_POSTURE_FETCH_NOT;
       s->bimi.certificate.why = GP_SLICE("no answer in time"))
CHANGE(no_pem, s->bimi.mark = NULL)
CHANGE(expired, s->mark.until_s = NOW_S - DAY_S)
CHANGE(not_yet, s->mark.from_s = NOW_S + DAY_S)
CHANGE(for_others, s->mark.names = GP_SLICE("other.test *.d.test x.d.test"))
CHANGE(for_the_web, s->mark.is_mark = false)
CHANGE(no_logotype, s->mark.has_logotype = false)
CHANGE(alone, s->mark.self_signed = true)
CHANGE(broken_chain, s->mark.chained = false)
CHANGE(another_logo, s->mark.logo = GP_SLICE(LOGO("<g/>")))

static const struct {
	change *change;
	const char *id; /* NULL: nothing is found */
	uint8_t state;
	const char *evidence;
} rows[] = {
	{as_it_is},
	{by_record},
	{logo_unread},
	{no_logo_file, "bimi.logo", GP_FINDING_FAIL, "https://d.test/a.svg?b=1: status 404"},
	{logo_runs, "bimi.logo", GP_FINDING_FAIL,
	 "https://d.test/a.svg?b=1: it has an element script"},
	{logo_is_html, "bimi.logo", GP_FINDING_FAIL,
	 "https://d.test/a.svg?b=1: the content is not image/svg+xml"},
	{redirected, "bimi.logo", GP_FINDING_NOT_MEASURED,
	 "https://d.test/a.svg?b=1 was not fetched: redirects are not followed"},
	{slow, "bimi.certificate", GP_FINDING_NOT_MEASURED,
	 "https://d.test:443/a.pem was not fetched: no answer in time"},
	{no_pem, "bimi.certificate", GP_FINDING_FAIL,
	 "https://d.test:443/a.pem: it is no certificate in PEM"},
	{expired, "bimi.certificate", GP_FINDING_FAIL,
	 "https://d.test:443/a.pem: it is out of date since 2023-11-13T22:13:20Z"},
	{not_yet, "bimi.certificate", GP_FINDING_FAIL,
	 "https://d.test:443/a.pem: it is not valid before 2023-11-15T22:13:20Z"},
	{for_others, "bimi.certificate", GP_FINDING_FAIL,
	 "https://d.test:443/a.pem: it is for other.test *.d.test x.d.test"},
	{for_the_web, "bimi.certificate", GP_FINDING_FAIL,
	 "https://d.test:443/a.pem: its extended key usage is not that of marks"},
	{no_logotype, "bimi.certificate", GP_FINDING_FAIL,
	 "https://d.test:443/a.pem: it holds no logotype (RFC 9399 section 4.1)"},
	{alone, "bimi.certificate", GP_FINDING_FAIL,
	 "https://d.test:443/a.pem: it vouches for itself"},
	{broken_chain, "bimi.certificate", GP_FINDING_FAIL,
	 "https://d.test:443/a.pem: the certificates behind it do not vouch for it"},
	{another_logo, "bimi.certificate", GP_FINDING_FAIL,
	 "https://d.test:443/a.pem: it holds another logo than l= leads to"},
};

static void
what_it_leads_to_is_judged(void **state)
{
	static const struct gp_slice selectors[] = {GP_SLICE("s1")};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		struct served served;
		json_t *json = make_world(false, BIMI(RECORD));
		struct gp_answers *world = read_world(json, &arena);
		make_served(&served);
		rows[i].change(&served);
		const struct gp_posture_query q = {.domain = GP_SLICE("d.test"),
						   .now_s = NOW_S,
						   .selectors = selectors,
						   .selectors_len = 1,
						   .validated = true,
						   .bimi = &served.bimi};
		assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
		for (size_t k = 0; k < r.findings.len; k++) {
			const struct gp_finding *f = &r.findings.items[k];
			bool bimi = strncmp(f->kind->id, "bimi.", 5) == 0;
			bool wanted = rows[i].id && strcmp(f->kind->id, rows[i].id) == 0;
			if (bimi && !wanted)
				fail_msg("row %zu: %s: %.*s", i, f->kind->id,
					 GP_SLICE_FMT(f->evidence));
		}
		const struct gp_finding *f =
			rows[i].id ? gp_finding_of(&r.findings, rows[i].id) : NULL;
		if (rows[i].id && (!f || f->state != rows[i].state))
			fail_msg("row %zu: no %s", i, rows[i].id);
		if (f)
			assert_slice(f->evidence, rows[i].evidence);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

/* Where the record leads, for whoever asks there: "HOST PATH"; "": nobody is asked. */
static void
places_to_ask_are_told(void **state)
{
	static const struct {
		const char *record, *logo, *certificate;
	} cases[] = {
		{RECORD, "d.test /a.svg?b=1", "d.test /a.pem"},
		{"v=BIMI1; l=HTTPS://d.test/%41", "d.test /%41", " "},
		{"v=BIMI1; l=; a=https://d.test/a.pem", " ", "d.test /a.pem"},
		{"v=BIMI1; l=https://d.test:8443/a.svg", " ", " "},
		{"v=BIMI1; l=https://d.test", " ", " "},
		{"v=BIMI1; l=https://u@d.test/", " ", " "},
		{"v=BIMI1; l=https://d.test/a b", " ", " "},
		{"v=BIMI1; l=https://d.test/#a", " ", " "},
		{"v=BIMI1; l=https://[::1]/", " ", " "},
		{"v=BIMI1; l=", " ", " "},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		const struct gp_posture_query q = {.domain = GP_SLICE("d.test"), .now_s = NOW_S};
		json_t *json = make_world(false, "{}");
		json_object_set_new(json, "default._bimi.d.test",
				    json_pack("{s:[s]}", "TXT", cases[i].record));
		struct gp_answers *world = read_world(json, &arena);
		assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
		const struct gp_posture_place *l = &r.facts.bimi.logo,
					      *a = &r.facts.bimi.certificate;
		assert_slice(gp_arena_printf(&arena, "%.*s %.*s", GP_SLICE_FMT(l->host),
					     GP_SLICE_FMT(l->path)),
			     cases[i].logo);
		assert_slice(gp_arena_printf(&arena, "%.*s %.*s", GP_SLICE_FMT(a->host),
					     GP_SLICE_FMT(a->path)),
			     cases[i].certificate);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

/* --- the table of docs/audit.md --- */

static void
put_table(struct gp_buf *out)
{
	gp_buf_put_str(out, "| id | state | evidence here, behind the URI |\n|---|---|---|\n");
	for (size_t i = 0; i < GP_ARRAY_LEN(rows); i++) {
		if (!rows[i].id)
			continue;
		struct gp_slice what = gp_slice_str(rows[i].evidence);
		(void)gp_slice_cut(&what, ' ');
		gp_buf_printf(out, "| `%s` | %s | %.*s |\n", rows[i].id,
			      gp_finding_state_name(rows[i].state), GP_SLICE_FMT(what));
	}
}

static void
table_is_that_of_the_document(void **state)
{
	struct gp_buf table = GP_BUF_INIT(DOCUMENT_MAX);
	(void)state;
	put_table(&table);
	assert_in_document(&table, "posture_bimi_test");
	gp_buf_free(&table);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_leads_to_is_judged),
		cmocka_unit_test(places_to_ask_are_told),
		cmocka_unit_test(table_is_that_of_the_document),
	};
	if (printed_table(argc, argv, put_table))
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
