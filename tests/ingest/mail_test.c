/* SPDX-License-Identifier: Apache-2.0 */
/* Mails, and what in them may be a report: "KIND octets", with what stands beside a failure. */
#include "../unit.h"

#include <errno.h>

#include "base/buf.h"
#include "core/ingest/mail.h"

#define MIXED "Content-Type: multipart/mixed; boundary=b\n"
#define REPORT "Content-Type: multipart/report; boundary=r\n"
#define ALTERNATIVE TYPE("multipart/alternative; boundary=c")
#define RELATED TYPE("multipart/related; boundary=d")
#define FORWARDED TYPE("message/rfc822")
#define OCTETS TYPE("application/octet-stream")
#define TYPE(t) "Content-Type: " t "\n"
#define B64 "Content-Transfer-Encoding: base64\n"
#define XML "<feedback/>"
#define XML64 "PGZlZWRiYWNrLz4="

static const struct {
	const char *what, *mail, *found;
} cases[] = {
	{"the body is the report", TYPE("application/gzip") B64 "\nH4sI\n",
	 "document \x1F\x8B\x08|"},
	{"an octet-stream, as SES has it", TYPE("application/octet-stream") "\n" XML,
	 "document " XML "|"},
	{"base64 text", TYPE("text/plain") B64 "\n" XML64, "document " XML "|"},
	{"no type", "\n" XML, "document " XML "|"},
	{"JSON", TYPE("application/tlsrpt+gzip") "\n{}", "document {}|"},
	{"a text and a report", MIXED "\n--b\n\nunused\n--b\n" TYPE("text/xml") "\n" XML "\n--b--",
	 "document " XML "|"},
	{"the report is not the last",
	 MIXED "\n--b\n" TYPE("application/zip") "\n" XML "\n--b\n\ntext\n--b--",
	 "document " XML "|"},
	{"two reports", MIXED "\n--b\n\n" XML "\n--b\n\n{}\n--b--",
	 "document " XML "|document {}|"},
	{"names are not looked at",
	 MIXED
	 "\n--b\nContent-Disposition: attachment; filename*0=\"a.xml\"; filename*1=\".gz\"\n\n" XML
	 "\n--b--",
	 "document " XML "|"},
	{"pages are not looked at",
	 MIXED "\n--b\n" TYPE("text/html") "\n<?xml version=\"1.0\"?><!DOCTYPE html>\n--b\n\n" XML
					   "\n--b--",
	 "document " XML "|"},
	{"forwarded",
	 MIXED "\n--b\n" TYPE("message/rfc822") "\n" TYPE("text/xml") B64 "\n" XML64 "\n--b--",
	 "document " XML "|"},
	{"forwarded as a file that says what it is by its octets alone",
	 MIXED "\n--b\n\nsee below\n--b\n" TYPE("application/octet-stream; name=a.eml") B64
	 "\n"
	 "UmVjZWl2ZWQ6IHgKQ29udGVudC1UeXBlOiBtdWx0aXBhcnQvbWl4ZWQ7IGJvdW5kYX"
	 "J5PWkKCi0taQpDb250ZW50LVR5cGU6IGFwcGxpY2F0aW9uL29jdGV0LXN0cmVhbQpD"
	 "b250ZW50LVRyYW5zZmVyLUVuY29kaW5nOiBiYXNlNjQKClBHWmxaV1JpWVdOckx6ND"
	 "0KLS1pLS0K\n--b--",
	 "document " XML "|"},
	{"forwarded in base64", MIXED "\n--b\n" FORWARDED B64 "\nU3ViamVjdDogeAoKe30=\n--b--",
	 "document {}|"},
	{"multiparts in a forwarded mail",
	 MIXED "\n--b\n" ALTERNATIVE "\n--c\n" FORWARDED "\n" RELATED "\n--d\n" OCTETS
	       "\n{}\n--d--\n--c--\n--b--",
	 "document {}|"},
	{"an octet-stream that nothing names", MIXED "\n--b\n" OCTETS B64 "\nUEsDBA==\n--b--",
	 "document PK\x03\x04|"},
	{"a type that is misspelt",
	 MIXED "\n--b\nContentType: application/gzip\n" B64 "\nH4sI\n--b--",
	 "document \x1F\x8B\x08|"},
	{"forwarded by Outlook",
	 MIXED "\n--b\n\nsee below\n--b\n" TYPE("application/vnd.ms-outlook") B64
	 "\n0M8R4KGxGuE=\n--b--",
	 "unreadable \xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1|"},
	{"nothing but texts",
	 MIXED "\n--b\n\none\n--b\n\ntwo\n--b\n" TYPE("image/png") "\nx\n--b--",
	 "text one|text two|"},
	{"a failure",
	 REPORT "\n--r\n\nsee\n--r\n" TYPE("message/feedback-report") "\nA: b\n--r\n" TYPE(
		 "message/rfc822") "\nX: y\n\nz\n--r--",
	 "feedback A: b (see) [X: y\n\nz]|"},
	{"a failure with a header, base64",
	 REPORT "\n--r\n" TYPE("message/feedback-report") B64
	 "\nQTogYg==\n--r\n" TYPE("text/rfc822-headers") B64 "\nWDogeQ==\n--r--",
	 "feedback A: b () [X: y]|"},
	{"a failure alone", TYPE("message/feedback-report") "\nA: b", "feedback A: b () []|"},
	{"a failure in place of its own text",
	 REPORT "\n--r\n\nsee\n--r\n" TYPE("message/rfc822") "\nX: y\n--r--",
	 "text see [X: y]|text |"},
	{"a forged mail that has a report in it",
	 REPORT "\n--r\n" TYPE("message/feedback-report") "\nA: b\n--r\n" TYPE(
		 "message/rfc822") "\n" MIXED "\n--b\n" TYPE("text/xml") "\n" XML "\n--b--\n--r--",
	 "feedback A: b () [" MIXED "\n--b\n" TYPE("text/xml") "\n" XML "\n--b--]|"},
	{"a forged mail as a file",
	 REPORT "\n--r\n" TYPE("message/feedback-report") "\nA: b\n--r\n" TYPE(
		 "application/octet-stream") "\nFrom: x\n" TYPE("text/xml") "\n" XML "\n--r--",
	 "feedback A: b () [From: x\n" TYPE("text/xml") "\n" XML "]|"},
	{"it is a report itself",
	 REPORT "\n--r\n" TYPE("message/feedback-report") "\nA: b\n--r\n" TYPE(
		 "message/rfc822") "\n" TYPE("message/feedback-report") "\nC: d\n--r--",
	 "feedback A: b () [" TYPE("message/feedback-report") "\nC: d]|"},
	{"a report of ours that came back",
	 REPORT "\n--r\n" TYPE("text/plain") "\nsorry\n--r\n" TYPE(
		 "message/delivery-status") "\nA: b\n--r\n" TYPE("message/rfc822") "\n" XML
										   "\n--r--",
	 "text sorry|"},
};

static const char *const kinds[] = {
	[GP_INGEST_DOCUMENT] = "document",
	[GP_INGEST_FEEDBACK] = "feedback",
	[GP_INGEST_TEXT] = "text",
	[GP_INGEST_UNREADABLE] = "unreadable",
};

static void
show(struct gp_buf *out, const struct gp_ingest_candidate *c)
{
	gp_buf_printf(out, "%s ", kinds[c->kind]);
	gp_buf_put(out, c->octets);
	if (c->kind == GP_INGEST_FEEDBACK)
		gp_buf_printf(out, " (%.*s)", GP_SLICE_FMT(c->text));
	if (c->kind == GP_INGEST_FEEDBACK || c->original.len > 0)
		gp_buf_printf(out, " [%.*s]", GP_SLICE_FMT(c->original));
	gp_buf_put_char(out, '|');
}

static void
candidates(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_buf got = GP_BUF_INIT(65536);
		struct gp_ingest_mail mail;
		assert_int_equal(gp_ingest_mail_read(gp_slice_str(cases[i].mail), &arena, &mail),
				 0);
		for (size_t j = 0; j < mail.len; j++)
			show(&got, &mail.candidates[j]);
		if (mail.more || !gp_slice_eq(gp_buf_slice(&got), gp_slice_str(cases[i].found)))
			fail_msg("%s: %.*s", cases[i].what, GP_SLICE_FMT(gp_buf_slice(&got)));
		gp_buf_free(&got);
		gp_arena_free(&arena);
	}
}

static void
many_parts(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(8 << 20);
	struct gp_buf m = GP_BUF_INIT(1 << 20);
	struct gp_ingest_mail mail;
	gp_buf_put_str(&m, MIXED "\n");
	for (size_t i = 0; i < 2000; i++)
		gp_buf_put_str(&m, "--b\n\n" XML "\n");
	assert_int_equal(gp_ingest_mail_read(gp_buf_slice(&m), &arena, &mail), 0);
	assert_int_equal(mail.len, GP_MIME_PARTS_MAX - 1);
	assert_true(mail.more);
	gp_buf_free(&m);
	gp_arena_free(&arena);
}

/* What many failures share is not copied for each. */
static void
many_failures_beside_one_text(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(2 << 20);
	struct gp_buf m = GP_BUF_INIT(1 << 20);
	struct gp_ingest_mail mail;
	gp_buf_put_str(&m, REPORT "\n--r\n" B64 "\n");
	for (size_t i = 0; i < 65536; i++)
		gp_buf_put_str(&m, "YWJj");
	gp_buf_put_str(&m, "\n");
	for (size_t i = 0; i < 90; i++)
		gp_buf_put_str(&m, "--r\n" TYPE("message/feedback-report") "\nA: b\n");
	assert_int_equal(gp_ingest_mail_read(gp_buf_slice(&m), &arena, &mail), 0);
	assert_int_equal(mail.len, 1);
	assert_int_equal(mail.candidates[0].kind, GP_INGEST_FEEDBACK);
	assert_int_equal(mail.candidates[0].text.len, 3 * 65536);
	gp_buf_free(&m);
	gp_arena_free(&arena);
}

static void
memory_runs_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		size_t room = 0;
		for (int r = -ENOMEM; r != 0; room += 512) {
			struct gp_arena arena = GP_ARENA_INIT(room);
			struct gp_ingest_mail mail;
			r = gp_ingest_mail_read(gp_slice_str(cases[i].mail), &arena, &mail);
			assert_true(r == -ENOMEM || (r == 0 && mail.len > 0 && !arena.failed));
			gp_arena_free(&arena);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(candidates),
		cmocka_unit_test(many_parts),
		cmocka_unit_test(many_failures_beside_one_text),
		cmocka_unit_test(memory_runs_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
