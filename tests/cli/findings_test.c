/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings in each format, with evidence that would like to be more than text. With a format's name
 * the program writes that document, for tests/system/test_findings.py to read with others' parsers.
 */
#include "../unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/findings/findings.h"

/* What each format, a terminal and a spreadsheet would act on. */
#define HOSTILE                                                              \
	"=cmd('x')<script>alert(1)</script>&amp;\"'\033[31m\u202e\a]]>\xff " \
	"|`[a](http://b)@c\uffff\r\n"

static const struct gp_finding_kind relay = {"relay.open", GP_SEVERITY_CRITICAL, "An open relay",
					     "strangers send through it"},
				    tls = {"tls.none", GP_SEVERITY_MEDIUM, "No TLS",
					   "RFC 3207 section 4"},
				    name = {"name.odd", GP_SEVERITY_INFO, "An odd name", "nobody"};

static void
fill(struct gp_findings *list)
{
	static const struct gp_finding_record record = {GP_SLICE("=a.example"), "TXT",
							GP_SLICE("v=<b>\033")};
	gp_finding_add(list, &name, "+1");
	gp_finding_put(list, &(struct gp_finding){.kind = &relay,
						  .severity = GP_SEVERITY_CRITICAL,
						  .evidence = GP_SLICE(HOSTILE),
						  .fix = GP_SLICE("First <line>\n\033Second"),
						  .records = &record,
						  .records_len = 1});
	gp_finding_add(list, &name, "again");
	gp_finding_put(list, &(struct gp_finding){.kind = &tls,
						  .state = GP_FINDING_PASS,
						  .severity = GP_SEVERITY_MEDIUM});
	gp_finding_put(list, &(struct gp_finding){.kind = &tls,
						  .state = GP_FINDING_NOT_MEASURED,
						  .severity = GP_SEVERITY_MEDIUM,
						  .evidence = GP_SLICE("it \033 hung up")});
}

static void
write_all(struct gp_buf *out, uint8_t format)
{
	struct findings_writer w = {
		.out = out, .command = "gatepost scan", .key = "target", .format = format};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	findings_begin(&w);
	for (int i = 0; i < 3; i++) {
		struct gp_findings list = gp_findings(&arena);
		if (i < 2)
			fill(&list);
		assert_int_equal(
			findings_write(&w, i == 0 ? GP_SLICE("-h.example:25") : GP_SLICE("<i>\033"),
				       &list, &arena),
			0);
		gp_arena_reset(&arena);
	}
	assert_int_equal(findings_end(&w), 0);
	gp_arena_free(&arena);
}

static void
has(struct gp_buf *out, const char *text)
{
	gp_buf_put_char(out, '\0');
	if (!strstr(out->ptr + out->head, text))
		fail_msg("no '%s' in:\n%s", text, out->ptr + out->head);
	gp_buf_truncate(out, out->len - 1);
}

static void
nothing_acts_on_a_terminal(void **state)
{
	(void)state;
	for (uint8_t format = FINDINGS_TEXT; format <= FINDINGS_HTML; format++) {
		struct gp_buf out = GP_BUF_INIT(1 << 20);
		write_all(&out, format);
		struct gp_slice all = gp_buf_slice(&out);
		for (size_t i = 0; i < all.len; i++) {
			uint8_t c = (uint8_t)all.ptr[i];
			bool lines = c == '\n' || (c == '\r' && format == FINDINGS_CSV);
			if ((c < 0x20 && !lines) || c == 0x7f || c == 0xff)
				fail_msg("format %d has the octet %02x at %zu", format, c, i);
		}
		gp_buf_free(&out);
	}
}

static void
each_format_escapes(void **state)
{
	static const struct {
		uint8_t format;
		const char *text;
	} cases[] = {
		{FINDINGS_TEXT, "  critical     An open relay [relay.open]\n"},
		{FINDINGS_TEXT, "  why          strangers send through it\n  fix "},
		{FINDINGS_TEXT, "  fix          First <line>\n               <U+001B>Second\n"},
		{FINDINGS_TEXT, "  not measured tls.none: it <U+001B> hung up\n"},
		{FINDINGS_JSON,
		 "{\"target\":\"-h.example:25\",\"findings\":[{\"id\":\"name.odd\","},
		{FINDINGS_JSON, "\"fix\":\"First <line>\\n<U+001B>Second\""},
		{FINDINGS_CSV, "\"'-h.example:25\",\"relay.open\",\"critical\",\"fail\","},
		{FINDINGS_CSV, "\"'=cmd('x')<script>"},
		{FINDINGS_CSV, "&amp;\"\"'<U+001B>"},
		{FINDINGS_CSV, "\"'=a.example TXT v=<b><U+001B>\"\r\n"},
		{FINDINGS_CSV, "\"'+1\""},
		{FINDINGS_MARKDOWN, "\\|\\`\\[a\\]\\(http\\:\\/\\/b\\)&#64;c"},
		{FINDINGS_MARKDOWN, "&#60;script&#62;"},
		{FINDINGS_SARIF, "\"-h.example:25/name.odd/2\""},
		{FINDINGS_SARIF, "\"kind\":\"open\",\"level\":\"none\""},
		{FINDINGS_JUNIT, "tests=\"5\" failures=\"3\" skipped=\"1\""},
		{FINDINGS_JUNIT, "&#60;script&#62;"},
		{FINDINGS_HTML, "&#60;script&#62;"},
		{FINDINGS_HTML, "<h2>&#60;i&#62;"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf out = GP_BUF_INIT(1 << 20);
		write_all(&out, cases[i].format);
		has(&out, cases[i].text);
		gp_buf_free(&out);
	}
}

/* Copied one after the other, the second would undo the first. */
static void
records_of_one_name_are_told_of(void **state)
{
	static const struct gp_finding_record records[] = {
		{GP_SLICE("a.example"), "TXT", GP_SLICE("v=spf1 -all")},
		{GP_SLICE("a.example"), "TXT", GP_SLICE("v=spf1 +all")},
		{GP_SLICE("a.example"), "MX", GP_SLICE("0 .")},
	};
	static const char told[] = "  together     ";
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(records); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_findings list = gp_findings(&arena);
		struct gp_buf out = GP_BUF_INIT(1 << 20);
		struct findings_writer w = {
			.out = &out, .command = "gatepost audit", .format = FINDINGS_TEXT};
		const struct gp_finding_record *pair[] = {&records[0], &records[i]};
		for (size_t j = 0; j < 2; j++)
			gp_finding_put(&list, &(struct gp_finding){.kind = &relay,
								   .severity = GP_SEVERITY_HIGH,
								   .records = pair[j],
								   .records_len = 1});
		assert_int_equal(findings_write(&w, GP_SLICE("a.example (sending)"), &list, &arena),
				 0);
		gp_buf_put_char(&out, '\0');
		assert_int_equal(strstr(gp_buf_slice(&out).ptr, told) != NULL, i == 1);
		assert_int_equal(strstr(gp_buf_slice(&out).ptr,
					"gatepost audit --zone a.example has") != NULL,
				 i == 1);
		gp_buf_free(&out);
		gp_arena_free(&arena);
	}
}

static size_t
count_of(const struct gp_buf *out, const char *text)
{
	struct gp_slice rest = gp_buf_slice(out);
	size_t n = 0;
	for (; rest.len > 0; rest = gp_slice_drop(rest, 1))
		n += gp_slice_starts(rest, gp_slice_str(text));
	return n;
}

static void
each_format_says_how_many_it_has_no_room_for(void **state)
{
	(void)state;
	for (uint8_t format = FINDINGS_TEXT; format <= FINDINGS_HTML; format++) {
		struct gp_buf out = GP_BUF_INIT(1 << 20);
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_findings list = gp_findings(&arena);
		struct findings_writer w = {
			.out = &out, .command = "x", .key = "target", .format = format};
		for (size_t i = 0; i < GP_FINDINGS_MAX + 17; i++)
			gp_finding_add(&list, &name, "%zu", i);
		findings_begin(&w);
		assert_int_equal(findings_write(&w, GP_SLICE("a"), &list, &arena), 0);
		assert_int_equal(findings_end(&w), 0);
		if (count_of(&out, "17 more are not told") != 1)
			fail_msg("format %d says it %zu times", format,
				 count_of(&out, "17 more are not told"));
		gp_buf_free(&out);
		gp_arena_free(&arena);
	}
}

static void
what_nobody_can_say_is_told_reason_by_reason(void **state)
{
	(void)state;
	struct gp_buf out = GP_BUF_INIT(1 << 20);
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_findings list = gp_findings(&arena);
	struct findings_writer w = {.out = &out, .format = FINDINGS_TEXT};
	static const struct {
		const struct gp_finding_kind *kind;
		const char *why;
	} unknown[] = {{&relay, "nobody asked"}, {&tls, "it hung up"}, {&name, "nobody asked"}};
	for (size_t i = 0; i < GP_ARRAY_LEN(unknown); i++)
		gp_finding_put(&list,
			       &(struct gp_finding){.kind = unknown[i].kind,
						    .state = GP_FINDING_NOT_MEASURED,
						    .evidence = gp_slice_str(unknown[i].why)});
	gp_finding_add(&list, &tls, "no STARTTLS");
	assert_int_equal(findings_write_lines(&w, &list, &arena), 0);
	gp_buf_put_char(&out, '\0');
	assert_string_equal(gp_buf_slice(&out).ptr,
			    "  medium       No TLS [tls.none]\n"
			    "               no STARTTLS\n"
			    "  why          RFC 3207 section 4\n"
			    "  not measured relay.open, name.odd: nobody asked\n"
			    "  not measured tls.none: it hung up\n");
	gp_buf_free(&out);
	gp_arena_free(&arena);
}

static void
words_are_known(void **state)
{
	(void)state;
	assert_int_equal(findings_fail_on_of("info"), GP_SEVERITY_INFO);
	assert_int_equal(findings_fail_on_of("critical"), GP_SEVERITY_CRITICAL);
	assert_int_equal(findings_fail_on_of("never"), FINDINGS_FAIL_NEVER);
	assert_int_equal(findings_fail_on_of("hi"), -1);
	assert_int_equal(findings_format_of("xml"), -1);
}

static void
without_room_it_says_so(void **state)
{
	(void)state;
	for (uint8_t format = FINDINGS_TEXT; format <= FINDINGS_HTML; format++) {
		struct gp_buf out = GP_BUF_INIT(20);
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_findings list = gp_findings(&arena);
		struct findings_writer w = {.out = &out, .command = "x", .key = "target"};
		w.format = format;
		fill(&list);
		findings_begin(&w);
		assert_int_equal(findings_write(&w, GP_SLICE("a"), &list, &arena), -ENOMEM);
		gp_buf_free(&out);
		gp_arena_free(&arena);
	}
}

static int
show(const char *format)
{
	struct gp_buf out = GP_BUF_INIT(1 << 20);
	int f = findings_format_of(format);
	if (f < 0)
		return 2;
	write_all(&out, (uint8_t)f);
	fwrite(out.ptr + out.head, 1, out.len, stdout);
	gp_buf_free(&out);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_acts_on_a_terminal),
		cmocka_unit_test(each_format_escapes),
		cmocka_unit_test(records_of_one_name_are_told_of),
		cmocka_unit_test(each_format_says_how_many_it_has_no_room_for),
		cmocka_unit_test(what_nobody_can_say_is_told_reason_by_reason),
		cmocka_unit_test(words_are_known),
		cmocka_unit_test(without_room_it_says_so),
	};
	if (argc > 1)
		return show(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
