/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/figures/scans.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../unit.h"
#include "core/finding/finding.h"

/* As scan_file has it: what web is sent. */
enum { ANSWER_MAX = 4'194'240 };

#define FINDING(id, severity, state, evidence)                                \
	"{\"id\":\"" id "\",\"severity\":\"" severity "\",\"state\":\"" state \
	"\",\"title\":\"T\",\"evidence\":\"" evidence "\"}"
#define HOST(target, findings)                                                                     \
	"{\"target\":\"" target "\",\"address\":\"192.0.2.1\",\"port\":25,\"findings\":[" findings \
	"]}\n"

static json_t *
read_some(struct gp_slice text, const struct scans_wish *wish)
{
	struct gp_arena arena = GP_ARENA_INIT(SCANS_ARENA_MAX);
	struct gp_buf out = GP_BUF_INIT(ANSWER_MAX);
	struct scans *s = scans_new(text, 1234, 7);
	assert_non_null(s);
	assert_int_equal(scans_write(s, wish, &arena, &out), 0);
	json_t *all = json_loadb(gp_buf_slice(&out).ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(all);
	scans_free(s);
	gp_buf_free(&out);
	gp_arena_free(&arena);
	return all;
}

static json_t *
read_scans(struct gp_slice text)
{
	return read_some(text, &(struct scans_wish){});
}

static int64_t
number(const json_t *of, const char *name)
{
	assert_true(json_is_integer(json_object_get(of, name)));
	return json_integer_value(json_object_get(of, name));
}

static const char *
word(const json_t *of, const char *name)
{
	return json_string_value(json_object_get(of, name));
}

static const json_t *
host_at(const json_t *all, size_t i)
{
	return json_array_get(json_object_get(all, "hosts"), i);
}

/* --- what is told --- */

static void
a_host_is_told(void **state)
{
	(void)state;
	static const char line[] =
		"{\"target\":\"a.test\",\"address\":\"2001:db8::1\",\"port\":465,\"host\":null,"
		"\"reverse\":{\"state\":\"confirmed\",\"name\":\"mx.a.test\"},\"software\":"
		"[{\"name\":\"Exim\",\"version\":\"4.9\"},{\"name\":\"Other\",\"version\":null}],"
		"\"starttls\":{\"state\":\"ok\",\"version\":\"TLSv1.2\"},\"findings\":[" FINDING(
			"a.low", "low", "fail",
			"little") "," FINDING("a.passed", "critical", "pass",
					      "") "," FINDING("a.unknown", "high", "not_measured",
							      "no") "," FINDING("a.high", "high",
										"fail",
										"much") "]}\n";
	json_t *all = read_scans(gp_slice_str(line));
	const json_t *host = host_at(all, 0), *counts = json_object_get(host, "counts");
	const json_t *findings = json_object_get(host, "findings");
	assert_int_equal(number(all, "time"), 1234);
	assert_int_equal(number(all, "unread"), 0);
	assert_string_equal(word(host, "target"), "a.test");
	assert_string_equal(word(host, "address"), "2001:db8::1");
	assert_int_equal(number(host, "port"), 465);
	assert_string_equal(word(host, "name"), "mx.a.test");
	assert_string_equal(word(host, "software"), "Exim");
	assert_string_equal(word(host, "software_version"), "4.9");
	assert_string_equal(word(host, "starttls"), "ok");
	assert_string_equal(word(host, "tls"), "TLSv1.2");
	assert_true(json_is_null(json_object_get(host, "reason")));
	assert_int_equal(number(counts, "critical"), 0);
	assert_int_equal(number(counts, "high"), 1);
	assert_int_equal(number(counts, "low"), 1);
	assert_int_equal(number(counts, "unmeasured"), 1);
	assert_int_equal(json_array_size(findings), 2);
	assert_string_equal(word(json_array_get(findings, 0), "id"), "a.high");
	assert_string_equal(word(json_array_get(findings, 0), "evidence"), "much");
	assert_string_equal(word(json_array_get(findings, 1), "id"), "a.low");
	json_decref(all);
}

static void
the_worst_come_first(void **state)
{
	(void)state;
	json_t *all = read_scans(GP_SLICE(
		HOST("good", "") HOST("low", FINDING("x", "low", "fail", ""))
			HOST("bad", FINDING("x", "critical", "fail", "")) HOST("good2", "")));
	static const char *const order[] = {"bad", "low", "good", "good2"};
	for (size_t i = 0; i < GP_ARRAY_LEN(order); i++)
		assert_string_equal(word(host_at(all, i), "target"), order[i]);
	assert_int_equal(number(json_object_get(all, "counts"), "critical"), 1);
	json_decref(all);
}

/* Hosts by what is told of them, a part at a time. */
static void
hosts_are_found(void **state)
{
	static const char text[] = HOST("one.test", FINDING("tls.old", "low", "fail", "TLSv1.0"))
		HOST("two.test", FINDING("smtp.relay", "critical", "fail",
					 "open") "," FINDING("tls.new", "low", "pass", "hidden"))
			HOST("three.test", "");
	static const struct {
		struct scans_wish wish;
		const char *first; /* NULL: none */
		int told, before, more;
	} cases[] = {
		{{}, "two.test", 3, 0, 0},
		{{.start = 1}, "one.test", 2, 1, 0},
		{{.start = 9}, NULL, 0, 3, 0},
		{{.severity = 1 + GP_SEVERITY_CRITICAL}, "two.test", 1, 0, 0},
		{{.severity = 1 + GP_SEVERITY_LOW}, "two.test", 2, 0, 0},
		{{.severity = 1 + GP_SEVERITY_LOW, .start = 1}, "one.test", 1, 1, 0},
		{{.severity = 1 + GP_SEVERITY_INFO}, "two.test", 2, 0, 0},
		{{.text = GP_SLICE("tlsV1")}, "one.test", 1, 0, 0},
		{{.text = GP_SLICE("TWO")}, "two.test", 1, 0, 0},
		{{.text = GP_SLICE("192.0.2.1:25")}, "two.test", 3, 0, 0},
		{{.text = GP_SLICE("hidden")}, NULL, 0, 0, 0}, /* it passed */
		{{.text = GP_SLICE("findings")}, NULL, 0, 0, 0},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		json_t *all = read_some(gp_slice_str(text), &cases[i].wish);
		const char *first = word(host_at(all, 0), "target");
		size_t told = json_array_size(json_object_get(all, "hosts"));
		if (told != (size_t)cases[i].told || number(all, "hosts_all") != 3 ||
		    number(all, "hosts_before") != cases[i].before ||
		    number(all, "hosts_more") != cases[i].more ||
		    (first && strcmp(first, cases[i].first) != 0))
			fail_msg("case %zu: %zu hosts, the first one %s", i, told, first);
		json_decref(all);
	}
}

/* Every host stands on one page, and on no other, also where pages are cut short. The last line has
 * no end, and has room as the others have. */
static void
pages_have_all_hosts(void **state)
{
	enum { HOSTS = 250 };
	(void)state;
	struct gp_buf text = GP_BUF_INIT(SCANS_FILE_MAX);
	for (int i = 0; i < HOSTS; i++)
		gp_buf_printf(&text, "%s{\"target\":\"%d\",\"findings\":[]}", i > 0 ? "\n" : "", i);
	uint32_t start = 0;
	for (int page = 0; page < 3; page++) {
		json_t *all = read_some(gp_buf_slice(&text), &(struct scans_wish){.start = start});
		size_t told = json_array_size(json_object_get(all, "hosts"));
		assert_int_equal(told, page < 2 ? SCANS_HOSTS_TOLD : HOSTS - 2 * SCANS_HOSTS_TOLD);
		for (size_t i = 0; i < told; i++)
			assert_int_equal(strtol(word(host_at(all, i), "target"), NULL, 10),
					 start + i);
		start += (uint32_t)told;
		assert_int_equal(number(all, "hosts_more"), HOSTS - start);
		json_decref(all);
	}
	gp_buf_free(&text);
}

static void
times_are_those_of_hosts(void **state)
{
	(void)state;
	json_t *all = read_scans(GP_SLICE("{\"target\":\"a\",\"time\":200,\"findings\":[]}\n"
					  "{\"target\":\"b\",\"time\":100,\"findings\":[]}\n"
					  "{\"target\":\"c\",\"time\":\"x\",\"findings\":[]}\n"
					  "{\"target\":\"d\",\"time\":-1,\"findings\":[]}\n"));
	assert_int_equal(number(all, "scanned_from"), 100);
	assert_int_equal(number(all, "scanned_to"), 200);
	assert_int_equal(number(host_at(all, 0), "time"), 200);
	assert_true(json_is_null(json_object_get(host_at(all, 3), "time")));
	json_decref(all);
	all = read_scans(GP_SLICE(HOST("a", "")));
	assert_true(json_is_null(json_object_get(all, "scanned_from")));
	json_decref(all);
}

static void
why_there_is_nothing_is_told(void **state)
{
	(void)state;
	json_t *all = read_scans(GP_SLICE("{\"target\":\"a\",\"address\":null,\"port\":25,"
					  "\"unresolved\":\"no such name\",\"findings\":[]}\n"
					  "{\"target\":\"b\",\"left_out\":\"asked not to be\","
					  "\"findings\":[]}\n"));
	assert_string_equal(word(host_at(all, 0), "reason"), "no such name");
	assert_true(json_is_null(json_object_get(host_at(all, 0), "address")));
	assert_string_equal(word(host_at(all, 1), "reason"), "asked not to be");
	json_decref(all);
}

/* --- what is hostile --- */

static void
lines_that_cannot_be_read_are_counted(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"no JSON",
		"[]",
		"{}",
		"null",
		"{\"target\":\"a\"}",
		"{\"target\":1,\"findings\":[]}",
		"{\"target\":\"a\",\"findings\":{}}",
		"{\"target\":\"a\",\"target\":\"b\",\"findings\":[]}",
		"{\"target\":\"a\",\"findings\":[]} x",
		"{\"target\":\"a\\u0000\",\"findings\":[]}",
		"{\"target\":\"\xff\",\"findings\":[]}",
		"{\"target\":\"a\",\"findings\":[{\"id\":\"x\"",
		"\"",
		"\"\\",
		"]]]]",
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(lines); i++) {
		struct gp_buf text = GP_BUF_INIT(4096);
		gp_buf_printf(&text, "\n%s\n \n%s", lines[i], HOST("good", ""));
		json_t *all = read_scans(gp_buf_slice(&text));
		assert_int_equal(number(all, "unread"), 1);
		assert_int_equal(json_array_size(json_object_get(all, "hosts")), 1);
		assert_string_equal(word(host_at(all, 0), "target"), "good");
		json_decref(all);
		gp_buf_free(&text);
	}
}

static void
odd_members_are_none(void **state)
{
	(void)state;
	json_t *all = read_scans(
		GP_SLICE("{\"target\":\"a\",\"address\":{},\"port\":-7,\"host\":[1],\"reverse\":[],"
			 "\"software\":{\"name\":1},\"starttls\":3,\"findings\":[1,{},{"
			 "\"severity\":\"dire\","
			 "\"state\":\"fail\"},{\"severity\":\"low\",\"state\":7}," FINDING(
				 "x", "low", "fail", "") "]}"));
	const json_t *host = host_at(all, 0);
	assert_int_equal(number(host, "port"), 0);
	assert_true(json_is_null(json_object_get(host, "name")));
	assert_true(json_is_null(json_object_get(host, "software")));
	assert_int_equal(json_array_size(json_object_get(host, "findings")), 1);
	json_decref(all);
}

static void
nothing_is_no_host(void **state)
{
	(void)state;
	json_t *all = read_scans(GP_SLICE(""));
	assert_int_equal(json_array_size(json_object_get(all, "hosts")), 0);
	assert_int_equal(number(all, "unread"), 0);
	json_decref(all);
}

/* What turns the order of letters is shown as what it is. */
static void
texts_hide_nothing(void **state)
{
	(void)state;
	json_t *all = read_scans(
		GP_SLICE(HOST("a", FINDING("x", "low", "fail", "a\\u202eb\\u001b[2J<script>"))));
	const json_t *f = json_array_get(json_object_get(host_at(all, 0), "findings"), 0);
	const char *evidence = word(f, "evidence");
	assert_null(strstr(evidence, "\xe2\x80\xae"));
	assert_null(strchr(evidence, 27));
	assert_non_null(strstr(evidence, "<script>"));
	json_decref(all);
}

static void
depth_has_an_end(void **state)
{
	(void)state;
	for (int more = 0; more < 2; more++) {
		/* The line itself is the first. */
		int depth = SCANS_DEPTH_MAX - 1 + more;
		struct gp_buf text = GP_BUF_INIT(4096);
		gp_buf_put_str(&text,
			       "{\"target\":\"\\\"[[[[[[[[[[[[[[[[[\",\"findings\":[],\"x\":");
		for (int i = 0; i < depth; i++)
			gp_buf_put_char(&text, '[');
		for (int i = 0; i < depth; i++)
			gp_buf_put_char(&text, ']');
		gp_buf_put_str(&text, "}\n");
		json_t *all = read_scans(gp_buf_slice(&text));
		assert_int_equal(number(all, "unread"), more);
		json_decref(all);
		gp_buf_free(&text);
	}
}

static void
a_line_has_an_end(void **state)
{
	(void)state;
	for (int more = 0; more < 2; more++) {
		struct gp_buf text = GP_BUF_INIT(2 * SCANS_LINE_MAX);
		gp_buf_put_str(&text, "{\"target\":\"a\",\"findings\":[]}");
		while (text.len < (size_t)SCANS_LINE_MAX + more)
			gp_buf_put_char(&text, ' ');
		json_t *all = read_scans(gp_buf_slice(&text));
		assert_int_equal(number(all, "unread"), more);
		json_decref(all);
		gp_buf_free(&text);
	}
}

static void
hosts_have_an_end(void **state)
{
	(void)state;
	for (int more = 0; more < 2; more++) {
		struct gp_buf text = GP_BUF_INIT(4 << 20);
		for (int i = 0; i < SCANS_HOSTS_MAX + more; i++)
			gp_buf_put_str(&text, HOST("a", ""));
		json_t *all = read_scans(gp_buf_slice(&text));
		assert_int_equal(json_array_size(json_object_get(all, "hosts")), SCANS_HOSTS_TOLD);
		assert_int_equal(number(all, "hosts_more"), SCANS_HOSTS_MAX - SCANS_HOSTS_TOLD);
		assert_int_equal(json_is_true(json_object_get(all, "hosts_cut")), more);
		json_decref(all);
		gp_buf_free(&text);
	}
}

static void
put_full_host(struct gp_buf *text, size_t findings, size_t octets)
{
	gp_buf_put_str(text, "{\"target\":\"a\",\"findings\":[");
	for (size_t i = 0; i < findings; i++) {
		gp_buf_put_str(
			text,
			"{\"id\":\"x\",\"severity\":\"low\",\"state\":\"fail\",\"evidence\":\"");
		for (size_t k = 0; k < octets; k++)
			gp_buf_put_str(text, "\\\"");
		gp_buf_put_str(text, i + 1 < findings ? "\"}," : "\"}");
	}
	gp_buf_put_str(text, "]}\n");
}

static void
findings_and_texts_have_an_end(void **state)
{
	(void)state;
	struct gp_buf text = GP_BUF_INIT(1 << 20);
	put_full_host(&text, SCANS_FINDINGS_TOLD + 3, SCANS_TEXT_MAX + 50);
	json_t *all = read_scans(gp_buf_slice(&text));
	const json_t *host = host_at(all, 0), *findings = json_object_get(host, "findings");
	assert_int_equal(json_array_size(findings), SCANS_FINDINGS_TOLD);
	assert_int_equal(number(host, "findings_more"), 3);
	assert_int_equal(strlen(word(json_array_get(findings, 0), "evidence")), SCANS_TEXT_MAX);
	json_decref(all);
	gp_buf_free(&text);
}

/* All that a file may have has room in an answer. */
static void
an_answer_has_an_end(void **state)
{
	(void)state;
	struct gp_buf text = GP_BUF_INIT(SCANS_FILE_MAX);
	while (text.len < SCANS_FILE_MAX - SCANS_LINE_MAX)
		put_full_host(&text, SCANS_FINDINGS_TOLD, SCANS_TEXT_MAX);
	json_t *all = read_scans(gp_buf_slice(&text));
	assert_int_equal(number(all, "unread"), 0);
	assert_true(number(all, "hosts_more") > 0);
	json_decref(all);
	gp_buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_is_told),
		cmocka_unit_test(the_worst_come_first),
		cmocka_unit_test(hosts_are_found),
		cmocka_unit_test(pages_have_all_hosts),
		cmocka_unit_test(times_are_those_of_hosts),
		cmocka_unit_test(why_there_is_nothing_is_told),
		cmocka_unit_test(lines_that_cannot_be_read_are_counted),
		cmocka_unit_test(odd_members_are_none),
		cmocka_unit_test(nothing_is_no_host),
		cmocka_unit_test(texts_hide_nothing),
		cmocka_unit_test(depth_has_an_end),
		cmocka_unit_test(a_line_has_an_end),
		cmocka_unit_test(hosts_have_an_end),
		cmocka_unit_test(findings_and_texts_have_an_end),
		cmocka_unit_test(an_answer_has_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
