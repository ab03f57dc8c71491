/* SPDX-License-Identifier: Apache-2.0 */
/* What web hears of the database of others' reports: it is JSON, and its sums are those that were
 * told. `figures_test fill PATH DAY` makes such a database for system tests. */
#include "../asn/mmdb_builder.h"
#include "filling.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/day.h"
#include "ipc/values.h"
#include "procs/figures/figures.h"

#define LAST_DAY INT64_C(20787) /* 2026-11-30 */

static struct gp_reportdb *db;
static const struct gp_mmdb *asn; /* NULL: without one */
static char folder[] = "/tmp/gp-figures-XXXXXX";
static char path[64];

static int
set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/received.db", folder);
	assert_int_equal(gp_reportdb_open(path, GP_REPORTDB_MAKE, &db), 0);
	filling_fill(db, LAST_DAY);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	db = gp_reportdb_close(db);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

static struct gp_msg_figures_wanted
question(uint8_t kind, int64_t days)
{
	return (struct gp_msg_figures_wanted){.kind = kind,
					      .domain = GP_SLICE("ours.example"),
					      .from_day = (uint32_t)(LAST_DAY - days + 1),
					      .to_day = (uint32_t)LAST_DAY};
}

/* The answer, which must be JSON. */
static json_t *
ask(const struct gp_msg_figures_wanted *q)
{
	struct gp_arena arena = GP_ARENA_INIT(FIGURES_ARENA_MAX);
	struct gp_buf out = GP_BUF_INIT(4 << 20);
	assert_int_equal(figures_write(db, asn, q, &arena, &out), 0);
	json_t *answer = json_loadb(gp_buf_slice(&out).ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
	if (!answer)
		fail_msg("%.*s", GP_SLICE_FMT(gp_buf_slice(&out)));
	gp_buf_free(&out);
	gp_arena_free(&arena);
	return answer;
}

static json_int_t
number(const json_t *object, const char *a, const char *b)
{
	const json_t *inner = b ? json_object_get(object, a) : object;
	const json_t *value = json_object_get(inner, b ? b : a);
	if (!json_is_integer(value))
		fail_msg("%s %s is no number", a, b ? b : "");
	return json_integer_value(value);
}

/* NULL: it is none. */
static const char *
text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static uint64_t
told(int64_t days, bool aligned)
{
	uint64_t sum = 0;
	for (int64_t d = LAST_DAY - days + 1; d <= LAST_DAY; d++) {
		for (size_t i = 0; i < GP_ARRAY_LEN(filling_senders); i++) {
			bool is = filling_senders[i].dkim || filling_senders[i].spf;
			sum += is || !aligned ? filling_count(i, d) : 0;
		}
	}
	return sum;
}

static void
sums_are_what_was_told(void **state)
{
	(void)state;
	struct gp_msg_figures_wanted q = question(GP_FIGURES_OVERVIEW, 30);
	json_t *o = ask(&q);
	assert_int_equal(number(o, "total", "messages"), told(30, false));
	assert_int_equal(number(o, "total", "aligned"), told(30, true));
	assert_int_equal(number(o, "before", "messages"), told(60, false) - told(30, false));
	assert_int_equal(json_array_size(json_object_get(o, "days")), 30);
	assert_string_equal(json_string_value(json_object_get(o, "from")), "2026-11-01");
	assert_string_equal(json_string_value(json_object_get(o, "to")), "2026-11-30");
	json_int_t sum = 0;
	size_t i;
	json_t *day;
	json_array_foreach(json_object_get(o, "days"), i, day) sum +=
		number(day, "figures", "messages");
	assert_int_equal(sum, told(30, false));
	json_decref(o);
}

static void
sources_are_classed(void **state)
{
	static const char *const classes[] = {"ours", "provider", "forwarder", "threat"};
	(void)state;
	for (int unaligned = 0; unaligned < 2; unaligned++) {
		struct gp_msg_figures_wanted q = question(GP_FIGURES_SOURCES, 30);
		q.by_unaligned = unaligned;
		json_t *o = ask(&q), *list = json_object_get(o, "sources");
		assert_int_equal(json_array_size(list), 4);
		json_t *first = json_array_get(list, 0);
		assert_string_equal(json_string_value(json_object_get(first, "class")),
				    unaligned ? "threat" : "ours");
		assert_string_equal(json_string_value(json_object_get(first, "address")),
				    unaligned ? "2001:db8::bd" : "192.0.2.10");
		unsigned seen = 0;
		for (size_t i = 0; i < 4; i++) {
			const char *class = json_string_value(
				json_object_get(json_array_get(list, i), "class"));
			for (size_t c = 0; c < 4; c++)
				seen |= (unsigned)(strcmp(class, classes[c]) == 0) << c;
		}
		assert_int_equal(seen, 15);
		json_decref(o);
	}
}

static void
sources_have_names(void **state)
{
	(void)state;
	struct gp_msg_figures_wanted q = question(GP_FIGURES_SOURCES, 30);
	json_t *o = ask(&q), *list = json_object_get(o, "sources");
	unsigned seen = 0;
	for (size_t i = 0; i < 4; i++) {
		json_t *s = json_array_get(list, i);
		const char *class = json_string_value(json_object_get(s, "class"));
		const char *name = json_string_value(json_object_get(s, "name"));
		const char *provider = json_string_value(json_object_get(s, "provider"));
		if (strcmp(class, "provider") == 0) {
			assert_string_equal(name, "a8-31.smtp-out.amazonses.com");
			assert_string_equal(provider, "Amazon SES");
			seen++;
		} else if (strcmp(class, "ours") == 0) {
			assert_string_equal(name, "mx.ours.example");
			assert_true(json_is_null(json_object_get(s, "provider")));
			seen++;
		} else if (strcmp(class, "forwarder") == 0) {
			assert_true(json_is_null(json_object_get(s, "name")));
			seen++;
		}
	}
	assert_int_equal(seen, 3);
	json_decref(o);
}

/* Over all domains sources are kept by the week: what a policy reaches is still no more than all
 * that fails. */
static void
policies_reach_no_more_than_there_is(void **state)
{
	(void)state;
	for (int64_t days = 1; days <= 16; days++) {
		struct gp_msg_figures_wanted q = question(GP_FIGURES_POLICY, days);
		json_int_t failing = 0;
		json_t *source;
		size_t i;
		q.to_day -= 5;
		q.from_day -= 5;
		q.domain = gp_slice("", 0);
		json_t *o = ask(&q);
		json_array_foreach(json_object_get(o, "sources"), i, source) failing +=
			number(source, "figures", "messages") -
			number(source, "figures", "aligned");
		assert_int_equal(failing,
				 number(o, "total", "messages") - number(o, "total", "aligned"));
		assert_string_equal(text(o, "from"), text(o, "sources_from"));
		assert_string_equal(text(o, "to"), text(o, "sources_to"));
		json_decref(o);
		q.kind = GP_FIGURES_SOURCES;
		o = ask(&q);
		assert_true(strcmp(text(o, "sources_from"), text(o, "from")) <= 0);
		assert_true(strcmp(text(o, "sources_to"), text(o, "to")) >= 0);
		json_decref(o);
	}
}

static void
every_question_has_an_answer(void **state)
{
	static const struct {
		uint8_t kind;
		const char *list;
		size_t len;
	} cases[] = {
		{GP_FIGURES_OVERVIEW, "sources", 4},  {GP_FIGURES_DOMAINS, "domains", 2},
		{GP_FIGURES_POLICY, "overrides", 1},  {GP_FIGURES_SIGNERS, "dkim", 1},
		{GP_FIGURES_SIGNERS, "spf", 3},       {GP_FIGURES_REPORTERS, "reporters", 3},
		{GP_FIGURES_TLS, "days", 30},         {GP_FIGURES_TLS, "failures", 1},
		{GP_FIGURES_FAILURES, "failures", 1}, {GP_FIGURES_STORE, "flaws", 5},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_msg_figures_wanted q = question(cases[i].kind, 30);
		json_t *o = ask(&q);
		size_t len = json_array_size(json_object_get(o, cases[i].list));
		if (len != cases[i].len)
			fail_msg("%s: %zu", cases[i].list, len);
		json_decref(o);
	}
}

/* By the domains that DKIM and SPF pass for. */
static void
providers_are_told(void **state)
{
	struct gp_msg_figures_wanted q = question(GP_FIGURES_SIGNERS, 30);
	json_t *o = ask(&q), *list = json_object_get(o, "spf"), *row;
	size_t i;
	(void)state;
	json_array_foreach(list, i, row)
	{
		if (strcmp(text(row, "domain"), "ours.example") == 0)
			assert_null(text(row, "provider"));
		else
			assert_string_equal(text(row, "provider"), "Amazon SES");
	}
	json_decref(o);
}

/* Whatever stands in a report, the answer is JSON, and has it as it was. */
static void
hostile_texts_come_as_they_were(void **state)
{
	(void)state;
	filling_fill_attacks(db, LAST_DAY);
	struct gp_msg_figures_wanted q = question(GP_FIGURES_FAILURES, 1);
	q.domain = GP_SLICE("attacked.example");
	json_t *o = ask(&q), *list = json_object_get(o, "failures");
	size_t found = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *subject =
			json_string_value(json_object_get(json_array_get(list, i), "subject"));
		for (size_t a = 0; a < GP_ARRAY_LEN(filling_attacks); a++)
			found += strcmp(subject, filling_attacks[a]) == 0;
	}
	assert_int_equal(found, GP_ARRAY_LEN(filling_attacks));
	json_decref(o);
}

static void
a_single_source_has_its_rows(void **state)
{
	struct gp_msg_figures_wanted q = question(GP_FIGURES_SOURCE, 10);
	(void)state;
	q.source = gp_slice((const char *)filling_senders[2].source, 16);
	json_t *o = ask(&q), *rows = json_object_get(o, "rows");
	assert_string_equal(text(o, "address"), "203.0.113.30");
	assert_string_equal(text(o, "class"), "forwarder");
	assert_string_equal(text(o, "last_day"), "2026-11-30");
	assert_null(text(o, "name"));
	assert_null(text(o, "as_name"));
	assert_int_equal(json_array_size(rows), 10);
	assert_int_equal(json_array_size(json_object_get(o, "days")), 10);
	json_t *row = json_array_get(rows, 0);
	assert_string_equal(json_string_value(json_array_get(json_object_get(row, "reasons"), 0)),
			    "forwarded");
	assert_string_equal(json_string_value(json_object_get(row, "dkim_aligned")), "pass");
	assert_true(json_is_null(json_object_get(o, "cause")));
	json_decref(o);
}

static void
what_does_not_align_has_its_cause(void **state)
{
	struct gp_msg_figures_wanted q = question(GP_FIGURES_SOURCE, 10);
	(void)state;
	q.source = gp_slice((const char *)filling_senders[3].source, 16);
	json_t *o = ask(&q), *cause = json_object_get(o, "cause");
	json_t *days = json_object_get(o, "days");
	json_int_t messages = 0;
	for (size_t i = 0; i < json_array_size(days); i++) {
		json_t *figures = json_object_get(json_array_get(days, i), "figures");
		messages += json_integer_value(json_object_get(figures, "messages"));
	}
	assert_string_equal(json_string_value(json_object_get(cause, "dkim")), "no_signature");
	assert_string_equal(json_string_value(json_object_get(cause, "spf")), "other_envelope");
	assert_string_equal(json_string_value(json_object_get(cause, "envelope")),
			    "eu-west-1.amazonses.com");
	assert_int_equal(json_integer_value(json_object_get(cause, "messages")), messages);
	assert_string_equal(json_string_value(json_object_get(cause, "words")),
			    "no signature; SPF passes for eu-west-1.amazonses.com (Amazon SES), "
			    "not for ours.example: "
			    "forged, or a sender of yours that does not sign");
	json_decref(o);
}

static void
a_single_source_has_its_name(void **state)
{
	struct gp_msg_figures_wanted q = question(GP_FIGURES_SOURCE, 10);
	(void)state;
	q.source = gp_slice((const char *)filling_senders[1].source, 16);
	json_t *o = ask(&q);
	assert_string_equal(text(o, "name"), "a8-31.smtp-out.amazonses.com");
	assert_string_equal(text(o, "provider"), "Amazon SES");
	assert_string_equal(text(o, "class"), "provider");
	json_decref(o);
	/* One that nobody told of. */
	q.source = gp_slice("\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	o = ask(&q);
	assert_true(json_is_null(json_object_get(o, "first_day")));
	assert_string_equal(text(o, "class"), "threat");
	json_decref(o);
}

static json_t *
source_of(json_t *list, const char *address)
{
	size_t i;
	json_t *s;
	json_array_foreach(list, i, s)
	{
		if (strcmp(text(s, "address"), address) == 0)
			return s;
	}
	fail_msg("%s is not there", address);
	return NULL;
}

/* What has no name may be known by its network; a name says more. */
static void
sources_have_networks(void **state)
{
	struct mmdb_builder b;
	struct gp_buf file = GP_BUF_INIT(1 << 20);
	struct gp_mmdb networks;
	struct gp_msg_figures_wanted q = question(GP_FIGURES_SOURCES, 30);
	(void)state;
	mmdb_begin(&b, 4, 24);
	uint32_t mailchimp = mmdb_asn(&b, 14782, "THEROCKETSCIENCEGROUP");
	mmdb_put(&b, "\xc0\0\2", 24, mmdb_asn(&b, 64500, "Example"));
	mmdb_put(&b, "\xc6\x33\x64", 24, mailchimp);
	mmdb_put(&b, "\xcb\0\x71", 24, mailchimp);
	mmdb_end(&b, "Test-ASN", &file);
	assert_null(gp_asn_open(gp_buf_slice(&file), &networks));
	asn = &networks;
	json_t *o = ask(&q), *list = json_object_get(o, "sources");
	json_t *ours = source_of(list, "192.0.2.10"), *named = source_of(list, "198.51.100.20");
	json_t *nameless = source_of(list, "203.0.113.30");
	assert_int_equal(number(ours, "asn", NULL), 64500);
	assert_string_equal(text(ours, "as_name"), "Example");
	assert_null(text(ours, "provider"));
	assert_int_equal(number(named, "asn", NULL), 14782);
	assert_string_equal(text(named, "provider"), "Amazon SES");
	assert_string_equal(text(nameless, "provider"), "Mailchimp");
	/* Who saw it forward knows better. */
	assert_string_equal(text(nameless, "class"), "forwarder");
	assert_true(json_is_null(json_object_get(source_of(list, "2001:db8::bd"), "asn")));
	json_decref(o);
	asn = NULL;
	gp_buf_free(&file);
}

/* web may have fallen: what it asks is no order. */
static void
what_is_no_question(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(FIGURES_ARENA_MAX);
	struct gp_buf out = GP_BUF_INIT(4096);
	struct gp_msg_figures_wanted all[8];
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(all); i++)
		all[i] = question(GP_FIGURES_DOMAINS, 30);
	all[0].kind = 0;
	all[1].kind = GP_FIGURES_STORE + 1;
	all[2].kind = 255;
	all[3].from_day = all[3].to_day + 1;
	all[4].to_day = UINT32_MAX;
	all[5].from_day = all[5].to_day - FIGURES_RANGE_MAX;
	all[6].source = GP_SLICE("0123456789abcdef");
	all[7].kind = GP_FIGURES_SOURCE;
	for (size_t i = 0; i < GP_ARRAY_LEN(all); i++) {
		if (figures_write(db, asn, &all[i], &arena, &out) != 1)
			fail_msg("%zu", i);
	}
	gp_buf_free(&out);
	gp_arena_free(&arena);
}

static int
fill(const char *file, const char *last)
{
	int64_t day;
	if (!gp_day_parse(gp_slice_str(last), &day) ||
	    gp_reportdb_open(file, GP_REPORTDB_MAKE, &db) != 0)
		return 1;
	filling_fill(db, day);
	filling_fill_attacks(db, day);
	gp_reportdb_close(db);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_what_was_told),
		cmocka_unit_test(sources_are_classed),
		cmocka_unit_test(sources_have_names),
		cmocka_unit_test(every_question_has_an_answer),
		cmocka_unit_test(policies_reach_no_more_than_there_is),
		cmocka_unit_test(providers_are_told),
		cmocka_unit_test(a_single_source_has_its_rows),
		cmocka_unit_test(what_does_not_align_has_its_cause),
		cmocka_unit_test(a_single_source_has_its_name),
		cmocka_unit_test(sources_have_networks),
		cmocka_unit_test(what_is_no_question),
		cmocka_unit_test(hostile_texts_come_as_they_were),
	};
	if (argc == 4 && strcmp(argv[1], "fill") == 0)
		return fill(argv[2], argv[3]);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
