/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages, and the parts that are found in them. A part is told as "DEPTH:WITHIN type/subtype
 * body", its encoding undone; "/" for a line's end in it.
 */
#include "../unit.h"

#include <errno.h>

#include "base/buf.h"
#include "core/message/mime.h"

#define MIXED(b) "Content-Type: multipart/mixed; boundary=" b "\n"
#define TYPE(t) "Content-Type: " t "\n"
#define AS_FILE TYPE("application/octet-stream")
#define B64 "Content-Transfer-Encoding: base64\n"
#define B10 "bbbbbbbbbb"
#define B70 B10 B10 B10 B10 B10 B10 B10

static const struct {
	const char *what, *message, *parts;
	bool more;
} cases[] = {
	{"nothing", "", "0:0 / |"},
	{"no header", "\nbody", "0:0 / body|"},
	{"no body", "Subject: x", "0:0 / |"},
	{"text", "Subject: x\n\nbody\n", "0:0 / body/|"},
	{"a line of mbox", "From a@b.test Mon\nContent-Type: text/plain\n\nbody",
	 "0:0 text/plain body|"},
	{"a byte order mark", "\xEF\xBB\xBF" TYPE("x/y") TYPE("text/plain") "\nbody",
	 "0:0 text/plain body|"},
	{"neither header nor empty line", "hello there\nSubject: x\n\nbody",
	 "0:0 / hello there/Subject: x//body|"},
	{"a part without either", MIXED("b") "\n--b\n<?xml?>\n<a>\n--b\n{\"a\":1}\n--b--",
	 "0:0 multipart/mixed *|1:0 / <?xml?>/<a>|1:0 / {\"a\":1}|"},
	{"base64", TYPE("application/gzip; name=\"a.gz\"") B64 "\nYWJj\n",
	 "0:0 application/gzip abc|"},
	{"a type that is none", TYPE("nonsense") "\nbody", "0:0 / body|"},
	{"two parts", MIXED("b") "\nold\n--b\n" TYPE("text/plain") "\none\n--b\n\ntwo\n--b--\nend",
	 "0:0 multipart/mixed *|1:0 text/plain one|1:0 / two|"},
	{"no part", MIXED("b") "\nold\n", "0:0 multipart/mixed *|"},
	{"the last delimiter is missing", MIXED("b") "\n--b\n\none\n--b\n\ntwo\n",
	 "0:0 multipart/mixed *|1:0 / one|1:0 / two/|"},
	{"cut in a delimiter", MIXED("b") "\n--b\n\none\n--b", "0:0 multipart/mixed *|1:0 / one|"},
	{"nearly delimiters", MIXED("b") "\n--b\n\n--bb\n -b\n--b-\n--b x\n--b-- \n",
	 "0:0 multipart/mixed *|1:0 / --bb/ -b/--b-/--b x|"},
	{"blanks behind one", MIXED("b") "\n--b \t\n\none\n--b--",
	 "0:0 multipart/mixed *|1:0 / one|"},
	{"an empty part", MIXED("b") "\n--b\n--b\n\n\n--b--",
	 "0:0 multipart/mixed *|1:0 / |1:0 / |"},
	{"no boundary", TYPE("multipart/mixed") "\n--b\n\none\n--b--",
	 "0:0 multipart/mixed --b//one/--b--|"},
	{"a boundary as long as may be", MIXED(B70) "\n--" B70 "\n\none\n--" B70 "--",
	 "0:0 multipart/mixed *|1:0 / one|"},
	{"a longer one is none", MIXED(B70 "b") "\n--" B70 "b\n\none\n--" B70 "b--",
	 "0:0 multipart/mixed --" B70 "b//one/--" B70 "b--|"},
	{"an encoding where none may be", MIXED("b") B64 "\n--b\n" B64 "\nYWJj\n--b--",
	 "0:0 multipart/mixed *|1:0 / abc|"},
	{"multiparts within multiparts",
	 MIXED("a") "\n--a\n" MIXED("b") "\n--b\n\none\n--b--\n--a\n\ntwo\n--a--\n",
	 "0:0 multipart/mixed *|1:0 multipart/mixed *|2:1 / one|1:0 / two|"},
	{"the inner one does not end",
	 MIXED("a") "\n--a\n" MIXED("b") "\n--b\n\none\n--a\n\ntwo\n--a--",
	 "0:0 multipart/mixed *|1:0 multipart/mixed *|2:1 / one|1:0 / two|"},
	{"a message", TYPE("message/rfc822") "\nSubject: x\n" B64 "\nYWJj",
	 "0:0 message/rfc822 *|1:0 / abc|"},
	{"an encoded message", TYPE("message/rfc822") B64 "\nU3ViamVjdDogeAoKYWJj",
	 "0:0 message/rfc822 *|1:0 / abc|"},
	{"a message as a file", AS_FILE "\nX: y\nFROM: a@b.test\n" B64 "\nYWJj",
	 "0:0 application/octet-stream *|1:0 / abc|"},
	{"an encoded one, of any such type",
	 TYPE("application/x-eml; name=a.eml") B64
	 "\n"
	 "RnJvbTogYUBiLnRlc3QKQ29udGVudC1UeXBlOiB0ZXh0L3htbAoKYWJj",
	 "0:0 application/x-eml *|1:0 text/xml abc|"},
	{"one out of an mbox", AS_FILE "\nFrom a@b.test Mon\nReceived: x\n\nabc",
	 "0:0 application/octet-stream *|1:0 / abc|"},
	{"files that are none",
	 MIXED("b") "\n--b\n" AS_FILE "\nVersion: 1\n\nFrom: x\n--b\n" AS_FILE
		    "\n\nFrom: x\n--b\n" AS_FILE "\n{\nFrom: x\n--b\n" AS_FILE
		    "\n<a>\nFrom: x\n--b--",
	 "0:0 multipart/mixed *|1:0 application/octet-stream Version: 1//From: x|"
	 "1:0 application/octet-stream /From: x|1:0 application/octet-stream {/From: x|"
	 "1:0 application/octet-stream <a>/From: x|"},
	{"texts may quote a header", TYPE("text/plain; name=a.eml") "\nFrom: a@b.test\n\nabc",
	 "0:0 text/plain From: a@b.test//abc|"},
	{"a digest", TYPE("multipart/digest; boundary=b") "\n--b\n\nSubject: x\n\none\n--b--",
	 "0:0 multipart/digest *|1:0 / *|2:1 / one|"},
	{"a report of mail",
	 TYPE("multipart/report; boundary=b") "\n--b\n" TYPE("message/feedback-report") B64
	 "\nYWJj\n--b\n" TYPE("text/rfc822-headers") "\nA: b\n--b--",
	 "0:0 multipart/report *|1:0 message/feedback-report abc|1:0 text/rfc822-headers A: b|"},
};

/* Those that have parts show none of their own text: "*". */
static void
show(struct gp_buf *out, const struct gp_mime *mime, struct gp_arena *arena)
{
	for (size_t i = 0; i < mime->len; i++) {
		const struct gp_mime_part *p = &mime->parts[i];
		bool entered = p->content.boundary_len > 0 ||
			       (i + 1 < mime->len && mime->parts[i + 1].within == i);
		gp_buf_printf(out, "%u:%zu %.*s/%.*s ", p->depth, p->within,
			      GP_SLICE_FMT(p->content.type), GP_SLICE_FMT(p->content.subtype));
		struct gp_slice text = entered ? GP_SLICE("*") : gp_mime_octets(p, arena);
		assert_non_null(text.ptr);
		for (size_t j = 0; j < text.len; j++) {
			if (text.ptr[j] != '\r')
				gp_buf_put_char(out, text.ptr[j] == '\n' ? '/' : text.ptr[j]);
		}
		gp_buf_put_char(out, '|');
	}
}

static void
expect(const char *what, struct gp_slice message, const char *parts)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_buf got = GP_BUF_INIT(65536);
	struct gp_mime mime;
	assert_int_equal(gp_mime_read(message, &arena, &mime), 0);
	show(&got, &mime, &arena);
	if (mime.more || !gp_slice_eq(gp_buf_slice(&got), gp_slice_str(parts)))
		fail_msg("%s: %.*s", what, GP_SLICE_FMT(gp_buf_slice(&got)));
	gp_buf_free(&got);
	gp_arena_free(&arena);
}

/* As they stand, and with CRLF: the parts are the same. */
static void
parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice message = gp_slice_str(cases[i].message);
		struct gp_buf crlf = GP_BUF_INIT(65536);
		for (size_t j = 0; j < message.len; j++)
			gp_buf_put_str(&crlf, message.ptr[j] == '\n' ? "\r\n"
								     : (char[]){message.ptr[j], 0});
		expect(cases[i].what, message, cases[i].parts);
		expect(cases[i].what, gp_buf_slice(&crlf), cases[i].parts);
		gp_buf_free(&crlf);
	}
}

static void
read_all(struct gp_buf *message, size_t len, bool more, size_t depth)
{
	struct gp_arena arena = GP_ARENA_INIT(8 << 20);
	struct gp_mime mime;
	assert_false(message->failed);
	assert_int_equal(gp_mime_read(gp_buf_slice(message), &arena, &mime), 0);
	assert_int_equal(mime.len, len);
	assert_int_equal(mime.more, more);
	assert_int_equal(mime.parts[mime.len - 1].depth, depth);
	gp_arena_free(&arena);
	gp_buf_free(message);
}

static void
many_parts(void **state)
{
	(void)state;
	static const struct {
		size_t parts, len;
		bool more;
	} counts[] = {{GP_MIME_PARTS_MAX - 1, GP_MIME_PARTS_MAX, false},
		      {GP_MIME_PARTS_MAX, GP_MIME_PARTS_MAX, true},
		      {10000, GP_MIME_PARTS_MAX, true}};
	for (size_t i = 0; i < GP_ARRAY_LEN(counts); i++) {
		struct gp_buf m = GP_BUF_INIT(1 << 20);
		gp_buf_put_str(&m, MIXED("b") "\n");
		for (size_t j = 0; j < counts[i].parts; j++)
			gp_buf_put_str(&m, "--b\n\nx\n");
		gp_buf_put_str(&m, "--b--\n");
		read_all(&m, counts[i].len, counts[i].more, 1);
	}
}

static void
deep_parts(void **state)
{
	(void)state;
	for (size_t levels = GP_MIME_DEPTH_MAX; levels <= GP_MIME_DEPTH_MAX + 1; levels++) {
		struct gp_buf m = GP_BUF_INIT(1 << 20), n = GP_BUF_INIT(1 << 20);
		struct gp_buf f = GP_BUF_INIT(1 << 20);
		for (size_t i = 0; i < levels; i++) {
			gp_buf_printf(&m,
				      "Content-Type: multipart/mixed; boundary=b%zu\n\n--b%zu\n", i,
				      i);
			gp_buf_put_str(&n, TYPE("message/rfc822") "\n");
			gp_buf_put_str(&f, "Subject: x\n" AS_FILE "\n");
		}
		read_all(&m, GP_MIME_DEPTH_MAX + 1, levels > GP_MIME_DEPTH_MAX, GP_MIME_DEPTH_MAX);
		read_all(&n, GP_MIME_DEPTH_MAX + 1, levels > GP_MIME_DEPTH_MAX, GP_MIME_DEPTH_MAX);
		gp_buf_put_str(&f, "Subject: x\n\nx");
		read_all(&f, GP_MIME_DEPTH_MAX + 1, levels > GP_MIME_DEPTH_MAX, GP_MIME_DEPTH_MAX);
	}
}

/* What is encoded twice would cost its size twice, and so on. */
static void
encoded_within_encoded(void **state)
{
	(void)state;
	struct gp_buf m = GP_BUF_INIT(65536);
	gp_buf_put_str(&m, TYPE("message/rfc822") B64 "\n"); /* the same again in it, of "x" */
	gp_buf_put_str(&m, "Q29udGVudC1UeXBlOiBtZXNzYWdlL3JmYzgyMgpDb250ZW50LVRyYW5zZmVyLUVu"
			   "Y29kaW5nOiBiYXNlNjQKCmVBPT0=");
	read_all(&m, 2, true, 1);
	gp_buf_put_str(&m, AS_FILE B64 "\n"); /* the same as files */
	gp_buf_put_str(&m, "RnJvbTogYUBiLnRlc3QKQ29udGVudC1UeXBlOiBhcHBsaWNhdGlvbi9vY3RldC1zdH"
			   "JlYW0KQ29udGVudC1UcmFuc2Zlci1FbmNvZGluZzogYmFzZTY0CgpSbkp2YlRvZ1lV"
			   "QmlMblJsYzNRS0NuZz0=");
	read_all(&m, 2, true, 1);
}

/* A message without an empty line is all header; no more of it is copied than a header may have. */
static void
header_without_end(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_buf m = GP_BUF_INIT(8 << 20);
	struct gp_mime mime;
	while (m.len < 4 << 20)
		gp_buf_put_str(&m, "X: y\n");
	assert_int_equal(gp_mime_read(gp_buf_slice(&m), &arena, &mime), 0);
	assert_int_equal(mime.len, 1);
	gp_buf_free(&m);
	gp_arena_free(&arena);
}

static void
memory_runs_out(void **state)
{
	(void)state;
	struct gp_slice message =
		GP_SLICE(MIXED("b") "\n--b\n" AS_FILE B64 "\nU3ViamVjdDogeAoKYWJj\n--b--");
	size_t room = 0;
	for (int r = -ENOMEM; r != 0; room += 64) {
		struct gp_arena arena = GP_ARENA_INIT(room);
		struct gp_mime mime;
		r = gp_mime_read(message, &arena, &mime);
		assert_true(r == -ENOMEM || (r == 0 && mime.len == 3 && !arena.failed));
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts),
		cmocka_unit_test(many_parts),
		cmocka_unit_test(deep_parts),
		cmocka_unit_test(encoded_within_encoded),
		cmocka_unit_test(header_without_end),
		cmocka_unit_test(memory_runs_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
